from ansible.module_utils.common.text.converters import to_native


def describe(value):
    return to_native("role: %s" % value)
