//! `omit`: the value that makes its argument disappear.

use std::fmt;
use std::sync::Arc;

use minijinja::Value;
use minijinja::value::{Object, ObjectRepr, ValueKind};

use super::convert::{map, sequence};

/// What Ansible shows where `omit` ends up inside text.
const PLACE_HOLDER: &str = "__omit_place_holder__";

#[derive(Debug)]
struct Omit;

impl Object for Omit {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn render(self: &Arc<Self>, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(PLACE_HOLDER)
    }
}

/// The sentinel, as templates see it under the name `omit`.
pub fn omit() -> Value {
    Value::from_object(Omit)
}

/// Whether a value is the sentinel.
pub fn is_omit(value: &Value) -> bool {
    value.downcast_object_ref::<Omit>().is_some() || value.as_str() == Some(PLACE_HOLDER)
}

/// The value without entries of mappings that are `omit`, at any depth, and without items of lists that are.
pub fn strip_omit(value: &Value) -> Value {
    match value.kind() {
        ValueKind::Map => map(super::convert::entries(value)
            .into_iter()
            .filter(|(_, value)| !is_omit(value))
            .map(|(key, value)| (key, strip_omit(&value)))),
        ValueKind::Seq => sequence(
            super::convert::items(value)
                .iter()
                .filter(|value| !is_omit(value))
                .map(strip_omit)
                .collect(),
        ),
        _ => value.clone(),
    }
}
