from ansible.plugins.action import ActionBase


class ActionModule(ActionBase):
    _supports_check_mode = False

    def run(self, tmp=None, task_vars=None):
        return {**super().run(tmp, task_vars), "echo": self._task.args}
