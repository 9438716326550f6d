//! Arguments of the `ssh` program, from variables and settings. They are understood once for each text.

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use slipway_language::Scope;

use super::{play::PlayRun, run::RunOptions};
use crate::{
    output::Printer,
    transport::{HostKeyChecking, SshArguments, SshArgumentsError, SshConfig, TransportError},
};

/// Variables and the settings behind them, in the order in which `ssh` is given them.
const NAMES: [&str; 3] = ["ssh_args", "ssh_common_args", "ssh_extra_args"];

/// What has been understood: arguments by their texts, configuration files by their names, both together by host.
#[derive(Debug, Default)]
pub struct Understood(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    arguments: HashMap<[String; 3], Arc<SshArguments>>,
    configs: HashMap<Option<PathBuf>, Arc<SshConfig>>,
    hosts: HashMap<HostKey, Arc<SshArguments>>,
}

/// What the arguments for a host depend on: texts, its name, and the login user if one is named.
type HostKey = ([String; 3], String, Option<String>);

impl Known {
    /// Understands arguments; warns once of those that are not heeded.
    fn arguments(
        &mut self,
        texts: &[String; 3],
        printer: &Printer,
    ) -> Result<Arc<SshArguments>, SshArgumentsError> {
        if let Some(arguments) = self.arguments.get(texts) {
            return Ok(Arc::clone(arguments));
        }
        let arguments = Arc::new(SshArguments::parse(texts.iter().map(String::as_str))?);
        for name in &arguments.unheeded {
            printer.warning(&format!(
                "{name} among the arguments of ssh is not heeded: no ssh program is run"
            ));
        }
        self.arguments.insert(texts.clone(), Arc::clone(&arguments));
        Ok(arguments)
    }

    /// Reads configuration files; warns once of what is not heeded.
    fn config(
        &mut self,
        named: Option<&PathBuf>,
        printer: &Printer,
    ) -> Result<Arc<SshConfig>, SshArgumentsError> {
        if let Some(config) = self.configs.get(&named.cloned()) {
            return Ok(Arc::clone(config));
        }
        let config = Arc::new(SshConfig::read(named.map(PathBuf::as_path))?);
        for what in &config.unheeded {
            printer.warning(&format!("{what} is not heeded: its section is passed over"));
        }
        self.configs.insert(named.cloned(), Arc::clone(&config));
        Ok(config)
    }

    fn host(
        &mut self,
        key: HostKey,
        options: &RunOptions,
        printer: &Printer,
    ) -> Result<Arc<SshArguments>, SshArgumentsError> {
        if let Some(known) = self.hosts.get(&key) {
            return Ok(Arc::clone(known));
        }
        let (texts, host, user) = &key;
        let arguments = self.arguments(texts, printer)?;
        let config = self.config(arguments.config.as_ref(), printer)?;
        let mut all = SshArguments::clone(&arguments);
        if options.host_key_checking == HostKeyChecking::Off {
            // Ansible says so on the command line.
            all.host_key_checking.get_or_insert(HostKeyChecking::Off);
        }
        let named = all.user.clone();
        if user.is_some() {
            all.user.clone_from(user);
        }
        all.add_config(&config, host, &options.own_user)?;
        if options.names_known_hosts {
            all.known_hosts.clone_from(&arguments.known_hosts);
        }
        if user.is_some() {
            all.user = named;
        }
        let all = Arc::new(all);
        self.hosts.insert(key, Arc::clone(&all));
        Ok(all)
    }
}

impl PlayRun {
    /// What the arguments of `ssh` and its configuration files ask for, for a host that is given by this name; `user` is the login
    /// user where variables or keywords name one.
    pub(super) fn ssh_arguments(
        &self,
        scope: &Scope,
        host: &str,
        user: Option<&str>,
    ) -> Result<Arc<SshArguments>, TransportError> {
        let options = &self.run.options;
        let mut texts = [
            options.settings.ssh_args.clone(),
            options.settings.ssh_common_args.clone(),
            options.settings.ssh_extra_args.clone(),
        ];
        for (name, text) in NAMES.iter().zip(&mut texts) {
            if let Some(given) = self.variable_text(&format!("ansible_{name}"), scope)? {
                *text = given;
            }
        }
        let key = (texts, host.to_owned(), user.map(str::to_owned));
        let mut known = self
            .run
            .ssh_arguments
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        known.host(key, options, &self.run.printer).map_err(|error| {
            TransportError::Unreachable(format!("Failed to connect to the host via ssh: {error}"))
        })
    }
}
