//! Variables that Ansible itself sets: `inventory_hostname`, `groups`, `role_path`, …

use std::{
    path::Path,
    sync::{Arc, PoisonError, Weak},
};

use minijinja::Value;
use slipway_language::{Layer, Scope, Variable};

use super::{HostState, hostvars::AllHosts, play::PlayRun};
use crate::playbook::Task;

/// The version of Ansible whose behaviour this is.
pub const ANSIBLE_VERSION: (u32, u32, u32) = (2, 18, 19);

const OF_HOST: &[&str] = &[
    "ansible_check_mode",
    "ansible_diff_mode",
    "ansible_forks",
    "ansible_inventory_sources",
    "ansible_limit",
    "ansible_playbook_python",
    "ansible_run_tags",
    "ansible_skip_tags",
    "ansible_verbosity",
    "ansible_version",
    "group_names",
    "groups",
    "inventory_dir",
    "inventory_file",
    "inventory_hostname",
    "inventory_hostname_short",
    "omit",
    "playbook_dir",
];

const OF_TASK: &[&str] = &[
    "ansible_collection_name",
    "ansible_dependent_role_names",
    "ansible_parent_role_names",
    "ansible_parent_role_paths",
    "ansible_play_batch",
    "ansible_play_hosts",
    "ansible_play_hosts_all",
    "ansible_play_name",
    "ansible_play_role_names",
    "ansible_role_name",
    "ansible_role_names",
    "ansible_search_path",
    "environment",
    "hostvars",
    "play_hosts",
    "role_name",
    "role_names",
    "role_path",
];

/// Of these, what names hosts and groups.
const NAMES: &[&str] = &[
    "group_names",
    "groups",
    "inventory_hostname",
    "inventory_hostname_short",
];

/// What is true of a host in any task.
#[derive(Debug)]
pub struct OfHost {
    pub(super) play: Weak<PlayRun>,
    pub(super) host: Arc<HostState>,
}

impl OfHost {
    fn value(&self, name: &str) -> Option<Value> {
        let play = self.play.upgrade()?;
        let options = &play.run.options;
        let inventory = play.run.roster.inventory();
        let source = || inventory.hosts.get(&self.host.name)?.source.as_deref();
        Some(match name {
            "inventory_hostname" => Value::from(self.host.name.as_ref()),
            "inventory_hostname_short" => Value::from(self.host.name.split('.').next().unwrap_or_default()),
            "group_names" => strings(&self.host.groups()),
            "groups" => play.run.roster.groups(),
            "playbook_dir" => path(&play.directory),
            // A list of hosts is in no directory.
            "inventory_dir" => path(
                Path::new(source()?)
                    .parent()
                    .filter(|_| Path::new(source().unwrap_or_default()).exists())?,
            ),
            "inventory_file" => Value::from(source()?),
            "ansible_check_mode" => Value::from(options.check),
            "ansible_diff_mode" => Value::from(options.diff),
            "ansible_forks" => Value::from(options.forks),
            "ansible_verbosity" => Value::from(play.run.printer.verbosity),
            "ansible_limit" => Value::from(options.limit.clone()?),
            "ansible_inventory_sources" => play
                .run
                .roster
                .inventory()
                .sources
                .iter()
                .map(|source| Value::from(source.as_str()))
                .collect(),
            "ansible_run_tags" if options.tags.only.is_empty() => [Value::from("all")].into_iter().collect(),
            "ansible_run_tags" => options
                .tags
                .only
                .iter()
                .map(|tag| Value::from(tag.as_str()))
                .collect(),
            "ansible_skip_tags" => options
                .tags
                .skip
                .iter()
                .map(|tag| Value::from(tag.as_str()))
                .collect(),
            "ansible_version" => {
                let (major, minor, revision) = ANSIBLE_VERSION;
                let full = format!("{major}.{minor}.{revision}");
                Value::from_pairs([
                    ("string", Value::from(full.as_str())),
                    ("full", Value::from(full.as_str())),
                    ("major", Value::from(major)),
                    ("minor", Value::from(minor)),
                    ("revision", Value::from(revision)),
                ])
            }
            "omit" => slipway_language::omit(),
            "ansible_playbook_python" => Value::from(crate::foreign::playbook_python()),
            _ => return None,
        })
    }
}

impl Layer for OfHost {
    fn get(&self, name: &str) -> Option<Variable> {
        if !OF_HOST.contains(&name) {
            return None;
        }
        let trusted = self
            .play
            .upgrade()
            .is_some_and(|play| play.run.roster.trusts_names());
        let trusted = trusted || !NAMES.contains(&name);
        self.value(name).map(|value| Variable::data(value, trusted))
    }

