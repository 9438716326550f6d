//! Prints what happens, as it happens.

use std::{
    io::{self, IsTerminal, Write},
    sync::{Arc, Mutex, PoisonError},
};

use serde_json::{Map, Value};
use slipway_report::{EventKind, HostStatus, ItemResult, RunResult, Totals, shorten};

use super::{Banner, Color, EventSink, HostLine, ItemLine, Stats, TaskHeader, diff, display};

/// How a task ended on a host.
#[derive(Debug, Clone, Copy)]
pub struct HostOutcome<'a> {
    /// What is printed before the results of the task; the last one if none.
    pub header: Option<&'a Arc<TaskHeader>>,
    /// Inventory name.
    pub host: &'a str,
    /// The host as printed, if another one did the work.
    pub label: Option<&'a str>,
    /// In one word.
    pub line: HostLine,
    /// What the task returned.
    pub result: &'a Map<String, Value>,
    /// Whether that is hidden.
    pub no_log: bool,
    /// Whether the task looped: then its items have been printed.
    pub looped: bool,
    /// Milliseconds.
    pub took_ms: u64,
    /// The items, for events.
    pub items: &'a [ItemResult],
}

impl<'a> HostOutcome<'a> {
    /// Of something that is no task's result.
    pub fn plain(host: &'a str, line: HostLine, result: &'a Map<String, Value>) -> Self {
        Self {
            header: None,
            host,
            label: None,
            line,
            result,
            no_log: false,
            looped: false,
            took_ms: 0,
            items: &[],
        }
    }
}

/// The printer. Everything that the runner says goes through it.
pub struct Printer {
    /// Number of `-v`.
    pub verbosity: u8,
    colored: bool,
    columns: usize,
    state: Mutex<State>,
}

struct State {
    output: Box<dyn Write + Send>,
    events: EventSink,
    header: Option<Arc<TaskHeader>>,
    tasks_done: u32,
    tasks_total: u32,
    hosts_failed: u32,
}

impl State {
    /// How far the run is, in or after `task`; at least so many tasks are known of.
    fn progress(&self, task: &str, known: u32) -> EventKind {
        EventKind::Progress {
            tasks_done: self.tasks_done,
            tasks_total: self.tasks_total.max(known),
            task: task.to_owned(),
            hosts_failed: self.hosts_failed,
        }
    }
}

impl std::fmt::Debug for Printer {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Printer")
            .field("verbosity", &self.verbosity)
            .finish_non_exhaustive()
    }
}

impl Printer {
    /// Prints to standard output.
    pub fn standard(verbosity: u8, events: EventSink) -> Self {
        let terminal = io::stdout().is_terminal();
        let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let colored = (terminal || set("ANSIBLE_FORCE_COLOR")) && !set("NO_COLOR") && !set("ANSIBLE_NOCOLOR");
        let width = terminal
            .then(|| rustix::termios::tcgetwinsize(io::stdout()).ok())
            .flatten();
        let columns = width
            .map_or(79, |size| usize::from(size.ws_col).saturating_sub(1))
            .max(79);
        Self::new(Box::new(io::stdout()), verbosity, colored, columns, events)
    }

