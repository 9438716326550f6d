//! `omit`: the value that makes its argument disappear.

use std::sync::LazyLock;

use minijinja::Value;
use minijinja::value::ValueKind;

use super::convert::{entries, items, map, sequence};

/// As in Ansible the sentinel is a text; its end is different in each process, so that no host can answer it.
static SENTINEL: LazyLock<String> = LazyLock::new(|| {
    use std::hash::{BuildHasher, Hasher, RandomState};
    let random = || RandomState::new().build_hasher().finish();
    format!("__omit_place_holder__{:016x}{:016x}", random(), random())
});

/// The sentinel, as templates see it under the name `omit`.
pub fn omit() -> Value {
    Value::from(SENTINEL.as_str())
}

/// Whether a value is the sentinel.
pub fn is_omit(value: &Value) -> bool {
    value.as_str() == Some(SENTINEL.as_str())
}

/// The value without entries of mappings and items of lists that are `omit`, at any depth.
pub fn strip_omit(value: &Value) -> Value {
    match value.kind() {
        ValueKind::Map => map(entries(value)
            .into_iter()
            .filter(|(_, value)| !is_omit(value))
            .map(|(key, value)| (key, strip_omit(&value)))),
        ValueKind::Seq => sequence(
            items(value)
                .iter()
                .filter(|value| !is_omit(value))
                .map(strip_omit)
                .collect(),
        ),
        _ => value.clone(),
    }
}
