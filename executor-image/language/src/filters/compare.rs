//! Comparing values as Python does, and Jinja's way of naming what is compared.

use std::cmp::Ordering;

use minijinja::value::ValueKind;
use minijinja::{Error, ErrorKind, Value};

use super::call::items;
use crate::template::undefined::defined;
use crate::value::convert::check;
use crate::value::python::type_name;

/// Python's `==`.
pub(crate) fn same(left: &Value, right: &Value) -> bool {
    left == right
        || (is_number(left)
            && is_number(right)
            && number(left).partial_cmp(&number(right)) == Some(Ordering::Equal))
}

/// Python's `<`: values of kinds that have no order among each other are an error.
pub(crate) fn order(left: &Value, right: &Value) -> Result<Ordering, Error> {
    defined(left)?;
    defined(right)?;
    if is_number(left) && is_number(right) {
        if left.is_integer()
            && right.is_integer()
            && let (Some(left), Some(right)) = (left.as_i64(), right.as_i64())
        {
            return Ok(left.cmp(&right));
        }
        return Ok(number(left)
            .partial_cmp(&number(right))
            .unwrap_or(Ordering::Equal));
    }
    if let Some(ordering) = crate::value::time::order(left, right) {
        return Ok(ordering);
    }
    match (left.as_str(), right.as_str()) {
        (Some(left), Some(right)) => return Ok(left.cmp(right)),
        (None, None) if left.kind() == ValueKind::Seq && right.kind() == ValueKind::Seq => {
            let (left, right) = (items(left)?, items(right)?);
            for (one, other) in left.iter().zip(&right) {
                if !same(one, other) {
                    return order(one, other);
                }
            }
            return Ok(left.len().cmp(&right.len()));
        }
        _ => {}
    }
    Err(Error::new(
        ErrorKind::InvalidOperation,
        format!(
            "'<' not supported between instances of '{}' and '{}'",
            type_name(left),
            type_name(right)
        ),
    ))
}

fn is_number(value: &Value) -> bool {
    matches!(value.kind(), ValueKind::Number | ValueKind::Bool)
}

fn number(value: &Value) -> f64 {
    match value.kind() {
        ValueKind::Bool => f64::from(u8::from(value.is_true())),
        _ => f64::try_from(value.clone()).unwrap_or(f64::NAN),
    }
}

/// Sorts by keys; an error of comparing ends it.
pub(super) fn sort_by_key(values: &mut [(Value, Value)], reverse: bool) -> Result<(), Error> {
    let mut failure = None;
    values.sort_by(|(left, _), (right, _)| {
        let compared = order(left, right).unwrap_or_else(|error| {
            failure.get_or_insert(error);
            Ordering::Equal
        });
        if reverse { compared.reverse() } else { compared }
    });
    failure.map_or(Ok(()), Err)
}

/// Text in lower case; anything else as it is.
pub(super) fn ignore_case(value: &Value) -> Value {
    value
        .as_str()
        .map_or_else(|| value.clone(), |text| Value::from(text.to_lowercase()))
}

/// `attribute='a.b.0'`: what a path names inside an item; undefined if there is no such thing.
pub(crate) fn attribute(item: &Value, path: &Value) -> Result<Value, Error> {
    let Some(text) = path.as_str() else {
        return check(item.get_item(path).unwrap_or(Value::UNDEFINED));
    };
    let mut value = item.clone();
    for part in text.split('.') {
        if value.is_undefined() {
            return Ok(value);
        }
        let key = part
            .parse::<i64>()
            .map_or_else(|_| Value::from(part), Value::from);
        let found = value.get_item(&key).unwrap_or(Value::UNDEFINED);
        value = check(if found.is_undefined() {
            value.get_item(&Value::from(part)).unwrap_or(Value::UNDEFINED)
        } else {
            found
        })?;
    }
    Ok(value)
}
