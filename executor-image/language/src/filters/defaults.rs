//! Filters about what is there and what is not.

use minijinja::{Error, Value};

use super::call::{Call, flag};
use crate::template::undefined::defined;

pub(super) const FILTERS: super::Table = &[
    ("default", default),
    ("d", default),
    ("ternary", ternary),
    ("mandatory", mandatory),
];

fn default(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let [default, boolean] = call.bind(["default_value", "boolean"])?;
    let value = call.input()?;
    if value.is_undefined() || (flag(boolean.as_ref(), false)? && !value.is_true()) {
        return Ok(default.unwrap_or_else(|| Value::from("")));
    }
    Ok(value)
}

fn ternary(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let [yes, no, none] = call.bind(["true_val", "false_val", "none_val"])?;
    let value = call.value()?;
    let chosen = match none {
        Some(none) if value.is_none() && !none.is_none() => Some(none),
        _ if value.is_true() => yes,
        _ => no,
    };
    chosen.ok_or_else(|| call.error("a value for true and one for false are needed"))
}

fn mandatory(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let [message] = call.bind(["msg"])?;
    let value = call.input()?;
    if value.is_undefined() {
        if let Some(message) = message {
            return Err(crate::template::TemplateError::new(crate::value::python::to_text(&message)).into());
        }
        let error = crate::template::TemplateError::from(
            defined(&value).err().unwrap_or_else(|| call.error("undefined")),
        );
        let name = error
            .undefined
            .map(|name| format!(" '{name}'"))
            .unwrap_or_default();
        return Err(
            crate::template::TemplateError::new(format!("Mandatory variable{name} not defined.")).into(),
        );
    }
    Ok(value)
}
