

# Loads callbacks as Ansible loads them, and passes on what happens.
from ansible.executor.task_queue_manager import TaskQueueManager
from ansible.playbook.play_context import PlayContext
from ansible.plugins.callback import CallbackBase


class Elsewhere(CallbackBase):
    """In the place of the callback that prints, where that is the runner's own."""


def understand_command_line(told):
    """What callbacks look up of the command line."""
    if told["program"] == "ansible":
        from ansible.cli.adhoc import AdHocCLI as Program
    else:
        from ansible.cli.playbook import PlaybookCLI as Program
    program = Program([told["program"], *told["arguments"]])
    program.init_parser()
    # Options that only the runner has are passed over.
    options, _ = program.parser.parse_known_args(program.args[1:])
    options = program.post_process_args(options)
    context._init_global_context(options)


def load(told):
    understand_command_line(told)
    for folder in told["folders"]:
        plugin_loaders.add_all_plugin_dirs(folder)
    files.set_basedir(told["directory"])
    Display().verbosity = told["verbosity"]
    # The runner carries out the others by itself.
    constants.CALLBACKS_ENABLED = told["enabled"]
    manager = TaskQueueManager(
        inventory=inventory,
        variable_manager=variables,
        loader=files,
        passwords={},
        stdout_callback=told["stdout"] or Elsewhere(),
        run_additional_callbacks=told["additional"],
    )
    manager.load_callbacks()
    return manager


def everybody(manager):
    return [manager._stdout_callback, *manager._callback_plugins]


def is_written(callback, name):
    """Whether a callback has a method that is not that of all."""
    method = getattr(callback, name, None)
    return getattr(method, "__func__", method) is not getattr(CallbackBase, name, None)


def methods_of(manager):
    """The events that somebody makes something of."""
    events = [name for name in dir(CallbackBase) if name.startswith("v2_")]
    wanted = []
    for event in events:
        names = {event, event.removeprefix("v2_"), "v2_on_any", "on_any"}
        if any(is_written(callback, name) for callback in everybody(manager) for name in names):
            wanted.append(event)
    return wanted


def pass_on(manager, told):
    arguments = [object_of(argument) for argument in told["arguments"]]
    if told["method"] == "v2_playbook_on_play_start":
        for callback in everybody(manager):
            if hasattr(callback, "set_play_context"):
                callback.set_play_context(PlayContext(*arguments))
    manager.send_callback(told["method"], *arguments, **told["named"])


def flush():
    """What callbacks have printed stands there before the runner goes on."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):
            stream.flush()


signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
files = DataLoader()
inventory = RunnerInventory()
variables = RunnerVariables()
tell({"ready": True})
manager = None
while True:
    asked = hear()
    try:
        if manager is None:
            manager = load(asked)
            answer = {"value": methods_of(manager)}
        else:
            pass_on(manager, asked)
            answer = {"value": None}
    except Exception as error:
        answer = {"error": to_text(error), "kind": "failed"}
    flush()
    tell(answer)
