from ansible.errors import AnsibleFilterError
from jinja2 import pass_context, pass_environment
from jinja2.runtime import Undefined


def repeat(value, times=1, **named):
    return [value] * times + sorted(named.items())


@pass_context
def from_context(context, name):
    return context.resolve(name)


@pass_environment
def from_environment(environment, value):
    return environment.filters["upper"](value)


def refuse(value):
    raise AnsibleFilterError("no good: %s" % value)


def or_else(value, default="nothing"):
    return default if isinstance(value, Undefined) else value


def kind(value):
    return type(value).__mro__[-2].__name__


class FilterModule:
    def filters(self):
        return {
            "own_repeat": repeat,
            "own_context": from_context,
            "own_environment": from_environment,
            "own_refuse": refuse,
            "own_or_else": or_else,
            "own_kind": kind,
            "own_keys": lambda value: {1: "one", None: value},
        }
