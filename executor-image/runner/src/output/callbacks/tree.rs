//! The callback `tree`: the last result of each host, in a file of its name.

use std::{path::PathBuf, sync::Arc};

use crate::{
    output::{
        Callback, Console, HostLine, HostOutcome, TaskHeader,
        display::{Shown, View},
    },
    settings::{Settings, expanded},
};

/// Writes results into files.
#[derive(Debug)]
pub struct TreeCallback {
    directory: PathBuf,
    view: View,
}

impl TreeCallback {
    /// As the settings say.
    pub fn new(settings: &Settings) -> Self {
        Self {
            directory: expanded(&settings.callback_tree_dir),
            view: View::new(settings),
        }
    }
}

impl Callback for TreeCallback {
    fn host(&mut self, console: &mut Console, _: &Arc<TaskHeader>, outcome: &HostOutcome<'_>) {
        // A name that leads out of the directory is no name of a file.
        if outcome.line == HostLine::Skipped || outcome.host.contains('/') {
            return;
        }
        let text = Shown::new(outcome.result, outcome.no_log, false, &self.view).dump();
        let file = self.directory.join(outcome.host);
        let written = std::fs::create_dir_all(&self.directory).and_then(|()| std::fs::write(&file, text));
        if let Err(error) = written {
            console.warning(&format!("Unable to write to {}: {error}", file.display()));
        }
    }
}
