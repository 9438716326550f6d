

# Loads callbacks as Ansible loads them, and passes on what happens.
from ansible.executor.task_queue_manager import TaskQueueManager
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
        inventory=None,
        variable_manager=None,
        loader=files,
        passwords={},
        stdout_callback=told["stdout"] or Elsewhere(),
        run_additional_callbacks=told["additional"],
    )
    manager.load_callbacks()
    return manager


def flush():
    """What callbacks have printed stands there before the runner goes on."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):
            stream.flush()


signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
files = DataLoader()
tell({"ready": True})
manager = None
while True:
    asked = hear()
    try:
        if manager is None:
            manager = load(asked)
        else:
            arguments = [object_of(told) for told in asked["arguments"]]
            manager.send_callback(asked["method"], *arguments, **asked["named"])
        answer = {"value": None}
    except Exception as error:
        answer = {"error": to_text(error), "kind": "failed"}
    flush()
    tell(answer)
