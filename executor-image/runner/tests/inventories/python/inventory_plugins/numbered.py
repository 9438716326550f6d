# An inventory plugin: hosts with numbers, groups by what earlier sources say, texts that are templates and texts that are none.
from ansible.errors import AnsibleParserError
from ansible.plugins.inventory import BaseInventoryPlugin, Cacheable, Constructable
from ansible.utils.unsafe_proxy import wrap_var

DOCUMENTATION = """
name: numbered
short_description: hosts with numbers
description: hosts with numbers
extends_documentation_fragment: [constructed, inventory_cache]
options:
  plugin:
    description: its name
    required: true
  count:
    description: how many
    type: int
    default: 2
    env: [{name: NUMBERED_COUNT}]
"""


class InventoryModule(BaseInventoryPlugin, Constructable, Cacheable):
    NAME = "numbered"

    def verify_file(self, path):
        return super().verify_file(path) and path.endswith("numbered.yml")

    def parse(self, inventory, loader, path, cache=True):
        super().parse(inventory, loader, path, cache)
        self._read_config_data(path)
        count = self.get_option("count")
        if count < 0:
            raise AnsibleParserError("count is below nought")
        group = inventory.add_group("numbered")
        inventory.add_child("numbered", inventory.add_group("below"))
        inventory.set_variable(group, "shared", {"list": [1, 2.5, None, True], "2": "{{ count }}"})
        inventory.set_variable(group, "ansible_group_priority", 5)
        for number in range(count):
            host = inventory.add_host("n%d" % number, group="below")
            inventory.set_variable(host, "number", number)
            inventory.set_variable(host, "template", "{{ number + 1 }}")
            inventory.set_variable(host, "text", wrap_var("{{ number + 1 }}"))
        for name, host in inventory.hosts.items():
            self._add_host_to_composed_groups(self.get_option("groups"), host.get_vars(), name)
