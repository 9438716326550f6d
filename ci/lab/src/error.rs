//! What can go wrong in a lab, each with what was being done to which object.

use std::path::{Path, PathBuf};

/// The result of everything in this library.
pub type Result<T> = std::result::Result<T, Error>;

/// An error of the lab.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file or folder could not be read, written, made or removed.
    #[error("cannot {action} {path}: {source}")]
    File {
        /// What was being done, as a verb.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the operating system answered.
        source: std::io::Error,
    },
    /// A file of the lab's state does not say what it should.
    #[error(
        "{path} is not the lab's state as this version writes it: {reason}; `slipway-lab down` removes the lab"
    )]
    State {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A program could not be started.
    #[error("cannot start `{program}`: {source}; {hint}")]
    Start {
        /// The program.
        program: String,
        /// What the operating system answered.
        source: std::io::Error,
        /// What to do about it.
        hint: &'static str,
    },
    /// A program ended with an error.
    #[error("`{command}` failed ({status}): {output}")]
    Command {
        /// The command line.
        command: String,
        /// Its exit status.
        status: std::process::ExitStatus,
        /// What it wrote, standard error first.
        output: String,
    },
    /// Something that the lab needs is not on this host.
    #[error("a lab cannot run here: {0}")]
    Unsupported(String),
    /// The lab has not been started.
    #[error("there is no lab named `{0}`: start it with `slipway-lab up --name {0}`")]
    NoLab(String),
    /// A machine is not there.
    #[error("lab `{lab}` has no machine named `{machine}`: see `slipway-lab status`")]
    NoMachine {
        /// The lab.
        lab: String,
        /// The machine asked for.
        machine: String,
    },
    /// A name that cannot be used.
    #[error("`{name}` cannot be the name of a {what}: {rule}")]
    Name {
        /// The name given.
        name: String,
        /// What was to be named.
        what: &'static str,
        /// The rule that it breaks.
        rule: &'static str,
    },
    /// All addresses of the lab are in use.
    #[error("lab `{0}` has no free address left: remove a machine first")]
    Full(String),
    /// Something did not become ready in time.
    #[error("{what} was not ready after {seconds} s: {reason}")]
    Timeout {
        /// What was waited for.
        what: String,
        /// How long, in seconds.
        seconds: u64,
        /// The last answer, or where the log is.
        reason: String,
    },
    /// An operation that does not fit the machine's present state.
    #[error("machine `{machine}` {reason}")]
    Machine {
        /// The machine.
        machine: String,
        /// Why the operation is refused.
        reason: String,
    },
    /// Something of the lab is still there after it was taken down.
    #[error("lab `{lab}` could not be removed completely: {left}")]
    Leftover {
        /// The lab.
        lab: String,
        /// What is left.
        left: String,
    },
    /// A Kubernetes client could not be made, or a request failed.
    #[error("{action}: {source}")]
    Kubernetes {
        /// What was being done.
        action: &'static str,
        /// The client's error.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// Names the action and the file in an I/O error.
pub(crate) trait FileContext<T> {
    /// Turns an I/O error into [`Error::File`].
    fn file(self, action: &'static str, path: impl AsRef<Path>) -> Result<T>;
}

impl<T, E: Into<std::io::Error>> FileContext<T> for std::result::Result<T, E> {
    fn file(self, action: &'static str, path: impl AsRef<Path>) -> Result<T> {
        self.map_err(|source| Error::File {
            action,
            path: path.as_ref().to_owned(),
            source: source.into(),
        })
    }
}
