

# Actions.
def ask_runner(question):
    """Has the runner do something on the host."""
    tell(question)
    said = hear()
    if "error" in said:
        raise (AnsibleConnectionFailure if said["kind"] == "unreachable" else AnsibleError)(said["error"])
    return said["value"]


def stand_in(told):
    """A connection of the runner's own, with the options of the plugin in whose place it is."""
    from ansible.plugins.connection import ConnectionBase

    real = load_connection(told["name"], class_only=True)

    class Connection(ConnectionBase):
        transport = real.transport
        has_pipelining = True
        default_user = getattr(real, "default_user", None)
        # Whether the next command is for the other user.
        becomes = False

        def _connect(self):
            self._connected = True
            return self

        def exec_command(self, cmd, in_data=None, sudoable=True):
            (becomes, self.becomes) = (self.becomes, False)
            content = None if in_data is None else to_text(in_data)
            said = ask_runner({"connection": "execute", "command": to_text(cmd), "input": content, "becomes": becomes})
            return (said["status"], to_bytes(said["stdout"]), to_bytes(said["stderr"]))

        def put_file(self, in_path, out_path):
            here = os.path.abspath(to_text(in_path))
            ask_runner({"connection": "put_file", "here": here, "there": to_text(out_path)})

        def fetch_file(self, in_path, out_path):
            here = os.path.abspath(to_text(out_path))
            ask_runner({"connection": "fetch_file", "there": to_text(in_path), "here": here})

        def reset(self):
            pass

        def close(self):
            self._connected = False

        def set_become_plugin(self, plugin):
            super().set_become_plugin(plugin)
            if plugin is not None:
                plugin.build_become_command = self.build_become_command

        def build_become_command(self, command, shell):
            """The runner becomes the other user by itself."""
            self.becomes = True
            return command

    Connection._load_name = real._load_name
    connection = Connection(context_of(told), open(os.devnull))
    set_options(connection, told)
    connection._play_context.pipelining = True
    with contextlib.suppress(Exception):
        connection.set_option("pipelining", True)
    return connection


def task_of(told):
    from ansible.playbook.task import Task

    class ActionTask(Task):
        def get_search_path(self):
            return told["search_path"]

        def get_dep_chain(self):
            return None

    task = ActionTask()
    values = {
        "action": told["action"],
        "args": decode(told["args"], Undefined),
        "async_val": told["async_val"],
        "check_mode": told["check_mode"],
        "diff": told["diff"],
        "no_log": told["no_log"],
        "environment": [told["environment"]],
        "delegate_to": told["delegate_to"],
        "name": told["name"],
        "collections": told["collections"],
    }
    for name, value in values.items():
        setattr(task, name, value)
    task.resolved_action = told["action"]
    task._squashed = task._finalized = True
    return task


def act(request):
    from ansible.errors import AnsibleActionFail, AnsibleActionSkip

    Display().verbosity = request["verbosity"]
    told = request["connection"]
    task = task_of(request["task"])
    connection = stand_in(told) if request["stands_for"] else connection_of(told)
    set_become(connection, request["become"])
    context = connection._play_context
    context.become = request["become"] is not None
    (context.check_mode, context.diff, context.no_log) = (task.check_mode, task.diff, task.no_log)
    variables = Variables()
    action = plugin_loaders.action_loader.get(
        request["name"],
        task=task,
        connection=connection,
        play_context=context,
        loader=files,
        templar=Templar(loader=files, variables=variables),
        shared_loader_obj=plugin_loaders,
    )
    if action is None:
        raise AnsibleError("the handler '%s' was not found" % request["name"])
    try:
        result = action.run(task_vars=variables)
        if "_ansible_no_log" in result:
            result["_ansible_no_log"] = bool(result["_ansible_no_log"])
        return {"result": result, "settled": False}
    except (AnsibleActionFail, AnsibleActionSkip) as error:
        return {"result": {"changed": False, **error.result}, "settled": True}
    except AnsibleError:
        raise
    except Exception as error:
        said = "Unexpected failure during module execution: %s" % error
        result = {"failed": True, "msg": said, "exception": traceback.format_exc(), "stdout": ""}
        return {"result": result, "settled": True}
    finally:
        action.cleanup()


def call_action(request):
    done = act(request)
    try:
        # What could not leave the process in Ansible either is no result.
        pickle.dumps(done["result"])
    except Exception as error:
        result = {"failed": True, "msg": str(error), "exception": traceback.format_exc()}
        return {"result": result, "settled": True}
    return done
