//! Why a module that was found cannot be used.

use std::path::PathBuf;

use thiserror::Error;

use super::{core::HOW_TO_INSTALL, dependencies::DependencyError};

/// What is wrong with it.
#[derive(Debug, Error)]
pub enum CatalogError {
    /// There is no library to send with it.
    #[error("{name} ({}) is a Python module and needs Ansible's library, but no ansible-core was found", path.display())]
    NoCore {
        /// The module.
        name: String,
        /// Its file.
        path: PathBuf,
    },
    /// Its imports cannot be resolved.
    #[error("the module {name} cannot be packed: {source}")]
    Dependency {
        /// The module.
        name: String,
        /// Why.
        source: DependencyError,
    },
    /// It is for Windows.
    #[error("{name} ({}) is a PowerShell module: Windows is not supported", .path.display())]
    PowerShell {
        /// The module.
        name: String,
        /// Its file.
        path: PathBuf,
    },
    /// A script that does not say what runs it.
    #[error("{name} ({}) is missing an interpreter line: a script must begin with #!", .path.display())]
    NoInterpreter {
        /// The module.
        name: String,
        /// Its file.
        path: PathBuf,
    },
    /// Its collection says that it is gone.
    #[error("the module {name} has been removed from its collection. {why}")]
    Removed {
        /// The module.
        name: String,
        /// What the collection says.
        why: String,
    },
    /// It is not to be used on this machine.
    #[error("the module {name} is not to be used: the plugin filter file, {}, rejects it", file.display())]
    Rejected {
        /// The module.
        name: String,
        /// Where that is said.
        file: PathBuf,
    },
    /// What nearly every playbook needs is not to be used.
    #[error("The stat module was specified in the module reject list file, {}, but Ansible will not function without the stat module.  Please remove stat from the reject list.", .0.display())]
    StatRejected(PathBuf),
    /// Names that lead to each other.
    #[error("the name {0} leads to other names without end")]
    Endless(String),
}

impl CatalogError {
    /// What to do about it.
    pub fn hint(&self) -> Option<&'static str> {
        matches!(self, Self::NoCore { .. }).then_some(HOW_TO_INSTALL)
    }
}
