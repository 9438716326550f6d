//! `group_vars` and `host_vars`, and the stack of a host's variables.

use std::{
    collections::HashMap,
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use slipway_language::{Layer, Node, VaultSecrets};

use super::{
    Inventory, InventoryError, Vars,
    python::{Given, Stage, given},
    unreadable::Unreadable,
    yaml,
};
use crate::settings::Settings;

/// The variables of a host as layers, lowest precedence first. Layers are shared between hosts.
pub type Layers = Vec<Arc<dyn Layer>>;

/// The variables of a host as far as they could be read.
#[derive(Debug, Default)]
pub struct Stack {
    /// Its layers.
    pub layers: Layers,
    /// Why one of its files could not be read: whoever looks at the layers is told, too.
    pub unreadable: Option<Arc<str>>,
}

impl Stack {
    /// The layers, if all could be read.
    fn complete(self) -> Result<Layers, InventoryError> {
        match self.unreadable {
            Some(why) => Err(InventoryError::Variables(why)),
            None => Ok(self.layers),
        }
    }
}

/// The variables files beside the inventory sources and beside the playbook, and what they and the inventory give each
/// host: levels 3 to 11 of Ansible's order.
///
/// A file is read when somebody is there whom it is for: others may be encrypted with a password that nobody here has.
#[derive(Debug, Clone, Default)]
pub struct HostVariables {
    /// In the order of the sources, the playbook's last.
    directories: Arc<[VarsDirectory]>,
    /// What has been read already, or why it could not be.
    read: Arc<Mutex<HashMap<PathBuf, Read>>>,
    vault: VaultSecrets,
}

/// What a file holds, or why it cannot be read.
type Read = Result<Arc<Vars>, Arc<str>>;

/// The variables of groups in the inventory itself, shared by their hosts.
type GroupVars = HashMap<Arc<str>, Arc<Vars>>;

impl HostVariables {
    /// Finds the variables files beside the inventory sources and beside the playbook, and what plugins in Python have there.
    ///
    /// # Errors
    /// A directory that cannot be read, a plugin that fails.
    pub fn load(
        inventory: &Inventory,
        playbook_directory: &Path,
        vault: &VaultSecrets,
        settings: &Settings,
        stage: Stage,
    ) -> Result<Self, InventoryError> {
        let mut folders: Vec<PathBuf> = Vec::new();
        for source in &inventory.sources {
            let path = Path::new(source);
            let folder = if path.is_dir() {
                path.to_path_buf()
            } else {
                match path.parent() {
                    Some(parent) if path.exists() || !source.contains(',') => parent.to_path_buf(),
                    _ => continue,
                }
            };
            if !folders.contains(&folder) {
                folders.push(folder);
            }
        }
        folders.push(playbook_directory.to_path_buf());
        let given = given(inventory, &folders, stage, settings, playbook_directory, vault)?;
        Ok(Self {
            directories: folders
                .iter()
                .zip(given)
                .map(|(folder, given)| VarsDirectory::list(folder, given))
                .collect::<Result<_, _>>()?,
            read: Arc::default(),
            vault: vault.clone(),
        })
    }

    /// The variables of every host of an inventory. A file that cannot be read is a matter of those whom it is for.
    pub fn of_all(&self, inventory: &Inventory) -> HashMap<Arc<str>, Stack> {
        let group_vars = all_group_vars(inventory);
        let mut groups = inventory.groups_of_all();
        inventory
            .hosts
            .iter()
            .map(|(name, host)| {
                let mut groups = groups.remove(name).unwrap_or_default();
                inventory.sort_by_precedence(&mut groups);
                let stack = self.stack(name, &groups, &host.vars, &group_vars);
                (Arc::clone(name), stack)
            })
            .collect()
    }

    /// The variables of a host that no inventory names: what is for all hosts is for it too.
    pub fn of_stranger(&self, inventory: &Inventory, name: &str, vars: &Vars) -> Stack {
        self.stack(name, &[], vars, &all_group_vars(inventory))
    }

    /// The layers of one host.
    ///
    /// # Errors
    /// A variables file that cannot be read.
    pub fn of_host(&self, inventory: &Inventory, name: &str) -> Result<Layers, InventoryError> {
        let mut groups = inventory.groups_of(name);
        inventory.sort_by_precedence(&mut groups);
        let vars = inventory.hosts.get(name).map(|host| host.vars.clone());
        let vars = vars.unwrap_or_default();
        self.stack(name, &groups, &vars, &all_group_vars(inventory))
            .complete()
    }

    /// The layers of one host while there are sources to come: it is in `all` only where a source has said so.
    ///
    /// # Errors
    /// A variables file that cannot be read.
    pub fn of_host_so_far(&self, inventory: &Inventory, name: &str) -> Result<Layers, InventoryError> {
        let mut groups = inventory.groups_of(name);
        inventory.sort_by_precedence(&mut groups);
        groups.insert(0, Arc::from("all"));
        let mut stack = Stack::default();
        push_inventory(&mut stack, &groups, &all_group_vars(inventory));
        let of_all = inventory.hosts_of("all").contains(name);
        self.push_files(&mut stack, &groups[usize::from(!of_all)..]);
        if let Some(host) = inventory.hosts.get(name) {
            self.push_host(&mut stack, name, &host.vars);
        }
        stack.complete()
    }

    /// What is written for a group itself.
    ///
    /// # Errors
    /// A variables file that cannot be read.
    pub fn of_group(&self, inventory: &Inventory, name: &str) -> Result<Layers, InventoryError> {
        let mut stack = Stack::default();
        let group = [Arc::from(name)];
        push_inventory(&mut stack, &group, &all_group_vars(inventory));
        self.push_files(&mut stack, &group);
        stack.complete()
    }

    /// What is written for a host itself.
    ///
    /// # Errors
    /// A variables file that cannot be read.
    pub fn of_host_alone(&self, inventory: &Inventory, name: &str) -> Result<Layers, InventoryError> {
        let mut stack = Stack::default();
        let vars = inventory.hosts.get(name).map(|host| host.vars.clone());
        self.push_host(&mut stack, name, &vars.unwrap_or_default());
        stack.complete()
    }

    fn stack(&self, name: &str, groups: &[Arc<str>], own: &Vars, group_vars: &GroupVars) -> Stack {
        let mut stack = Stack::default();
        let all = [Arc::from("all")];
        for names in [&all[..], groups] {
            push_inventory(&mut stack, names, group_vars);
        }
        for names in [&all[..], groups] {
            self.push_files(&mut stack, names);
        }
        self.push_host(&mut stack, name, own);
        stack
    }

    fn push_files(&self, stack: &mut Stack, groups: &[Arc<str>]) {
        for directory in self.directories.iter() {
            for group in groups {
                self.push(stack, directory.groups.get(group.as_ref()));
                push_given(stack, directory.given.groups.get(group.as_ref()));
            }
        }
    }

    fn push_host(&self, stack: &mut Stack, name: &str, own: &Vars) {
        if !own.is_empty() {
            stack.layers.push(Arc::new(own.clone()));
        }
        for directory in self.directories.iter() {
            self.push(stack, directory.hosts.get(name));
            push_given(stack, directory.given.hosts.get(name));
        }
    }

    fn push(&self, stack: &mut Stack, paths: Option<&Vec<PathBuf>>) {
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        for path in paths.into_iter().flatten() {
            let vars = read.entry(path.clone()).or_insert_with(|| {
                let vars = read_vars_file(path, &self.vault);
                vars.map(Arc::new).map_err(|error| Arc::from(error.to_string()))
            });
            match vars {
                Ok(vars) => stack.layers.push(Arc::clone(vars) as Arc<dyn Layer>),
                Err(why) => {
                    stack.unreadable.get_or_insert_with(|| Arc::clone(why));
                    stack.layers.push(Arc::new(Unreadable(Arc::clone(why))));
                }
            }
        }
    }
}

fn push_given(stack: &mut Stack, vars: Option<&Arc<Vars>>) {
    stack
        .layers
        .extend(vars.map(|vars| Arc::clone(vars) as Arc<dyn Layer>));
}

fn push_inventory(stack: &mut Stack, groups: &[Arc<str>], group_vars: &GroupVars) {
    let vars = groups.iter().filter_map(|group| group_vars.get(group));
    stack
        .layers
        .extend(vars.map(|vars| Arc::clone(vars) as Arc<dyn Layer>));
}

fn all_group_vars(inventory: &Inventory) -> GroupVars {
    let groups = inventory.groups.iter();
    groups
        .filter(|(_, group)| !group.vars.is_empty())
        .map(|(name, group)| (Arc::clone(name), Arc::new(group.vars.clone())))
        .collect()
}

/// Paths of variables files by the name that they are for.
#[derive(Debug, Default)]
struct VarsDirectory {
    groups: HashMap<String, Vec<PathBuf>>,
    hosts: HashMap<String, Vec<PathBuf>>,
    /// What plugins in Python have there.
    given: Given,
}

impl VarsDirectory {
    fn list(directory: &Path, given: Given) -> Result<Self, InventoryError> {
        Ok(Self {
            groups: list_by_name(&directory.join("group_vars"))?,
            hosts: list_by_name(&directory.join("host_vars"))?,
            given,
        })
    }
}

/// Files by the name that they are for: `web`, `web.yml`, or every file below `web/`.
fn list_by_name(directory: &Path) -> Result<HashMap<String, Vec<PathBuf>>, InventoryError> {
    let mut by_name: HashMap<String, Vec<PathBuf>> = HashMap::new();
    if !directory.is_dir() {
        return Ok(by_name);
    }
    for path in sorted_entries(directory)? {
        let Some(name) = path.file_name().and_then(|name| name.to_str()).map(str::to_owned) else {
            continue;
        };
        if path.is_dir() {
            collect_files(&path, by_name.entry(name).or_default())?;
        } else if let Some(key) = variables_name(&name) {
            by_name.entry(key.to_owned()).or_default().push(path);
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
    match read_document(path, vault)? {
        None => Ok(Vars::new()),
        Some(root) => variables_of(&root, path),
    }
}

/// The variables in a file of a play's `vars_files`: there a list of mappings stands for all of them, the later winning.
pub fn read_play_vars_file(path: &Path, vault: &VaultSecrets) -> Result<Vars, InventoryError> {
    let mut vars = Vars::new();
    for part in read_document(path, vault)?
        .iter()
        .flat_map(|root| match root.as_list() {
            Some(parts) => parts,
            None => std::slice::from_ref(root),
        })
    {
        vars.extend(variables_of(part, path)?);
    }
    Ok(vars)
}

fn read_document(path: &Path, vault: &VaultSecrets) -> Result<Option<Node>, InventoryError> {
    let text = read_text(path, vault)?;
    let document = slipway_language::yaml::parse(&text, &path.display().to_string())
        .map_err(|error| InventoryError::Yaml(error.to_string()))?;
    Ok(document.root)
}

fn variables_of(node: &Node, path: &Path) -> Result<Vars, InventoryError> {
    yaml::variables(node, &format!("the variables file {}", path.display()))
}
