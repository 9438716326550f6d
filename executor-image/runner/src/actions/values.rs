//! Arguments as values of a type, however they are written.

use serde_json::Value;

use super::Arguments;

/// An argument that is text; numbers and booleans are written out.
pub(crate) fn text(args: &Arguments, name: &str) -> Option<String> {
    match args.get(name)? {
        Value::String(text) => Some(text.clone()),
        Value::Null => None,
        other => Some(other.to_string()),
    }
}

/// A parameter as a list of texts; a single text may hold several, with commas between.
pub(crate) fn texts(args: &Arguments, name: &str) -> Vec<String> {
    match args.get(name) {
        Some(Value::Array(items)) => items
            .iter()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect(),
        Some(Value::String(text)) => text.split(',').map(|one| one.trim().to_owned()).collect(),
        _ => Vec::new(),
    }
}

/// An argument that is a number.
pub(crate) fn number(args: &Arguments, name: &str) -> Option<f64> {
    match args.get(name)? {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// An argument that is true or false.
pub(crate) fn boolean(args: &Arguments, name: &str) -> Option<bool> {
    match args.get(name)? {
        Value::Bool(value) => Some(*value),
        Value::String(text) => Some(matches!(
            text.to_ascii_lowercase().as_str(),
            "yes" | "true" | "on" | "1" | "y" | "t"
        )),
        Value::Number(number) => Some(number.as_f64() != Some(0.0)),
        _ => None,
    }
}
