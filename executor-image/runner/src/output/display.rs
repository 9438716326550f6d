//! The lines themselves, as text: pure, so that they are tested without a terminal.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::{Color, python_json, yaml};
use crate::{playbook::Task, settings::Settings};

/// Keys that the engine keeps in results for itself.
const INTERNAL_PREFIX: &str = "_ansible_";
/// The key under which a result keeps the place of a failure that its message does not tell. People see it, playbooks do not.
pub const PLACE: &str = "_ansible_place";
/// The key under which a result keeps what others who listen are told of the task on its host.
pub const TOLD: &str = "_ansible_told";
/// Of a `debug` result with `msg`, only these are shown.
const DEBUG_KEYS: &[&str] = &["msg", "exception", "warnings", "deprecations"];
/// Of a `debug` result with `var`, these are hidden.
const HIDDEN_IN_DEBUG: &[&str] = &["changed", "failed", "skipped", "invocation", "skip_reason"];

/// What is printed before the results of a task.
#[derive(Debug, Clone)]
pub struct TaskHeader {
    /// `TASK` or `RUNNING HANDLER`.
    pub prefix: &'static str,
    /// The task's name, rendered.
    pub name: String,
    /// Fully qualified name of the module.
    pub module: String,
    /// `file:line`, with the whole path
    pub source: String,
    /// The play's name.
    pub play: String,
    /// Whether `debug` results are to be cleaned.
    pub is_debug: bool,
    /// Whether the task changes nothing.
    pub check: bool,
    /// The task.
    pub task: Arc<Task>,
}

/// How a host did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HostLine {
    /// Nothing changed.
    Ok,
    /// Something changed.
    Changed,
    /// Skipped.
    Skipped,
    /// Failed; whether that is ignored.
    Failed {
        /// `...ignoring` follows.
        ignored: bool,
    },
    /// Unreachable; whether that is ignored.
    Unreachable {
        /// `...ignoring` follows.
        ignored: bool,
    },
}

impl HostLine {
    /// The colour of its line.
    pub fn color(self) -> Color {
        match self {
            Self::Ok => Color::Ok,
            Self::Changed => Color::Changed,
            Self::Skipped => Color::Skip,
            Self::Failed { .. } => Color::Error,
            Self::Unreachable { .. } => Color::Unreachable,
        }
    }

    /// Whether what went wrong does not matter.
    pub fn is_ignored(self) -> bool {
        matches!(
            self,
            Self::Failed { ignored: true } | Self::Unreachable { ignored: true }
        )
    }

    /// Whether its result is shown to everybody.
    fn is_bad(self) -> bool {
        matches!(self, Self::Failed { .. } | Self::Unreachable { .. })
    }
}

/// One item of a loop on a host.
#[derive(Debug, Clone)]
pub struct ItemLine {
    /// The host.
    pub host: Arc<str>,
    /// How it ended.
    pub status: HostLine,
    /// The item as printed.
    pub label: String,
}

/// How much of results is shown, and in which form.
#[derive(Debug, Clone)]
pub struct View {
    /// Number of `-v`.
    pub verbosity: u8,
    yaml: bool,
    pretty: Option<bool>,
}

impl View {
    /// As the settings say.
    pub fn new(settings: &Settings) -> Self {
        Self {
            verbosity: settings.verbosity,
            yaml: settings.callback_result_format == "yaml",
            pretty: settings.callback_format_pretty,
        }
    }
}

/// A result as it is shown: statuses and internal keys removed, `no_log` obeyed.
#[derive(Debug)]
pub struct Shown<'a> {
    /// What is left of it.
    pub values: Map<String, Value>,
    /// Whether an ordinary result shows its content.
    verbose: bool,
    /// Whether it asked to be shown.
    always: bool,
    view: &'a View,
}

