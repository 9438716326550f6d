//! Callbacks: a process of their own hears of everything that happens, and prints by itself.

use std::{
    collections::HashSet,
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
};

use serde_json::{Value as Json, json};

use super::{
    Named, PythonPlugins,
    process::{CALLBACKS, Launch, Process},
};
use crate::output::Teller;

/// Which callbacks are wanted, and what they are told of the program.
#[derive(Debug, Clone)]
pub struct CallbacksWanted<'a> {
    /// The one that prints, unless that is the runner's own.
    pub stdout: Option<&'a str>,
    /// Those that are enabled.
    pub enabled: Vec<&'a str>,
    /// Whether others than the one that prints are used at all.
    pub additional: bool,
    /// `ansible` or `ansible-playbook`.
    pub program: &'static str,
    /// The folder of the playbook.
    pub directory: &'a Path,
    /// Number of `-v`.
    pub verbosity: u8,
}

/// The methods that some callbacks have; not known until they are loaded.
pub type Wants = Arc<OnceLock<HashSet<String>>>;

/// Their process. It is started when they are to be told of the first event: the run goes on meanwhile.
#[derive(Debug)]
pub struct CallbackProcess {
    launch: Launch,
    /// What is to be loaded.
    request: Json,
    process: Option<Process>,
    /// What they make something of.
    pub wants: Wants,
}

impl CallbackProcess {
    /// Loads them.
    ///
    /// # Errors
    /// When they cannot be loaded.
    pub fn load(&mut self) -> Result<&mut Process, String> {
        if let Some(ref mut process) = self.process {
            Ok(process)
        } else {
            let mut process = self.launch.start(CALLBACKS)?;
            let loaded = process.ask(&self.request, &mut |_| Some(Json::Null))?;
            let wants = loaded.map_err(|refusal| refusal.message)?;
            let wants = wants.try_iter().into_iter().flatten();
            let wants = wants.map(|method| slipway_language::to_text(&method));
            self.wants.get_or_init(|| wants.collect());
            Ok(self.process.insert(process))
        }
    }
}

/// Whether a callback in a folder is used though nobody names it. Only what plainly says that it waits for its name does: whether a
/// Python is needed is to be known without one.
pub fn loads_by_itself(file: &Path) -> bool {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    !text.lines().any(|line| {
        let mut words = line.trim().split('=').map(str::trim);
        match (words.next(), words.next()) {
            (Some("CALLBACK_NEEDS_ENABLED" | "CALLBACK_NEEDS_WHITELIST"), Some("True")) => true,
            (Some("CALLBACK_TYPE"), Some(kind)) => kind.trim_matches(['"', '\'']) == "stdout",
            _ => false,
        }
    })
}

impl PythonPlugins {
    /// The files of the folders of callbacks, by the names that they have there.
    pub fn callback_files(&self) -> Vec<PathBuf> {
        self.folders.files("callback")
    }

    /// The file of a callback.
    pub fn callback_file(&self, name: &str) -> Option<PathBuf> {
        self.folders.file("callback", name)
    }

    /// Prepares to load callbacks.
    ///
    /// # Errors
    /// When there is nothing that could load them.
    pub fn callbacks(&self, wanted: &CallbacksWanted<'_>) -> Result<CallbackProcess, String> {
        let first = wanted.stdout.or(wanted.enabled.first().copied());
        let file = first.map_or_else(
            || {
                let mut files = self.callback_files().into_iter();
                files.find(|file| loads_by_itself(file)).ok_or("")
            },
            |name| self.callback_file(name).ok_or(name),
        );
        let named = Named {
            kind: "callback",
            name: match &file {
                Ok(file) => file
                    .file_stem()
                    .unwrap_or_default()
                    .to_string_lossy()
                    .into_owned(),
                Err(name) => (*name).to_owned(),
            },
            file: file.ok(),
        };
        let arguments: Vec<String> = std::env::args_os()
            .skip(1)
            .map(|argument| argument.to_string_lossy().into_owned())
            .collect();
        let request = json!({
            "program": wanted.program,
            "arguments": arguments,
            "stdout": wanted.stdout,
            "enabled": wanted.enabled,
            "additional": wanted.additional,
            "folders": self.folders.near(),
            "directory": wanted.directory,
            "verbosity": wanted.verbosity,
        });
        Ok(CallbackProcess {
            launch: self.launch(&named)?,
            request,
            process: None,
            wants: Wants::default(),
        })
    }
}

impl Teller for CallbackProcess {
    fn tell(&mut self, event: &Json, answers: &dyn Fn(&Json) -> Json) -> Result<(), String> {
        let heard = self.load()?.ask(event, &mut |question| Some(answers(question)))?;
        heard.map(|_| ()).map_err(|refusal| refusal.message)
    }
}
