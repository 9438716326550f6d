//! Undefined values: an error wherever they are used, but for `default`, `is defined` and the like.

use std::fmt;
use std::sync::Arc;

use minijinja::value::{Object, ObjectRepr, ValueKind};
use minijinja::{Error, ErrorKind, Value};

use super::error::TemplateError;
use crate::value::convert::check;

/// Stands in the middle of `a.b.c` where `a.b` is undefined: has no attribute, so that the whole is undefined.
#[derive(Debug)]
struct Nothing;

impl Object for Nothing {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn render(self: &Arc<Self>, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("undefined")
    }
}

/// The filter that rewriting puts between the steps of `a.b.c`.
pub(super) fn chain(value: &Value) -> Value {
    if value.is_undefined() {
        Value::from_object(Nothing)
    } else {
        value.clone()
    }
}

/// Python's truth of a value; an undefined one is an error.
pub(crate) fn is_true(value: &Value) -> Result<bool, TemplateError> {
    let value = check(value.clone())?;
    if value.is_undefined() {
        return Err(TemplateError::from(undefined(&value)));
    }
    Ok(value.is_true())
}

/// The error of using an undefined value.
pub(crate) fn undefined(value: &Value) -> Error {
    value
        .get_attr("")
        .err()
        .unwrap_or_else(|| Error::from(ErrorKind::UndefinedError))
}

/// The value, which must be defined.
pub(crate) fn defined(value: &Value) -> Result<&Value, Error> {
    if value.kind() == ValueKind::Undefined {
        Err(undefined(value))
    } else {
        Ok(value)
    }
}