impl<'a> Shown<'a> {
    /// What is shown of a result.
    pub fn new(result: &Map<String, Value>, no_log: bool, is_debug: bool, view: &'a View) -> Self {
        let flag = |key: &str| result.get(key).and_then(Value::as_bool).unwrap_or(false);
        let always = !no_log && flag("_ansible_verbose_always");
        Self {
            values: shown(result, no_log, is_debug, view.verbosity),
            verbose: (view.verbosity > 0 || always) && (no_log || !flag("_ansible_verbose_override")),
            always,
            view,
        }
    }

    /// The values as text, behind `=> `.
    pub fn dump(&self) -> String {
        let mut values = self.values.clone();
        if self.view.yaml {
            let lossy = self.view.pretty != Some(false);
            for key in ["stdout", "stderr"] {
                let lines = format!("{key}_lines");
                if lossy && values.contains_key(key) && values.contains_key(&lines) {
                    values.insert(lines, Value::from("<omitted>"));
                }
            }
            return format!("\n{}", yaml::result(&Value::Object(values), lossy));
        }
        let pretty = self.always || self.view.verbosity > 2 || self.view.pretty == Some(true);
        python_json(&Value::Object(values), pretty.then_some(4))
    }
}

/// A value without the engine's keys, at any depth.
fn without_internal(value: &Value) -> Value {
    match value {
        Value::Object(map) => map
            .iter()
            .filter(|(key, _)| !key.starts_with(INTERNAL_PREFIX))
            .map(|(key, value)| (key.clone(), without_internal(value)))
            .collect(),
        Value::Array(items) => items.iter().map(without_internal).collect(),
        other => other.clone(),
    }
}

/// What is left of a result for people.
pub fn shown(result: &Map<String, Value>, no_log: bool, is_debug: bool, verbosity: u8) -> Map<String, Value> {
    if no_log {
        let mut left = censored(result);
        if is_debug {
            // Of `debug` it is never said whether something changed.
            left.remove("changed");
        }
        return left;
    }
    let mut shown: Map<String, Value> = result
        .iter()
        .filter(|(key, _)| {
            !key.starts_with(INTERNAL_PREFIX) && !matches!(key.as_str(), "failed" | "skipped" | "exception")
        })
        .map(|(key, value)| (key.clone(), without_internal(value)))
        .collect();
    if verbosity < 3 {
        shown.remove("invocation");
        shown.remove("diff");
    }
    // Warnings are printed on their own.
    shown.remove("warnings");
    shown.remove("deprecations");
    if is_debug {
        if shown.contains_key("msg") {
            shown.retain(|key, _| DEBUG_KEYS.contains(&key.as_str()));
        } else {
            shown.retain(|key, _| !HIDDEN_IN_DEBUG.contains(&key.as_str()));
        }
    }
    if let Some(place) = result.get(PLACE) {
        shown.insert("place".to_owned(), place.clone());
    }
    shown
}

/// What is said of a module that ended with a traceback.
pub fn exception(result: &Map<String, Value>, verbosity: u8) -> Option<String> {
    let text = result.get("exception")?.as_str()?.trim();
    Some(if verbosity < 3 {
        let last = text.lines().last().unwrap_or_default();
        format!(
            "An exception occurred during task execution. To see the full traceback, use -vvv. The error was: {last}"
        )
    } else {
        format!("The full traceback is:\n{text}")
    })
}

/// What a module says of its own future.
pub fn deprecations(result: &Map<String, Value>) -> Vec<String> {
    let notices = result.get("deprecations").and_then(Value::as_array);
    notices
        .into_iter()
        .flatten()
        .map(|notice| {
            let text = |key: &str| notice.get(key).and_then(Value::as_str);
            let from = match text("collection_name") {
                Some("ansible.builtin") => " from ansible-core".to_owned(),
                Some(name) => format!(" from {name}"),
                None => String::new(),
            };
            let when = match (text("date"), text("version")) {
                (Some(date), _) => format!("in a release after {date}"),
                (None, Some(version)) => format!("in version {version}"),
                (None, None) => "in a future release".to_owned(),
            };
            deprecation(text("msg").unwrap_or_default(), &from, &when)
        })
        .collect()
}

