//! `assert`

use serde_json::{Value, json};
use slipway_language::{Node, NodeKind, Verdict};

use super::{ActionContext, Arguments, ResultMap, argument_spec::class, boolean, error, map};

pub(super) fn run(context: &ActionContext<'_>, args: &Arguments) -> ResultMap {
    let mut result = evaluate(context, args).unwrap_or_else(error);
    if !boolean(args, "quiet").unwrap_or(false) {
        result.insert("_ansible_verbose_always".to_owned(), Value::Bool(true));
    }
    result
}

fn evaluate(context: &ActionContext<'_>, args: &Arguments) -> Result<ResultMap, String> {
    // Arguments that one variable holds have no source.
    let that = match (context.source("that"), args.get("that")) {
        (Some(that), _) => that.clone(),
        (None, Some(_)) if !context.trusted => {
            return Err("Conditional is marked as unsafe, and cannot be evaluated.".to_owned());
        }
        (None, Some(that)) => Node::from_json(&context.item.task.span, that),
        (None, None) => return Err("conditional required in \"that\" string".to_owned()),
    };
    let fail_msg = args.get("fail_msg").or_else(|| args.get("msg"));
    let fail_msg = message(fail_msg, "fail_msg or msg", "Assertion failed")?;
    let success_msg = message(args.get("success_msg"), "success_msg", "All assertions passed")?;
    let conditions = match &that.kind {
        NodeKind::List(conditions) => &conditions[..],
        _ => std::slice::from_ref(&that),
    };
    let item = context.item;
    for condition in conditions {
        match item.play.run.templar.condition(condition, &item.scope) {
            Ok(Verdict::True) => {}
            Ok(Verdict::False { condition: text }) => {
                let assertion = match &condition.kind {
                    NodeKind::Bool(value) => Value::Bool(*value),
                    NodeKind::Int(value) => Value::from(*value),
                    _ => Value::from(text),
                };
                return Ok(map(json!({
                    "changed": false, "failed": true, "assertion": assertion, "evaluated_to": false, "msg": fail_msg,
                })));
            }
            Err(error) => return Err(format!("{} ({})", error.message, condition.span)),
        }
    }
    Ok(map(json!({"changed": false, "msg": success_msg})))
}

/// What is said in the end: a text or several.
fn message(given: Option<&Value>, name: &str, default: &str) -> Result<Value, String> {
    match given {
        None | Some(Value::Null) => Ok(default.into()),
        Some(Value::Array(texts)) if !texts.iter().all(Value::is_string) => Err(format!(
            "Type of one of the elements in {name} list is not string type"
        )),
        Some(given @ (Value::String(_) | Value::Array(_))) => Ok(given.clone()),
        Some(other) => Err(format!(
            "Incorrect type for {name}, expected a string or list and got {}",
            class(other)
        )),
    }
}
