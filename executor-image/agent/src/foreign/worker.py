# Runs Python modules for the agent: one process that has imported the common code, and a fork of it for each module, so that no
# module sees what another has left in memory.
#
# Its only argument is the archive of the common code, if there is one. Standard input is a socket to the agent. For each module the
# agent sends a byte with two descriptors (the module's standard output and error), then a line with a length and as many bytes of
# JSON. The answers are two lines: the number of the module's process, and, when it has ended, how: its exit code, or the negative
# number of the signal. Only the fork reads the JSON: the process that lives on never holds arguments, which may be secrets.
import array
import atexit
import gc
import json
import os
import runpy
import shutil
import socket
import sys
import tempfile
import zipfile


def unpack(archive, beneath=None):
    """The directory with an archive's content, laid over that of another one."""
    tree = archive + ".tree"
    if beneath:
        tree = "%s.%s" % (archive, os.path.basename(beneath))
    if os.path.isdir(tree):
        return tree
    partial = tempfile.mkdtemp(prefix="partial-", dir=os.path.dirname(archive))
    if beneath:
        for directory, folders, files in os.walk(beneath):
            below = os.path.join(partial, os.path.relpath(directory, beneath))
            for folder in folders:
                os.mkdir(os.path.join(below, folder))
            for name in files:
                os.link(os.path.join(directory, name), os.path.join(below, name))
    with zipfile.ZipFile(archive) as content:
        for name in content.namelist():
            # Written anew, not through the link to the common code.
            if os.path.lexists(os.path.join(partial, name)) and not name.endswith("/"):
                os.unlink(os.path.join(partial, name))
        content.extractall(partial)
    try:
        os.rename(partial, tree)
    except OSError:
        # Another worker was faster.
        shutil.rmtree(partial, ignore_errors=True)
    return tree


def preload(tree):
    """Imports what nearly every module imports. What fails here fails again, and is told, in the module's own process."""
    sys.path.insert(0, tree)
    silence = os.open(os.devnull, os.O_WRONLY)
    outputs = os.dup(1), os.dup(2)
    os.dup2(silence, 1)
    os.dup2(silence, 2)
    try:
        import ansible.module_utils.basic  # noqa: F401
    except BaseException:
        for name in [name for name in sys.modules if name.split(".")[0] == "ansible"]:
            del sys.modules[name]
    sys.stdout.flush()
    sys.stderr.flush()
    for number, output in zip((1, 2), outputs):
        os.dup2(output, number)
        os.close(output)
    os.close(silence)
    sys.path.remove(tree)


def move_packages(old, new):
    """Lets packages that are imported already find their other modules in the module's own directory."""
    for name, module in list(sys.modules.items()):
        paths = getattr(module, "__path__", None)
        if name.split(".")[0] == "ansible" and paths:
            module.__path__ = [new + path[len(old):] if path.startswith(old) else path for path in paths]


def receive_exactly(channel, count):
    pieces = []
    while count > 0:
        piece = channel.recv(min(count, 1 << 20))
        if not piece:
            sys.exit("the agent has gone")
        pieces.append(piece)
        count -= len(piece)
    return b"".join(pieces)


def receive_line(channel):
    line = b""
    while not line.endswith(b"\n"):
        line += receive_exactly(channel, 1)
    return line


def receive_outputs(channel):
    """The descriptors that come with the first byte of a request; nothing at the end."""
    descriptors = array.array("i")
    message, ancillary, _, _ = channel.recvmsg(1, socket.CMSG_LEN(2 * descriptors.itemsize))
    if not message:
        return None
    for _, _, data in ancillary:
        descriptors.frombytes(data)
    return list(descriptors)


def run(channel, outputs, common):
    """Becomes the module. Its end is the end of this process."""
    request = json.loads(receive_exactly(channel, int(receive_line(channel))).decode("utf-8"))
    channel.detach()
    nothing = os.open(os.devnull, os.O_RDONLY)
    for number, descriptor in enumerate([nothing] + outputs):
        os.dup2(descriptor, number)
        os.close(descriptor)
    os.environ.update(request["environment"])
    tree = unpack(request["archive"], common)
    if common:
        move_packages(common, tree)
    sys.path.insert(0, tree)
    sys.argv = [os.path.join(tree, *request["module"].split(".")) + ".py"]
    from ansible.module_utils import basic
    basic._ANSIBLE_ARGS = json.dumps({"ANSIBLE_MODULE_ARGS": request["arguments"]}).encode("utf-8")
    if hasattr(basic, "_ANSIBLE_PROFILE"):
        # Since 2.19 the library asks in which form its arguments come: this is plain JSON.
        basic._ANSIBLE_PROFILE = "legacy"
    names = {"_module_fqn": request["module"], "_modlib_path": tree}
    del request
    runpy.run_module(names["_module_fqn"], init_globals=names, run_name="__main__", alter_sys=True)


def finish(run, *arguments):
    """Ends this process as Python ends a program, without taking apart what it shares with the process that lives on: that would
    take longer than most modules do."""
    code = 0
    try:
        run(*arguments)
    except SystemExit as end:
        code = end.code
        if code is None:
            code = 0
        elif not isinstance(code, int):
            sys.stderr.write("%s\n" % (code,))
            code = 1
    except BaseException:
        sys.excepthook(*sys.exc_info())
        code = 1
    if "threading" in sys.modules:
        sys.modules["threading"]._shutdown()
    atexit._run_exitfuncs()
    # Files that remove themselves do so when they are collected.
    gc.collect()
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (AttributeError, OSError, ValueError):
            pass
    os._exit(code & 255)


def main():
    channel = socket.socket(fileno=0)
    common = None
    if len(sys.argv) > 1:
        common = unpack(sys.argv[1])
        preload(common)
    # The script's own folder is no place to import from.
    sys.path = [path for path in sys.path if path != os.path.dirname(os.path.abspath(__file__))]
    # What is there now is never collected: the forks share it.
    gc.collect()
    gc.freeze()
    while True:
        outputs = receive_outputs(channel)
        if outputs is None:
            return
        child = os.fork()
        if child == 0:
            os.setpgid(0, 0)
            finish(run, channel, outputs, common)
        for descriptor in outputs:
            os.close(descriptor)
        try:
            # In both processes, so that the group is there whoever is first.
            os.setpgid(child, child)
        except OSError:
            pass
        channel.sendall(b"%d\n" % child)
        _, status = os.waitpid(child, 0)
        ended = -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
        channel.sendall(b"%d\n" % ended)


if __name__ == "__main__":
    main()
