//! `set_stats`: values for the end of the run.

use serde_json::{Value, json};

use super::{Arguments, ResultMap, boolean, failure, map};

pub(super) fn run(mut args: Arguments) -> ResultMap {
    let data = args.shift_remove("data").unwrap_or_else(|| json!({}));
    let Value::Object(data) = data else {
        return failure("The 'data' option needs to be a dictionary/hash");
    };
    if let Some(name) = data.keys().find(|name| !is_name(name)) {
        return failure(format!(
            "The variable name '{name}' is not valid. Variables must start with a letter or underscore character, and contain only letters, numbers and underscores."
        ));
    }
    let flag = |name: &str, default: bool| boolean(&args, name).unwrap_or(default);
    map(json!({
        "changed": false,
        "ansible_stats": {
            "data": data, "per_host": flag("per_host", false), "aggregate": flag("aggregate", true),
        },
    }))
}

fn is_name(name: &str) -> bool {
    let mut letters = name.chars();
    letters
        .next()
        .is_some_and(|first| first == '_' || first.is_alphabetic())
        && letters.all(|letter| letter == '_' || letter.is_alphanumeric())
}
