//! The one place that is told what happens: callbacks print it, events go to a program.

use std::{
    io,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use serde_json::{Map, Value};
use slipway_language::{Listener, Node};
use slipway_report::{EventKind, HostStatus, RunResult, shorten};

use super::{
    Callback, Color, Console, EventSink, HostLine, HostOutcome, Included, ItemOutcome, JobStage, PlayHeader,
    Relay, Stats, TaskHeader, Teller, display, python_json,
};
use crate::{early::is_too_early, playbook::Playbook, settings::Settings};

/// The printer. Everything that the runner says goes through it.
pub struct Printer {
    /// Number of `-v`.
    pub verbosity: u8,
    log_verbosity: u8,
    action_warnings: bool,
    deprecation_warnings: bool,
    check_markers: bool,
    /// What keeps lines in order with those of callbacks elsewhere, if there are any.
    relay: OnceLock<Relay>,
    state: Mutex<State>,
}

struct State {
    console: Console,
    callbacks: Vec<Box<dyn Callback>>,
    tells_warnings: bool,
    events: EventSink,
    check: bool,
    header: Option<Arc<TaskHeader>>,
    tasks_done: u32,
    tasks_total: u32,
    hosts_failed: u32,
}

impl std::fmt::Debug for Printer {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Printer")
            .field("verbosity", &self.verbosity)
            .finish_non_exhaustive()
    }
}

impl State {
    fn event(&mut self, kind: EventKind) {
        self.events.send(kind, self.console.output());
    }

    /// How far the run is, in or after `task`; at least so many tasks are known of.
    fn progress(&self, task: &str, known: u32) -> EventKind {
        EventKind::Progress {
            tasks_done: self.tasks_done,
            tasks_total: self.tasks_total.max(known),
            task: task.to_owned(),
            hosts_failed: self.hosts_failed,
        }
    }

    /// Tells every callback.
    fn tell(&mut self, mut tell: impl FnMut(&mut dyn Callback, &mut Console)) {
        for callback in &mut self.callbacks {
            tell(callback.as_mut(), &mut self.console);
        }
    }
}

impl Printer {
    /// Prints to standard output as the settings say.
    /// Nobody listens yet.
    pub fn new(settings: &Settings, events: EventSink) -> Self {
        let (console, problem) = Console::standard(settings);
        let printer = Self::with_console(settings, console, events);
        if let Some(problem) = problem {
            printer.warning(&problem);
        }
        printer
    }

    /// Prints messages and no results, for programs that have none and for mistakes before anything begins.
    pub fn bare(settings: &Settings) -> Self {
        let (console, _) = Console::standard(settings);
        Self::with_console(settings, console, EventSink::nowhere())
    }

