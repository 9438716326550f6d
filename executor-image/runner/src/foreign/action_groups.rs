//! Groups of modules that defaults can be set for together: `action_groups` of collections and of ansible-core.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, PoisonError},
};

use serde_yaml::Value;

use super::{catalog::Catalog, collections::split_name};

/// A group.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Group {
    /// Its modules.
    modules: Vec<String>,
    /// Groups all of whose modules belong to it.
    extends: Vec<String>,
}

impl Group {
    /// The group that a collection describes by a list of names of modules and of mappings that say which groups it extends, the last
    /// of which counts. Anything else in it says nothing.
    pub fn new(members: &[Value]) -> Self {
        let name = |value: &Value| value.as_str().map(str::to_owned);
        let mut group = Self {
            modules: members.iter().filter_map(name).collect(),
            extends: Vec::new(),
        };
        for metadata in members.iter().filter_map(|member| member.get("metadata")) {
            group.extends = match metadata.get("extend_group") {
                Some(Value::Sequence(names)) => names.iter().filter_map(name).collect(),
                other => other.and_then(name).into_iter().collect(),
            };
        }
        group
    }

    /// A group that is known though the collection that has it is not installed.
    fn known(full_name: &str) -> Option<Self> {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let (_, modules, extends) = KNOWN.iter().find(|(name, _, _)| *name == full_name)?;
        Some(Self {
            modules: owned(modules),
            extends: owned(extends),
        })
    }
}

/// Groups of ansible-core, which has no modules of its own in them, and of the collection whose modules the runner has itself: name,
/// modules, groups that it extends.
static KNOWN: &[(&str, &[&str], &[&str])] = &[
    ("ansible.builtin.acme", &[], &["community.crypto.acme"]),
    (
        "ansible.builtin.aws",
        &[],
        &["amazon.aws.aws", "community.aws.aws"],
    ),
    ("ansible.builtin.azure", &[], &["azure.azcollection.azure"]),
    ("ansible.builtin.cpm", &[], &["wti.remote.cpm"]),
    (
        "ansible.builtin.docker",
        &[],
        &["community.general.docker", "community.docker.docker"],
    ),
    ("ansible.builtin.gcp", &[], &["google.cloud.gcp"]),
    (
        "ansible.builtin.k8s",
        &[],
        &[
            "community.kubernetes.k8s",
            "community.general.k8s",
            "community.kubevirt.k8s",
            "community.okd.k8s",
            "kubernetes.core.k8s",
        ],
    ),
    ("ansible.builtin.os", &[], &["openstack.cloud.os"]),
    (
        "ansible.builtin.ovirt",
        &[],
        &["ovirt.ovirt.ovirt", "community.general.ovirt"],
    ),
    ("ansible.builtin.vmware", &[], &["community.vmware.vmware"]),
    (
        "kubernetes.core.helm",
        &["helm", "helm_info", "helm_repository"],
        &[],
    ),
    (
        "kubernetes.core.k8s",
        &[
            "k8s",
            "k8s_cp",
            "k8s_drain",
            "k8s_exec",
            "k8s_info",
            "k8s_log",
            "k8s_scale",
            "k8s_service",
        ],
        &[],
    ),
];

/// Groups that were looked up, by their full names.
#[derive(Debug, Default)]
pub struct Groups(Mutex<HashMap<String, Arc<HashSet<String>>>>);

impl Catalog {
    /// The full name of a group, and the full names of the modules in it; none if nobody has such a group.
    pub fn action_group(&self, name: &str) -> Option<(String, Arc<HashSet<String>>)> {
        let full = qualified("ansible.builtin", name);
        let found = || self.groups().0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(modules) = found().get(&full) {
            return Some((full, Arc::clone(modules)));
        }
        let group = self.group(&full)?;
        let mut modules = HashSet::new();
        let mut seen = HashSet::from([full.clone()]);
        let mut open = vec![(full.clone(), group)];
        while let Some((name, group)) = open.pop() {
            let collection = collection_of(&name);
            let named = group.modules.iter().map(|module| qualified(&collection, module));
            modules.extend(named.filter_map(|module| self.full_name(&module)));
            for other in &group.extends {
                let other = qualified(&collection, other);
                // Groups extend each other, and those of collections that are not installed are empty.
                if seen.insert(other.clone())
                    && let Some(group) = self.group(&other)
                {
                    open.push((other, group));
                }
            }
        }
        let modules = Arc::new(modules);
        found().insert(full.clone(), Arc::clone(&modules));
        Some((full, modules))
    }

    /// What is said of a group by whoever has it.
    fn group(&self, full_name: &str) -> Option<Group> {
        let (namespace, collection, short) = split_name(full_name)?;
        match self.routing_of(namespace, collection) {
            Some(routing) => routing.group(full_name, short),
            None => Group::known(full_name),
        }
    }
}

/// A name as it is if it is fully qualified, else one of this collection.
fn qualified(collection: &str, name: &str) -> String {
    match split_name(name) {
        Some(_) => name.to_owned(),
        None => format!("{collection}.{name}"),
    }
}

/// The collection of a fully qualified name.
fn collection_of(name: &str) -> String {
    split_name(name).map_or_else(String::new, |(namespace, collection, _)| {
        format!("{namespace}.{collection}")
    })
}
