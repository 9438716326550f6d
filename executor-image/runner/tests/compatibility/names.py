#!/usr/bin/env python3
"""Prints what ansible-core 2.18 and its collections have, by name, as JSON.

    cargo compatibility modules | xargs PYTHON names.py > ../../src/documentation/ansible.json

PYTHON is that of `ci/ansible-environment`; the arguments are modules of collections whose options are wanted. Names are facts:
nothing is said here about what they mean. The test `compatibility.rs` asks again and compares.
"""

import argparse
import json
import os
import sys

os.environ.pop("ANSIBLE_CONFIG", None)
os.environ.update(ANSIBLE_DEPRECATION_WARNINGS="False", ANSIBLE_DEVEL_WARNING="False", ANSIBLE_LOCALHOST_WARNING="False")

from ansible import __version__  # noqa: E402
from ansible.cli.adhoc import AdHocCLI  # noqa: E402
from ansible.cli.inventory import InventoryCLI  # noqa: E402
from ansible.cli.playbook import PlaybookCLI  # noqa: E402
from ansible.cli.vault import VaultCLI  # noqa: E402
from ansible.config.manager import ConfigManager  # noqa: E402
from ansible.playbook.block import Block  # noqa: E402
from ansible.playbook.handler import Handler  # noqa: E402
from ansible.playbook.loop_control import LoopControl  # noqa: E402
from ansible.playbook.play import Play  # noqa: E402
from ansible.playbook.role.definition import RoleDefinition  # noqa: E402
from ansible.playbook.task import Task  # noqa: E402
from ansible.playbook.task_include import TaskInclude  # noqa: E402
from ansible.plugins.filter.core import FilterModule as CoreFilters  # noqa: E402
from ansible.plugins.filter.encryption import FilterModule as EncryptionFilters  # noqa: E402
from ansible.plugins.filter.mathstuff import FilterModule as MathFilters  # noqa: E402
from ansible.plugins.filter.urls import FilterModule as UrlFilters  # noqa: E402
from ansible.plugins.filter.urlsplit import FilterModule as UrlSplitFilters  # noqa: E402
from ansible.plugins.list import list_plugins  # noqa: E402
from ansible.plugins.loader import fragment_loader, init_plugin_loader  # noqa: E402
from ansible.plugins.test.core import TestModule as CoreTests  # noqa: E402
from ansible.plugins.test.files import TestModule as FileTests  # noqa: E402
from ansible.plugins.test.mathstuff import TestModule as MathTests  # noqa: E402
from ansible.plugins.test.uri import TestModule as UriTests  # noqa: E402
from ansible.utils.plugin_docs import get_docstring  # noqa: E402
from jinja2.defaults import DEFAULT_NAMESPACE  # noqa: E402
from jinja2.filters import FILTERS  # noqa: E402
from jinja2.tests import TESTS  # noqa: E402

# Collections of which filters and tests are written in Rust.
COLLECTIONS = ("ansible.utils", "ansible.netcommon", "community.general")
PLUGINS = ("become", "cache", "callback", "connection", "inventory", "lookup", "strategy", "vars")
PROGRAMS = {"ansible": AdHocCLI, "ansible-inventory": InventoryCLI, "ansible-playbook": PlaybookCLI, "ansible-vault": VaultCLI}


def fields(owner):
    """The keywords of a class. `async` is kept under two names, of which one is not for playbooks."""
    return sorted(name for name, field in owner.fattributes.items() if not field.private and name not in ("async_val", "loop_with"))


def keywords():
    includes = sorted(TaskInclude.VALID_INCLUDE_KEYWORDS - {"async_val", "loop_with"})
    return {"play": fields(Play), "role": fields(RoleDefinition), "block": fields(Block), "task": fields(Task), "handler": fields(Handler),
            "include": includes, "loop_control": fields(LoopControl)}


def documentation(kind, name):
    path = os.fsdecode(list_plugins(kind, name.rsplit(".", 1)[0])[name][0])
    return get_docstring(path, fragment_loader, verbose=False, collection_name=name.rsplit(".", 1)[0], plugin_type=kind)[0]


def modules(wanted):
    names = sorted(set(list_plugins("module", "ansible.builtin")) | set(wanted))
    found = {name: documentation("module", name).get("options") or {} for name in names}
    # `free_form` is how the documentation says that a module takes text; it is no option.
    return {name: sorted({alias for option, entry in options.items() if option not in ("free_form", "free-form")
                          for alias in [option, *entry.get("aliases", [])]}) for name, options in found.items()}


def builtin(*owners):
    return sorted({name for owner in owners for name in (owner.filters() if hasattr(owner, "filters") else owner.tests())})


def of_collections(kind):
    return sorted(name for collection in COLLECTIONS for name in list_plugins(kind, collection))


def settings():
    """Each setting with its environment variables and its places in ansible.cfg; those of plugins that come with ansible-core, too."""
    found = {}
    definitions = [ConfigManager().get_configuration_definitions()]
    for kind, name in (("connection", "ssh"), ("become", "sudo"), ("become", "su"), ("callback", "default"), ("cache", "jsonfile"),
                       ("inventory", "script"), ("shell", "sh"), ("vars", "host_group_vars")):
        options = documentation(kind, "ansible.builtin." + name)["options"]
        definitions.append({f"{kind} {name}: {option}": entry for option, entry in options.items()})
    for entries in definitions:
        for name, entry in entries.items():
            variables = [variable["name"] for variable in entry.get("env") or []]
            places = [f"{place['section']}.{place['key']}" for place in entry.get("ini") or []]
            if variables or places:
                found[name] = {"environment": variables, "file": places}
    return found


def options_of(parser):
    found = []
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for command, sub in action.choices.items():
                found += [[f"{command} {option}" for option in options] for options in options_of(sub)]
        elif action.option_strings:
            found.append(action.option_strings)
    return sorted(found)


def programs():
    found = {}
    for name, program in PROGRAMS.items():
        instance = program([name, "x", "x"])
        instance.init_parser()
        found[name] = options_of(instance.parser)
    return found


def main():
    init_plugin_loader()
    meta = documentation("module", "ansible.builtin.meta")["options"]["free_form"]["choices"]
    names = {
        "version": __version__,
        "keywords": keywords(),
        "meta": sorted(meta),
        "modules": modules(sys.argv[1:]),
        "filters": {"jinja": sorted(FILTERS), "ansible": builtin(CoreFilters(), EncryptionFilters(), MathFilters(), UrlFilters(), UrlSplitFilters()),
                    "collections": of_collections("filter")},
        "tests": {"jinja": sorted(name for name in TESTS if name.isidentifier()),
                  "ansible": builtin(CoreTests(), FileTests(), MathTests(), UriTests()), "collections": of_collections("test")},
        "functions": sorted({*DEFAULT_NAMESPACE, "lookup", "query", "q", "now", "undef", "finalize"} - {"finalize"}),
        "plugins": {kind: sorted(list_plugins(kind, "ansible.builtin")) for kind in PLUGINS},
        "settings": settings(),
        "programs": programs(),
    }
    # One line for each entry: readable differences, and no more lines than that.
    lines = []
    for key, value in names.items():
        if isinstance(value, dict):
            entries = ",\n".join(f"  {json.dumps(name)}: {json.dumps(entry)}" for name, entry in value.items())
            lines.append(f" {json.dumps(key)}: {{\n{entries}\n }}")
        else:
            lines.append(f" {json.dumps(key)}: {json.dumps(value)}")
    print("{\n" + ",\n".join(lines) + "\n}")


main()
