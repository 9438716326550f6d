

# What a task tells plugins, and what they tell people.
def tell_verbose(display, msg, host=None, caplevel=2):
    tell({"verbose": msg if host is None else "<%s> %s" % (host, msg), "level": caplevel + 1})


def tell_warning(display, msg, formatted=False):
    tell({"warning": msg})


def tell_line(display, msg, color=None, stderr=False, screen_only=False, log_only=False, newline=True, caplevel=None):
    if not log_only:
        tell({"line": msg, "stderr": stderr})


# What plugins tell people, the runner tells them.
Display.verbose = tell_verbose
Display.warning = tell_warning
Display.display = tell_line


class Variables(MutableMapping):
    """The variables of the task, each rendered when a plugin asks for it, and those that a plugin has set."""

    def __init__(self, known=(), names=None):
        self.known = dict(known)
        self.names = names

    def __getitem__(self, name):
        if name not in self.known:
            tell({"variable": name})
            said = hear()
            if "error" in said:
                raise AnsibleUndefinedVariable(said["error"])
            if "value" not in said:
                raise KeyError(name)
            self.known[name] = decode(said["value"], Undefined)
        return self.known[name]

    def all_names(self):
        if self.names is None:
            tell({"names": True})
            self.names = hear()["value"]
        return self.names

    def __iter__(self):
        return iter(self.all_names())

    def __setitem__(self, name, value):
        self.known[name] = value
        self.names = [*(known for known in self.all_names() if known != name), name]

    def __delitem__(self, name):
        self.known.pop(name, None)
        self.names = [known for known in self.all_names() if known != name]

    def __contains__(self, name):
        return name in self.all_names()

    def __len__(self):
        return len(self.all_names())

    def copy(self):
        return Variables(self.known, self.names)
