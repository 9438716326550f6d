

# The objects that callbacks are given: Ansible's own, filled with what the runner tells of them.
from ansible import context
from ansible.executor.stats import AggregateStats
from ansible.executor.task_result import TaskResult
from ansible.parsing.yaml.objects import AnsibleMapping
from ansible.playbook import Playbook
from ansible.playbook.block import Block
from ansible.playbook.handler import Handler
from ansible.playbook.handler_task_include import HandlerTaskInclude
from ansible.playbook.included_file import IncludedFile
from ansible.playbook.loop_control import LoopControl
from ansible.playbook.play import Play
from ansible.playbook.role import Role
from ansible.playbook.role_include import IncludeRole
from ansible.playbook.task import Task
from ansible.playbook.task_include import TaskInclude

KINDS_OF_TASKS = {
    "task": Task,
    "handler": Handler,
    "include_tasks": TaskInclude,
    "include_tasks handler": HandlerTaskInclude,
    "include_role": IncludeRole,
}

plays = {}
roles = {}
tasks = {}
current = {"playbook": None, "play": None}


def place(told):
    """What is left of the text that something was loaded from: where it stands."""
    mapping = AnsibleMapping()
    mapping.ansible_pos = tuple(told)
    return mapping


def fill(made, told):
    """Sets the keywords that the runner knows; all others are as if nobody had set them."""
    for name, value in told["keywords"].items():
        if value is not None and name in made.fattributes:
            setattr(made, name, loop_control_of(value) if name == "loop_control" else value)
    made.vars = told.get("vars") or {}
    made._ds = place(told["place"])
    made._loader = files
    made._squashed = made._finalized = True
    return made


def loop_control_of(told):
    made = LoopControl()
    for name, value in told.items():
        if value is not None:
            setattr(made, name, value)
    return made


def host_of(name):
    return inventory.get_host(name)


def playbook_of(told):
    playbook = Playbook(files)
    playbook._file_name = told["file"]
    playbook._basedir = told["directory"]
    current["playbook"] = os.path.abspath(told["file"])
    return playbook


class RunnerPlay(Play):
    """A play whose tasks are loaded when somebody looks at them, which few do."""

    @property
    def written(self):
        """The play as Ansible loads it. What only the runner understands has no tasks here."""
        if not hasattr(self, "loaded"):
            self.loaded = Play()
            with contextlib.suppress(AnsibleError):
                for play in Playbook.load(self.playbook, variable_manager=variables, loader=files).get_plays():
                    if play.get_path() == self.get_path():
                        self.loaded = play
        return self.loaded

    def get_tasks(self):
        return self.written.get_tasks()

    def get_handlers(self):
        return self.written.get_handlers()

    def get_roles(self):
        return self.written.get_roles()


def play_of(told):
    known = plays.get(told["id"])
    if known is None:
        known = plays[told["id"]] = fill(RunnerPlay(), told)
        known.playbook = current["playbook"]
        known._variable_manager = variables
    current["play"] = known
    return known


def role_of(told):
    key = (told["path"], told["name"])
    if key not in roles:
        role = Role(play=current["play"])
        role._role_name = told["name"]
        role._role_path = told["path"]
        role._role_collection = told["collection"]
        role._loader = files
        roles[key] = role
    return roles[key]


def task_of(told):
    """A task is told once, and referred to by its number."""
    known = tasks.get(told["id"])
    if known is None:
        block = Block(play=current["play"])
        block._squashed = block._finalized = True
        role = role_of(told["role"]) if told["role"] else None
        known = fill(KINDS_OF_TASKS[told["kind"]](block=block, role=role), told)
        known.implicit = told["implicit"]
        known.resolved_action = told["resolved_action"]
        tasks[told["id"]] = known
    return known


def result_of(told):
    task = task_of(told["task"])
    if told["keywords"]:
        # What the task says of this host.
        resolved = task.copy(exclude_parent=True, exclude_tasks=True)
        resolved._parent = task._parent
        resolved.from_attrs(told["keywords"])
        task = resolved
    # What Ansible carries out itself has no more than its name.
    fields = {} if task.action in constants._ACTION_META else task.dump_attrs()
    return TaskResult(host_of(told["host"]), task, told["result"], fields)


def included_of(told):
    included = IncludedFile(told["file"], {}, told["vars"], task_of(told["task"]), told["is_role"])
    included._hosts = [host_of(name) for name in told["hosts"]]
    return included


def stats_of(told):
    stats = AggregateStats()
    for name, totals in told["hosts"].items():
        stats.processed[name] = 1
        for what, count in totals.items():
            if count:
                getattr(stats, what)[name] = count
    stats.custom = told["custom"]
    return stats


OBJECTS = {
    "host": host_of,
    "included": included_of,
    "play": play_of,
    "playbook": playbook_of,
    "result": result_of,
    "stats": stats_of,
    "task": task_of,
    "value": lambda value: value,
}


def object_of(told):
    ((kind, inner),) = told.items()
    return OBJECTS[kind](inner)
