#!/usr/bin/python
from ansible.module_utils.basic import AnsibleModule

module = AnsibleModule(argument_spec={"data": {"default": "pong"}}, supports_check_mode=True)
module.exit_json(changed=False, ping="the role's own " + module.params["data"])
