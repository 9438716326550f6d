//! Variables in layers of precedence, looked up one name at a time; nothing is merged or copied.

use std::fmt::{self, Debug};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use indexmap::{IndexMap, IndexSet};
use minijinja::Value;
use slipway_vault::VaultSecrets;

use crate::node::Node;
use crate::template::{Templar, TemplateError, expose_distant, finalize_complete};

/// A variable as it is stored.
#[derive(Clone, Debug, PartialEq)]
pub enum Variable {
    /// Trusted YAML: rendered anew at each access.
    Template(Node),
    /// Data that the playbook decides: used as it is, never templated again.
    Data(Value),
    /// Data that a host, or a program that it asks, decides: used as it is, and never taken for an expression either.
    Answer(Value),
    /// Variables of others, seen through one: who looks at them is told of each whether the playbook decides it.
    View(Arc<dyn View>),
}

/// A variable that leads to others.
pub trait View: Send + Sync + Debug {
    /// Its value for what this templar renders.
    fn value(&self, templar: &Templar) -> Value;
}

impl Variable {
    /// Data, decided by the playbook alone or not.
    pub fn data(value: Value, trusted: bool) -> Self {
        if trusted {
            Self::Data(value)
        } else {
            Self::Answer(value)
        }
    }

    /// The value of what is no template.
    pub fn value(&self, templar: &Templar) -> Option<Value> {
        match self {
            Self::Template(_) => None,
            Self::Data(value) | Self::Answer(value) => Some(value.clone()),
            Self::View(view) => Some(view.value(templar)),
        }
    }

    /// Whether others than the playbook decide it, as far as it can be told without looking into it.
    pub fn is_untrusted(&self) -> bool {
        match self {
            Self::Template(node) => node.is_unsafe(),
            Self::Data(_) | Self::View(_) => false,
            Self::Answer(_) => true,
        }
    }
}

/// Two views are the same one or different.
impl PartialEq for dyn View {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::addr_eq(self, other)
    }
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
    /// What the language now looks at by itself may be different the next time: the clock, what stands at a path.
    fn looks_outside(&self) {}
    /// The file that a playbook means by `name`, searched as Ansible searches it.
    fn find_file(&self, name: &str, kind: FileKind) -> Option<PathBuf> {
        let _ = (name, kind);
        None
    }
    /// The same, which also finds what is in this folder, or in a folder of templates there: for what a template file names. Nothing if
    /// files are looked for in no folders.
    fn beside(&self, folder: &Path) -> Option<Arc<dyn LookupHost>> {
        let _ = folder;
        None
    }
    /// The content of a file, as it is.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let _ = path;
        Err(io::ErrorKind::NotFound.into())
    }
    /// The passwords for what ansible-vault encrypted.
    fn vault(&self) -> VaultSecrets {
        VaultSecrets::new()
    }
    /// The content of a file, decrypted if ansible-vault encrypted it.
    fn read_decrypted(&self, path: &Path) -> io::Result<Vec<u8>> {
        let content = self.read(path)?;
        if !slipway_vault::is_encrypted(&content) {
            return Ok(content);
        }
        let decrypted = self.vault().decrypt(&content).map_err(io::Error::other)?;
        Ok(decrypted.to_vec())
    }
    /// A variable of the process' environment.
    fn environment(&self, name: &str) -> Option<String> {
        let _ = name;
        None
    }
    /// The files that match a shell pattern; a relative pattern is tried in the search path. Sorted.
    fn glob(&self, pattern: &str) -> Vec<PathBuf> {
        let _ = pattern;
        Vec::new()
    }
    /// The folders that [`find_file`](Self::find_file) tries, for messages.
    fn search_path(&self) -> Vec<PathBuf> {
        Vec::new()
    }
    /// The playbook's folder, which other relative names are taken from.
    fn directory(&self) -> PathBuf {
        self.search_path().pop().unwrap_or_default()
    }
    /// Runs a command of the shell, for the lookups `pipe` and `lines`.
    fn run(&self, command: &str) -> io::Result<CommandOutput> {
        let _ = command;
        Err(io::ErrorKind::Unsupported.into())
    }
    /// Writes a file that only its owner may read, and the folders above it; for the lookup `password`.
    fn write_private(&self, path: &Path, content: &[u8]) -> io::Result<()> {
        let _ = (path, content);
        Err(io::ErrorKind::Unsupported.into())
    }
    /// The content of an address, for the lookup `url`.
    fn fetch(&self, request: &UrlRequest) -> Result<Vec<u8>, String> {
        let _ = request;
        Err("addresses cannot be read here".into())
    }
    /// The hosts of the inventory that patterns select, for the lookup `inventory_hostnames`.
    fn hosts(&self, patterns: &[String]) -> Result<Vec<String>, String> {
        let _ = patterns;
        Err("there is no inventory here".into())
    }
    /// A setting of Ansible by its name (`DEFAULT_FORKS`), for the lookup `config`.
    fn setting(&self, name: &str) -> Option<Value> {
        let _ = name;
        None
    }
    /// What a template file is told of itself; `name` is what the playbook calls it.
    fn template_variables(&self, name: &str, path: &Path) -> IndexMap<Arc<str>, Variable> {
        let _ = (name, path);
        IndexMap::new()
    }
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