    /// Prints to any writer.
    pub fn new(
        output: Box<dyn Write + Send>,
        verbosity: u8,
        colored: bool,
        columns: usize,
        events: EventSink,
    ) -> Self {
        let state = State {
            output,
            events,
            header: None,
            tasks_done: 0,
            tasks_total: 0,
            hosts_failed: 0,
        };
        Self {
            verbosity,
            colored,
            columns,
            state: Mutex::new(state),
        }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn line(&self, state: &mut State, text: &str, color: Option<Color>) {
        let painted = color.map_or_else(|| text.to_owned(), |color| color.paint(text, self.colored));
        // ok: a reader that went away ends nothing; the run goes on.
        let end = if painted.ends_with('\n') { "" } else { "\n" };
        let _ = state.output.write_all((painted + end).as_bytes());
        let _ = state.output.flush();
    }

    /// A line for a person.
    pub fn say(&self, text: &str) {
        self.line(&mut self.state(), text, None);
    }

    /// A line for a person who asked for details.
    pub fn detail(&self, text: &str, verbosity: u8) {
        if self.verbosity >= verbosity {
            self.line(&mut self.state(), text, Some(Color::Debug));
        }
    }

    /// A warning, to standard error as Ansible does.
    pub fn warning(&self, text: &str) {
        let text = format!("[WARNING]: {text}\n");
        let painted = Color::Warn.paint(text.trim_end(), self.colored);
        // Held so that lines of both streams do not mix.
        let _state = self.state();
        let _ = writeln!(io::stderr(), "{painted}");
    }

    /// An error that ends the run.
    pub fn error(&self, text: &str) {
        let painted = Color::Error.paint(
            &format!("ERROR! {text}"),
            self.colored && io::stderr().is_terminal(),
        );
        let _state = self.state();
        let _ = writeln!(io::stderr(), "{painted}");
    }

    fn banner(&self, state: &mut State, text: &str) {
        let banner = Banner::text(text, self.columns);
        self.line(state, &banner, None);
    }

    fn event(state: &mut State, kind: EventKind) {
        let State { output, events, .. } = state;
        events.send(kind, output);
    }

    /// The run begins.
    pub fn run_started(&self, playbooks: &[String], hosts: usize) {
        let kind = EventKind::RunStarted {
            playbooks: playbooks.to_vec(),
            hosts: count(hosts),
        };
        Self::event(&mut self.state(), kind);
    }

    /// A play, or a batch of it, begins.
    pub fn play_started(&self, name: &str, hosts: usize, tasks: usize) {
        let mut state = self.state();
        self.banner(
            &mut state,
            &if name.is_empty() {
                "PLAY".to_owned()
            } else {
                format!("PLAY [{name}]")
            },
        );
        state.tasks_total += count(tasks);
        Self::event(
            &mut state,
            EventKind::PlayStarted {
                play: name.to_owned(),
                hosts: count(hosts),
            },
        );
    }

    /// A play has no hosts.
    pub fn no_hosts_matched(&self) {
        self.line(&mut self.state(), "skipping: no hosts matched", Some(Color::Skip));
    }

    /// Every host of a play has failed.
    pub fn no_hosts_left(&self) {
        self.banner(&mut self.state(), "NO MORE HOSTS LEFT");
    }

    /// More tasks are known of, by an include.
    pub fn more_tasks(&self, tasks: usize) {
        self.state().tasks_total += count(tasks);
    }

    /// A task begins.
    pub fn task_started(&self, header: &Arc<TaskHeader>) {
        self.begin(&mut self.state(), header);
    }

    /// Prints what stands before the results of a task, unless the last results were of the same.
    fn begin(&self, state: &mut State, header: &Arc<TaskHeader>) {
        if state
            .header
            .as_ref()
            .is_some_and(|last| Arc::ptr_eq(last, header))
        {
            return;
        }
        self.banner(state, &format!("{} [{}]", header.prefix, header.name));
        if self.verbosity >= 2 {
            self.line(
                state,
                &format!("task path: {}", header.source),
                Some(Color::Debug),
            );
        }
        if state.events.is_wanted() {
            let started = EventKind::TaskStarted {
                play: header.play.clone(),
                task: header.name.clone(),
                module: header.module.clone(),
                source: header.source.clone(),
                handler: header.prefix != "TASK",
            };
            Self::event(state, started);
            let progress = state.progress(&header.name, state.tasks_done + 1);
            Self::event(state, progress);
        }
        state.header = Some(Arc::clone(header));
    }

    /// A task has ended on all hosts, or was passed over.
    pub fn task_finished(&self, hosts_failed: usize) {
        let mut state = self.state();
        state.tasks_done += 1;
        state.hosts_failed = count(hosts_failed);
    }

    /// An item of a loop has ended.
    pub fn item(&self, header: &Arc<TaskHeader>, item: &ItemLine, result: &Map<String, Value>, no_log: bool) {
        let mut state = self.state();
        self.begin(&mut state, header);
        let is_debug = state.header.as_ref().is_some_and(|header| header.is_debug);
        self.warnings_of(result, no_log);
        let shown = display::shown(result, no_log, is_debug, self.verbosity);
        let (text, color) = display::item_line(item, result, shown, no_log, self.verbosity);
        if !no_log {
            self.exception(&mut state, result);
            self.diff(&mut state, result);
        }
        self.line(&mut state, &text, Some(color));
    }

    /// A task has ended on a host. A loop's items have been printed already.
    pub fn host(&self, shown: &HostOutcome<'_>) {
        let HostOutcome {
            header,
            host,
            label,
            line,
            result,
            no_log,
            looped,
            took_ms,
            items,
        } = *shown;
        let mut state = self.state();
        if let Some(header) = header {
            self.begin(&mut state, header);
        }
        let header = state.header.clone();
        let is_debug = header.as_ref().is_some_and(|header| header.is_debug);
        if !looped {
            self.warnings_of(result, no_log);
            if !no_log {
                self.exception(&mut state, result);
                self.diff(&mut state, result);
            }
        }
        let shown = || {
            let mut shown = display::shown(result, no_log, is_debug, self.verbosity);
            shown.remove("results");
            shown
        };
        // Ansible does not say who would have done what is skipped.
        let printed = label.filter(|_| line != HostLine::Skipped).unwrap_or(host);
        // Ansible hides a loop that is hidden so well that it does not know it for one.
        if !looped || no_log || matches!(line, HostLine::Skipped | HostLine::Unreachable { .. }) {
            let (text, color) = display::host_line(printed, line, result, shown(), no_log, self.verbosity);
            self.line(&mut state, &text, Some(color));
        }
        if matches!(
            line,
            HostLine::Failed { ignored: true } | HostLine::Unreachable { ignored: true }
        ) {
            self.line(&mut state, "...ignoring", Some(Color::Skip));
        }
        if state.events.is_wanted() {
            let status = status(line);
            let bad = matches!(line, HostLine::Failed { .. } | HostLine::Unreachable { .. });
            let kind = EventKind::HostResult {
                host: host.to_owned(),
                task: header.map(|header| header.name.clone()).unwrap_or_default(),
                status,
                message: bad.then(|| message_of(result, no_log)).flatten(),
                duration_ms: took_ms,
                items: items.to_vec(),
            };
            Self::event(&mut state, kind);
        }
    }

    fn warnings_of(&self, result: &Map<String, Value>, no_log: bool) {
        if no_log {
            return;
        }
        for warning in ["_ansible_warnings", "warnings"]
            .into_iter()
            .filter_map(|key| result.get(key)?.as_array())
            .flatten()
        {
            let text = format!("[WARNING]: {}", warning.as_str().unwrap_or_default());
            let _ = writeln!(io::stderr(), "{}", Color::Warn.paint(&text, self.colored));
        }
        for text in display::deprecations(result) {
            let _ = writeln!(io::stderr(), "{}", Color::Warn.paint(&text, self.colored));
        }
    }

    fn exception(&self, state: &mut State, result: &Map<String, Value>) {
        if let Some(text) = display::exception(result, self.verbosity) {
            self.line(state, &text, Some(Color::Error));
        }
    }

    fn diff(&self, state: &mut State, result: &Map<String, Value>) {
        let changed = result.get("changed").and_then(Value::as_bool).unwrap_or(false);
        if let Some(diff) = result
            .get("diff")
            .filter(|_| changed && result.contains_key("_ansible_diff"))
        {
            let text = diff::text(diff, self.colored);
            if !text.is_empty() {
                self.line(state, &text, None);
            }
        }
    }

    /// A file or role was included.
    pub fn included(&self, header: &Arc<TaskHeader>, file: &str, hosts: &[Arc<str>], label: Option<&str>) {
        let mut state = self.state();
        self.begin(&mut state, header);
        let mut text = format!("included: {file} for {}", hosts.join(", "));
        if let Some(label) = label {
            text = format!("{text} => (item={label})");
        }
        self.line(&mut state, &text, Some(Color::Included));
    }

    /// A task will be tried again.
    pub fn retry(&self, host: &str, task: &str, left: u64) {
        let text = format!("FAILED - RETRYING: [{host}]: {task} ({left} retries left).");
        self.line(&mut self.state(), &text, Some(Color::Debug));
    }

    /// A host's key was accepted at first use.
    pub fn host_key(&self, host: &str, key: &str) {
        let kind = EventKind::HostKey {
            host: host.to_owned(),
            key: key.to_owned(),
        };
        Self::event(&mut self.state(), kind);
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
            Self::event(&mut state, progress);
        }
        self.banner(&mut state, "PLAY RECAP");
        for (host, totals) in &stats.hosts {
            let text = self.recap_line(host, totals);
            self.line(&mut state, &text, None);
        }
        self.line(&mut state, "", None);
        let hosts = stats
            .hosts
            .iter()
            .map(|(host, totals)| (host.to_string(), *totals))
            .collect();
        Self::event(&mut state, EventKind::Recap { hosts });
    }

