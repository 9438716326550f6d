"""Writes everything that it is told to the file RECORD_EVENTS, a line for each event."""
import json
import os

from ansible.executor.stats import AggregateStats
from ansible.executor.task_result import TaskResult
from ansible.inventory.host import Host
from ansible.playbook import Playbook
from ansible.playbook.included_file import IncludedFile
from ansible.playbook.play import Play
from ansible.playbook.task import Task
from ansible.plugins.callback import CallbackBase

# What two runs never have in common, and what says nothing more.
LEFT_OUT = {"_ansible_no_log", "warnings", "deprecations", "invocation", "delta", "start", "end", "exception", "ansible_job_id", "results_file"}


def plain(value):
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items() if key not in LEFT_OUT}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value


def words(msg):
    """A message, unless it says what is wrong with a template: each has its own words for that."""
    is_template = isinstance(msg, str) and any(word in msg for word in ("undefined", "conditional", "loop_control.label"))
    return "TEMPLATE" if is_template else plain(msg)


def left_out(told):
    if words(told._result.get("msg")) == "TEMPLATE":
        return LEFT_OUT | {"changed", "_ansible_item_label"}
    return LEFT_OUT


def task(told):
    return {
        "name": told.get_name(),
        "own": told.name,
        "action": told.action,
        "type": type(told).__name__,
        "path": os.path.relpath(told.get_path()),
        "tags": sorted(told.tags),
        "no_log": told.no_log,
        "role": told._role.get_name() if told._role else None,
        "loop": bool(told.loop),
    }


def described(told):
    if isinstance(told, TaskResult):
        return {
            "host": told._host.get_name(),
            "task": told.task_name,
            "uuid": told._task._uuid,
            "delegate_to": told._task.delegate_to,
            "register": told._task_fields.get("register"),
            "states": [told.is_changed(), told.is_unreachable()],
            "keys": sorted(set(told._result) - left_out(told)),
            "msg": words(told._result.get("msg")),
            "item": told._result.get("item"),
        }
    if isinstance(told, Host):
        return told.get_name()
    if isinstance(told, Task):
        return task(told)
    if isinstance(told, Play):
        return {"name": told.get_name(), "path": os.path.relpath(told.get_path())}
    if isinstance(told, Playbook):
        return {"file": told._file_name}
    if isinstance(told, IncludedFile):
        return {
            "file": os.path.relpath(told._filename),
            "hosts": sorted(host.get_name() for host in told._hosts),
            "task": told._task.get_name(),
        }
    if isinstance(told, AggregateStats):
        return {"hosts": {name: told.summarize(name) for name in sorted(told.processed)}, "custom": plain(told.custom)}
    return told


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "record"

    def __init__(self, *arguments, **named):
        super().__init__(*arguments, **named)
        self.file = open(os.environ["RECORD_EVENTS"], "w")
        self.uuids = {}

    def record(self, method, arguments, named):
        told = [described(argument) for argument in arguments]
        for one in told:
            if isinstance(one, dict) and "uuid" in one:
                # Numbers in the order in which they come are the same for two runs.
                one["uuid"] = self.uuids.setdefault(one["uuid"], len(self.uuids))
        line = json.dumps([method, *told, *([named] if named else [])], default=str)
        self.file.write(line + "\n")
        self.file.flush()


def recorder(method):
    def record(self, *arguments, **named):
        self.record(method, arguments, named)

    return record


for name in dir(CallbackBase):
    if name.startswith("v2_") and name != "v2_on_any":
        setattr(CallbackModule, name, recorder(name))
