//! Filters about what is there and what is not.

use minijinja::value::ValueKind;
use minijinja::{Error, Value};

use super::call::{Call, flag};
use crate::template::TemplateError;
use crate::template::context::Context;
use crate::template::origin::Origin;
use crate::template::rewrite::{INPUT_NAME, INPUT_PATH};
use crate::value::convert::items;
use crate::value::python;

pub(super) const FILTERS: super::Table = &[
    ("mandatory", mandatory),
    ("ternary", ternary),
    ("type_debug", type_debug),
];
pub(super) const JINJA_FILTERS: super::Table = &[("d", default), ("default", default)];

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
    let (Some(yes), Some(no)) = (yes, no) else {
        return Err(call.error("a value for true and one for false are needed"));
    };
    Ok(match none {
        Some(none) if value.is_none() && !none.is_none() => none,
        _ if value.is_true() => yes,
        _ => no,
    })
}

fn mandatory(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let name = call.named(INPUT_NAME)?;
    let [message] = call.bind(["msg"])?;
    let value = call.input()?;
    if !value.is_undefined() {
        return Ok(value);
    }
    let message = match message {
        Some(message) if !message.is_none() => python::to_text(&message),
        _ => {
            let name = name.map_or_else(String::new, |name| format!("'{name}' "));
            format!("Mandatory variable {name} not defined.")
        }
    };
    Err(TemplateError::new(message).into())
}

/// The name of a value's class in Python. Ansible's texts are of classes that tell where they come from.
fn type_debug(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let path = call.named(INPUT_PATH)?;
    let [] = call.bind([])?;
    let value = call.input()?;
    if value.kind() != ValueKind::String {
        return Ok(Value::from(python::type_name(&value)));
    }
    let origin = match path.map(|path| items(&path)) {
        None => Origin::Made,
        // What a lookup gives.
        Some(path) if path.is_empty() => Origin::Others,
        // What a template assigns itself.
        Some(path)
            if call
                .state
                .known_variables()
                .iter()
                .any(|name| path[0].as_str() == Some(name)) =>
        {
            Origin::Made
        }
        Some(path) => Context::of(call.state)?.origin(&path),
    };
    // What filters such as `to_json` make, which is never read as a literal, is marked.
    Ok(Value::from(match (value.is_safe(), origin) {
        (true, Origin::Others) => "NativeJinjaUnsafeText",
        (true, _) => "NativeJinjaText",
        (false, Origin::Others) => "AnsibleUnsafeText",
        (false, Origin::Written) => "AnsibleUnicode",
        (false, Origin::Made) => "str",
    }))
}
