//! What a module is called with: its arguments over the defaults, and its environment.

use indexmap::IndexMap;
use serde_json::{Map, Value as Json};
use slipway_language::{Node, NodeKind, Part, Templar, TemplateError, strip_omit, to_json};

use super::ItemContext;
use crate::{actions, playbook::ModuleAction};

/// What Ansible says of arguments that a variable holds: facts of a host may change the variable.
const UNSAFE_ARGUMENTS: &str = "Using a variable for a task's 'args' is unsafe in some situations (see https://docs.ansible.com/ansible/devel/reference_appendices/faq.html#argsplat-unsafe)";

/// Arguments, rendered, without those that are omitted.
pub(super) struct Rendered {
    /// The values by name.
    pub values: Map<String, Json>,
    /// Those of `set_fact`, text by text.
    pub facts: IndexMap<String, Part>,
    /// Whether the playbook alone decides what they are.
    pub trusted: bool,
}

/// The arguments of a task.
pub(super) fn arguments(item: &ItemContext<'_>, module: &ModuleAction) -> Result<Rendered, TemplateError> {
    let mut facts = IndexMap::new();
    let (templar, watch) = item.play.run.templar.watched();
    let mut args = defaults(item, &module.full_name(), &templar)?;
    if let Some(whole) = &module.whole {
        let value = strip_omit(&templar.render(whole, &item.scope)?);
        match to_json(&value) {
            Json::Object(map) => {
                let run = &item.play.run;
                if run.options.settings.inject_facts_as_vars {
                    run.printer.warning(UNSAFE_ARGUMENTS);
                }
                args.extend(map);
            }
            other => {
                let text = other.as_str().map_or_else(|| other.to_string(), str::to_owned);
                return Err(
                    TemplateError::new(format!("invalid or malformed argument: '{text}'")).at(&whole.span),
                );
            }
        }
    }
    for (key, value) in module.args.entries() {
        let Some(name) = key.as_str() else { continue };
        // Conditions and names of variables are not templates: the action evaluates them.
        if actions::takes_source(module.spec, name) {
            continue;
        }
        let (rendered, fact) = if module.spec.name == actions::SET_FACT {
            let part = templar.render_parts(value, &item.scope);
            part.map(|part| (part.value(), Some(part)))
        } else {
            templar.render(value, &item.scope).map(|value| (value, None))
        }
        .map_err(|error| error.at(&value.span))?;
        if slipway_language::is_omit(&rendered) {
            args.shift_remove(name);
        } else {
            let name = argument_name(item, module, key)?;
            facts.extend(fact.map(|fact| (name.clone(), fact)));
            args.insert(name, to_json(&strip_omit(&rendered)));
        }
    }
    Ok(Rendered {
        values: args,
        facts,
        trusted: !watch.saw_untrusted(),
    })
}

/// The name of an argument: those of `set_fact`, which are names of variables, may be templates.
fn argument_name(item: &ItemContext<'_>, module: &ModuleAction, key: &Node) -> Result<String, TemplateError> {
    if module.spec.name != actions::SET_FACT || !key.has_templates() {
        return Ok(key.as_str().unwrap_or_default().to_owned());
    }
    let name = item.play.run.templar.render(key, &item.scope)?;
    Ok(slipway_language::to_text(&name))
}

/// What `module_defaults` says of a module, by its full name: first of its groups, then of itself; of what is said of the same group
/// or module several times, the innermost.
pub(crate) fn defaults(
    item: &ItemContext<'_>,
    module: &str,
    templar: &Templar,
) -> Result<Map<String, Json>, TemplateError> {
    let (mut of_groups, mut of_module) = (IndexMap::new(), None);
    let settings = item.task.settings.module_defaults.iter();
    for entry in settings.filter(|entry| entry.concerns(module)) {
        match entry.group() {
            Some(group) => drop(of_groups.insert(group, &entry.arguments)),
            None => of_module = Some(&entry.arguments),
        }
    }
    let mut all = Map::new();
    for node in of_groups.into_values().chain(of_module) {
        let value = templar
            .render(node, &item.scope)
            .map_err(|error| error.at(&node.span))?;
        match to_json(&strip_omit(&value)) {
            Json::Object(map) => all.extend(map),
            Json::Null => {}
            other => {
                return Err(TemplateError::new(format!(
                    "the defaults of a module must be a mapping, they are {other}"
                ))
                .at(&node.span));
            }
        }
    }
    Ok(all)
}

/// The environment of the module, outer settings first.
pub(super) fn environment(item: &ItemContext<'_>) -> Result<IndexMap<String, String>, TemplateError> {
    let templar = &item.play.run.templar;
    let mut variables = IndexMap::new();
    for node in &item.task.settings.environment {
        if let NodeKind::Map(entries) = &node.kind {
            for (key, value) in entries.iter() {
                let value = match templar.render(value, &item.scope) {
                    Ok(value) => value,
                    // Facts that are to be gathered in this environment cannot be part of it yet.
                    Err(error) if is_of_facts(&error) => continue,
                    Err(error) => return Err(error),
                };
                if !slipway_language::is_omit(&value) {
                    let name = key.as_str().unwrap_or_default().to_owned();
                    variables.insert(name, variable_text(to_json(&value)));
                }
            }
            continue;
        }
        match to_json(&strip_omit(&templar.render(node, &item.scope)?)) {
            Json::Object(map) => {
                variables.extend(map.into_iter().map(|(name, value)| (name, variable_text(value))));
            }
            other => {
                let text = other.as_str().map_or_else(|| other.to_string(), str::to_owned);
                let said = format!("could not parse environment value, skipping: {text}");
                item.play.run.printer.warning(&said);
            }
        }
    }
    Ok(variables)
}

/// Whether what is undefined is the environment that facts tell of.
fn is_of_facts(error: &TemplateError) -> bool {
    let undefined = error.undefined.as_deref();
    undefined.is_some_and(|name| {
        ["ansible_env", "ansible_facts.env"]
            .iter()
            .any(|facts| name.starts_with(facts))
    })
}

/// The value of an environment's variable, as Python prints it.
fn variable_text(value: Json) -> String {
    match value {
        Json::String(text) => text,
        Json::Bool(value) => if value { "True" } else { "False" }.to_owned(),
        other => other.to_string(),
    }
}
