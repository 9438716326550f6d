//! Why work on an object failed.

use std::time::Duration;

use kube::core::Status;
use thiserror::Error;

/// Why work on an object failed. Each message names what was being done to which object.
#[derive(Debug, Error)]
pub enum Error {
    /// An API server did not do what it was asked.
    #[error("{doing}: {}", api_message(.source))]
    Api {
        /// What was being done, such as `claim Machine fleet/m1`.
        doing: String,
        /// What the API server or the connection to it said.
        source: kube::Error,
    },
    /// Work took longer than it may; it starts again from what is there.
    #[error("gave up after {} seconds", .0.as_secs())]
    Timeout(Duration),
    /// An object does not hold what it should.
    #[error("{0}")]
    Invalid(String),
    /// A program error in a controller; only this object is left alone for a while.
    #[error("the controller panicked: {0}")]
    Panic(String),
    /// Something outside of the API failed: making a key, rendering a template.
    #[error("{doing}: {source}")]
    Other {
        /// What was being done.
        doing: String,
        /// Why it failed.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl Error {
    /// An error of something outside of the API.
    pub fn other(
        doing: impl Into<String>,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self::Other {
            doing: doing.into(),
            source: source.into(),
        }
    }

    /// A short word for metrics; there are few of them.
    pub fn category(&self) -> &'static str {
        match self {
            Self::Api {
                source: kube::Error::Api(status),
                ..
            } => match status.code {
                401 | 403 => "forbidden",
                404 => "not_found",
                409 => "conflict",
                422 => "refused",
                429 | 500..=599 => "server",
                _ => "api",
            },
            Self::Api { .. } => "connection",
            Self::Timeout(_) => "timeout",
            Self::Invalid(_) => "invalid",
            Self::Panic(_) => "panic",
            Self::Other { .. } => "other",
        }
    }

    /// Whether somebody else changed the object first: looked at again soon, and no failure to speak of.
    pub fn is_conflict(&self) -> bool {
        matches!(self, Self::Api { source: kube::Error::Api(status), .. }
            if status.code == 409 && !is_there(status))
    }

    /// Whether an object was to be created that exists already.
    pub fn is_already_there(&self) -> bool {
        matches!(self, Self::Api { source: kube::Error::Api(status), .. }
            if status.code == 409 && is_there(status))
    }

    /// Whether the object that something was done to does not exist.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::Api { source: kube::Error::Api(status), .. } if status.code == 404)
    }

    /// Whether the API server refused the object itself, by a rule of its kind.
    pub fn is_refused(&self) -> bool {
        matches!(self, Self::Api { source: kube::Error::Api(status), .. } if status.code == 422)
    }
}

fn is_there(status: &Status) -> bool {
    status.reason == "AlreadyExists"
}

/// Adds to an error of the API what was being done.
pub trait Doing<T> {
    /// `doing` says it as `verb Kind namespace/name`.
    fn doing(self, doing: impl FnOnce() -> String) -> Result<T, Error>;
}

impl<T> Doing<T> for kube::Result<T> {
    fn doing(self, doing: impl FnOnce() -> String) -> Result<T, Error> {
        self.map_err(|source| Error::Api {
            doing: doing(),
            source,
        })
    }
}

/// The message of the API server alone, where it is one: kube's own text repeats it as a debug print.
fn api_message(error: &kube::Error) -> String {
    match error {
        kube::Error::Api(status) => format!("{} ({})", status.message, status.code),
        other => {
            let mut message = other.to_string();
            let mut source = std::error::Error::source(other);
            while let Some(cause) = source {
                let text = cause.to_string();
                if !message.contains(&text) {
                    message = format!("{message}: {text}");
                }
                source = cause.source();
            }
            message
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(code: u16) -> Error {
        let status = Status::failure("the object has been modified", "Conflict").with_code(code);
        Err::<(), _>(kube::Error::Api(status.boxed()))
            .doing(|| "claim Machine fleet/m1".to_owned())
            .unwrap_err()
    }

    #[test]
    fn an_error_says_what_was_being_done_to_what_once() {
        assert_eq!(
            answered(409).to_string(),
            "claim Machine fleet/m1: the object has been modified (409)"
        );
    }

    #[test]
    fn errors_fall_into_few_categories() {
        for (code, category) in [
            (403, "forbidden"),
            (404, "not_found"),
            (409, "conflict"),
            (422, "refused"),
            (503, "server"),
        ] {
            assert_eq!(answered(code).category(), category);
        }
        assert!(answered(409).is_conflict());
        assert!(!answered(422).is_conflict());
    }
}
