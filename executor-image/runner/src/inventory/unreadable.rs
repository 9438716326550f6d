//! What stands for a variables file that cannot be read.

use std::sync::Arc;

use minijinja::Value;
use slipway_language::{Layer, Templar, TemplateError, Variable, View};

/// A file that cannot be read, for this reason: it may have any variable, so whoever asks for one is told.
#[derive(Debug)]
pub(super) struct Unreadable(pub Arc<str>);

impl Layer for Unreadable {
    fn get(&self, _: &str) -> Option<Variable> {
        Some(Variable::View(Arc::new(Reason(Arc::clone(&self.0)))))
    }

    fn names(&self) -> Vec<Arc<str>> {
        Vec::new()
    }
}

/// A variable whose value is an error.
#[derive(Debug)]
struct Reason(Arc<str>);

impl View for Reason {
    fn value(&self, _: &Templar) -> Value {
        Value::from(minijinja::Error::from(TemplateError::new(self.0.as_ref())))
    }
}
