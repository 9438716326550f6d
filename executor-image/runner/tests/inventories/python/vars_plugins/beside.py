# A plugin of variables: what it has says for whom and beside what it was asked.
import os

from ansible.inventory.host import Host
from ansible.plugins.vars import BaseVarsPlugin
from ansible.utils.unsafe_proxy import wrap_var


class VarsModule(BaseVarsPlugin):
    def get_vars(self, loader, path, entities):
        super().get_vars(loader, path, entities)
        found = {}
        for entity in entities:
            kind = "host" if isinstance(entity, Host) else "group"
            if entity.name in ("lonely", "web", "below", "n0"):
                found["beside_%s" % kind] = "%s in %s" % (entity.name, os.path.basename(path))
                found["beside_text"] = wrap_var("{{ %s }}" % entity.name)
        return found
