//! `debug`

use serde_json::{Value, json};
use slipway_language::{Node, to_json};

use super::{ActionContext, Arguments, ResultMap, argument_spec, failure, map};

const NOT_DEFINED: &str = "VARIABLE IS NOT DEFINED!";

pub(super) fn run(context: &ActionContext<'_>, args: &Arguments) -> ResultMap {
    let item = context.item;
    let spec = json!({"msg": {"type": "raw", "default": "Hello world!"}, "var": {"type": "raw"}, "verbosity": {"type": "int", "default": 0}});
    let rules = json!({"mutually_exclusive": [["msg", "var"]]});
    let args = match argument_spec::validated(context, spec, rules, args) {
        Ok(args) => args,
        Err(failed) => return failed,
    };
    let verbosity = args.get("verbosity").and_then(Value::as_i64).unwrap_or_default();
    if verbosity > i64::from(item.play.run.printer.verbosity) {
        return map(
            json!({"changed": false, "skipped": true, "skipped_reason": "Verbosity threshold not met."}),
        );
    }
    let mut result = map(json!({"changed": false}));
    match args.get("var").filter(|value| is_given(value)) {
        // A template in `var` has been rendered to a name already, or to the value itself.
        Some(Value::String(text)) if !context.trusted => {
            // As Ansible shows what it does not evaluate.
            let first = text.split(['|', '.', '[']).next().unwrap_or_default();
            let shown = if text.contains('|') || item.scope.variable(first).is_some() {
                format!("{{{{{text}}}}}")
            } else {
                text.clone()
            };
            result.insert(text.clone(), Value::from(shown));
        }
        Some(Value::String(expression)) => {
            let span = context.source("var").map_or(&item.task.span, |node| &node.span);
            let node = Node::text(span.clone(), format!("{{{{ {expression} }}}}"));
            let value = match item.play.run.templar.strict().render(&node, &item.scope) {
                Ok(value) => to_json(&value),
                Err(error) if error.undefined.is_some() => {
                    let detail = if item.play.run.printer.verbosity > 0 {
                        format!(": {error}")
                    } else {
                        String::new()
                    };
                    Value::from(format!("{NOT_DEFINED}{detail}"))
                }
                Err(error) => return failure(error.to_string()),
            };
            result.insert(expression.clone(), value);
        }
        // The name of a variable is a text.
        Some(value) => {
            let name = match value {
                Value::Array(_) | Value::Object(_) => argument_spec::class(value).to_owned(),
                other => other.to_string(),
            };
            let detail = if item.play.run.printer.verbosity > 0 {
                ": "
            } else {
                ""
            };
            result.insert(name, format!("{NOT_DEFINED}{detail}").into());
        }
        None => {
            let message = args.get("msg").cloned();
            result.insert("msg".to_owned(), message.unwrap_or_default());
        }
    }
    result.insert("_ansible_verbose_always".to_owned(), Value::Bool(true));
    result
}

/// Whether there is anything in `var`, as Python sees it.
fn is_given(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(value) => *value,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(entries) => !entries.is_empty(),
    }
}
