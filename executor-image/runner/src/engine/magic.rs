//! Variables that Ansible itself sets: `inventory_hostname`, `groups`, `role_path`, …

use std::{
    path::Path,
    sync::{Arc, Weak},
};

use minijinja::Value;
use slipway_language::{Layer, Scope, Variable};

use super::{
    HostState,
    hostvars::{HostVars, VariablesOf},
    play::PlayRun,
};
use crate::playbook::Task;

/// The version of Ansible whose behaviour this is.
const ANSIBLE_VERSION: (u32, u32, u32) = (2, 18, 19);

const OF_HOST: &[&str] = &[
    "group_names",
    "groups",
    "inventory_dir",
    "inventory_file",
    "inventory_hostname",
    "inventory_hostname_short",
    "playbook_dir",
    "ansible_playbook_python",
];

const OF_TASK: &[&str] = &[
    "ansible_check_mode",
    "ansible_diff_mode",
    "ansible_forks",
    "ansible_inventory_sources",
    "ansible_limit",
    "ansible_parent_role_names",
    "ansible_parent_role_paths",
    "ansible_play_batch",
    "ansible_play_hosts",
    "ansible_play_hosts_all",
    "ansible_play_name",
    "ansible_play_role_names",
    "ansible_role_name",
    "ansible_role_names",
    "ansible_run_tags",
    "ansible_search_path",
    "ansible_skip_tags",
    "ansible_verbosity",
    "ansible_version",
    "hostvars",
    "play_hosts",
    "role_name",
    "role_names",
    "role_path",
    "vars",
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
        let source = || play.run.inventory.sources.last().map(String::as_str);
        Some(match name {
            "inventory_hostname" => Value::from(self.host.name.as_ref()),
            "inventory_hostname_short" => Value::from(self.host.name.split('.').next().unwrap_or_default()),
            "group_names" => strings(&self.host.groups),
            "groups" => play.run.groups.clone(),
            "playbook_dir" => path(&play.directory),
            "inventory_dir" => {
                let source = Path::new(source()?);
                if source.is_dir() {
                    path(source)
                } else {
                    path(source.parent().filter(|_| source.exists())?)
                }
            }
            "inventory_file" => path(Path::new(source().filter(|source| Path::new(source).is_file())?)),
            "ansible_playbook_python" => Value::from("/usr/bin/python3"),
            _ => return None,
        })
    }
}

impl Layer for OfHost {
    fn get(&self, name: &str) -> Option<Variable> {
        if !OF_HOST.contains(&name) {
            return None;
        }
        self.value(name).map(Variable::Data)
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
    pub(super) check: bool,
    pub(super) diff: bool,
}

impl OfTask {
    fn value(&self, name: &str) -> Option<Value> {
        let play = self.host.play.upgrade()?;
        let options = &play.run.options;
        let role = self.task.as_ref().and_then(|task| task.role.as_ref());
        Some(match name {
            "hostvars" => Value::from_object(HostVars {
                play: Weak::clone(&self.host.play),
            }),
            "vars" => Value::from_object(VariablesOf {
                templar: play.run.templar.clone(),
                scope: self.below.clone(),
            }),
            "role_name" | "ansible_role_name" => Value::from(role?.name.as_ref()),
            "role_path" => path(&role?.path),
            "ansible_parent_role_names" => strings(&role?.parents),
            "ansible_parent_role_paths" => role?.parent_paths.iter().map(|parent| path(parent)).collect(),
            "role_names" | "ansible_role_names" | "ansible_play_role_names" => play
                .play
                .roles
                .iter()
                .map(|role| Value::from(role.name.as_ref()))
                .collect(),
            "ansible_play_name" => Value::from(play.name.as_str()),
            "ansible_play_hosts" | "play_hosts" => strings(&play.live_hosts(true)),
            "ansible_play_hosts_all" => strings(&play.all_hosts),
            "ansible_play_batch" => strings(&play.live_hosts(false)),
            "ansible_check_mode" => Value::from(self.check),
            "ansible_diff_mode" => Value::from(self.diff),
            "ansible_forks" => Value::from(options.forks),
            "ansible_verbosity" => Value::from(play.run.printer.verbosity),
            "ansible_limit" => Value::from(options.limit.clone()?),
            "ansible_inventory_sources" => play
                .run
                .inventory
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
            "ansible_search_path" => {
                let files = super::files::TaskFiles::new(
                    self.task.as_deref(),
                    &play.directory,
                    &play.run.options.vault,
                    None,
                );
                files.search().iter().map(|folder| path(folder)).collect()
            }
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
        self.value(name).map(Variable::Data)
    }

    fn names(&self) -> Vec<Arc<str>> {
        OF_TASK
            .iter()
            .chain(OF_HOST)
            .filter(|name| !matches!(**name, "vars" | "hostvars") && self.value(name).is_some())
            .map(|name| Arc::from(*name))
            .collect()
    }
}

fn strings(names: &[Arc<str>]) -> Value {
    names.iter().map(|name| Value::from(name.as_ref())).collect()
}

fn path(path: &Path) -> Value {
    Value::from(path.display().to_string())
}
