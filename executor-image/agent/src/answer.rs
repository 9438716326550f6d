//! What a module answers.

use serde_json::{Map, Value};

use crate::python_text::os_error;

/// The result mapping of a module.
pub type Answer = Map<String, Value>;

/// What a module ends with.
pub type Outcome = Result<Answer, Failure>;

/// A module's failure: a message, and what else its result says.
#[derive(Debug, Clone, PartialEq)]
pub struct Failure(pub Answer);

impl Failure {
    /// A failure with this message.
    #[must_use]
    pub fn new(message: impl Into<String>) -> Self {
        let mut fields = Answer::new();
        fields.insert("msg".to_owned(), Value::String(message.into()));
        Self(fields)
    }

    /// A failure of the operating system while doing something: `doing: [Errno 2] No such file or directory`.
    #[must_use]
    pub fn io(doing: impl AsRef<str>, error: &std::io::Error) -> Self {
        Self::new(format!("{}: {}", doing.as_ref(), os_error(error)))
    }

    /// Adds a key to the result.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.0.insert(key.to_owned(), value.into());
        self
    }

    /// Adds keys to the result; those that it has already are kept.
    #[must_use]
    pub fn with_all(mut self, fields: Answer) -> Self {
        for (key, value) in fields {
            self.0.entry(key).or_insert(value);
        }
        self
    }

    /// The message.
    #[must_use]
    pub fn message(&self) -> &str {
        self.0.get("msg").and_then(Value::as_str).unwrap_or_default()
    }
}

/// A result mapping, written as JSON: `answer!({"changed": true})`.
macro_rules! answer {
    ($($json:tt)+) => {
        match serde_json::json!($($json)+) {
            serde_json::Value::Object(fields) => fields,
            _ => $crate::answer::Answer::new(),
        }
    };
}
pub(crate) use answer;
