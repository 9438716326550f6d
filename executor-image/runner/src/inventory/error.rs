//! What can be wrong with an inventory.

use std::{path::PathBuf, sync::Arc};

use thiserror::Error;

/// Why an inventory cannot be used. Each names the file, and the line where there is one.
#[derive(Debug, Error)]
pub enum InventoryError {
    /// A source or a variables file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A line of an INI inventory is wrong.
    #[error("{file}:{line}: {message}")]
    Line {
        /// The file.
        file: String,
        /// 1-based.
        line: u32,
        /// What is wrong and what is expected.
        message: String,
    },
    /// A YAML file is wrong.
    #[error("{0}")]
    Yaml(String),
    /// A variables file cannot be read, which was found out before.
    #[error("{0}")]
    Variables(Arc<str>),
    /// A host pattern is wrong.
    #[error("{0}")]
    Pattern(String),
    /// Groups do not fit together.
    #[error("{0}")]
    Groups(String),
    /// A program that makes an inventory failed.
    #[error("the inventory program {}: {message}", path.display())]
    Script {
        /// The program.
        path: PathBuf,
        /// What went wrong.
        message: String,
    },
    /// A source of the plugins `constructed` or `generator` is wrong.
    #[error("{0}")]
    Plugin(String),
    /// No source could be read, and the settings say that this ends the run.
    #[error("{0}")]
    Unparsed(String),
}
