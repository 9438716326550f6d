//! Who listens to a run: the callback that prints, those that are enabled, and those that need not be.

use std::{path::Path, sync::Arc};

use super::{
    refusal::{Refusal, exit},
    start::Start,
};
use crate::{
    output::{
        Callback,
        callbacks::{KNOWN, Known, PythonCallbacks},
    },
    playbook::nearest,
    plugins::{CallbacksWanted, loads_by_itself},
    settings::Settings,
};

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Listening<'a> {
    /// `ansible` or `ansible-playbook`.
    pub program: &'static str,
    /// The callback that prints.
    pub stdout: &'a str,
    /// Whether others listen, too.
    pub additional: bool,
    /// The settings of callbacks.
    pub settings: &'a Settings,
    /// The folder of the playbook.
    pub directory: &'a Path,
}

impl Listening<'_> {
    /// Lets them listen.
    ///
    /// # Errors
    /// One that is not there, or that cannot be carried out. A playbook would run without it, but not as somebody wants it.
    pub fn begin(&self, start: &Start) -> Result<(), Refusal> {
        let printing = native(start, self.stdout).filter(|known| known.prints);
        let mut natives: Vec<&Known> = printing.into_iter().collect();
        let mut enabled = Vec::new();
        for name in &self.settings.callbacks_enabled {
            match native(start, name) {
                // One that prints is not asked twice, and not against `stdout_callback`.
                Some(known) => natives.extend((!known.prints).then_some(known)),
                None => enabled.push(name.as_str()),
            }
        }
        let mut callbacks: Vec<Box<dyn Callback>> =
            natives.iter().map(|known| known.make(self.settings)).collect();
        let wanted = CallbacksWanted {
            stdout: printing.is_none().then_some(self.stdout),
            enabled,
            additional: self.additional,
            program: self.program,
            directory: self.directory,
            verbosity: self.settings.verbosity,
        };
        match self.in_python(start, &wanted) {
            Ok(others) => callbacks.extend(others),
            // Nobody has asked for those.
            Err(problem) if wanted.stdout.is_none() && wanted.enabled.is_empty() => {
                start.printer.warning(&problem);
            }
            Err(problem) => return Err(refusal(&wanted, &problem)),
        }
        // One in Python that prints tells warnings by itself.
        start.printer.listen(callbacks, printing.is_some());
        Ok(())
    }

    /// Those in Python, if any are wanted or need nobody to want them.
    fn in_python(
        &self,
        start: &Start,
        wanted: &CallbacksWanted<'_>,
    ) -> Result<Option<Box<dyn Callback>>, String> {
        let files = || start.plugins.callback_files();
        let by_themselves = || self.additional && files().iter().any(|file| loads_by_itself(file));
        if wanted.stdout.is_none() && wanted.enabled.is_empty() && !by_themselves() {
            return Ok(None);
        }
        let mut process = start.plugins.callbacks(wanted)?;
        // Whether it can print is to be known before there is something to print.
        if wanted.stdout.is_some() {
            process.load()?;
        }
        let wants = Arc::clone(&process.wants);
        let relay = start.printer.divert(Box::new(process));
        let relay = relay.map_err(|error| format!("callbacks cannot be told: {error}"))?;
        Ok(Some(Box::new(PythonCallbacks::new(
            relay,
            wants,
            self.settings.diff_always,
        ))))
    }
}

/// What is said when a callback that somebody has named cannot be used.
fn refusal(wanted: &CallbacksWanted<'_>, problem: &str) -> Refusal {
    let (setting, name) = match wanted.stdout {
        Some(name) => ("stdout_callback", name),
        None => (
            "callbacks_enabled",
            wanted.enabled.first().copied().unwrap_or_default(),
        ),
    };
    let near = nearest(name, KNOWN.iter().map(|known| known.name));
    let hint = near.map_or_else(String::new, |near| format!(" (did you mean {near:?}?)"));
    let message = format!("the callback {name:?} of the setting {setting} cannot be used{hint}: {problem}");
    Refusal::new(exit::ERROR, message)
}

/// The runner's own callback of a name, unless somebody has put another one of that name beside the playbook.
fn native(start: &Start, name: &str) -> Option<&'static Known> {
    Known::find(name).filter(|_| start.plugins.callback_file(name).is_none())
}
