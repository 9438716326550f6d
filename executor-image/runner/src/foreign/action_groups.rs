//! Groups of modules that defaults can be set for together: `action_groups` of collections and of ansible-core.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, PoisonError},
};

use serde_yaml::{Mapping, Value};
use slipway_language::{from_json, to_text};

use super::{catalog::Catalog, collections::split_name};

/// A group as its collection describes it.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Group {
    /// Its modules.
    modules: Vec<String>,
    /// Groups all of whose modules belong to it.
    extends: Vec<String>,
    /// What is odd about the description.
    warnings: Vec<String>,
}

/// A group with all that it extends.
#[derive(Debug, Default)]
pub struct ActionGroup {
    /// The full names of the modules in it.
    pub modules: HashSet<String>,
    /// What is odd about the descriptions that it follows from.
    pub warnings: Vec<String>,
}

impl Group {
    /// The group that a collection describes by a list of names of modules and of mappings that say which groups it extends, the last
    /// of which counts. Anything else in it says nothing.
    pub fn new(full_name: &str, members: &[Value]) -> Self {
        let mut group = Self::default();
        let mut is_described = false;
        for member in members {
            if let Some(module) = member.as_str() {
                group.modules.push(module.to_owned());
                continue;
            }
            let odd = odd_metadata(member, is_described);
            if !odd.is_empty() {
                group.warnings.push(format!(
                    "Invalid metadata was found for action_group {full_name} while loading module_defaults. {}",
                    odd.join(" ")
                ));
            }
            if let Some(Value::Mapping(metadata)) = member.get("metadata") {
                is_described = true;
                group.extends = match metadata.get("extend_group") {
                    Some(Value::Sequence(names)) => names.iter().filter_map(name).collect(),
                    other => other.and_then(name).into_iter().collect(),
                };
            }
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
            warnings: Vec::new(),
        })
    }
}

fn name(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

/// What is odd about a member of a group that is no name: it should be a mapping of `metadata` alone, to a mapping of `extend_group`
/// alone, to names.
fn odd_metadata(member: &Value, is_described: bool) -> Vec<String> {
    let keys = |mapping: &Mapping| -> Vec<String> { mapping.keys().map(shown).collect() };
    let metadata = match member {
        Value::Mapping(mapping) if mapping.len() == 1 => mapping.get("metadata"),
        _ => None,
    };
    let Some(metadata) = metadata else {
        let mut found = match member {
            Value::Mapping(mapping) => keys(mapping),
            Value::Sequence(items) => items.iter().map(shown).collect(),
            other => vec![shown(other)],
        };
        found.sort_unstable();
        return vec![format!(
            "The only expected key is metadata, but got keys: {}",
            found.join(", ")
        )];
    };
    let mut odd = Vec::new();
    if is_described {
        odd.push("The group contains multiple metadata entries.".to_owned());
    }
    let Value::Mapping(metadata) = metadata else {
        odd.push(format!(
            "The metadata is not a dictionary. Got {}",
            shown(metadata)
        ));
        return odd;
    };
    let mut unexpected = keys(metadata);
    unexpected.retain(|key| key != "extend_group");
    if !unexpected.is_empty() {
        odd.push(format!(
            "The metadata contains unexpected keys: {}",
            unexpected.join(", ")
        ));
    }
    if let Some(extends) = metadata.get("extend_group")
        && !matches!(extends, Value::Sequence(_) | Value::String(_))
    {
        odd.push(format!(
            "The metadata contains unexpected key types: extend_group is {} (expected type list)",
            shown(extends)
        ));
    }
    odd
}

/// A value as Python prints it.
fn shown(value: &Value) -> String {
    let value = serde_json::to_value(value).unwrap_or_default();
    to_text(&from_json(value))
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
pub struct Groups(Mutex<HashMap<String, Arc<ActionGroup>>>);

impl Catalog {
    /// The full name of a group, and what is in it; none if nobody has such a group.
    pub fn action_group(&self, name: &str) -> Option<(String, Arc<ActionGroup>)> {
        let full = qualified("ansible.builtin", name);
        let found = || self.groups().0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(group) = found().get(&full) {
            return Some((full, Arc::clone(group)));
        }
        let group = self.group(&full)?;
        let mut whole = ActionGroup::default();
        let mut seen = HashSet::from([full.clone()]);
        let mut open = vec![(full.clone(), group)];
        while let Some((name, group)) = open.pop() {
            let collection = collection_of(&name);
            let named = group.modules.iter().map(|module| qualified(&collection, module));
            whole
                .modules
                .extend(named.filter_map(|module| self.full_name(&module)));
            whole.warnings.extend(group.warnings);
            for other in group.extends.iter().rev() {
                let other = qualified(&collection, other);
                // Groups extend each other, and those of collections that are not installed are empty.
                if seen.insert(other.clone())
                    && let Some(group) = self.group(&other)
                {
                    open.push((other, group));
                }
            }
        }
        let whole = Arc::new(whole);
        found().insert(full.clone(), Arc::clone(&whole));
        Some((full, whole))
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
