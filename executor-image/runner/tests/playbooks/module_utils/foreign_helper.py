"""Code that modules beside the playbook share."""


def greeting(name):
    return "hello %s" % name
