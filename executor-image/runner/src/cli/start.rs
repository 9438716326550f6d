//! What the programs that know an inventory begin with.

use std::{path::Path, sync::Arc};

use slipway_language::{Listener, NotBoolean, Templar, VaultSecrets};

use super::{
    arguments::{InventoryArguments, VaultArguments},
    extra_vars,
    hosts::HostsRequest,
    passwords,
    refusal::Refusal,
};
use crate::{
    engine::task_files, inventory::Vars, output::Printer, playbook::Loader, plugins::PythonPlugins,
    settings::Settings,
};

/// What the command line and the settings have become, before the inventory is read.
#[derive(Debug, Clone)]
pub struct Start {
    /// Settings with the command line laid over.
    pub settings: Arc<Settings>,
    /// Where everything is told.
    pub printer: Arc<Printer>,
    /// For all templates.
    pub templar: Templar,
    /// Plugins that are written in Python.
    pub plugins: Arc<PythonPlugins>,
    /// The passwords of ansible-vault.
    pub vault: VaultSecrets,
    /// `-e`
    pub extra_vars: Arc<Vars>,
}

impl Start {
    /// Gathers the passwords of the vault and the variables of the command line.
    ///
    /// # Errors
    /// A password that cannot be had, or a variable that cannot be understood.
    pub fn new(
        settings: &Arc<Settings>,
        printer: &Arc<Printer>,
        vault: &VaultArguments,
        extra_vars: &[String],
    ) -> Result<Self, Refusal> {
        let vault = passwords::vault(vault, settings, printer)?;
        let extra_vars = extra_vars::parse(extra_vars, &vault)?;
        let plugins = Arc::new(PythonPlugins::new(settings, printer));
        Ok(Self {
            settings: Arc::clone(settings),
            printer: Arc::clone(printer),
            templar: Templar::new()
                .native(settings.jinja2_native)
                .keep_undefined(!settings.error_on_undefined_vars)
                .conditions(not_boolean(settings), Arc::clone(printer) as Arc<dyn Listener>)
                .with_plugins(Arc::clone(&plugins) as Arc<dyn slipway_language::Plugins>),
            plugins,
            vault,
            extra_vars: Arc::new(extra_vars),
        })
    }

    /// The question which hosts there are. `directory` is the playbook's.
    pub fn hosts<'a>(&'a self, arguments: &'a InventoryArguments, directory: &'a Path) -> HostsRequest<'a> {
        HostsRequest {
            arguments,
            settings: &self.settings,
            templar: &self.templar,
            extra_vars: &self.extra_vars,
            directory,
            vault: &self.vault,
            printer: &self.printer,
            cache: true,
        }
    }

    /// A loader of playbooks of a directory.
    pub fn loader(&self, directory: &Path) -> Loader {
        let files = task_files(directory, &self.vault);
        Loader::new(
            self.templar.clone(),
            files,
            Arc::clone(&self.extra_vars),
            directory.to_path_buf(),
            &self.settings,
        )
    }
}

/// What is said of conditions that are neither true nor false.
fn not_boolean(settings: &Settings) -> NotBoolean {
    if settings.disable_backported_inspections {
        NotBoolean::Taken
    } else if settings.allow_broken_conditionals {
        NotBoolean::Told
    } else {
        NotBoolean::Refused
    }
}

/// Tells where the settings are from and what was odd about them.
pub fn tell_settings(settings: &Settings, printer: &Printer) {
    for deprecation in &settings.deprecations {
        printer.deprecated(&deprecation.text, deprecation.version);
    }
    for warning in &settings.warnings {
        printer.warning(warning);
    }
    printer.detail(
        &match &settings.config_file {
            Some(file) => format!("Using {} as config file", file.display()),
            None => "No config file found; using defaults".to_owned(),
        },
        1,
    );
}
