//! Filters, tests and lookups that are written in Python: found beside playbooks, in roles and in collections, and carried out by
//! the installed ansible-core, in processes of its Python that live as long as the run.

mod process;
mod wire;

use std::{
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, OnceLock, PoisonError},
};

use slipway_language::{PluginCall, PluginKind, Plugins, TemplateError, Value};

use self::process::Process;
use crate::{
    foreign::{Collections, Core, HOW_TO_INSTALL, split_name},
    settings::Settings,
};

/// Plugins written in Python.
#[derive(Debug)]
pub struct PythonPlugins {
    /// Folders that have folders of plugins: the playbook's, those of roles.
    folders: Mutex<Vec<PathBuf>>,
    /// Folders of filters, of tests and of lookups that settings name.
    far: [Vec<PathBuf>; 3],
    /// Where collections are looked for, without those beside a playbook and those that are installed with Ansible.
    collections_path: Vec<PathBuf>,
    /// Whether those that are installed with Ansible count.
    scan_packages: bool,
    core: OnceLock<Option<Core>>,
    /// Processes without a call. A call that needs another plugin for a variable takes a second process.
    idle: Mutex<Vec<Process>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl PythonPlugins {
    /// No folders yet but those of the settings.
    pub fn new(settings: &Settings) -> Self {
        Self {
            folders: Mutex::default(),
            far: [
                settings.filter_plugins.clone(),
                settings.test_plugins.clone(),
                settings.lookup_plugins.clone(),
            ],
            collections_path: settings.collections_path.clone(),
            scan_packages: settings.collections_scan_sys_path,
            core: OnceLock::new(),
            idle: Mutex::default(),
        }
    }

    fn core(&self) -> Option<&Core> {
        self.core.get_or_init(Core::find).as_ref()
    }

    /// The folders that collections are in.
    fn collection_roots(&self) -> Vec<PathBuf> {
        let folders = lock(&self.folders);
        let mut roots: Vec<PathBuf> = folders
            .iter()
            .map(|folder| folder.join("collections"))
            .filter(|folder| folder.is_dir())
            .collect();
        roots.extend(self.collections_path.iter().cloned());
        let installed = self.core().filter(|_| self.scan_packages);
        roots.extend(installed.and_then(|core| Some(core.directory.parent()?.to_path_buf())));
        roots
    }

    fn in_collection(&self, kind: PluginKind, name: &str) -> Option<PathBuf> {
        let (namespace, collection, below) = split_name(name)?;
        let roots = Collections::new(self.collection_roots());
        let plugins = roots
            .find(namespace, collection)?
            .join("plugins")
            .join(kind.word());
        let exact = plugins.join(format!("{}.py", below.replace('.', "/")));
        if exact.is_file() {
            return Some(exact);
        }
        let short = below.rsplit('.').next().unwrap_or(below);
        defines(&plugins, short)
    }

    fn start(&self, call: &PluginCall<'_>) -> Result<Process, String> {
        let needs = || {
            let file = self.find(call.kind, call.name);
            let file = file.map_or_else(String::new, |file| format!(" ({})", file.display()));
            format!(
                "the {} {}{file} is written in Python",
                call.kind.word(),
                call.name
            )
        };
        let Some(core) = self.core() else {
            return Err(format!(
                "{} and needs ansible-core on this machine, which is not installed: {HOW_TO_INSTALL}",
                needs()
            ));
        };
        let roots: Vec<String> = self
            .collection_roots()
            .iter()
            .map(|root| root.display().to_string())
            .collect();
        let library = core.directory.parent().unwrap_or(&core.directory);
        Process::start(&core.python(), library, &roots.join(":"))
            .map_err(|error| format!("{}, and its Python does not run: {error}", needs()))
    }
}

impl Plugins for PythonPlugins {
    fn find(&self, kind: PluginKind, name: &str) -> Option<PathBuf> {
        if name.contains('.') {
            return self.in_collection(kind, name);
        }
        let near: Vec<PathBuf> = lock(&self.folders)
            .iter()
            .map(|folder| folder.join(format!("{}_plugins", kind.word())))
            .collect();
        let far = &self.far[match kind {
            PluginKind::Filter => 0,
            PluginKind::Test => 1,
            PluginKind::Lookup => 2,
        }];
        near.iter().chain(far).find_map(|folder| match kind {
            // A lookup is its file; a file has several filters or tests.
            PluginKind::Lookup => Some(folder.join(format!("{name}.py"))).filter(|file| file.is_file()),
            PluginKind::Filter | PluginKind::Test => defines(folder, name),
        })
    }

    fn add_folder(&self, folder: &Path) {
        let mut folders = lock(&self.folders);
        if !folders.iter().any(|known| known == folder) {
            folders.push(folder.to_path_buf());
        }
    }

    fn call(&self, call: &PluginCall<'_>) -> Result<Value, TemplateError> {
        let waiting = lock(&self.idle).pop();
        let mut process = match waiting {
            Some(process) => process,
            None => self.start(call).map_err(TemplateError::new)?,
        };
        let folders: Vec<String> = lock(&self.folders)
            .iter()
            .map(|folder| folder.display().to_string())
            .collect();
        let answer = process.call(call, &folders).map_err(|error| {
            TemplateError::new(format!(
                "the {} {} in Python gave no answer: {error}",
                call.kind.word(),
                call.name
            ))
        })?;
        lock(&self.idle).push(process);
        answer
    }
}

/// The Python file in a folder that has this name in quotation marks or as its own, as plugins declare theirs.
fn defines(folder: &Path, name: &str) -> Option<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .ok()?
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "py"))
        .collect();
    files.sort();
    files.into_iter().find(|file| {
        let text = std::fs::read_to_string(file).unwrap_or_default();
        file.file_stem().is_some_and(|stem| stem == name)
            || text.contains(&format!("'{name}'"))
            || text.contains(&format!("\"{name}\""))
            // `dict(name=function)`
            || text.contains(&format!("{name}="))
    })
}