    fn names(&self) -> Vec<Arc<str>> {
        OF_HOST
            .iter()
            .filter(|name| self.value(name).is_some())
            .map(|name| Arc::from(*name))
            .collect()
    }
}

/// What is true of a host in one task.
#[derive(Debug)]
pub struct OfTask {
    pub(super) host: OfHost,
    pub(super) task: Option<Arc<Task>>,
    /// Everything below, for `vars`.
    pub(super) below: Scope,
}

impl OfTask {
    fn value(&self, name: &str) -> Option<Value> {
        let play = self.host.play.upgrade()?;
        let role = self.task.as_ref().and_then(|task| task.role.as_ref());
        Some(match name {
            "role_name" => {
                let name = role?.name.as_ref();
                Value::from(
                    role?
                        .collection
                        .as_ref()
                        .map_or(name, |_| name.rsplit('.').next().unwrap_or(name)),
                )
            }
            "ansible_role_name" => Value::from(role?.name.as_ref()),
            "ansible_collection_name" => Value::from(role?.collection.as_deref()?),
            "role_path" => path(&role?.path),
            "ansible_parent_role_names" => strings(&role.filter(|role| !role.parents.is_empty())?.parents),
            "ansible_parent_role_paths" => role
                .filter(|role| !role.parents.is_empty())?
                .parent_paths
                .iter()
                .map(|parent| path(parent))
                .collect(),
            "ansible_role_names" => {
                let mut names = used_roles(&play);
                names.extend(dependent_roles(&play));
                strings(&distinct(names))
            }
            "role_names" | "ansible_play_role_names" => strings(&used_roles(&play)),
            "ansible_dependent_role_names" => strings(&distinct(dependent_roles(&play))),
            "environment" => {
                let environment = self.task.as_ref().map(|task| &task.settings.environment);
                let rendered = environment
                    .into_iter()
                    .flatten()
                    .filter_map(|node| play.run.templar.render(node, &self.below).ok());
                rendered.collect()
            }
            "ansible_play_name" => Value::from(play.name.as_str()),
            "ansible_play_hosts" | "play_hosts" => strings(&play.live_hosts(true)),
            "ansible_play_hosts_all" => strings(&play.all_hosts()),
            "ansible_play_batch" => strings(&play.live_hosts(false)),
            "ansible_search_path" => {
                let files = super::files::TaskFiles::new(
                    self.task.as_deref(),
                    &play.directory,
                    &play.run.options.vault,
                    None,
                );
                files.search().iter().map(|folder| path(folder)).collect()
            }
            _ => return self.host.value(name),
        })
    }
}

impl Layer for OfTask {
    fn get(&self, name: &str) -> Option<Variable> {
        // Most names are not ours: the tables say so before anything is computed.
        if !OF_TASK.contains(&name) && !OF_HOST.contains(&name) {
            return None;
        }
        match name {
            "environment" => self.value(name).map(Variable::Answer),
            "hostvars" => Some(Variable::View(Arc::new(AllHosts {
                play: Weak::clone(&self.host.play),
            }))),
            _ if OF_TASK.contains(&name) => self.value(name).map(Variable::Data),
            _ => self.host.get(name),
        }
    }

    fn names(&self) -> Vec<Arc<str>> {
        OF_TASK
            .iter()
            .chain(OF_HOST)
            .filter(|name| **name != "hostvars" && self.value(name).is_some())
            .map(|name| Arc::from(*name))
            .collect()
    }
}

/// The names of the roles that a play uses and has included, one for each use.
fn used_roles(play: &PlayRun) -> Vec<Arc<str>> {
    let included = play.included_roles.lock().unwrap_or_else(PoisonError::into_inner);
    play.play
        .used_roles
        .iter()
        .chain(included.iter())
        .cloned()
        .collect()
}

/// The names of the roles that are there because others depend on them.
fn dependent_roles(play: &PlayRun) -> Vec<Arc<str>> {
    let roles = play.play.roles.iter().filter(|role| !role.parents.is_empty());
    roles.map(|role| Arc::clone(&role.name)).collect()
}

fn distinct(names: Vec<Arc<str>>) -> Vec<Arc<str>> {
    let names: indexmap::IndexSet<Arc<str>> = names.into_iter().collect();
    names.into_iter().collect()
}

fn strings(names: &[Arc<str>]) -> Value {
    names.iter().map(|name| Value::from(name.as_ref())).collect()
}

fn path(path: &Path) -> Value {
    Value::from(path.display().to_string())
}
