//! Where plugins are: in folders beside playbooks and in roles, in those that settings name, and in collections.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, OnceLock, PoisonError},
};

use crate::{
    foreign::{Collections, Core, split_name},
    settings::Settings,
};

/// The folders of all kinds of plugins. A kind is named by the word that its folders begin with.
#[derive(Debug)]
pub struct Folders {
    /// Folders that have folders of plugins: the playbook's, those of roles.
    near: Mutex<Vec<PathBuf>>,
    /// Folders that settings name, by kind.
    far: HashMap<&'static str, Vec<PathBuf>>,
    /// Where collections are looked for, without those beside a playbook and those that are installed with Ansible.
    collections_path: Vec<PathBuf>,
    /// Whether those that are installed with Ansible count.
    scan_packages: bool,
    core: OnceLock<Option<Core>>,
    /// Files that were looked for, by kind and name: forgotten when there are more folders.
    found: Mutex<HashMap<(&'static str, String), Option<PathBuf>>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Folders {
    /// No folders yet but those of the settings.
    pub fn new(settings: &Settings) -> Self {
        Self {
            near: Mutex::default(),
            far: HashMap::from([
                ("callback", settings.callback_plugins.clone()),
                ("connection", settings.connection_plugins.clone()),
                ("filter", settings.filter_plugins.clone()),
                ("test", settings.test_plugins.clone()),
                ("lookup", settings.lookup_plugins.clone()),
            ]),
            collections_path: settings.collections_path.clone(),
            scan_packages: settings.collections_scan_sys_path,
            core: OnceLock::new(),
            found: Mutex::default(),
        }
    }

    /// Plugins of this folder can be used from now on.
    pub fn add(&self, folder: &Path) {
        let mut near = lock(&self.near);
        if !near.iter().any(|known| known == folder) {
            near.push(folder.to_path_buf());
            lock(&self.found).clear();
        }
    }

    /// The folders that have folders of plugins.
    pub fn near(&self) -> Vec<String> {
        let near = lock(&self.near);
        near.iter().map(|folder| folder.display().to_string()).collect()
    }

    /// The installed ansible-core.
    pub fn core(&self) -> Option<&Core> {
        self.core.get_or_init(Core::find).as_ref()
    }

    /// The folders that collections are in.
    pub fn collection_roots(&self) -> Vec<PathBuf> {
        let near = lock(&self.near);
        let mut roots: Vec<PathBuf> = near
            .iter()
            .map(|folder| folder.join("collections"))
            .filter(|folder| folder.is_dir())
            .collect();
        roots.extend(self.collections_path.iter().cloned());
        let installed = self.core().filter(|_| self.scan_packages);
        roots.extend(installed.and_then(|core| Some(core.directory.parent()?.to_path_buf())));
        roots
    }

    /// The file that is a plugin, where a file is one.
    pub fn file(&self, kind: &'static str, name: &str) -> Option<PathBuf> {
        let key = (kind, name.to_owned());
        if let Some(found) = lock(&self.found).get(&key) {
            return found.clone();
        }
        let found = if name.contains('.') {
            self.in_collection(kind, name)
                .map(|(plugins, below)| plugins.join(format!("{}.py", below.replace('.', "/"))))
                .filter(|file| file.is_file())
        } else {
            self.all(kind)
                .into_iter()
                .map(|folder| folder.join(format!("{name}.py")))
                .find(|file| file.is_file())
        };
        lock(&self.found).insert(key, found.clone());
        found
    }

    /// All files that may be plugins of a kind, but those of collections.
    pub fn files(&self, kind: &str) -> Vec<PathBuf> {
        let files = self
            .all(kind)
            .into_iter()
            .flat_map(|folder| python_files(&folder));
        files.filter(|file| !file.ends_with("__init__.py")).collect()
    }

    /// The file that defines a plugin, where a file has several.
    pub fn defining(&self, kind: &'static str, name: &str) -> Option<PathBuf> {
        if !name.contains('.') {
            return self.all(kind).iter().find_map(|folder| defines(folder, name));
        }
        self.file(kind, name).or_else(|| {
            let (plugins, below) = self.in_collection(kind, name)?;
            let short = below.rsplit('.').next().unwrap_or(below);
            defines(&plugins, short)
        })
    }

    /// Those of the names that a file in the folders of a kind has as plugins declare theirs; that it has it is not sure.
    pub fn mentioned(&self, kind: &str, names: &[String]) -> Vec<String> {
        let texts: Vec<String> = self
            .files(kind)
            .iter()
            .map(|file| std::fs::read_to_string(file).unwrap_or_default())
            .collect();
        names
            .iter()
            .filter(|name| !name.contains('.') && texts.iter().any(|text| declares(text, name)))
            .cloned()
            .collect()
    }

    /// All folders of a kind but those of collections.
    fn all(&self, kind: &str) -> Vec<PathBuf> {
        let near = lock(&self.near);
        let near = near.iter().map(|folder| folder.join(format!("{kind}_plugins")));
        near.chain(self.far.get(kind).into_iter().flatten().cloned())
            .collect()
    }

    /// The folder of a collection's plugins, and the rest of a fully qualified name.
    fn in_collection<'name>(&self, kind: &str, name: &'name str) -> Option<(PathBuf, &'name str)> {
        let (namespace, collection, below) = split_name(name)?;
        let roots = Collections::new(self.collection_roots());
        let plugins = roots.find(namespace, collection)?.join("plugins").join(kind);
        Some((plugins, below))
    }
}

/// The Python file in a folder that has this name as plugins declare theirs, or as its own.
fn defines(folder: &Path, name: &str) -> Option<PathBuf> {
    python_files(folder).into_iter().find(|file| {
        let text = std::fs::read_to_string(file).unwrap_or_default();
        file.file_stem().is_some_and(|stem| stem == name) || declares(&text, name)
    })
}

/// Whether a text has a name in quotation marks, or before a sign of equality: `dict(name=function)`.
fn declares(text: &str, name: &str) -> bool {
    [format!("'{name}'"), format!("\"{name}\""), format!("{name}=")]
        .iter()
        .any(|form| text.contains(form))
}

fn python_files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "py"))
        .collect();
    files.sort();
    files
}
