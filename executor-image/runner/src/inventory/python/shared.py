# What plugins in Python need that the runner has called: values, the inventory, decryption. With the library of the installed
# ansible-core.
#
# Standard input begins with a line of JSON: what is asked for, and the inventory so far. The last line of standard output is the
# answer. Lines before it ask for something to be decrypted: the passwords stay with the runner. What a plugin prints goes to standard
# error. Mappings are {"m": [[key, value], ...]}, texts that are no templates {"x": text},
# those that are encrypted {"v": text}.
import base64
import json
import os
import sys
from collections.abc import Mapping

answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
os.dup2(2, 1)

from ansible import context
from ansible.errors import AnsibleError
from ansible.inventory.data import InventoryData
from ansible.parsing.dataloader import DataLoader
from ansible.parsing.vault import VaultLib
from ansible.parsing.yaml.objects import AnsibleVaultEncryptedUnicode
from ansible.plugins import loader as plugin_loaders
from ansible.utils.context_objects import CLIArgs
from ansible.utils.display import Display
from ansible.utils.unsafe_proxy import AnsibleUnsafe, wrap_var


def encode(value):
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, bytes):
        value = value.decode("utf-8", "surrogateescape")
    if isinstance(value, str):
        return {"x": str(value)} if isinstance(value, AnsibleUnsafe) else str(value)
    if isinstance(value, AnsibleVaultEncryptedUnicode):
        return {"v": value._ciphertext.decode()}
    if isinstance(value, Mapping):
        return {"m": [[encode(key), encode(value[key])] for key in value]}
    if hasattr(value, "__iter__"):
        return [encode(item) for item in value]
    return str(value)


def decode(value):
    if isinstance(value, list):
        return [decode(item) for item in value]
    if not isinstance(value, dict):
        return value
    ((kind, inner),) = value.items()
    return wrap_var(inner) if kind == "x" else {decode(key): decode(item) for key, item in inner}


def tell(answer):
    answers.write(json.dumps(answer) + "\n")
    answers.flush()


def decrypt(vault, encrypted, filename=None, obj=None):
    """Stands for the method of ansible-core's that decrypts."""
    if isinstance(encrypted, str):
        encrypted = encrypted.encode()
    tell({"decrypt": encrypted.decode()})
    said = json.loads(sys.stdin.readline())
    if "error" in said:
        raise AnsibleError(said["error"])
    return base64.b64decode(said["plain"]), None, None


def fill(inventory, asked):
    """The inventory so far. Returns the variables that it has already."""
    given = {}
    for kind, members, add in (
        ("host", asked["hosts"], inventory.add_host),
        ("group", asked["groups"], inventory.add_group),
    ):
        for name, about in members.items():
            add(name)
            known = getattr(inventory, kind + "s")[name]
            for key, value in decode(about["vars"]).items():
                known.vars[key] = given[kind, name, key] = value
    for name, about in asked["groups"].items():
        inventory.groups[name].priority = about["priority"]
        for child in about["children"] + about["hosts"]:
            inventory.add_child(name, child)
    return given


def start():
    """What is asked for, once plugins can be loaded."""
    VaultLib.decrypt_and_get_vault_id = decrypt
    request = json.loads(sys.stdin.readline())
    verbosity = request["verbosity"]
    Display().verbosity = verbosity
    extra_vars = json.dumps(decode(request["extra_vars"]))
    context.CLIARGS = CLIArgs({"extra_vars": [extra_vars], "basedir": request["directory"], "verbosity": verbosity})
    if hasattr(plugin_loaders, "init_plugin_loader"):
        plugin_loaders.init_plugin_loader()
    plugin_loaders.add_all_plugin_dirs(request["directory"])
    return request


def loader(request):
    """What plugins read files with."""
    files = DataLoader()
    files.set_basedir(request["directory"])
    files.set_vault_secrets([("default", None)])
    return files


def finish(answer, request):
    """Answers with what a function gives for the request, or why it failed."""
    try:
        tell(answer(request))
    except Exception as error:
        tell({"taken": "failed", "why": str(error)})
