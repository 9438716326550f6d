#!/usr/bin/python
"""A module with Ansible's library and with code of its playbook."""
import sys

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.common.text.converters import to_text
from ansible.module_utils.foreign_helper import greeting


def main():
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "count": {"type": "int", "default": 1},
            "secret": {"type": "str", "no_log": True},
            "how": {"type": "str", "default": "well", "choices": ["well", "warned", "failed", "silent", "noisy", "open", "killed"]},
        },
        supports_check_mode=True,
    )
    how = module.params["how"]
    if how == "silent":
        print("nothing that is JSON")
        sys.exit(3)
    if how == "open":
        print("{ never closed")
        sys.exit(0)
    if how == "killed":
        import os
        os.kill(os.getpid(), 9)
    if how == "noisy":
        import atexit
        print("before the result")
        atexit.register(print, "after the result")
    if how == "warned":
        module.warn("be careful")
        module.deprecate("an old way", version="9.9.9", collection_name="test.local")
    if how == "failed":
        module.fail_json(msg="it did not work", reason=[1, None, True])
    module.exit_json(
        changed=not module.check_mode,
        said=greeting(to_text(module.params["name"])),
        count=module.params["count"],
        secret=module.params["secret"],
        check=module.check_mode,
        stdout="one\ntwo\n",
        diff={"before": "a\n", "after": "b\n"},
        ansible_facts={"foreign_fact": {"count": module.params["count"]}},
    )


if __name__ == "__main__":
    main()
