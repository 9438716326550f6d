//! What a module was called with, as Ansible tells it beside the result: every parameter, those that were not given too.

use serde_json::{Map, Value, json};
use slipway_protocol::Call;
use slipway_protocol::spec::{self, ModuleSpec, Parameter};

use crate::arguments::{self, default};
use crate::call::HIDDEN;

/// Parameters that Ansible's action takes for itself: the module is not told of them.
const OF_ACTIONS: &[(&str, &str)] = &[("command", "cmd"), ("copy", "decrypt")];

/// Parameters that Ansible's module has under another name than its documentation, by which they are an alias: as they were given.
const ALIASES: &[(&str, &str, &str)] = &[("apt", "name", "package")];

/// The result's `invocation`. Secrets are hidden.
pub fn invocation(called: &ModuleSpec, call: &Call) -> Value {
    let is_shell = called.short_name() == "shell";
    let spec = if is_shell {
        spec::find("ansible.builtin.command").unwrap_or(called)
    } else {
        called
    };
    let module = spec.short_name();
    let checked = arguments::check(spec, &call.args, &call.environment);
    let mut shown = Map::new();
    for parameter in spec.parameters {
        let value = match &checked {
            Ok(checked) => checked.value(parameter.name).cloned(),
            // What is wrong with them is told as the failure.
            Err(_) => call
                .args
                .get(parameter.name)
                .cloned()
                .or_else(|| default(parameter)),
        };
        let alias = ALIASES
            .iter()
            .find(|alias| (alias.0, alias.1) == (module, parameter.name));
        let name = alias.map_or(parameter.name, |alias| alias.2);
        shown.insert(name.to_owned(), shown_value(Some(parameter), value.as_ref()));
    }
    for (name, value) in &call.args {
        if !shown.contains_key(name) {
            shown.insert(name.clone(), shown_value(spec.parameter(name), Some(value)));
        }
    }
    for (_, parameter) in OF_ACTIONS.iter().filter(|(action, _)| *action == module) {
        shown.shift_remove(*parameter);
    }
    // Not a default of the table: the environment may say something else.
    if let Some(unsafe_writes @ Value::Null) = shown.get_mut("unsafe_writes") {
        *unsafe_writes = false.into();
    }
    match module {
        "command" => {
            shown.entry("_raw_params").or_insert(Value::Null);
            shown.insert("_uses_shell".to_owned(), is_shell.into())
        }
        "copy" => shown.insert("content".to_owned(), Value::Null),
        _ => None,
    };
    json!({"module_args": shown})
}

fn shown_value(parameter: Option<&Parameter>, value: Option<&Value>) -> Value {
    match value {
        None | Some(Value::Null) => Value::Null,
        Some(_) if parameter.is_some_and(|parameter| parameter.no_log) => HIDDEN.into(),
        Some(value) => value.clone(),
    }
}
