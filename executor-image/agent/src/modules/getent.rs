//! `ansible.builtin.getent`: entries of the system's databases as facts.

use serde_json::{Map, Value};

use crate::answer::{Failure, Outcome, answer};
use crate::context::Context;
use crate::process::{Process, require_program};

/// Databases whose lines are split at colons; the others are split at white space.
const WITH_COLONS: [&str; 4] = ["passwd", "shadow", "group", "gshadow"];

pub(super) fn run(context: &mut Context) -> Outcome {
    let program = require_program(context, "getent")?;
    let args = &context.args;
    let database = args.required("database").to_owned();
    let key = args.text("key");
    let mut process = Process::tool(context, &program.to_string_lossy())
        .arg(&database)
        .args(key);
    if let Some(service) = args.text("service") {
        process = process.args(["-s", service]);
    }
    let separator = args
        .text("split")
        .or_else(|| WITH_COLONS.contains(&database.as_str()).then_some(":"));
    let output = process.run()?;
    let name = format!("getent_{database}");
    let message = match output.code {
        0 => {
            let entries = entries(&output.stdout, separator);
            return Ok(answer!({"ansible_facts": {name: entries}}));
        }
        1 => "Missing arguments, or database unknown.",
        2 => {
            let message = "One or more supplied key could not be found in the database.";
            if !args.flag("fail_key") {
                let entries = answer!({key.unwrap_or_default(): null});
                return Ok(answer!({"ansible_facts": {name: entries}, "msg": message}));
            }
            message
        }
        3 => "Enumeration not supported on this database.",
        _ => "Unexpected failure!",
    };
    Err(Failure::new(message))
}

/// The lines by their first field; lines with the same one become a list of their rests.
fn entries(text: &str, separator: Option<&str>) -> Map<String, Value> {
    let mut entries = Map::new();
    let mut repeated: Vec<String> = Vec::new();
    for line in text.lines() {
        let mut fields = match separator {
            Some(separator) => line.split(separator).map(str::to_owned).collect::<Vec<_>>(),
            None => line.split_whitespace().map(str::to_owned).collect(),
        }
        .into_iter();
        let Some(key) = fields.next() else { continue };
        let rest: Value = fields.collect();
        match entries.get_mut(&key) {
            None => {
                entries.insert(key, rest);
            }
            Some(Value::Array(list)) if repeated.contains(&key) => list.push(rest),
            Some(first) => {
                *first = Value::Array(vec![first.take(), rest]);
                repeated.push(key);
            }
        }
    }
    entries
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn entries_of_the_same_key_become_a_list() {
        let text = "127.0.0.1  STREAM localhost\n127.0.0.1  DGRAM\n127.0.0.1  RAW\n::1 STREAM\n";
        assert_eq!(
            Value::Object(entries(text, None)),
            json!({"127.0.0.1": [["STREAM", "localhost"], ["DGRAM"], ["RAW"]], "::1": ["STREAM"]})
        );
        assert_eq!(
            Value::Object(entries("root:x:0:\n", Some(":"))),
            json!({"root": ["x", "0", ""]})
        );
    }
}
