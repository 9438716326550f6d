# Has an inventory plugin read a source; the answer is what it has added. Follows shared.py.

# What the inventory sets by itself.
IMPLIED = ("inventory_file", "inventory_dir")


def added(kind, known, given):
    """The variables of a host or group that are new or others now."""
    changed = {}
    for key, value in known.vars.items():
        is_given = (kind, known.name, key) in given and given[kind, known.name, key] is value
        if not is_given and key not in IMPLIED:
            changed[key] = value
    return encode(changed)


def read(asked):
    plugin = plugin_loaders.inventory_loader.get(asked["plugin"])
    if plugin is None:
        return {"taken": "unknown"}
    files = loader(asked)
    inventory = InventoryData()
    given = fill(inventory, asked)
    inventory.processed_sources = asked["sources"]
    inventory.current_source = asked["source"]
    if not plugin.verify_file(asked["source"]):
        return {"taken": "passed"}
    plugin.parse(inventory, files, asked["source"], cache=asked["cache"])
    if hasattr(plugin, "update_cache_if_changed"):
        plugin.update_cache_if_changed()
    return {
        "taken": "read",
        "hosts": [[host.name, added("host", host, given)] for host in inventory.hosts.values()],
        "groups": [
            {
                "name": group.name,
                "hosts": [host.name for host in group.hosts],
                "children": [child.name for child in group.child_groups],
                "vars": added("group", group, given),
                "priority": group.priority,
            }
            for group in inventory.groups.values()
        ],
    }


finish(read, start())
