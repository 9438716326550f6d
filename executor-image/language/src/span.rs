//! Where a piece of YAML stands in its file.

use std::fmt;
use std::sync::Arc;

/// A place in a source file. Lines and columns count from 1, as editors do.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Span {
    /// The file as it was named by the caller.
    pub file: Arc<str>,
    /// The line, from 1.
    pub line: u32,
    /// The column in characters, from 1.
    pub column: u32,
}

impl Span {
    /// A place in `file`.
    pub fn new(file: impl Into<Arc<str>>, line: u32, column: u32) -> Self {
        Self {
            file: file.into(),
            line,
            column,
        }
    }

    /// The beginning of `file`; for text that stands in no YAML file (a command line, a test), `file` says where it is from.
    pub fn start_of(file: impl Into<Arc<str>>) -> Self {
        Self::new(file, 1, 1)
    }
}

impl fmt::Display for Span {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}:{}", self.file, self.line, self.column)
    }
}

impl fmt::Debug for Span {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}