/// What a command left behind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CommandOutput {
    /// The exit code; that of a shell (128 and more) for a signal.
    pub status: i32,
    /// What it printed.
    pub standard_output: Vec<u8>,
    /// What it complained of.
    pub standard_error: Vec<u8>,
}

/// What the lookup `url` asks for. `Debug` shows no password.
#[derive(Clone, PartialEq)]
pub struct UrlRequest {
    /// The address.
    pub url: String,
    /// Further headers.
    pub headers: Vec<(String, String)>,
    /// The user, for basic authentication.
    pub username: Option<String>,
    /// The user's password.
    pub password: Option<String>,
    /// Seconds.
    pub timeout: f64,
    /// Whether the server's certificate must be right.
    pub validate_certs: bool,
}

impl fmt::Debug for UrlRequest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("UrlRequest")
            .field("url", &self.url)
            .finish_non_exhaustive()
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

    /// This scope for what stands in a template file: lookups find what is beside it, too.
    #[must_use]
    pub fn of_file(&self, file: &Path) -> Self {
        let beside = file.parent().and_then(|folder| self.host.beside(folder));
        Self {
            layers: Arc::clone(&self.layers),
            host: beside.unwrap_or_else(|| Arc::clone(&self.host)),
        }
    }

    /// The variable as it is stored.
    pub fn variable(&self, name: &str) -> Option<Variable> {
        self.layers.iter().rev().find_map(|layer| layer.get(name))
    }

    /// The variable's value, rendered; nothing if no layer has it.
    pub fn get(&self, templar: &Templar, name: &str) -> Result<Option<Value>, TemplateError> {
        match self.variable(name) {
            Some(Variable::Template(node)) => templar.render(&node, self).map(Some),
            other => Ok(other.and_then(|variable| templar.value_of(&variable))),
        }
    }

    /// The same with all that is in it rendered, too: for those who know nothing of templates.
    ///
    /// # Errors
    /// When it cannot be rendered.
    pub fn get_complete(&self, templar: &Templar, name: &str) -> Result<Option<Value>, TemplateError> {
        let value = self.get(templar, name)?;
        value
            .map(|value| finalize_complete(&value).map_err(TemplateError::from))
            .transpose()
    }

    /// The variable's value for templates of another scope: what is in it is rendered when it is asked for, and a text that names
    /// something undefined stays as it is written.
    pub fn get_from_afar(&self, templar: &Templar, name: &str) -> Option<Value> {
        match self.variable(name)? {
            Variable::Template(node) => Some(expose_distant(&node, templar, self)),
            other => templar.value_of(&other),
        }
    }

    /// All names that have a value, each once, those of the lowest layer first: the order in which Ansible puts them together.
    pub fn names(&self) -> Vec<Arc<str>> {
        let names: IndexSet<Arc<str>> = self.layers.iter().flat_map(|layer| layer.names()).collect();
        names.into_iter().collect()
    }

    /// Where lookups read.
    pub fn host(&self) -> &Arc<dyn LookupHost> {
        &self.host
    }
}
