import os
import tempfile

from ansible.errors import AnsibleActionFail, AnsibleActionSkip, AnsibleConnectionFailure, AnsibleError
from ansible.plugins.action import ActionBase


class ActionModule(ActionBase):
    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        todo = self._task.args["do"]
        return {**result, **getattr(self, todo)(task_vars, self._task.args)}

    def look(self, task_vars, args):
        return {
            "args": args,
            "lazy": self._templar.template(task_vars["lazy"]),
            "host": task_vars.get("inventory_hostname"),
            "absent": task_vars.get("nowhere", "nothing"),
            "known": "plain" in task_vars,
            "templated": self._templar.template("{{ plain }} and {{ lazy }}"),
            "check": self._task.check_mode,
            "diff": self._task.diff,
            "async": self._task.async_val,
            "action": self._task.action,
        }

    def module(self, task_vars, args):
        ping = self._execute_module(module_name="ping", module_args={"data": args["data"]}, task_vars=task_vars)
        command = self._execute_module(
            module_name="command", module_args={"_raw_params": "printenv OWN"}, task_vars=task_vars
        )
        return {"ping": ping["ping"], "printed": command.get("stdout"), "changed": True}

    def low_level(self, task_vars, args):
        done = self._low_level_execute_command("cat; echo $0 >&2; exit 3", in_data=b"in\n")
        return {"done": {key: done[key] for key in ("rc", "stdout", "stderr")}}

    def files(self, task_vars, args):
        (number, here) = tempfile.mkstemp()
        os.write(number, b"sent\n")
        os.close(number)
        self._transfer_file(here, args["path"])
        self._connection.fetch_file(args["path"], here)
        with open(here) as file:
            fetched = file.read()
        os.unlink(here)
        return {"fetched": fetched, "exists": self._remote_file_exists(args["path"])}

    def skip(self, task_vars, args):
        raise AnsibleActionSkip("not now")

    def fail(self, task_vars, args):
        raise AnsibleActionFail("cannot {{ be }}")

    def error(self, task_vars, args):
        raise AnsibleError("an error {{ with }} braces")

    def lost(self, task_vars, args):
        raise AnsibleConnectionFailure("lost on the way")

    def undefined(self, task_vars, args):
        return {"value": self._templar.template("{{ nowhere }}")}

    def secret(self, task_vars, args):
        return {"msg": "a secret", "_ansible_no_log": "yes"}

    def facts(self, task_vars, args):
        return {"ansible_facts": {"own_fact": 7}}
