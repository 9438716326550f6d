//! The hosts of a run as they are now: those of the inventory, those that tasks add to it, and those that only
//! `delegate_to` names.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use indexmap::IndexMap;
use minijinja::Value;
use slipway_language::VaultSecrets;

use super::{HostState, host::FactKeeping};
use crate::{
    inventory::{Change, HostVariables, Inventory, InventoryError, Stage, Vars, pattern},
    settings::Settings,
};

/// The hosts, and what the inventory says of them.
#[derive(Debug)]
pub(crate) struct Roster(RwLock<Now>);

#[derive(Debug)]
struct Now {
    inventory: Arc<Inventory>,
    /// Whether the inventory has changed since hosts were given their places in it.
    changed: bool,
    /// What tasks have changed, in their order.
    changes: Vec<Change>,
    variables: HostVariables,
    /// The playbook whose variables files count.
    directory: PathBuf,
    hosts: IndexMap<Arc<str>, Arc<HostState>>,
    /// Hosts that no inventory names.
    strangers: HashMap<Arc<str>, Arc<HostState>>,
    /// Hosts some of whose variables files cannot be read, and why.
    unreadable: HashMap<Arc<str>, Arc<str>>,
    /// The magic variable `groups`.
    groups: Value,
    /// Whether the playbook alone decides the names of hosts and groups.
    trusts_names: bool,
    keeping: Arc<FactKeeping>,
}

impl Roster {
    /// The hosts of an inventory.
    pub fn new(inventory: Inventory, keeping: FactKeeping) -> Self {
        let mut now = Now {
            inventory: Arc::new(inventory),
            changed: false,
            changes: Vec::new(),
            variables: HostVariables::default(),
            directory: PathBuf::new(),
            hosts: IndexMap::new(),
            strangers: HashMap::new(),
            unreadable: HashMap::new(),
            groups: Value::UNDEFINED,
            trusts_names: true,
            keeping: Arc::new(keeping),
        };
        now.place_all();
        Self(RwLock::new(now))
    }

    fn read(&self) -> RwLockReadGuard<'_, Now> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Now> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads the variables files for the playbooks of a directory.
    pub fn load_variables(
        &self,
        directory: &Path,
        vault: &VaultSecrets,
        settings: &Settings,
    ) -> Result<(), InventoryError> {
        let mut now = self.write();
        now.variables = HostVariables::load(&now.inventory, directory, vault, settings, Stage::Task)?;
        now.directory = directory.to_path_buf();
        now.place_all();
        Ok(())
    }

    /// Why the variables of a host cannot be read, if some cannot.
    pub fn unreadable(&self, host: &str) -> Option<Arc<str>> {
        self.read().unreadable.get(host).cloned()
    }

    /// The directory of the playbook whose variables files count.
    pub fn directory(&self) -> PathBuf {
        self.read().directory.clone()
    }

    /// The inventory.
    pub fn inventory(&self) -> Arc<Inventory> {
        Arc::clone(&self.read().inventory)
    }

    /// The magic variable `groups`.
    pub fn groups(&self) -> Value {
        self.read().groups.clone()
    }

    /// Whether the playbook alone decides the names of hosts and groups.
    pub fn trusts_names(&self) -> bool {
        self.read().trusts_names
    }

    /// A host has decided the name of another, or of a group.
    pub fn names_are_answers(&self) {
        self.write().trusts_names = false;
    }

    /// The names of the inventory's hosts; a `localhost` that was made up is not among them.
    pub fn names(&self) -> Vec<Arc<str>> {
        let now = self.read();
        now.hosts
            .keys()
            .filter(|name| !now.is_made_up(name))
            .cloned()
            .collect()
    }

    /// Forgets the facts of every host.
    pub fn clear_facts(&self) {
        self.read().hosts.values().for_each(|host| host.clear_facts());
    }

    /// A host of the inventory; a local name stands for this machine even if the inventory does not know it.
    pub fn host(&self, name: &str) -> Option<Arc<HostState>> {
        let known = self.read().hosts.get(name).cloned();
        known.or_else(|| pattern::is_local_name(name).then(|| self.delegate(name)))
    }

