//! Why a program does not even begin.

/// Exit codes of Ansible's programs.
pub mod exit {
    /// Something is wrong that has no code of its own.
    pub const ERROR: i32 = 1;
    /// A playbook cannot be loaded.
    pub const PARSER: i32 = 4;
    /// Options do not fit together, or settings cannot be read.
    pub const OPTIONS: i32 = 5;
    /// A person stopped it.
    pub const INTERRUPTED: i32 = 99;
}

/// A run that cannot start: exit code and message.
#[derive(Debug)]
pub struct Refusal {
    /// As Ansible would exit.
    pub exit_code: i32,
    /// For a person.
    pub message: String,
}

impl Refusal {
    /// A refusal with a code of [`exit`].
    pub fn new(exit_code: i32, message: impl std::fmt::Display) -> Self {
        Self {
            exit_code,
            message: message.to_string(),
        }
    }
}
