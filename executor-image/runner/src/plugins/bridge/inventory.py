

# Hosts, groups and variables as callbacks look them up: the runner is asked for them.
from ansible.inventory.group import Group
from ansible.inventory.host import Host
from ansible.utils.vars import combine_vars


def ask(question):
    tell(question)
    return hear() or {}


class RunnerHost(Host):
    """A host whose variables and groups are asked for when somebody looks at them."""

    @property
    def vars(self):
        return {**ask({"variables": self.name}), **self.own}

    @vars.setter
    def vars(self, values):
        self.own = values

    @property
    def groups(self):
        return inventory.groups_of(self)

    @groups.setter
    def groups(self, values):
        pass


class RunnerInventory:
    def __init__(self):
        self.known = {}

    def get_host(self, name):
        if name not in self.known:
            self.known[name] = RunnerHost(name)
        return self.known[name]

    @property
    def hosts(self):
        return {name: self.get_host(name) for name in ask({"inventory": True}).get("hosts", [])}

    @property
    def groups(self):
        made = {}
        for name, members in ask({"inventory": True}).get("groups", {}).items():
            made[name] = Group(name)
            made[name].hosts = [self.get_host(member) for member in members]
        return made

    def groups_of(self, host):
        return [group for group in self.groups.values() if host in group.hosts]

    def get_groups_dict(self):
        return {name: [host.name for host in group.hosts] for name, group in self.groups.items()}

    def get_hosts(self, pattern="all", ignore_limits=False, ignore_restrictions=False, order=None):
        return list(self.hosts.values())

    def list_hosts(self, pattern="all"):
        return [host.name for host in self.get_hosts(pattern)]

    def list_groups(self):
        return sorted(self.groups)


class RunnerVariables:
    """In the place of the manager of variables."""

    extra_vars = {}

    def get_vars(self, play=None, host=None, task=None, **ignored):
        found = ask({"variables": host.name if host else None})
        if task is not None:
            found = combine_vars(found, task.vars)
        return {**found, "vars": dict(found)}