    /// The host that `delegate_to` names, known to the inventory or not.
    pub fn delegate(&self, name: &str) -> Arc<HostState> {
        {
            let now = self.read();
            if let Some(host) = now.hosts.get(name).or_else(|| now.strangers.get(name)) {
                return Arc::clone(host);
            }
        }
        let mut now = self.write();
        let name: Arc<str> = Arc::from(name);
        let host = Arc::new(HostState::new(Arc::clone(&name), &now.keeping));
        host.place(Vec::new(), now.layers_of_stranger(&name));
        Arc::clone(now.strangers.entry(name).or_insert(host))
    }

    /// Changes the inventory; hosts see it after [`Self::refresh`]. Whether it changed anything.
    ///
    /// # Errors
    /// A group that would be below itself.
    pub fn change(&self, change: Change) -> Result<bool, String> {
        let mut now = self.write();
        now.changed = true;
        let changed = change.apply(Arc::make_mut(&mut now.inventory))?;
        now.changes.push(change);
        Ok(changed)
    }

    /// Makes what tasks have changed visible. Once for a task on all its hosts: it costs time in proportion to the inventory.
    pub fn refresh(&self) {
        if !self.read().changed {
            return;
        }
        let mut now = self.write();
        now.changed = false;
        Arc::make_mut(&mut now.inventory).reconcile();
        now.place_all();
    }

    /// Puts another inventory in place of this one; what tasks have changed is changed again, and what is known of hosts
    /// that it still has is kept.
    pub fn replace(
        &self,
        mut inventory: Inventory,
        vault: &VaultSecrets,
        settings: &Settings,
    ) -> Result<(), InventoryError> {
        let directory = {
            let mut now = self.write();
            for change in &now.changes {
                change.apply_again(&mut inventory);
            }
            inventory.reconcile();
            now.inventory = Arc::new(inventory);
            now.directory.clone()
        };
        self.load_variables(&directory, vault, settings)
    }
}

impl Now {
    fn is_made_up(&self, name: &str) -> bool {
        self.inventory.is_implicit(name)
    }

    fn layers_of_stranger(&self, name: &str) -> crate::inventory::Layers {
        let mut vars = Vars::new();
        if pattern::is_local_name(name) {
            vars.extend(Inventory::local_vars());
        }
        self.variables.of_stranger(&self.inventory, name, &vars).layers
    }

    /// Gives every host its groups and variables, and makes `groups`.
    fn place_all(&mut self) {
        let mut stacks = self.variables.of_all(&self.inventory);
        self.unreadable.clear();
        let mut groups = self.inventory.groups_of_all();
        let mut hosts = IndexMap::with_capacity(self.inventory.hosts.len());
        for name in self.inventory.hosts.keys() {
            let known = self.hosts.get(name).cloned();
            let host = known
                .or_else(|| self.strangers.remove(name))
                .unwrap_or_else(|| Arc::new(HostState::new(Arc::clone(name), &self.keeping)));
            let groups = groups.remove(name).filter(|_| !self.is_made_up(name));
            let stack = stacks.remove(name).unwrap_or_default();
            self.unreadable
                .extend(stack.unreadable.map(|why| (Arc::clone(name), why)));
            host.place(groups.unwrap_or_default(), stack.layers);
            hosts.insert(Arc::clone(name), host);
        }
        self.hosts = hosts;
        for (name, host) in &self.strangers {
            host.place(Vec::new(), self.layers_of_stranger(name));
        }
        let members = |group: &Arc<str>| -> Value {
            let hosts = self.inventory.hosts_of(group);
            let shown = hosts.iter().filter(|host| !self.is_made_up(host));
            shown.map(|host| Value::from(host.as_ref())).collect()
        };
        self.groups = Value::from_pairs(
            self.inventory
                .groups
                .keys()
                .map(|group| (group.to_string(), members(group))),
        );
    }
}
