//! Plugins that are written in Python: found beside playbooks, in roles and in collections, and carried out by the installed
//! ansible-core, in processes of its Python that live as long as the run.

mod action;
mod callbacks;
mod connection;
mod folders;
mod process;
mod templates;
mod wire;

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
};

use futures::future::BoxFuture;
use serde_json::Value as Json;
use slipway_language::{Replaced, Value};
use tokio::sync::{Semaphore, mpsc, oneshot};

pub use self::{
    action::ActionCall,
    callbacks::{CallbackProcess, CallbacksWanted, Wants, loads_by_itself},
    connection::PluginCarriers,
    wire::encode,
};
use self::{
    folders::Folders,
    process::{Answer, Killer, Launch, PLUGINS, Process},
};
use crate::{
    foreign::{Core, HOW_TO_INSTALL},
    output::Printer,
    settings::Settings,
    transport::TransportError,
};

/// Plugins written in Python.
#[derive(Debug)]
pub struct PythonPlugins {
    folders: Folders,
    printer: Arc<Printer>,
    /// Processes without a request. One that needs another plugin for a variable takes a second process.
    idle: Mutex<Vec<Process>>,
    /// How many hosts are reached by plugins at once.
    at_once: Semaphore,
    /// The variables that connection plugins document.
    documented: Mutex<HashMap<String, Arc<[String]>>>,
    /// What they take the place of: forgotten when there are more folders.
    replaced: RwLock<InPlace>,
}

/// What plugins take the place of.
#[derive(Debug, Default)]
enum InPlace {
    /// It was not looked for.
    #[default]
    Unknown,
    /// What was found, if anything was.
    Found(Option<Arc<Replaced>>),
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Who answers what a plugin asks while it is carried out.
pub trait Answers: Send + Sync {
    /// The answer to a question.
    fn answer(&self, question: Json) -> BoxFuture<'_, Json>;
}

/// For plugins that ask nothing.
struct NoAnswers;

impl Answers for NoAnswers {
    fn answer(&self, _: Json) -> BoxFuture<'_, Json> {
        Box::pin(async { Json::Null })
    }
}

/// Which plugin a request is for, for messages.
#[derive(Debug, Clone)]
struct Named {
    kind: &'static str,
    name: String,
    file: Option<PathBuf>,
}

impl Named {
    /// The words for it.
    fn words(&self) -> String {
        format!("the {} {}", self.kind, self.name)
    }

    /// What it is written in.
    fn needs(&self) -> String {
        let file = self.file.as_ref();
        let file = file.map_or_else(String::new, |file| format!(" ({})", file.display()));
        format!("{}{file} is written in Python", self.words())
    }
}

impl PythonPlugins {
    /// No folders yet but those of the settings.
    pub fn new(settings: &Settings, printer: &Arc<Printer>) -> Self {
        Self {
            folders: Folders::new(settings),
            printer: Arc::clone(printer),
            idle: Mutex::default(),
            at_once: Semaphore::new(settings.forks.clamp(1, Semaphore::MAX_PERMITS)),
            documented: Mutex::default(),
            replaced: RwLock::default(),
        }
    }

    /// A process for a request.
    fn process(&self, named: &Named) -> Result<Process, String> {
        let waiting = lock(&self.idle).pop();
        match waiting {
            Some(process) => Ok(process),
            None => self.launch(named)?.start(PLUGINS),
        }
    }

    /// The ansible-core that a plugin needs.
    fn core_for(&self, named: &Named) -> Result<&Core, String> {
        self.folders.core().ok_or_else(|| {
            format!(
                "{} and needs ansible-core on this machine, which is not installed: {HOW_TO_INSTALL}",
                named.needs()
            )
        })
    }

