//! `debug`

use serde_json::{Value, json};
use slipway_language::{Node, to_json};

use super::{ActionContext, Arguments, ResultMap, failure, map, text};

pub(super) fn run(context: &ActionContext<'_>, args: &Arguments) -> ResultMap {
    let item = context.item;
    let wanted = args.get("verbosity").and_then(|value| match value {
        Value::String(text) => text.parse().ok(),
        other => other.as_u64(),
    });
    if wanted.unwrap_or(0) > u64::from(item.play.run.printer.verbosity) {
        return map(
            json!({"changed": false, "skipped": true, "skipped_reason": "Verbosity threshold not met."}),
        );
    }
    if args.contains_key("msg") && args.contains_key("var") {
        return failure("'msg' and 'var' are incompatible options");
    }
    let mut result = map(json!({"changed": false}));
    match args.get("var") {
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
                    Value::from(format!("VARIABLE IS NOT DEFINED!{detail}"))
                }
                Err(error) => return failure(error.to_string()),
            };
            result.insert(expression.clone(), value);
        }
        Some(value) => {
            let name = match value {
                Value::Array(_) => "<class 'list'>",
                _ => "<class 'dict'>",
            };
            result.insert(name.to_owned(), value.clone());
        }
        None => {
            let message = args
                .get("msg")
                .cloned()
                .or_else(|| text(args, "msg").map(Value::from));
            result.insert(
                "msg".to_owned(),
                message.unwrap_or_else(|| Value::from("Hello world!")),
            );
        }
    }
    result.insert("_ansible_verbose_always".to_owned(), Value::Bool(true));
    result
}
