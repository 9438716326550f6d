//! The inventory of a run, and which of its hosts are meant.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use indexmap::IndexSet;
use slipway_language::{Templar, VaultSecrets};

use super::{
    arguments::InventoryArguments,
    refusal::{Refusal, exit},
};
use crate::{
    engine::task_files,
    inventory::{self, Context, Inventory, InventoryError, Vars, pattern},
    output::Printer,
    settings::{OnMismatch, Settings},
};

/// The hosts of `--limit`, if it is given.
pub type Limit = Option<IndexSet<Arc<str>>>;

/// What is needed to know hosts.
#[derive(Debug)]
pub struct HostsRequest<'a> {
    /// Sources and limit.
    pub arguments: &'a InventoryArguments,
    /// Settings with the command line laid over.
    pub settings: &'a Settings,
    /// For plugins of the inventory.
    pub templar: &'a Templar,
    /// `-e`
    pub extra_vars: &'a Arc<Vars>,
    /// The passwords of ansible-vault.
    pub vault: &'a VaultSecrets,
    /// Directory of the playbook.
    pub directory: &'a Path,
    /// Where warnings go.
    pub printer: &'a Printer,
    /// Whether plugins of the inventory may read what they have kept from an earlier run.
    pub cache: bool,
}

impl HostsRequest<'_> {
    /// Reads the inventory. `localhost` is in it, though implicit, if no source has one.
    pub fn load(&self) -> Result<Inventory, Refusal> {
        let sources = self.arguments.sources(self.settings);
        let context = Context {
            settings: self.settings,
            templar: self.templar.clone(),
            files: task_files(self.directory, self.vault),
            extra_vars: Arc::clone(self.extra_vars),
            directory: PathBuf::from(self.directory),
            vault: self.vault.clone(),
            cache: self.cache,
        };
        let loaded = inventory::load(&sources, &context).map_err(|error| Refusal::new(exit::ERROR, error))?;
        if self.settings.inventory_script_stderr {
            for text in &loaded.program_output {
                self.printer.to_stderr(text.trim_end());
            }
        }
        for detail in &loaded.details {
            self.printer.detail(detail, 3);
        }
        for warning in &loaded.warnings {
            self.printer.warning(warning);
        }
        let mut inventory = loaded.inventory;
        let has_local = inventory.hosts.keys().any(|name| pattern::is_local_name(name));
        if !has_local {
            inventory.add_implicit_localhost("localhost");
        }
        Ok(inventory)
    }

    /// The hosts of `--limit`, if it is given.
    ///
    /// # Errors
    /// When none of the hosts of `pattern` is left, though the inventory has hosts: of one without hosts is only warned.
    pub fn limit(&self, inventory: &mut Inventory, pattern: &str) -> Result<Limit, Refusal> {
        let no_hosts = inventory.hosts.values().all(|host| host.implicit);
        if no_hosts && self.settings.localhost_warning && !pattern::is_local_name(pattern) {
            self.printer.warning(
                "provided hosts list is empty, only localhost is available. Note that the implicit localhost does not match 'all'",
            );
        }
        let limit = match &self.arguments.limit {
            None => None,
            Some(limit) => {
                let terms = pattern::limit(limit).map_err(|error| Refusal::new(exit::ERROR, error))?;
                // Commas alone limit nothing.
                if terms.iter().all(|term| pattern::split(term).is_empty()) {
                    None
                } else {
                    Some(self.matching(inventory, &terms)?)
                }
            }
        };
        let mut hosts = self.matching(inventory, &[pattern.to_owned()])?;
        if let Some(limit) = &limit {
            hosts.retain(|host| limit.contains(host));
        }
        if hosts.is_empty() && limit.is_some() && !no_hosts {
            return Err(Refusal::new(
                exit::ERROR,
                "Specified inventory, host pattern and/or --limit leaves us with no hosts to target.",
            ));
        }
        Ok(limit)
    }

    fn matching(
        &self,
        inventory: &mut Inventory,
        patterns: &[String],
    ) -> Result<IndexSet<Arc<str>>, Refusal> {
        for name in patterns.iter().flat_map(|pattern| pattern::split(pattern)) {
            inventory.add_implicit_localhost(&name);
        }
        let selection =
            pattern::select(inventory, patterns).map_err(|error| Refusal::new(exit::ERROR, error))?;
        tell_unmatched(&selection, self.settings, self.printer)?;
        Ok(selection.hosts)
    }
}

/// Tells of patterns that match nothing.
///
/// # Errors
/// Where the settings say that this is a mistake.
pub fn tell_unmatched(
    selection: &pattern::Selection,
    settings: &Settings,
    printer: &Printer,
) -> Result<(), Refusal> {
    for term in &selection.unmatched {
        let said = format!("Could not match supplied host pattern, ignoring: {term}");
        match settings.host_pattern_mismatch {
            OnMismatch::Warning => printer.warning(&said),
            OnMismatch::Error => return Err(Refusal::new(exit::ERROR, said)),
            OnMismatch::Ignore => {}
        }
    }
    Ok(())
}

impl From<InventoryError> for Refusal {
    fn from(error: InventoryError) -> Self {
        Self::new(exit::ERROR, error)
    }
}
