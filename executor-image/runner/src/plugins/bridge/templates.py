

# Filters, tests and lookups.
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


def is_there(plugin_loader, name):
    if plugin_loader is plugin_loaders.lookup_loader:
        return plugin_loader.has_plugin(name)
    try:
        return plugin_loader.get(name) is not None
    except KeyError:
        return False


# Those of the names that a plugin outside of ansible-core has.
def defined_elsewhere(plugin_loader, names):
    own = os.path.dirname(plugin_loaders.__file__) + os.sep
    defined = []
    for name in names:
        try:
            path = getattr(plugin_loader.get(name), "_original_path", None)
        except KeyError:
            continue
        if path and not path.startswith(own):
            defined.append(name)
    return defined


def call_template_plugin(request):
    plugin_loader = getattr(plugin_loaders, request["kind"] + "_loader")
    if request.get("do") == "find":
        return is_there(plugin_loader, request["name"])
    if request.get("do") == "find elsewhere":
        return defined_elsewhere(plugin_loader, request["names"])
    if request["kind"] == "lookup":
        return call_lookup(request)
    if request["kind"] == "test":
        return bool(call_function(plugin_loaders.test_loader, "test", request))
    return call_function(plugin_loaders.filter_loader, "filter", request)
