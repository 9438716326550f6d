//! Arguments of the `ssh` program, from variables and settings. They are understood once for each text.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use slipway_language::{Scope, TemplateError};

use super::play::PlayRun;
use crate::{output::Printer, transport::SshArguments};

/// Variables and the settings behind them, in the order in which `ssh` is given them.
const NAMES: [&str; 3] = ["ssh_args", "ssh_common_args", "ssh_extra_args"];

/// What has been understood.
#[derive(Debug, Default)]
pub struct Understood(Mutex<HashMap<[String; 3], Arc<SshArguments>>>);

impl Understood {
    /// Understands arguments; warns once of those that are not heeded.
    fn get(&self, texts: [String; 3], printer: &Printer) -> Result<Arc<SshArguments>, TemplateError> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(arguments) = known.get(&texts) {
            return Ok(Arc::clone(arguments));
        }
        let arguments = SshArguments::parse(texts.iter().map(String::as_str))
            .map_err(|error| TemplateError::new(error.to_string()))?;
        for name in &arguments.unheeded {
            printer.warning(&format!(
                "{name} among the arguments of ssh is not heeded: no ssh program is run"
            ));
        }
        let arguments = Arc::new(arguments);
        known.insert(texts, Arc::clone(&arguments));
        Ok(arguments)
    }
}

impl PlayRun {
    /// What the arguments of `ssh` ask for.
    pub(super) fn ssh_arguments(&self, scope: &Scope) -> Result<Arc<SshArguments>, TemplateError> {
        let settings = &self.run.options.settings;
        let mut texts = [
            settings.ssh_args.clone(),
            settings.ssh_common_args.clone(),
            settings.ssh_extra_args.clone(),
        ];
        for (name, text) in NAMES.iter().zip(&mut texts) {
            if let Some(given) = self.variable_text(&format!("ansible_{name}"), scope)? {
                *text = given;
            }
        }
        self.run.ssh_arguments.get(texts, &self.run.printer)
    }
}
