//! What a module is given.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use indexmap::IndexMap;

use crate::arguments::{Arguments, boolean};
use crate::control::Control;

/// The call that a module carries out.
#[derive(Debug)]
pub struct Context {
    /// Full name of the module.
    pub module: &'static str,
    /// Its arguments, checked and completed by defaults.
    pub args: Arguments,
    /// Report what would change and change nothing.
    pub check: bool,
    /// Say what changes, as `diff` in the result.
    pub diff: bool,
    /// Environment variables for what the module starts.
    pub environment: IndexMap<String, String>,
    /// The words that start the Python that the playbook names for this host; none if it is looked for.
    pub python: Vec<String>,
    /// Contents that the runner has sent, by argument name.
    pub files: HashMap<String, PathBuf>,
    /// A private directory for temporary files.
    pub temporary: PathBuf,
    /// To notice that the call was stopped.
    pub control: Arc<Control>,
    /// Warnings for the result.
    pub warnings: Vec<String>,
    /// Whether the result describes the file that it names, as results of modules do. What the runner's half of a module
    /// answers in Ansible does not.
    pub describes_path: bool,
}

impl Context {
    /// The content that the runner has sent for this argument.
    #[must_use]
    pub fn file(&self, argument: &str) -> Option<&Path> {
        self.files.get(argument).map(PathBuf::as_path)
    }

    /// Adds a warning to the result.
    pub fn warn(&mut self, warning: impl Into<String>) {
        self.warnings.push(warning.into());
    }

    /// Whether a file that cannot be replaced may be written in place: where the task does not say so, the host's environment may.
    #[must_use]
    pub fn unsafe_writes(&self) -> bool {
        self.args.optional_flag("unsafe_writes").unwrap_or_else(|| {
            let said = self.variable("ANSIBLE_UNSAFE_WRITES");
            said.is_some_and(|text| boolean(&text.into()) == Some(true))
        })
    }

    /// An environment variable as the module's programs see it.
    #[must_use]
    pub fn variable(&self, name: &str) -> Option<String> {
        self.environment
            .get(name)
            .cloned()
            .or_else(|| std::env::var(name).ok())
    }
}