    fn with_console(settings: &Settings, console: Console, events: EventSink) -> Self {
        let state = State {
            console,
            callbacks: Vec::new(),
            tells_warnings: true,
            events,
            check: false,
            header: None,
            tasks_done: 0,
            tasks_total: 0,
            hosts_failed: 0,
        };
        Self {
            verbosity: settings.verbosity,
            log_verbosity: settings.log_verbosity,
            action_warnings: settings.action_warnings,
            deprecation_warnings: settings.deprecation_warnings,
            check_markers: settings.check_mode_markers,
            relay: OnceLock::new(),
            state: Mutex::new(state),
        }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A line for a person.
    pub fn say(&self, text: &str) {
        self.state().console.line(text, None);
    }

    /// A text with stars behind it.
    pub fn banner(&self, text: &str) {
        self.state().console.banner(text.trim_end());
    }

    /// A line for a person who asked for details.
    pub fn detail(&self, text: &str, verbosity: u8) {
        if self.verbosity.max(self.log_verbosity) >= verbosity && is_too_early() {
            return;
        }
        if self.verbosity >= verbosity {
            self.state().console.verbose(text);
        } else if self.log_verbosity >= verbosity {
            self.state().console.only_log(text);
        }
    }

    /// A warning, to standard error as Ansible does, once for each text.
    pub fn warning(&self, text: &str) {
        if is_too_early() {
            return;
        }
        self.state().console.warning(text);
    }

    /// A line that a plugin tells.
    pub fn plugin_line(&self, text: &str, to_stderr: bool) {
        let console = &mut self.state().console;
        if to_stderr {
            console.error_line(text, None);
        } else {
            console.line(text, None);
        }
    }

    /// Lines of somebody else, for standard error.
    pub fn to_stderr(&self, text: &str) {
        self.state().console.error_line(text, None);
    }

    /// An error that ends the run.
    pub fn error(&self, text: &str) {
        self.state()
            .console
            .error_line(&format!("ERROR! {text}"), Some(Color::Error));
    }

    /// The run begins.
    pub fn run_started(&self, playbooks: &[String], hosts: usize) {
        self.state().event(EventKind::RunStarted {
            playbooks: playbooks.to_vec(),
            hosts: count(hosts),
        });
    }

    /// Tells these what happens from here on; whether warnings of results are to be printed for them.
    pub fn listen(&self, callbacks: Vec<Box<dyn Callback>>, warnings: bool) {
        let mut state = self.state();
        state.callbacks = callbacks;
        state.tells_warnings = warnings;
    }

    /// Tells somebody in another process too, what it prints in order with everything else.
    ///
    /// # Errors
    /// When that cannot be.
    pub fn divert(&self, teller: Box<dyn Teller>) -> io::Result<Relay> {
        let relay = self.state().console.divert(teller)?;
        Ok(self.relay.get_or_init(|| relay).clone())
    }

    /// Waits until everything that has been told is printed.
    pub fn settle(&self) {
        if let Some(relay) = self.relay.get() {
            relay.settle();
        }
    }

    /// A playbook begins.
    pub fn playbook_started(&self, playbook: &Playbook, check: bool) {
        let mut state = self.state();
        state.check = check;
        state.tell(|callback, console| callback.playbook_started(console, playbook, check));
    }

    /// The line about a play.
    pub fn play_banner(&self, name: &str, check: bool) -> String {
        let marker = if check && self.check_markers {
            " [CHECK MODE]"
        } else {
            ""
        };
        if name.is_empty() {
            format!("PLAY{marker}")
        } else {
            format!("PLAY [{name}]{marker}")
        }
    }

    /// A play, or a batch of it, begins.
    pub fn play_started(&self, header: &PlayHeader<'_>, hosts: usize, tasks: usize) {
        let mut state = self.state();
        state.tell(|callback, console| callback.play_started(console, header));
        state.tasks_total += count(tasks);
        state.event(EventKind::PlayStarted {
            play: header.name.to_owned(),
            hosts: count(hosts),
        });
    }

    /// A play has no hosts.
    pub fn no_hosts_matched(&self) {
        self.state()
            .tell(|callback, console| callback.no_hosts_matched(console));
    }

    /// Every host of a play has failed.
    pub fn no_hosts_left(&self) {
        self.state()
            .tell(|callback, console| callback.no_hosts_left(console));
    }

    /// More tasks are known of, by an include.
    pub fn more_tasks(&self, tasks: usize) {
        self.state().tasks_total += count(tasks);
    }

    /// A task begins.
    pub fn task_started(&self, header: &Arc<TaskHeader>) {
        Self::begin(&mut self.state(), header);
    }

    /// Tells of a task, unless the last results were of the same.
    fn begin(state: &mut State, header: &Arc<TaskHeader>) {
        if state
            .header
            .as_ref()
            .is_some_and(|last| Arc::ptr_eq(last, header))
        {
            return;
        }
        state.tell(|callback, console| callback.task_started(console, header));
        if state.events.is_wanted() {
            state.event(EventKind::TaskStarted {
                play: header.play.clone(),
                task: header.name.clone(),
                module: header.module.clone(),
                source: header.source.clone(),
                handler: header.prefix != "TASK",
            });
            let progress = state.progress(&header.name, state.tasks_done + 1);
            state.event(progress);
        }
        state.header = Some(Arc::clone(header));
    }

    /// Whether others listen than the runner's own callbacks, who make nothing of some events.
    pub fn is_heard_elsewhere(&self) -> bool {
        self.relay.get().is_some()
    }

    /// A task begins on a host.
    pub fn host_started(&self, header: &Arc<TaskHeader>, host: &str) {
        if self.is_heard_elsewhere() {
            self.state()
                .tell(|callback, _| callback.host_started(header, host));
        }
    }

    /// A task has ended on all hosts, or was passed over.
    pub fn task_finished(&self, hosts_failed: usize) {
        let mut state = self.state();
        state.tasks_done += 1;
        state.hosts_failed = count(hosts_failed);
    }

    /// An item of a loop has ended.
    pub fn item(&self, header: &Arc<TaskHeader>, outcome: &ItemOutcome<'_>) {
        let mut state = self.state();
        Self::begin(&mut state, header);
        self.warnings_of(&mut state, outcome.result, outcome.no_log);
        state.tell(|callback, console| callback.item(console, header, outcome));
    }

    /// A task has ended on a host. A loop's items have been told already.
    pub fn host(&self, outcome: &HostOutcome<'_>) {
        let mut state = self.state();
        if let Some(header) = outcome.header {
            Self::begin(&mut state, header);
        }
        let Some(header) = state.header.clone() else {
            return;
        };
        if !outcome.looped {
            self.warnings_of(&mut state, outcome.result, outcome.no_log);
        }
        state.tell(|callback, console| callback.host(console, &header, outcome));
        if state.events.is_wanted() {
            let bad = matches!(
                outcome.line,
                HostLine::Failed { .. } | HostLine::Unreachable { .. }
            );
            state.event(EventKind::HostResult {
                host: outcome.host.to_owned(),
                task: header.name.clone(),
                status: status(outcome.line),
                message: bad.then(|| message_of(outcome.result, outcome.no_log)).flatten(),
                duration_ms: outcome.took_ms,
                items: outcome.items.to_vec(),
            });
        }
    }

    /// A task that includes something has ended on a host.
    pub fn asked_to_include(&self, outcome: &HostOutcome<'_>) {
        if let Some(header) = outcome.header.filter(|_| self.is_heard_elsewhere()) {
            self.state()
                .tell(|callback, _| callback.asked_to_include(header, outcome));
        }
    }

    /// The same of an item of its loop.
    pub fn item_asked_to_include(&self, header: &Arc<TaskHeader>, outcome: &ItemOutcome<'_>) {
        if self.is_heard_elsewhere() {
            self.state()
                .tell(|callback, _| callback.item_asked_to_include(header, outcome));
        }
    }

    /// A `meta` task begins for a host that does not wait for others: there is no line about it.
    pub fn meta_started(&self, header: &Arc<TaskHeader>) {
        if self.is_heard_elsewhere() {
            self.state().tell(|callback, _| callback.meta_started(header));
        }
    }

    /// A handler will run on a host.
    pub fn notified(&self, header: &Arc<TaskHeader>, host: &str) {
        self.state().tell(|callback, _| callback.notified(header, host));
    }

    /// A play has a variable that somebody would be asked for.
    pub fn prompted(&self, prompt: &Node) {
        self.state().tell(|callback, _| callback.prompted(prompt));
    }

    fn warnings_of(&self, state: &mut State, result: &Map<String, Value>, no_log: bool) {
        let list = |key: &str| result.get(key).and_then(Value::as_array).into_iter().flatten();
        if no_log || !state.tells_warnings {
            return;
        }
        if self.action_warnings {
            for warning in list("_ansible_warnings")
                .chain(list("warnings"))
                .filter_map(Value::as_str)
            {
                state.console.warning(warning);
            }
        }
        if self.deprecation_warnings {
            for text in display::deprecations(result) {
                state.console.deprecated(&text);
            }
        }
    }

    /// A file or role was included.
    pub fn included(&self, header: &Arc<TaskHeader>, file: &str, hosts: &[Arc<str>], label: Option<&str>) {
        let mut text = format!("included: {file} for {}", hosts.join(", "));
        if let Some(label) = label {
            text = format!("{text} => (item={label})");
        }
        let mut state = self.state();
        Self::begin(&mut state, header);
        let included = Included {
            text: &text,
            file,
            hosts,
            label,
        };
        state.tell(|callback, console| callback.included(console, header, &included));
    }

    /// A task will be tried again; what it returned is shown to those who want to see much.
    pub fn retry(&self, header: &Arc<TaskHeader>, outcome: &HostOutcome<'_>, task: &str, left: u64) {
        let host = outcome.shown_host();
        let mut text = format!("FAILED - RETRYING: [{host}]: {task} ({left} retries left).");
        if self.verbosity > 2 && !outcome.no_log {
            let result = outcome.result;
            let visible = result.iter().filter(|(key, _)| !key.starts_with("_ansible_"));
            let visible = visible.map(|(key, value)| (key.clone(), value.clone())).collect();
            text = format!(
                "{text}Result was: {}",
                python_json(&Value::Object(visible), Some(4))
            );
        }
        self.state()
            .tell(|callback, console| callback.retry(console, header, outcome, &text));
    }

    /// A task goes on by itself, or has ended.
    pub fn job(&self, header: &Arc<TaskHeader>, stage: JobStage, outcome: &HostOutcome<'_>, text: &str) {
        self.state()
            .tell(|callback, console| callback.job(console, header, stage, outcome, text));
    }

    /// A host's key was accepted at first use.
    pub fn host_key(&self, host: &str, key: &str) {
        self.state().event(EventKind::HostKey {
            host: host.to_owned(),
            key: key.to_owned(),
        });
    }

    /// The recap. A run that is `complete` has done all that there was to do; what it passed over was none of it.
    pub fn recap(&self, stats: &Stats, complete: bool) {
        let mut state = self.state();
        if complete {
            state.tasks_total = state.tasks_done;
        }
        if let Some(header) = state.header.clone() {
            let progress = state.progress(&header.name, state.tasks_done);
            state.events.expect_last_progress();
            state.event(progress);
        }
        let check = state.check;
        state.tell(|callback, console| callback.recap(console, stats, check));
        let hosts = stats.hosts.iter();
        let hosts = hosts.map(|(host, totals)| (host.to_string(), *totals)).collect();
        state.event(EventKind::Recap { hosts });
    }

    /// The run has ended.
    pub fn run_finished(&self, result: &RunResult) {
        self.state().event(EventKind::RunFinished {
            result: result.clone(),
        });
    }
}

/// What is told of conditions.
impl Listener for Printer {
    fn warning(&self, text: &str) {
        Self::warning(self, text);
    }

