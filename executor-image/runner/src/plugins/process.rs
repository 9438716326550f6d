//! A Python process that carries out plugins, one request at a time. Requests, questions and answers are lines of JSON.

use std::{
    io::{self, BufRead, BufReader, Write},
    net::Shutdown,
    os::{
        fd::OwnedFd,
        unix::{net::UnixStream, process::CommandExt},
    },
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::Value as Json;
use slipway_language::Value;

use super::wire::decode;

/// One program for all kinds of plugins but callbacks, in parts. What a plugin prints goes to standard error.
pub const PLUGINS: Program = Program {
    text: concat!(
        include_str!("bridge/wire.py"),
        include_str!("bridge/variables.py"),
        include_str!("bridge/templates.py"),
        include_str!("bridge/connection.py"),
        include_str!("bridge/action.py"),
        include_str!("bridge/serve.py"),
    ),
    prints: false,
};

/// The program for callbacks, which print by themselves.
pub const CALLBACKS: Program = Program {
    text: concat!(
        include_str!("bridge/wire.py"),
        include_str!("bridge/inventory.py"),
        include_str!("bridge/tasks.py"),
        include_str!("bridge/callbacks.py"),
    ),
    prints: true,
};

/// What a process runs.
#[derive(Debug, Clone, Copy)]
pub struct Program {
    text: &'static str,
    /// Whether standard output is its own, too.
    prints: bool,
}

/// A process that waits for calls.
#[derive(Debug)]
pub struct Process {
    child: Child,
    /// One socket for both directions: standard output may be for people.
    input: UnixStream,
    output: BufReader<UnixStream>,
}

/// What a process needs to start.
#[derive(Debug)]
pub struct Launch {
    pub python: String,
    /// The folder that the package `ansible` is in.
    pub library: PathBuf,
    /// The folders that collections are in, with colons between them.
    pub collections: String,
    /// Who needs it, for messages.
    pub needs: String,
}

impl Launch {
    /// Starts a process.
    ///
    /// # Errors
    /// When it cannot be started, or ends at once.
    pub fn start(&self, program: Program) -> Result<Process, String> {
        let started = Process::start(program, &self.python, &self.library, &self.collections);
        started.map_err(|error| format!("{}, and its Python does not run: {error}", self.needs))
    }
}

impl Process {
    fn start(program: Program, python: &str, library: &Path, collections: &str) -> Result<Self, String> {
        let path = match std::env::var("PYTHONPATH") {
            Ok(path) if !path.is_empty() => format!("{path}:{}", library.display()),
            _ => library.display().to_string(),
        };
        let failed = |error: io::Error| format!("starting {python}: {error}");
        let (input, theirs) = UnixStream::pair().map_err(failed)?;
        let output = BufReader::new(input.try_clone().map_err(failed)?);
        let child = Command::new(python)
            .args(["-c", program.text])
            .env("PYTHONPATH", path)
            .env("ANSIBLE_COLLECTIONS_PATH", collections)
            .stdin(OwnedFd::from(theirs))
            .stdout(if program.prints {
                Stdio::inherit()
            } else {
                io::stderr().into()
            })
            // Ctrl-C at the terminal is for the runner.
            .process_group(0)
            .spawn()
            .map_err(failed)?;
        let mut process = Self { child, input, output };
        process
            .hear()
            .map_err(|error| format!("starting {python}: {error}"))?;
        Ok(process)
    }

    fn tell(&mut self, message: &Json) -> Result<(), String> {
        let mut line = message.to_string();
        line.push('\n');
        let told = self.input.write_all(line.as_bytes());
        told.map_err(|error| error.to_string())
    }

    fn hear(&mut self) -> Result<Json, String> {
        let mut line = String::new();
        match self.output.read_line(&mut line) {
            Ok(0) => Err("the process has ended; what it said is above".to_owned()),
            Ok(_) => serde_json::from_str(&line).map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Carries out a request; `answer` is for what it asks and tells meanwhile. The outer error is that of a process which cannot be used any
    /// more.
    ///
    /// # Errors
    /// As said.
    pub fn ask(
        &mut self,
        request: &Json,
        answer: &mut dyn FnMut(&Json) -> Option<Json>,
    ) -> Result<Answer, String> {
        self.tell(request)?;
        loop {
            let mut said = self.hear()?;
            if let Some(message) = said.get("error").and_then(Json::as_str) {
                let kind = said.get("kind").and_then(Json::as_str).unwrap_or_default();
                return Ok(Err(Refusal {
                    message: message.to_owned(),
                    kind: kind.to_owned(),
                }));
            }
            if let Some(value) = said.get_mut("value") {
                return decode(value.take()).map(Ok).map_err(|error| error.message);
            }
            if let Some(answer) = answer(&said) {
                self.tell(&answer)?;
            }
        }
    }
}

/// What came of a request.
pub type Answer = Result<Value, Refusal>;

/// Why a plugin did not do what it was asked for.
#[derive(Debug)]
pub struct Refusal {
    /// In its words.
    pub message: String,
    /// `undefined` for a variable, `unreachable` for a host; otherwise the plugin failed.
    pub kind: String,
}

/// Ends a process that nobody waits for any more, with all that it has started.
#[derive(Debug)]
pub struct Killer(Option<Pid>);

impl Killer {
    /// For this process.
    pub fn new(process: &Process) -> Self {
        Self(i32::try_from(process.child.id()).ok().and_then(Pid::from_raw))
    }

    /// It has answered.
    pub fn disarm(mut self) {
        self.0 = None;
    }
}

impl Drop for Killer {
    fn drop(&mut self) {
        if let Some(process) = self.0 {
            // ok: it has ended already.
            let _ = kill_process_group(process, Signal::TERM);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // The end of its input ends it.
        // ok: it has ended already.
        let _ = self.input.shutdown(Shutdown::Write);
        // ok: nobody waits for how it ended.
        let _ = self.child.wait();
    }
}
