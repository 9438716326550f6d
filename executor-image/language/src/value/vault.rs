//! Texts that the filter `vault` encrypts with `wrap_object`: what they are is encrypted, and YAML says so.

use std::fmt;
use std::sync::Arc;

use minijinja::Value;
use minijinja::value::{Object, ObjectRepr};

/// Ansible's `AnsibleVaultEncryptedUnicode` without a password.
#[derive(Debug)]
struct Wrapped(String);

impl Object for Wrapped {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn render(self: &Arc<Self>, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// An encrypted text as such a value.
pub(crate) fn wrap(text: String) -> Value {
    Value::from_object(Wrapped(text))
}

/// The encrypted text of such a value.
pub(crate) fn wrapped(value: &Value) -> Option<&str> {
    value
        .downcast_object_ref::<Wrapped>()
        .map(|wrapped| wrapped.0.as_str())
}