    /// How a process is started.
    fn launch(&self, named: &Named) -> Result<Launch, String> {
        let core = self.core_for(named)?;
        let roots: Vec<String> = self
            .folders
            .collection_roots()
            .iter()
            .map(|root| root.display().to_string())
            .collect();
        Ok(Launch {
            python: core.python(),
            library: core.directory.parent().unwrap_or(&core.directory).to_path_buf(),
            collections: roots.join(":"),
            needs: named.needs(),
        })
    }

    /// Lets a process carry out a request; `answer` is for what it asks meanwhile. The outer error is that there is no process.
    fn ask(
        &self,
        named: &Named,
        request: &Json,
        answer: &mut dyn FnMut(&Json) -> Json,
    ) -> Result<Answer, String> {
        self.ask_process(self.process(named)?, named, request, answer)
    }

    fn ask_process(
        &self,
        mut process: Process,
        named: &Named,
        request: &Json,
        answer: &mut dyn FnMut(&Json) -> Json,
    ) -> Result<Answer, String> {
        let mut hear = |said: &Json| (!self.show(said)).then(|| answer(said));
        let said = process
            .ask(request, &mut hear)
            .map_err(|error| format!("{} in Python gave no answer: {error}", named.words()))?;
        lock(&self.idle).push(process);
        Ok(said)
    }

    /// Tells people what a plugin tells them, if it does.
    fn show(&self, said: &Json) -> bool {
        let text = |key: &str| said.get(key).and_then(Json::as_str);
        if let Some(text) = text("verbose") {
            let level = said.get("level").and_then(Json::as_u64).unwrap_or(1);
            self.printer.detail(text, u8::try_from(level).unwrap_or(u8::MAX));
        } else if let Some(text) = text("warning") {
            self.printer.warning(text);
        } else if let Some(text) = text("line") {
            self.printer
                .plugin_line(text, said.get("stderr").is_some_and(|to| to == true));
        } else {
            return false;
        }
        true
    }

    /// The same without blocking other tasks. When nobody waits for it any more, the process is ended with all that it has started.
    async fn ask_aside(
        self: &Arc<Self>,
        named: Named,
        request: Json,
        answers: &dyn Answers,
    ) -> Result<Value, TransportError> {
        let answer = self.ask_process_aside(named, request, answers).await;
        answer.map_err(TransportError::Failed)?.map_err(|refusal| {
            if refusal.kind == "unreachable" {
                TransportError::Unreachable(refusal.message)
            } else {
                TransportError::Failed(refusal.message)
            }
        })
    }

    async fn ask_process_aside(
        self: &Arc<Self>,
        named: Named,
        request: Json,
        answers: &dyn Answers,
    ) -> Result<Answer, String> {
        // ok: it is never closed.
        let _permit = self.at_once.acquire().await;
        let plugins = Arc::clone(self);
        let broken = |error: tokio::task::JoinError| error.to_string();
        let start = move || {
            let process = plugins.process(&named)?;
            Ok::<_, String>((process, named))
        };
        let (process, named) = tokio::task::spawn_blocking(start).await.map_err(broken)??;
        let killer = Killer::new(&process);
        let plugins = Arc::clone(self);
        let (questions, mut asked) = mpsc::unbounded_channel::<(Json, oneshot::Sender<Json>)>();
        let ask = move || {
            plugins.ask_process(process, &named, &request, &mut |question| {
                let (reply, replied) = oneshot::channel();
                // ok: where nobody answers any more, the process is about to be ended.
                let _ = questions.send((question.clone(), reply));
                replied.blocking_recv().unwrap_or_default()
            })
        };
        let mut asking = tokio::task::spawn_blocking(ask);
        let answer = loop {
            tokio::select! {
                done = &mut asking => break done.map_err(broken)?,
                Some((question, reply)) = asked.recv() => {
                    // ok: as above.
                    let _ = reply.send(answers.answer(question).await);
                }
            }
        };
        killer.disarm();
        answer
    }
}

/// A field of what a process has answered.
fn field(answer: &Value, name: &str) -> Value {
    answer.get_attr(name).unwrap_or_default()
}
