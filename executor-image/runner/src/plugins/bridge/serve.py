

# Hears requests until there are no more.
KINDS = {
    "filter": call_template_plugin,
    "test": call_template_plugin,
    "lookup": call_template_plugin,
    "connection": call_connection,
    "action": call_action,
}


def carry_out(request):
    for folder in request["folders"]:
        if folder not in added:
            added.add(folder)
            plugin_loaders.add_all_plugin_dirs(folder)
    files.set_basedir(request["directory"])
    return KINDS[request["kind"]](request)


# What is open is closed, whoever ends this.
signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
files = DataLoader()
added = set()
tell({"ready": True})
while True:
    asked = hear()
    try:
        answer = {"value": encode(carry_out(asked))}
    except (AnsibleUndefinedVariable, UndefinedError) as error:
        answer = {"error": str(error), "kind": "undefined"}
    except AnsibleConnectionFailure as error:
        answer = {"error": str(error), "kind": "unreachable"}
    except AnsibleError as error:
        answer = {"error": str(error), "kind": "failed"}
    except Exception as error:
        answer = {"error": "%s: %s" % (type(error).__name__, error), "kind": "failed"}
    tell(answer)
