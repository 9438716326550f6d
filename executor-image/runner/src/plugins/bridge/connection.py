

# Connections.
connections = {}


def load_connection(name, *arguments, **named):
    found = plugin_loaders.connection_loader.get(name, *arguments, **named)
    if found is None:
        raise AnsibleError("the connection plugin '%s' was not found" % name)
    return found


def documented_variables(name):
    found = load_connection(name, class_only=True)
    plugin_loaders.shell_loader.get("sh")
    of_shell = constants.config.get_plugin_vars("shell", "sh")
    return sorted({*constants.config.get_plugin_vars("connection", found._load_name), *of_shell})


def context_of(told):
    """What plugins that are older than options look at."""
    from ansible.playbook.play_context import PlayContext

    context = PlayContext()
    context.connection = told["name"]
    context.remote_addr = told["address"]
    context.port = told["port"]
    context.remote_user = told["user"]
    context.password = told["password"] or ""
    context.private_key_file = told["private_key"]
    context.timeout = told["timeout"]
    context.executable = told["executable"]
    context.shell = decode(told["variables"], Undefined).get("ansible_shell_type")
    return context


def open_connection(told):
    connection = load_connection(
        told["name"],
        context_of(told),
        open(os.devnull),
        task_uuid=str(uuid.uuid4()),
        ansible_playbook_pid=str(os.getppid()),
    )
    set_options(connection, told)
    return connection


def set_options(connection, told):
    variables = decode(told["variables"], Undefined)
    keywords = {"connection": told["name"], "remote_user": told["user"], "port": told["port"], "timeout": told["timeout"]}
    if told["password"]:
        keywords["password"] = told["password"]
    keywords = {name: value for name, value in keywords.items() if value is not None}
    connection.set_options(task_keys=keywords, var_options={"_extras": {}, **variables})
    connection._shell.set_options(task_keys={}, var_options=variables)


def connection_of(told):
    key = json.dumps(told, sort_keys=True)
    if key not in connections:
        connections[key] = open_connection(told)
    return connections[key]


def close_connection(told):
    connection = connections.pop(json.dumps(told, sort_keys=True), None)
    if connection is not None:
        connection.close()


@atexit.register
def close_connections():
    for connection in connections.values():
        with contextlib.suppress(Exception):
            connection.close()


def set_become(connection, wanted):
    """The plugin through which another user is become; none for the user that has logged in."""
    plugin = None
    if wanted is not None:
        plugin = plugin_loaders.become_loader.get(wanted["method"])
        options = {name: value for name, value in wanted["options"].items() if value is not None}
        plugin.set_options(task_keys={}, var_options={}, direct=options)
        context = connection._play_context
        context.set_become_plugin(plugin)
        for name, value in options.items():
            setattr(context, name, value)
        context.prompt = plugin.prompt
    connection.set_become_plugin(plugin)
    return plugin


def takes_input(connection):
    """Whether a command may have input: as Ansible decides on pipelining."""
    if not connection.has_pipelining:
        return False
    if getattr(connection, "always_pipeline_modules", False):
        return True
    try:
        return bool(connection.get_option("pipelining"))
    except KeyError:
        return bool(connection._play_context.pipelining)


def put_input(connection, content, folder):
    """Puts what a command reads into a file of the host, which only its user may read."""
    (number, here) = tempfile.mkstemp(dir=constants.DEFAULT_LOCAL_TMP)
    try:
        with os.fdopen(number, "wb") as file:
            file.write(content)
        if getattr(connection, "_remote_is_local", False):
            folder = constants.DEFAULT_LOCAL_TMP
        there = os.path.join(folder, "." + uuid.uuid4().hex)
        prepare = "umask 077 && : > %s" % shlex.quote(there)
        run(connection, prepare)
        connection.put_file(here, there)
    finally:
        os.unlink(here)
    return shlex.quote(there)


def run(connection, command, content=None, bare=False):
    executable = connection._play_context.executable
    if connection.allow_executable and executable and not bare:
        command = "%s -c %s" % (executable, shlex.quote(command))
    return connection.exec_command(command, in_data=content, sudoable=True)


def without_success(plugin, output):
    """What a command has printed, without what tells that another user was become."""
    output = to_bytes(output)
    if plugin is not None and output.strip().startswith(b"BECOME-SUCCESS-"):
        return re.sub(rb"^((\r)?\n)?BECOME-SUCCESS.*(\r)?\n", b"", output)
    return output


def execute(connection, command, content, folder, wanted, bare):
    set_become(connection, None)
    there = None
    if content is not None and not takes_input(connection):
        (there, content) = (put_input(connection, content, folder), None)
    plugin = set_become(connection, wanted)
    asks = plugin is not None and plugin.get_option("become_pass")
    # Where a password is asked for, standard input is for the answer.
    if there and asks:
        if wanted["options"]["become_user"] != "root":
            user = shlex.quote(wanted["options"]["become_user"])
            set_become(connection, None)
            run(connection, "setfacl -m u:%s:r %s" % (user, there))
            set_become(connection, wanted)
        command = "%s < %s" % (command, there)
    if plugin is not None:
        command = plugin.build_become_command(command, connection._shell)
    if there and asks:
        command = "(%s); s=$?; rm -f %s; exit $s" % (command, there)
    elif there:
        # Whatever ends the command, the file is gone.
        command = "exec 3< %s; rm -f %s; (%s) <&3" % (there, there, command)
    (status, output, errors) = run(connection, command, content, bare)
    return {"status": status, "stdout": without_success(plugin, output), "stderr": to_bytes(errors)}


def call_connection(request):
    if request["do"] == "variables":
        return documented_variables(request["name"])
    told = request["connection"]
    given = request["with"]
    try:
        connection = connection_of(told)
        if request["do"] == "execute":
            content = None if given["input"] is None else base64.b64decode(given["input"])
            return execute(connection, given["command"], content, given["folder"], given["become"], given["bare"])
        if request["do"] == "put_file":
            set_become(connection, None)
            connection.put_file(given["here"], given["there"])
        elif request["do"] == "reset":
            connection.reset()
            close_connection(told)
    except AnsibleConnectionFailure:
        close_connection(told)
        raise
    return None