/// What is said of something that a later version takes away.
pub fn deprecation(message: &str, from: &str, when: &str) -> String {
    let message = message.trim_end_matches('.');
    format!(
        "{message}. This feature will be removed{from} {when}. Deprecation warnings can be disabled by setting deprecation_warnings=False in ansible.cfg."
    )
}

/// What is left of a result under `no_log`.
pub fn censored(result: &Map<String, Value>) -> Map<String, Value> {
    let mut left = Map::new();
    left.insert(
        "censored".to_owned(),
        Value::String(
            "the output has been hidden due to the fact that 'no_log: true' was specified for this result"
                .to_owned(),
        ),
    );
    for key in ["attempts", "changed", "retries"] {
        if let Some(value) = result.get(key) {
            left.insert(key.to_owned(), value.clone());
        }
    }
    left
}

/// The line of a host.
pub fn host_line(host: &str, line: HostLine, shown: &Shown<'_>) -> String {
    let text = match line {
        HostLine::Ok => format!("ok: [{host}]"),
        HostLine::Changed => format!("changed: [{host}]"),
        HostLine::Skipped => format!("skipping: [{host}]"),
        HostLine::Failed { .. } => format!("fatal: [{host}]: FAILED!"),
        HostLine::Unreachable { .. } => format!("fatal: [{host}]: UNREACHABLE!"),
    };
    with_result(text, line, shown)
}

/// The line of an item.
pub fn item_line(item: &ItemLine, shown: &Shown<'_>) -> String {
    let ItemLine { host, label, status } = item;
    let text = match status {
        HostLine::Ok => format!("ok: [{host}] => (item={label})"),
        HostLine::Changed => format!("changed: [{host}] => (item={label})"),
        HostLine::Skipped => format!("skipping: [{host}] => (item={label}) "),
        HostLine::Failed { .. } | HostLine::Unreachable { .. } => format!("failed: [{host}] (item={label})"),
    };
    with_result(text, *status, shown)
}

fn with_result(text: String, line: HostLine, shown: &Shown<'_>) -> String {
    if line.is_bad() || shown.verbose {
        format!("{text} => {}", shown.dump())
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::settings::Surroundings;

    fn map(value: Value) -> Map<String, Value> {
        serde_json::from_value(value).unwrap()
    }

    fn view() -> View {
        View::new(&Settings::read(&Surroundings::default()).unwrap())
    }

    #[test]
    fn no_log_hides_all_but_what_changed() {
        let view = View {
            verbosity: 3,
            ..view()
        };
        let result = map(json!({"changed": true, "stdout": "secret", "msg": "secret"}));
        let text = Shown::new(&result, true, false, &view).dump();
        assert!(
            text.contains("\"changed\": true") && !text.contains(": \"secret\""),
            "{text}"
        );
    }

    #[test]
    fn lines_look_as_ansibles_do() {
        let view = view();
        let result = map(json!({"changed": false, "failed": true, "msg": "no"}));
        let shown = Shown::new(&result, false, false, &view);
        assert_eq!(
            host_line("h", HostLine::Failed { ignored: false }, &shown),
            r#"fatal: [h]: FAILED! => {"changed": false, "msg": "no"}"#
        );
        let debug = map(json!({"changed": false, "msg": "hi", "_ansible_verbose_always": true}));
        let shown = Shown::new(&debug, false, true, &view);
        assert_eq!(
            host_line("h", HostLine::Ok, &shown),
            "ok: [h] => {\n    \"msg\": \"hi\"\n}"
        );
    }

    #[test]
    fn yaml_results_are_indented_under_their_line() {
        let view = View { yaml: true, ..view() };
        let result = map(json!({"failed": true, "msg": "a\nb", "stdout": "x", "stdout_lines": ["x"]}));
        let shown = Shown::new(&result, false, false, &view);
        assert_eq!(
            host_line("h", HostLine::Failed { ignored: false }, &shown),
            "fatal: [h]: FAILED! => \n    msg: |-\n        a\n        b\n    stdout: x\n    stdout_lines: <omitted>"
        );
    }
}
