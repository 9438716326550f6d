//! The half of a module that is this machine's, written in Python.

use std::path::{Path, PathBuf};

use slipway_protocol::spec;

use super::{
    catalog::Preparation,
    collections::{Routing, split_name},
};

/// An action plugin.
#[derive(Debug)]
pub struct ActionPlugin {
    /// The name by which tasks use it.
    pub name: String,
    /// Its own name.
    pub handler: String,
    /// Its file, or the name that it has moved to.
    pub path: PathBuf,
    /// Whether what is written behind its name may be text, as for the module whose place it takes.
    pub free_form: bool,
    /// Whether it acts once, for all hosts.
    pub bypasses_hosts: bool,
}

impl ActionPlugin {
    /// The one in this place.
    pub fn new(name: &str, handler: &str, path: PathBuf) -> Self {
        Self {
            name: name.to_owned(),
            handler: handler.to_owned(),
            bypasses_hosts: bypasses_hosts(&path),
            path,
            free_form: spec::find(name).is_some_and(|spec| spec.free_form),
        }
    }
}

/// Whether the file says that its plugin is not carried out for each host.
fn bypasses_hosts(file: &Path) -> bool {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    text.lines().any(|line| {
        let (name, value) = line.split_once('=').unwrap_or_default();
        name.trim() == "BYPASS_HOST_LOOP" && value.trim() == "True"
    })
}

/// The action plugin that a collection names for a module, which may be that of several modules. A module that names its own has that
/// one, and where both have moved to the same name, what is there counts.
pub(super) fn redirected<'routing>(
    routing: &'routing Routing,
    name: &str,
    below: &str,
) -> Option<&'routing str> {
    let action = routing.of("action", below)?.redirect.as_deref()?;
    if Preparation::of(name).is_some() {
        return None;
    }
    let mut module = routing.of("modules", below);
    if let Some(redirect) = module.and_then(|route| route.redirect.as_deref()) {
        if redirect == action {
            return None;
        }
        module = split_name(redirect).and_then(|(_, _, below)| routing.of("modules", below));
    }
    let has_own = module.is_some_and(|route| route.action_plugin.is_some());
    (!has_own).then_some(action)
}
