//! Taking values apart and putting them together.

use minijinja::Value;
use minijinja::value::ValueKind;

/// A list.
pub fn sequence(items: Vec<Value>) -> Value {
    Value::from(items)
}

/// A mapping in the order of the iterator.
pub fn map<K: Into<Value>>(entries: impl IntoIterator<Item = (K, Value)>) -> Value {
    Value::from_pairs(entries)
}

/// The items of a list, tuple or iterator; the keys of a mapping; nothing for the rest.
pub fn items(value: &Value) -> Vec<Value> {
    value.try_iter().map(Iterator::collect).unwrap_or_default()
}

/// The entries of a mapping.
pub fn entries(value: &Value) -> Vec<(Value, Value)> {
    value
        .as_object()
        .and_then(minijinja::value::DynObject::try_iter_pairs)
        .map(Iterator::collect)
        .unwrap_or_default()
}

/// The error inside a value that stands for one (a variable whose template failed).
pub fn check(value: Value) -> Result<Value, minijinja::Error> {
    if value.kind() != ValueKind::Invalid {
        return Ok(value);
    }
    match Value::from(vec![value.clone()]).try_iter()?.checked().next() {
        Some(Err(error)) => Err(error),
        _ => Ok(value),
    }
}
