//! Plugins of variables: what they have for hosts and groups, beside each source and beside the playbook.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use serde::Deserialize;
use serde_json::{Value as Json, json};
use slipway_language::{Span, VaultSecrets};

use super::{
    super::{Inventory, InventoryError, Vars},
    Around, ask,
    values::variables,
};
use crate::{
    foreign::{Core, HOW_TO_INSTALL},
    settings::Settings,
};

/// What the process does.
const VARS: &str = concat!(include_str!("shared.py"), "\n\n", include_str!("vars.py"));

/// The plugin that the runner carries out itself.
const OWN: &str = "host_group_vars";

/// For what variables are read: a plugin may say which of them it is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// For plugins of the inventory.
    Inventory,
    /// For tasks.
    Task,
    /// For a person.
    All,
}

impl Stage {
    fn word(self) -> &'static str {
        match self {
            Self::Inventory => "inventory",
            Self::Task => "task",
            Self::All => "all",
        }
    }
}

/// What plugins have beside one path, by names.
#[derive(Debug, Clone, Default)]
pub struct Given {
    /// For hosts.
    pub hosts: HashMap<String, Arc<Vars>>,
    /// For groups.
    pub groups: HashMap<String, Arc<Vars>>,
}

/// What the process says.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase", tag = "taken")]
enum Answer {
    Failed { why: String },
    Read { paths: Vec<OfPath> },
}

#[derive(Debug, Deserialize)]
struct OfPath {
    hosts: HashMap<String, Json>,
    groups: HashMap<String, Json>,
}

/// What plugins have beside each of these paths; nothing, and no process, where there are no plugins but the runner's own.
///
/// # Errors
/// When a plugin fails, or there is none who could carry it out.
pub fn given(
    inventory: &Inventory,
    paths: &[PathBuf],
    stage: Stage,
    settings: &Settings,
    directory: &Path,
    vault: &VaultSecrets,
) -> Result<Vec<Given>, InventoryError> {
    if !has_plugins(settings, directory) {
        return Ok(vec![Given::default(); paths.len()]);
    }
    let failed = |why: String| InventoryError::Plugin(format!("plugins of variables in Python: {why}"));
    let Some(core) = Core::find() else {
        return Err(failed(format!(
            "they need ansible-core on this machine, which is not installed: {HOW_TO_INSTALL}"
        )));
    };
    let around = Around {
        settings,
        directory,
        vault,
        extra_vars: &Vars::new(),
    };
    let question = json!({"paths": paths, "stage": stage.word()});
    match ask(&core, VARS, question, inventory, &around) {
        Ok(Answer::Read { paths }) => Ok(paths.into_iter().map(OfPath::read).collect()),
        Ok(Answer::Failed { why }) => Err(failed(why)),
        Err(error) => Err(failed(error.to_string())),
    }
}

impl OfPath {
    fn read(self) -> Given {
        let span = Span::start_of("a plugin of variables");
        let read = |members: HashMap<String, Json>| {
            members
                .into_iter()
                .map(|(name, vars)| (name, Arc::new(variables(vars, &span).into_iter().collect())))
                .collect()
        };
        Given {
            hosts: read(self.hosts),
            groups: read(self.groups),
        }
    }
}

/// Whether there are plugins besides the runner's own: files of Python where they are looked for, or names in the settings.
fn has_plugins(settings: &Settings, directory: &Path) -> bool {
    let is_own = |name: &String| name.strip_prefix("ansible.builtin.").unwrap_or(name) == OWN;
    let beside = directory.join("vars_plugins");
    !settings.vars_plugins_enabled.iter().all(is_own)
        || settings
            .vars_plugins
            .iter()
            .chain([&beside])
            .filter_map(|folder| std::fs::read_dir(folder).ok())
            .flatten()
            .flatten()
            .any(|entry| {
                entry
                    .path()
                    .extension()
                    .is_some_and(|extension| extension == "py")
            })
}
