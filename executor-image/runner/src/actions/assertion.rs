//! `assert`

use serde_json::{Value, json};
use slipway_language::{NodeKind, Verdict};

use super::{ActionContext, Arguments, ResultMap, boolean, failure, map};

pub(super) fn run(context: &ActionContext<'_>, args: &Arguments) -> ResultMap {
    let mut result = evaluate(context, args);
    if !boolean(args, "quiet").unwrap_or(false) {
        result.insert("_ansible_verbose_always".to_owned(), Value::Bool(true));
    }
    result
}

fn evaluate(context: &ActionContext<'_>, args: &Arguments) -> ResultMap {
    let Some(that) = context.source("that") else {
        return failure("conditional required in \"that\" string");
    };
    let conditions = match &that.kind {
        NodeKind::List(conditions) => &conditions[..],
        _ => std::slice::from_ref(that),
    };
    for condition in conditions {
        match context
            .item
            .play
            .run
            .templar
            .condition(condition, &context.item.scope)
        {
            Ok(Verdict::True) => {}
            Ok(Verdict::False { condition }) => {
                let message = args.get("fail_msg").or_else(|| args.get("msg")).cloned();
                return map(json!({
                    "changed": false, "failed": true, "assertion": condition, "evaluated_to": false,
                    "msg": message.unwrap_or_else(|| Value::from("Assertion failed")),
                }));
            }
            Err(error) => {
                return failure(format!("{} ({})", error.message, condition.span));
            }
        }
    }
    let message = args
        .get("success_msg")
        .cloned()
        .unwrap_or_else(|| Value::from("All assertions passed"));
    map(json!({"changed": false, "msg": message}))
}
