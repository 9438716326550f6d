//! Where a task finds its files: the folders of its role and of the roles around it, its own folder, the playbook's.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use indexmap::IndexMap;
use minijinja::Value;
use slipway_language::{CommandOutput, FileKind, LookupHost, UrlRequest, Variable, VaultSecrets, from_json};

use super::{Run, local, template_variables};
use crate::{early::is_too_early, inventory::pattern, playbook::Task};

/// Reads files for one task.
#[derive(Debug, Clone)]
pub struct TaskFiles {
    search: Vec<PathBuf>,
    playbook_directory: PathBuf,
    vault: VaultSecrets,
    /// The run whose inventory lookups may ask; none while playbooks are loaded.
    run: Option<Arc<Run>>,
}

impl TaskFiles {
    /// The files that a task sees; without one, those that a play sees.
    pub fn new(
        task: Option<&Task>,
        playbook_directory: &Path,
        vault: &VaultSecrets,
        run: Option<&Arc<Run>>,
    ) -> Arc<Self> {
        let mut search: Vec<PathBuf> = Vec::new();
        let mut add = |path: PathBuf| {
            if !search.contains(&path) {
                search.push(path);
            }
        };
        if let Some(task) = task {
            if let Some(role) = &task.role {
                add(role.path.clone());
                role.parent_paths.iter().cloned().for_each(&mut add);
            }
            let file = std::path::absolute(task.span.file.as_ref()).unwrap_or_default();
            if let Some(directory) = file.parent() {
                add(directory.to_path_buf());
            }
        }
        add(playbook_directory.to_path_buf());
        Arc::new(Self {
            search,
            playbook_directory: playbook_directory.to_path_buf(),
            vault: vault.clone(),
            run: run.cloned(),
        })
    }

    /// The folders in which files are looked for.
    pub fn search(&self) -> &[PathBuf] {
        &self.search
    }
}

/// What has effects is done once, in the task's turn.
fn in_turn() -> io::Result<()> {
    if is_too_early() {
        return Err(io::ErrorKind::WouldBlock.into());
    }
    Ok(())
}

impl LookupHost for TaskFiles {
    fn looks_outside(&self) {
        // The answer is of no use then.
        is_too_early();
    }

    fn find_file(&self, name: &str, kind: FileKind) -> Option<PathBuf> {
        self.looks_outside();
        if let Some(rest) = name.strip_prefix("~/") {
            return std::env::home_dir()
                .map(|home| home.join(rest))
                .filter(|path| path.exists());
        }
        if Path::new(name).is_absolute() {
            return Some(PathBuf::from(name)).filter(|path| path.exists());
        }
        self.search
            .iter()
            .flat_map(|folder| [folder.join(kind.folder()).join(name), folder.join(name)])
            .find(|path| path.exists())
    }

    fn beside(&self, folder: &Path) -> Option<Arc<dyn LookupHost>> {
        let mut files = self.clone();
        files.search.push(folder.to_path_buf());
        Some(Arc::new(files))
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.looks_outside();
        std::fs::read(path)
    }

    fn vault(&self) -> VaultSecrets {
        self.vault.clone()
    }

    fn run(&self, command: &str) -> io::Result<CommandOutput> {
        in_turn()?;
        local::run(command, &self.playbook_directory)
    }

    fn write_private(&self, path: &Path, content: &[u8]) -> io::Result<()> {
        in_turn()?;
        local::write_private(path, content)
    }

    fn fetch(&self, request: &UrlRequest) -> Result<Vec<u8>, String> {
        in_turn().map_err(|error| error.to_string())?;
        local::fetch(request)
    }

    fn hosts(&self, patterns: &[String]) -> Result<Vec<String>, String> {
        let Some(run) = &self.run else {
            return Err("the inventory is not known while playbooks are loaded".into());
        };
        let selection =
            pattern::select(&run.roster.inventory(), patterns).map_err(|error| error.to_string())?;
        Ok(selection.hosts.iter().map(ToString::to_string).collect())
    }

    fn setting(&self, name: &str) -> Option<Value> {
        let settings = &self.run.as_ref()?.options.settings;
        settings.constant(name).map(from_json)
    }

    fn template_variables(&self, name: &str, path: &Path) -> IndexMap<Arc<str>, Variable> {
        let settings = self.run.as_ref().map(|run| &run.options.settings);
        let managed = settings.map_or("Ansible managed", |settings| &settings.ansible_managed);
        template_variables(name, path, None, managed)
    }

    fn environment(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }

    fn glob(&self, pattern: &str) -> Vec<PathBuf> {
        self.looks_outside();
        let patterns: Vec<PathBuf> = if Path::new(pattern).is_absolute() {
            vec![PathBuf::from(pattern)]
        } else {
            self.search
                .iter()
                .flat_map(|folder| [folder.join("files").join(pattern), folder.join(pattern)])
                .collect()
        };
        for pattern in patterns {
            let Ok(paths) = glob::glob(&pattern.to_string_lossy()) else {
                continue;
            };
            let mut found: Vec<PathBuf> = paths.flatten().collect();
            if !found.is_empty() {
                found.sort();
                return found;
            }
        }
        Vec::new()
    }

    fn directory(&self) -> PathBuf {
        self.playbook_directory.clone()
    }

    fn search_path(&self) -> Vec<PathBuf> {
        let mut search = self.search.clone();
        if !search.contains(&self.playbook_directory) {
            search.push(self.playbook_directory.clone());
        }
        search
    }
}
