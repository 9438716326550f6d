#!/usr/bin/python
"""Tells what a module sees of whom it runs as, and does what it is asked to."""
import os
import pwd
import time

from ansible.module_utils.basic import AnsibleModule


def main():
    module = AnsibleModule(
        argument_spec={
            "secret": {"type": "str", "no_log": True},
            "sleep": {"type": "float", "default": 0},
            "path": {"type": "path"},
            "how": {"type": "str", "default": "well"},
        },
        supports_check_mode=True,
    )
    time.sleep(module.params["sleep"])
    how = module.params["how"]
    if how == "failed":
        module.fail_json(msg="it did not work", rc=4)
    if how == "raised":
        raise RuntimeError("nobody expects this")
    if how == "killed":
        os.kill(os.getpid(), 9)
    if how == "silent":
        raise SystemExit(3)
    if how == "noisy":
        print("before the result")
    path = module.params["path"]
    changed = path is not None and not os.path.exists(path)
    if changed and not module.check_mode:
        with open(path, "w") as file:
            file.write("made\n")
    module.exit_json(
        changed=changed,
        user=pwd.getpwuid(os.geteuid()).pw_name,
        home=os.path.expanduser("~"),
        environment={name: os.environ.get(name) for name in ("COLOUR", "USER", "LOGNAME", "HOME")},
        check=module.check_mode,
        secret=module.params["secret"],
        temporary=os.stat(module.tmpdir).st_mode & 0o777,
        diff={"before": "", "after": "made\n", "after_header": path} if changed else {},
    )


if __name__ == "__main__":
    main()
