//! `group_vars` and `host_vars`, and the stack of a host's variables.

use std::{
    collections::HashMap,
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use slipway_language::{Layer, VaultSecrets};

use super::{Inventory, InventoryError, Vars, yaml};

/// The variables files beside the inventory sources and beside the playbook, and what they and the inventory give each
/// host: levels 3 to 11 of Ansible's order.
#[derive(Debug, Clone, Default)]
pub struct HostVariables {
    directories: Vec<VarsDirectory>,
}

/// The variables of a host as layers, lowest precedence first. Layers are shared between hosts.
pub type Layers = Vec<Arc<dyn Layer>>;

impl HostVariables {
    /// Reads the variables files beside the inventory sources and beside the playbook.
    pub fn load(
        inventory: &Inventory,
        playbook_directory: &Path,
        vault: &VaultSecrets,
    ) -> Result<Self, InventoryError> {
        let mut folders: Vec<PathBuf> = Vec::new();
        for source in &inventory.sources {
            let path = Path::new(source);
            let directory = if path.is_dir() {
                path.to_path_buf()
            } else {
                match path.parent() {
                    Some(parent) if path.exists() => parent.to_path_buf(),
                    _ => continue,
                }
            };
            if !folders.contains(&directory) {
                folders.push(directory);
            }
        }
        folders.push(playbook_directory.to_path_buf());
        let directories = folders
            .iter()
            .map(|directory| VarsDirectory::read(directory, vault))
            .collect::<Result<_, _>>()?;
        Ok(Self { directories })
    }

    /// The layers of every host of an inventory.
    pub fn of_all(&self, inventory: &Inventory) -> HashMap<Arc<str>, Layers> {
        let shared = shared_vars(inventory);
        let mut groups = inventory.groups_of_all();
        inventory
            .hosts
            .iter()
            .map(|(name, host)| {
                let made_up = inventory.implicit_localhost && super::pattern::is_local_name(name);
                let mut groups = groups.remove(name).filter(|_| !made_up).unwrap_or_default();
                inventory.sort_by_precedence(&mut groups);
                (Arc::clone(name), self.stack(name, &groups, &host.vars, &shared))
            })
            .collect()
    }

    /// The layers of a host that no inventory names: what is for all hosts is for it too.
    pub fn of_stranger(&self, inventory: &Inventory, name: &str, vars: &Vars) -> Layers {
        self.stack(name, &[], vars, &shared_vars(inventory))
    }

    fn stack(
        &self,
        name: &str,
        groups: &[Arc<str>],
        own: &Vars,
        shared: &HashMap<Arc<str>, Arc<Vars>>,
    ) -> Layers {
        let all = [Arc::from("all")];
        let mut layers: Layers = Vec::new();
        for group in all.iter().chain(groups) {
            layers.extend(shared.get(group).map(|vars| Arc::clone(vars) as Arc<dyn Layer>));
        }
        for names in [&all[..], groups] {
            for directory in &self.directories {
                for group in names {
                    push_all(&mut layers, directory.groups.get(group.as_ref()));
                }
            }
        }
        if !own.is_empty() {
            layers.push(Arc::new(own.clone()));
        }
        for directory in &self.directories {
            push_all(&mut layers, directory.hosts.get(name));
        }
        layers
    }
}

/// The variables that groups have in the inventory itself.
fn shared_vars(inventory: &Inventory) -> HashMap<Arc<str>, Arc<Vars>> {
    inventory
        .groups
        .iter()
        .filter(|(_, group)| !group.vars.is_empty())
        .map(|(name, group)| (Arc::clone(name), Arc::new(group.vars.clone())))
        .collect()
}

fn push_all(layers: &mut Layers, files: Option<&Vec<Arc<Vars>>>) {
    for vars in files.into_iter().flatten() {
        layers.push(Arc::clone(vars) as Arc<dyn Layer>);
    }
}

#[derive(Debug, Clone, Default)]
struct VarsDirectory {
    groups: HashMap<String, Vec<Arc<Vars>>>,
    hosts: HashMap<String, Vec<Arc<Vars>>>,
}

impl VarsDirectory {
    fn read(directory: &Path, vault: &VaultSecrets) -> Result<Self, InventoryError> {
        Ok(Self {
            groups: read_by_name(&directory.join("group_vars"), vault)?,
            hosts: read_by_name(&directory.join("host_vars"), vault)?,
        })
    }
}

/// Files by the name that they are for: `web`, `web.yml`, or every file below `web/`.
fn read_by_name(
    directory: &Path,
    vault: &VaultSecrets,
) -> Result<HashMap<String, Vec<Arc<Vars>>>, InventoryError> {
    let mut by_name: HashMap<String, Vec<Arc<Vars>>> = HashMap::new();
    if !directory.is_dir() {
        return Ok(by_name);
    }
    for path in sorted_entries(directory)? {
        let Some(name) = path.file_name().and_then(|name| name.to_str()).map(str::to_owned) else {
            continue;
        };
        let mut files = Vec::new();
        let key = if path.is_dir() {
            collect_files(&path, &mut files)?;
            name
        } else {
            let Some(key) = variables_name(&name) else {
                continue;
            };
            files.push(path);
            key.to_owned()
        };
        for file in files {
            let vars = read_vars_file(&file, vault)?;
            by_name.entry(key.clone()).or_default().push(Arc::new(vars));
        }
    }
    Ok(by_name)
}

fn collect_files(directory: &Path, files: &mut Vec<PathBuf>) -> Result<(), InventoryError> {
    for path in sorted_entries(directory)? {
        if path.is_dir() {
            collect_files(&path, files)?;
        } else if path
            .file_name()
            .and_then(|name| name.to_str())
            .and_then(variables_name)
            .is_some()
        {
            files.push(path);
        }
    }
    Ok(())
}

/// The name without an extension that a variables file may have; `None` for files of another kind.
fn variables_name(file: &str) -> Option<&str> {
    if file.starts_with('.') || file.ends_with('~') {
        return None;
    }
    match file.rsplit_once('.') {
        None => Some(file),
        Some((stem, "yml" | "yaml" | "json")) => Some(stem),
        Some(_) => None,
    }
}

fn sorted_entries(directory: &Path) -> Result<Vec<PathBuf>, InventoryError> {
    let read = |source| InventoryError::Read {
        path: directory.to_path_buf(),
        source,
    };
    let mut paths = std::fs::read_dir(directory)
        .map_err(read)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<Vec<PathBuf>, _>>()
        .map_err(read)?;
    paths.sort();
    Ok(paths)
}

/// The text of a file, decrypted if ansible-vault encrypted it.
pub(super) fn read_text(path: &Path, vault: &VaultSecrets) -> Result<String, InventoryError> {
    let read = |source| InventoryError::Read {
        path: path.to_path_buf(),
        source,
    };
    let content = std::fs::read(path).map_err(read)?;
    let content = vault
        .reveal(&content)
        .map_err(|error| read(io::Error::other(error)))?;
    match std::str::from_utf8(&content) {
        Ok(text) => Ok(text.to_owned()),
        Err(error) => Err(read(io::Error::other(error))),
    }
}

/// The variables in a YAML or JSON file, which may be encrypted.
pub fn read_vars_file(path: &Path, vault: &VaultSecrets) -> Result<Vars, InventoryError> {
    let text = read_text(path, vault)?;
    let file = path.display().to_string();
    let document = slipway_language::yaml::parse(&text, &file)
        .map_err(|error| InventoryError::Yaml(error.to_string()))?;
    match document.root {
        None => Ok(Vars::new()),
        Some(root) => yaml::variables(&root, &format!("the variables file {file}")),
    }
}
