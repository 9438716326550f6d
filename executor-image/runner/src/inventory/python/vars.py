# Asks plugins of variables what they have for each host and group, beside each of several paths. Follows shared.py.
from ansible.plugins.vars import host_group_vars
from ansible.vars.plugins import get_vars_from_path

# Variables files are read by the runner.
host_group_vars.VarsModule.get_vars = lambda *arguments, **named: {}


def variables(asked):
    files = loader(asked)
    inventory = InventoryData()
    fill(inventory, asked)

    def of(path, members):
        found = {}
        for name, member in members.items():
            given = get_vars_from_path(files, path, [member], asked["stage"])
            if given:
                found[name] = encode(given)
        return found

    paths = [{"hosts": of(path, inventory.hosts), "groups": of(path, inventory.groups)} for path in asked["paths"]]
    return {"taken": "read", "paths": paths}


finish(variables, start())
