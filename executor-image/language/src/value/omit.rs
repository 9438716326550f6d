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

/// The value without entries of mappings that are `omit`, at any depth. Items of lists stay, as in Ansible, which looks no further
/// than for the mappings among them.
pub fn strip_omit(value: &Value) -> Value {
    match value.kind() {
        ValueKind::Map => map(entries(value)
            .into_iter()
            .filter(|(_, value)| !is_omit(value))
            .map(|(key, value)| (key, strip_omit(&value)))),
        ValueKind::Seq => sequence(
            items(value)
                .iter()
                .map(|item| match item.kind() {
                    ValueKind::Map => strip_omit(item),
                    _ => item.clone(),
                })
                .collect(),
        ),
        _ => value.clone(),
    }
}
