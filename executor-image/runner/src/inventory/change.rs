//! What tasks change of an inventory: done at once, and again whenever its sources have been read anew.

use std::sync::Arc;

use slipway_language::Variable;

use super::Inventory;

/// A change.
#[derive(Debug, Clone)]
pub enum Change {
    /// A host, its variables and its groups (`add_host`).
    Host {
        /// Its name.
        name: Arc<str>,
        /// Variables, laid over those that it has.
        vars: Vec<(Arc<str>, Variable)>,
        /// Groups that it joins.
        groups: Vec<String>,
    },
    /// A group that a host joins, below others (`group_by`).
    Group {
        /// The host.
        host: Arc<str>,
        /// The group.
        group: String,
        /// Groups that the group joins.
        parents: Vec<String>,
    },
}

impl Change {
    /// Makes the change. Whether it changed anything.
    ///
    /// # Errors
    /// A group that would be below itself.
    pub fn apply(&self, inventory: &mut Inventory) -> Result<bool, String> {
        match self {
            Self::Host { name, vars, groups } => {
                let mut changed = !inventory.hosts.contains_key(name);
                let host = inventory.host(name);
                for (key, variable) in vars {
                    changed |= host.vars.get(key) != Some(variable);
                    host.vars.insert(Arc::clone(key), variable.clone());
                }
                for group in groups {
                    changed |= join(inventory, group, name);
                }
                Ok(changed)
            }
            Self::Group { host, group, parents } => {
                let mut changed = !inventory.groups.contains_key(group.as_str());
                inventory.group(group);
                for parent in parents {
                    if parent == group || inventory.is_below(group, parent) {
                        return Err(format!("can't add group {group} to itself: {parent} is below it"));
                    }
                    changed |= !inventory.groups.contains_key(parent.as_str());
                    changed |= inventory.group(parent).children.insert(Arc::from(group.as_str()));
                }
                // A host of a group below is a member already.
                let is_member = inventory.hosts_of(group).contains(host);
                let joined = !is_member && join(inventory, group, host);
                Ok(changed || joined)
            }
        }
    }

    /// Makes the change to an inventory that was read anew: a host that is there no more joins nothing.
    pub fn apply_again(&self, inventory: &mut Inventory) {
        if let Self::Group { host, .. } = self
            && !inventory.hosts.contains_key(host)
        {
            return;
        }
        // ok: a group that is now below itself is left as the sources say.
        let _ = self.apply(inventory);
    }
}

/// Makes a host a member of a group; whether something changed.
fn join(inventory: &mut Inventory, group: &str, host: &str) -> bool {
    let made = !inventory.groups.contains_key(group);
    inventory.group(group).hosts.insert(Arc::from(host)) | made
}
