from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase


class LookupModule(LookupBase):
    def run(self, terms, variables=None, **named):
        if "fail" in named:
            raise AnsibleLookupError("told to fail: %s" % named["fail"])
        found = [term + str(variables["number"]) + self._templar.template("{{ text }}") for term in terms]
        return found + ["seen" if "number" in variables else "unseen", "no" if "nowhere" in variables else "none"]
