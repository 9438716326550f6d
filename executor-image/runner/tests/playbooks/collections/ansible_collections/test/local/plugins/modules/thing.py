#!/usr/bin/python
from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.six.moves.urllib.parse import urlparse

from ..module_utils.part import part
from ansible_collections.test.local.plugins.module_utils import old_part

try:
    from ansible_collections.test.absent.plugins.module_utils.nothing import nothing
except ImportError:
    nothing = None


def main():
    module = AnsibleModule(argument_spec={"url": {"type": "str"}})
    module.exit_json(
        changed=False,
        host=urlparse(module.params["url"]).hostname,
        parts=[part(), old_part.part()],
        nothing=nothing,
    )


if __name__ == "__main__":
    main()
