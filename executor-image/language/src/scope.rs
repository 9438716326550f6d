//! Variables in layers of precedence, looked up one name at a time; nothing is merged or copied.

use std::fmt::Debug;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use indexmap::IndexMap;
use minijinja::Value;

use crate::node::Node;
use crate::template::{Templar, TemplateError};

/// A variable as it is stored.
#[derive(Clone, Debug)]
pub enum Variable {
    /// Trusted YAML: rendered anew at each access.
    Template(Node),
    /// Data (facts, results, `set_fact`): used as it is, never templated again.
    Data(Value),
}

/// One source of variables: role defaults, host variables, facts, …
pub trait Layer: Send + Sync + Debug {
    /// The variable of this name, if the layer has it.
    fn get(&self, name: &str) -> Option<Variable>;
    /// All names the layer has.
    fn names(&self) -> Vec<Arc<str>>;
}

impl Layer for IndexMap<Arc<str>, Variable> {
    fn get(&self, name: &str) -> Option<Variable> {
        Self::get(self, name).cloned()
    }

    fn names(&self) -> Vec<Arc<str>> {
        self.keys().cloned().collect()
    }
}

/// Which of a role's or playbook's folders a file is looked for in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// `files/`
    Files,
    /// `templates/`
    Templates,
    /// `vars/`
    Vars,
}

impl FileKind {
    /// The name of the folder.
    pub fn folder(self) -> &'static str {
        match self {
            Self::Files => "files",
            Self::Templates => "templates",
            Self::Vars => "vars",
        }
    }
}

/// The only input and output of the language: what lookups and file tests read on the machine that runs the playbook.
pub trait LookupHost: Send + Sync + Debug {
    /// The file that a playbook means by `name`, searched as Ansible searches it.
    fn find_file(&self, name: &str, kind: FileKind) -> Option<PathBuf>;
    /// The content of a file.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;
    /// A variable of the process' environment.
    fn environment(&self, name: &str) -> Option<String>;
    /// The files that match a shell pattern; a relative pattern is tried in the search path. Sorted.
    fn glob(&self, pattern: &str) -> Vec<PathBuf>;
    /// The folders that [`find_file`](Self::find_file) tries, for messages.
    fn search_path(&self) -> Vec<PathBuf>;
    /// What stands at a path, for the tests `exists`, `file`, `directory` and `link`; links are not followed.
    fn path_type(&self, path: &Path) -> Option<PathType> {
        let found = std::fs::symlink_metadata(path).ok()?.file_type();
        Some(match found {
            _ if found.is_symlink() => PathType::Link,
            _ if found.is_dir() => PathType::Directory,
            _ if found.is_file() => PathType::File,
            _ => PathType::Other,
        })
    }
}

/// What stands at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathType {
    /// An ordinary file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Link,
    /// A device, socket or pipe.
    Other,
}

/// All variables that a template may see. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Scope {
    /// Highest precedence last.
    layers: Arc<[Arc<dyn Layer>]>,
    host: Arc<dyn LookupHost>,
}

impl Scope {
    /// A scope of layers, lowest precedence first.
    pub fn new(layers: Vec<Arc<dyn Layer>>, host: Arc<dyn LookupHost>) -> Self {
        Self {
            layers: layers.into(),
            host,
        }
    }

    /// This scope with one more layer on top.
    #[must_use]
    pub fn with(&self, layer: Arc<dyn Layer>) -> Self {
        let layers = self.layers.iter().cloned().chain([layer]).collect();
        Self {
            layers,
            host: Arc::clone(&self.host),
        }
    }

    /// The variable as it is stored.
    pub fn variable(&self, name: &str) -> Option<Variable> {
        self.layers.iter().rev().find_map(|layer| layer.get(name))
    }

    /// The variable's value, rendered; nothing if no layer has it.
    pub fn get(&self, templar: &Templar, name: &str) -> Result<Option<Value>, TemplateError> {
        match self.variable(name) {
            Some(Variable::Data(value)) => Ok(Some(value)),
            Some(Variable::Template(node)) => templar.render(&node, self).map(Some),
            None => Ok(None),
        }
    }

    /// All names that have a value, sorted, each once.
    pub fn names(&self) -> Vec<Arc<str>> {
        let mut names: Vec<Arc<str>> = self.layers.iter().flat_map(|layer| layer.names()).collect();
        names.sort();
        names.dedup();
        names
    }

    /// Where lookups read.
    pub fn host(&self) -> &Arc<dyn LookupHost> {
        &self.host
    }
}
