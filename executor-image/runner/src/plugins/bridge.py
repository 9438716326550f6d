# Carries out filters, tests and lookups that are written in Python, with the plugin loaders of the installed ansible-core.
#
# Requests and answers are lines of JSON, on standard input and on a copy of standard output: what a plugin prints goes to standard
# error. While a request is carried out the runner is asked for variables, one at a time, when a plugin looks at them.
import base64
import json
import math
import os
import sys
from collections.abc import Mapping

answers = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
os.dup2(2, 1)

from ansible.errors import AnsibleError, AnsibleUndefinedVariable
from ansible.parsing.dataloader import DataLoader
from ansible.plugins import loader as plugin_loaders
from ansible.template import Templar
from jinja2.exceptions import UndefinedError
from jinja2.runtime import Undefined

if hasattr(plugin_loaders, "init_plugin_loader"):
    plugin_loaders.init_plugin_loader()

LARGEST = 2**63


def encode(value):
    """A value as JSON. What JSON cannot say is a mapping with one key."""
    if isinstance(value, Undefined):
        value._fail_with_undefined_error()
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return str(value)
    if isinstance(value, int):
        return int(value) if -LARGEST <= value < LARGEST else {"i": str(value)}
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else {"f": repr(float(value))}
    if isinstance(value, bytes):
        return {"b": base64.b64encode(value).decode()}
    if isinstance(value, Mapping):
        return {"m": [[encode(key), encode(value[key])] for key in value]}
    if isinstance(value, tuple):
        return {"t": [encode(item) for item in value]}
    if hasattr(value, "__iter__"):
        return [encode(item) for item in value]
    return str(value)


def decode(value, undefined):
    """The reverse."""
    if isinstance(value, list):
        return [decode(item, undefined) for item in value]
    if not isinstance(value, dict):
        return value
    ((kind, inner),) = value.items()
    if kind == "m":
        return {decode(key, undefined): decode(item, undefined) for key, item in inner}
    if kind == "t":
        return tuple(decode(item, undefined) for item in inner)
    if kind == "i":
        return int(inner)
    if kind == "f":
        return float(inner)
    if kind == "b":
        return base64.b64decode(inner)
    return undefined(name=inner or None)


def tell(answer):
    answers.write(json.dumps(answer) + "\n")


def hear():
    line = sys.stdin.readline()
    if not line:
        sys.exit(0)
    return json.loads(line)


class Variables(Mapping):
    """The variables of the task, each rendered when a plugin asks for it."""

    def __init__(self):
        self.known = {}
        self.names = None

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

    def __contains__(self, name):
        return name in self.all_names()

    def __len__(self):
        return len(self.all_names())

    def copy(self):
        return self


def call_function(plugin_loader, kind, request):
    name = request["name"]
    try:
        plugin = plugin_loader.get(name)
    except KeyError as error:
        # It cannot be the name of any.
        raise AnsibleError('TemplateSyntaxError: Could not load "%s": %s' % (name, error)) from error
    if plugin is None:
        raise AnsibleError("the %s plugin %s was not found" % (kind, name))
    function = plugin.j2_function
    templar = Templar(loader=files, variables=Variables())
    environment = templar.environment
    arguments = [decode(item, environment.undefined) for item in request["arguments"]]
    named = {key: decode(item, environment.undefined) for key, item in request["named"].items()}
    wanted = getattr(getattr(function, "jinja_pass_arg", None), "name", None)
    if wanted == "environment":
        arguments.insert(0, environment)
    elif wanted in ("context", "eval_context"):
        context = environment.context_class(environment, templar.available_variables, None, {})
        arguments.insert(0, context if wanted == "context" else context.eval_ctx)
    return function(*arguments, **named)


def call_lookup(request):
    variables = Variables()
    templar = Templar(loader=files, variables=variables)
    lookup = plugin_loaders.lookup_loader.get(request["name"], loader=files, templar=templar)
    if lookup is None:
        raise AnsibleError("the lookup plugin %s was not found" % request["name"])
    undefined = templar.environment.undefined
    terms = [decode(item, undefined) for item in request["arguments"]]
    named = {key: decode(item, undefined) for key, item in request["named"].items()}
    return list(lookup.run(terms, variables=variables, **named))


def carry_out(request):
    for folder in request["folders"]:
        if folder not in added:
            added.add(folder)
            plugin_loaders.add_all_plugin_dirs(folder)
    files.set_basedir(request["directory"])
    if request["kind"] == "lookup":
        return call_lookup(request)
    if request["kind"] == "test":
        return bool(call_function(plugin_loaders.test_loader, "test", request))
    return call_function(plugin_loaders.filter_loader, "filter", request)


files = DataLoader()
added = set()
tell({"ready": True})
while True:
    asked = hear()
    try:
        answer = {"value": encode(carry_out(asked))}
    except (AnsibleUndefinedVariable, UndefinedError) as error:
        answer = {"error": str(error), "undefined": True}
    except AnsibleError as error:
        answer = {"error": str(error)}
    except Exception as error:
        answer = {"error": "%s: %s" % (type(error).__name__, error)}
    tell(answer)