    fn recap_line(&self, host: &str, totals: &Totals) -> String {
        let host_color = if totals.failed > 0 || totals.unreachable > 0 {
            Color::Error
        } else if totals.changed > 0 {
            Color::Changed
        } else {
            Color::Ok
        };
        let part = |name: &str, number: u32, color: Color| {
            let text = format!("{name}={number:<4}");
            if number > 0 {
                color.paint(&text, self.colored)
            } else {
                text
            }
        };
        [
            format!("{} :", host_color.paint(&format!("{host:<26}"), self.colored)),
            part("ok", totals.ok, Color::Ok),
            part("changed", totals.changed, Color::Changed),
            part("unreachable", totals.unreachable, Color::Unreachable),
            part("failed", totals.failed, Color::Error),
            part("skipped", totals.skipped, Color::Skip),
            part("rescued", totals.rescued, Color::Ok),
            part("ignored", totals.ignored, Color::Warn),
        ]
        .join(" ")
    }

    /// The run has ended.
    pub fn run_finished(&self, result: &RunResult) {
        Self::event(
            &mut self.state(),
            EventKind::RunFinished {
                result: result.clone(),
            },
        );
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
    let mut parts: Vec<String> = text(result, "msg").into_iter().collect();
    parts.extend(text(result, "stderr"));
    if parts.len() < 2 && text(result, "stderr").is_none() {
        parts.extend(text(result, "stdout"));
    }
    Some(shorten(&parts.join(": "), slipway_report::MESSAGE_LIMIT))
}
