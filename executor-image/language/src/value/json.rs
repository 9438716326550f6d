//! Values as JSON and back.

use minijinja::Value;
use minijinja::value::ValueKind;
use serde_json::{Map, Number};

use super::convert::{entries, items, map, sequence};
use super::python;

/// A value as JSON. Keys that are no text become what Python's `json.dumps` makes of them; what JSON cannot hold
/// (infinity, functions, undefined) becomes null or the text that a template would print.
pub fn to_json(value: &Value) -> serde_json::Value {
    match value.kind() {
        ValueKind::Undefined | ValueKind::None | ValueKind::Invalid => serde_json::Value::Null,
        ValueKind::Bool => serde_json::Value::Bool(value.is_true()),
        ValueKind::Number => number(value),
        ValueKind::String => serde_json::Value::String(value.as_str().unwrap_or_default().to_owned()),
        ValueKind::Seq | ValueKind::Iterable => items(value).iter().map(to_json).collect(),
        ValueKind::Map => serde_json::Value::Object(
            entries(value)
                .iter()
                .map(|(key, value)| (key_text(key), to_json(value)))
                .collect::<Map<_, _>>(),
        ),
        _ => serde_json::Value::String(python::to_text(value)),
    }
}

fn number(value: &Value) -> serde_json::Value {
    if value.is_integer() {
        if let Some(small) = value.as_i64() {
            return small.into();
        }
        if let Ok(large) = u64::try_from(value.clone()) {
            return large.into();
        }
    }
    let float = f64::try_from(value.clone()).unwrap_or(f64::NAN);
    Number::from_f64(float).map_or(serde_json::Value::Null, serde_json::Value::Number)
}

/// A mapping's key as `json.dumps` writes it.
pub fn key_text(key: &Value) -> String {
    match key.kind() {
        ValueKind::Bool => if key.is_true() { "true" } else { "false" }.to_owned(),
        ValueKind::None | ValueKind::Undefined => "null".to_owned(),
        _ => python::to_text(key),
    }
}

/// JSON as a value.
pub fn from_json(json: serde_json::Value) -> Value {
    match json {
        serde_json::Value::Null => Value::from(()),
        serde_json::Value::Bool(value) => value.into(),
        serde_json::Value::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(value), _) => value.into(),
            (None, Some(value)) => value.into(),
            _ => number.as_f64().unwrap_or(f64::NAN).into(),
        },
        serde_json::Value::String(text) => text.into(),
        serde_json::Value::Array(values) => sequence(values.into_iter().map(from_json).collect()),
        serde_json::Value::Object(entries) => {
            map(entries.into_iter().map(|(key, value)| (key, from_json(value))))
        }
    }
}
