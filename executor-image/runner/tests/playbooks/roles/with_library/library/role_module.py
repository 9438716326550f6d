#!/usr/bin/python
from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.role_helper import describe


class Thing(object):
    def __init__(self, module):
        self.module = module
        self.kubectl = module.params.get("kubectl") or module.get_bin_path("sh", True)

    def run(self, words):
        rc, out, err = self.module.run_command([self.kubectl, "-c"] + words)
        if rc != 0:
            self.module.fail_json(msg="error running %s: %s" % (words, err), rc=rc)
        return out.splitlines()


def main():
    module = AnsibleModule(
        argument_spec=dict(
            name=dict(),
            filename=dict(type="list", aliases=["files", "file"]),
            kubectl=dict(),
            state=dict(default="present", choices=["present", "absent"]),
        ),
        mutually_exclusive=[["filename", "name"]],
    )
    thing = Thing(module)
    lines = thing.run(["echo one; echo two"])
    module.exit_json(changed=True, lines=lines, described=describe(module.params["filename"]))


if __name__ == "__main__":
    main()
