//! What a template's outcome becomes: the rules of `ansible_eval_concat` of ansible-core 2.18 and, for `jinja2_native`, of
//! `ansible_native_concat`.
//!
//! The outcome is made a text. A text that begins with `{` or `[`, or is `True` or `False`, is read as a Python literal
//! (with JSON's `true`, `false`, `null`); if it is none, it stays text. Text that filters such as `to_json` or `string`
//! made (minijinja's "safe" strings stand for Ansible's `NativeJinjaText`) always stays text.

use minijinja::value::{Tuple, ValueKind};
use minijinja::{Error, Value};

use super::growth::Extent;
use super::undefined::undefined;
use crate::value::convert::{check, entries, map, sequence};
use crate::value::vault::wrapped;
use crate::value::{literal, python};

/// The value of a template whose expression or text came out as `value`.
pub(crate) fn outcome(value: &Value) -> Value {
    match value.kind() {
        ValueKind::None => Value::from(""),
        ValueKind::Bool => value.clone(),
        // Marked still: a variable with it stays text, too.
        ValueKind::String if value.is_safe() => value.clone(),
        ValueKind::Seq | ValueKind::Map if !value.is_tuple() && is_literal(value) => value.clone(),
        _ => text(&python::to_text(value)),
    }
}

/// The value of a template with `jinja2_native = True`: it keeps its type, and text that is a Python literal becomes
/// what the literal says, but for quotes, which stay.
pub(super) fn native(value: &Value) -> Value {
    let Some(text) = value.as_str() else {
        return wrapped(value).map_or_else(|| value.clone(), Value::from);
    };
    if value.is_safe() {
        return value.clone();
    }
    let Some(found) = literal::evaluate_python(text) else {
        return Value::from(text);
    };
    match (found.as_str(), text.chars().next()) {
        (Some(inner), Some(quote)) => Value::from(format!("{quote}{inner}{quote}")),
        _ => found,
    }
}

/// The value of a template's text.
pub(crate) fn text(text: &str) -> Value {
    if text.starts_with(['{', '[']) || text == "True" || text == "False" {
        return literal::evaluate(text).unwrap_or_else(|| Value::from(text));
    }
    Value::from(text)
}

/// Jinja drops a newline at the end of the source; Ansible gives back as many as the source had.
pub(super) fn trailing_newlines(value: Value, source: &str) -> Value {
    let Some(text) = value.as_str() else { return value };
    let wanted = count_trailing_newlines(source);
    let present = count_trailing_newlines(text);
    if wanted > present {
        Value::from(format!("{text}{}", "\n".repeat(wanted - present)))
    } else {
        value
    }
}

fn count_trailing_newlines(text: &str) -> usize {
    text.len() - text.trim_end_matches('\n').len()
}

/// The value with everything in it rendered, iterators unrolled, and nothing in it undefined.
pub(crate) fn complete(value: &Value) -> Result<Value, Error> {
    complete_below(value, &mut Extent::default())
}

fn complete_below(value: &Value, extent: &mut Extent) -> Result<Value, Error> {
    let value = check(value.clone())?;
    extent.enter(|extent| {
        Ok(match value.kind() {
            ValueKind::Undefined => return Err(undefined(&value)),
            ValueKind::Seq | ValueKind::Iterable => {
                let items = value
                    .try_iter()?
                    .map(|item| complete_below(&item, extent))
                    .collect::<Result<Vec<_>, _>>()?;
                if value.is_tuple() {
                    Value::from(Tuple::from(items))
                } else {
                    sequence(items)
                }
            }
            ValueKind::Map => map(entries(&value)
                .into_iter()
                .map(|(key, value)| Ok((key, complete_below(&value, extent)?)))
                .collect::<Result<Vec<_>, Error>>()?),
            _ => value,
        })
    })
}

/// Whether Python's `literal_eval(repr(value))` gives back an equal value.
fn is_literal(value: &Value) -> bool {
    match value.kind() {
        ValueKind::None | ValueKind::Bool | ValueKind::String => true,
        ValueKind::Number => value.is_integer() || f64::try_from(value.clone()).is_ok_and(f64::is_finite),
        ValueKind::Seq => value
            .try_iter()
            .is_ok_and(|mut items| items.all(|item| is_literal(&item))),
        ValueKind::Map => entries(value)
            .iter()
            .all(|(key, value)| is_literal(key) && is_literal(value)),
        _ => false,
    }
}