    fn file(&self, name: &str) -> String {
        std::path::absolute(name).map_or_else(|_| name.to_owned(), |path| path.display().to_string())
    }

    fn deprecated(&self, text: &str, version: &str) {
        if self.deprecation_warnings && !is_too_early() {
            let text = display::deprecation(text, "", &format!("in version {version}"));
            self.state().console.deprecated(&text);
        }
    }
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// The status of an event.
pub fn status(line: HostLine) -> HostStatus {
    match line {
        HostLine::Ok => HostStatus::Ok,
        HostLine::Changed => HostStatus::Changed,
        HostLine::Skipped => HostStatus::Skipped,
        HostLine::Failed { ignored: true } | HostLine::Unreachable { ignored: true } => HostStatus::Ignored,
        HostLine::Failed { .. } => HostStatus::Failed,
        HostLine::Unreachable { .. } => HostStatus::Unreachable,
    }
}

/// What a failed result says, for events and the result: its message and the end of its standard error.
pub fn message_of(result: &Map<String, Value>, no_log: bool) -> Option<String> {
    if no_log {
        return None;
    }
    let text = |map: &Map<String, Value>, key: &str| {
        map.get(key)
            .and_then(Value::as_str)
            .map(str::trim)
            .filter(|text| !text.is_empty())
            .map(str::to_owned)
    };
    // Of a loop, the first item that failed says more than the whole.
    let failed = |value: &Value| value.get("failed").and_then(Value::as_bool).unwrap_or(false);
    if let Some(item) = result
        .get("results")
        .and_then(Value::as_array)
        .and_then(|items| items.iter().find(|item| failed(item)))
        && let Some(item) = item.as_object()
    {
        let hidden = item
            .get("_ansible_no_log")
            .and_then(Value::as_bool)
            .unwrap_or(false);
        return message_of(item, hidden);
    }
    // `include_vars` says it under a name of its own.
    let mut parts: Vec<String> = text(result, "msg")
        .or_else(|| text(result, "message"))
        .map(|said| match text(result, display::PLACE) {
            Some(place) => format!("{said} ({place})"),
            None => said,
        })
        .into_iter()
        .collect();
    parts.extend(text(result, "stderr"));
    if parts.len() < 2 && text(result, "stderr").is_none() {
        parts.extend(text(result, "stdout"));
    }
    Some(shorten(&parts.join(": "), slipway_report::MESSAGE_LIMIT))
}
