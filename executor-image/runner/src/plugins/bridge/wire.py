# Carries out plugins that are written in Python, with the plugin loaders of the installed ansible-core. This is the first part of one
# program: what the others share.
#
# Requests and answers are lines of JSON on the socket that is standard input when this begins; plugins find nothing there. While a
# request is carried out the runner is asked for variables, one at a time, when a plugin looks at them.
import atexit
import base64
import contextlib
import json
import math
import os
import pickle
import re
import shlex
import signal
import sys
import tempfile
import traceback
import uuid
from collections.abc import Mapping, MutableMapping

requests = os.fdopen(os.dup(0), encoding="utf-8")
answers = os.fdopen(os.dup(0), "w", encoding="utf-8", buffering=1)
os.dup2(os.open(os.devnull, os.O_RDONLY), 0)

from ansible import constants
from ansible.errors import AnsibleConnectionFailure, AnsibleError, AnsibleUndefinedVariable
from ansible.module_utils.common.text.converters import to_bytes, to_text
from ansible.parsing.dataloader import DataLoader
from ansible.plugins import loader as plugin_loaders
from ansible.template import Templar
from ansible.utils.display import Display
from ansible.utils.unsafe_proxy import wrap_var
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
    if isinstance(value, str):
        # It has been rendered: it is no template any more.
        return wrap_var(value) if any(mark in value for mark in ("{{", "{%", "{#")) else value
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
    line = requests.readline()
    if not line:
        sys.exit(0)
    return json.loads(line)
