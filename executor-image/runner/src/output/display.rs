//! The lines themselves, as text: pure, so that they are tested without a terminal.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::{Color, python_json};

/// Keys that the engine keeps in results for itself.
const INTERNAL_PREFIX: &str = "_ansible_";
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
    /// `file:line`
    pub source: String,
    /// The play's name.
    pub play: String,
    /// Whether `debug` results are to be cleaned.
    pub is_debug: bool,
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

/// A line of stars.
#[derive(Debug)]
pub struct Banner;

impl Banner {
    /// `text ****…`, as wide as the terminal allows.
    pub fn text(text: &str, columns: usize) -> String {
        let stars = columns.saturating_sub(text.chars().count()).max(3);
        format!("\n{text} {}", "*".repeat(stars))
    }
}

/// A result as it is shown: statuses and internal keys removed, `no_log` obeyed.
pub fn shown(result: &Map<String, Value>, no_log: bool, is_debug: bool, verbosity: u8) -> Map<String, Value> {
    if no_log {
        return censored(result);
    }
    let mut shown: Map<String, Value> = result
        .iter()
        .filter(|(key, _)| {
            !key.starts_with(INTERNAL_PREFIX) && !matches!(key.as_str(), "failed" | "skipped" | "exception")
        })
        .map(|(key, value)| (key.clone(), value.clone()))
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
            let message = text("msg").unwrap_or_default().trim_end_matches('.');
            format!("[DEPRECATION WARNING]: {message}. This feature will be removed{from} {when}.")
        })
        .collect()
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

/// Whether an ordinary result shows its content.
fn is_verbose(result: &Map<String, Value>, no_log: bool, verbosity: u8) -> bool {
    if no_log {
        return verbosity > 0;
    }
    let flag = |key: &str| result.get(key).and_then(Value::as_bool).unwrap_or(false);
    (verbosity > 0 || flag("_ansible_verbose_always")) && !flag("_ansible_verbose_override")
}

fn dump(result: &Map<String, Value>, shown: Map<String, Value>, no_log: bool, verbosity: u8) -> String {
    let always = !no_log
        && result
            .get("_ansible_verbose_always")
            .and_then(Value::as_bool)
            .unwrap_or(false);
    let indent = (always || verbosity > 2).then_some(4);
    python_json(&Value::Object(shown), indent)
}

/// The line of a host, and the colour that it is in.
pub fn host_line(
    host: &str,
    line: HostLine,
    result: &Map<String, Value>,
    shown: Map<String, Value>,
    no_log: bool,
    verbosity: u8,
) -> (String, Color) {
    let verbose = is_verbose(result, no_log, verbosity);
    let mut text = match line {
        HostLine::Ok => format!("ok: [{host}]"),
        HostLine::Changed => format!("changed: [{host}]"),
        HostLine::Skipped => format!("skipping: [{host}]"),
        HostLine::Failed { .. } => format!("fatal: [{host}]: FAILED!"),
        HostLine::Unreachable { .. } => format!("fatal: [{host}]: UNREACHABLE!"),
    };
    let (always, color) = color(line);
    if always || verbose {
        text.push_str(" => ");
        text.push_str(&dump(result, shown, no_log, verbosity));
    }
    (text, color)
}

/// The line of an item.
pub fn item_line(
    item: &ItemLine,
    result: &Map<String, Value>,
    shown: Map<String, Value>,
    no_log: bool,
    verbosity: u8,
) -> (String, Color) {
    let verbose = is_verbose(result, no_log, verbosity);
    let ItemLine { host, label, .. } = item;
    let mut text = match item.status {
        HostLine::Ok => format!("ok: [{host}] => (item={label})"),
        HostLine::Changed => format!("changed: [{host}] => (item={label})"),
        HostLine::Skipped => format!("skipping: [{host}] => (item={label}) "),
        HostLine::Failed { .. } | HostLine::Unreachable { .. } => format!("failed: [{host}] (item={label})"),
    };
    let (always, color) = color(item.status);
    if always || verbose {
        text.push_str(" => ");
        text.push_str(&dump(result, shown, no_log, verbosity));
    }
    (text, color)
}

fn color(line: HostLine) -> (bool, Color) {
    match line {
        HostLine::Ok => (false, Color::Ok),
        HostLine::Changed => (false, Color::Changed),
        HostLine::Skipped => (false, Color::Skip),
        HostLine::Failed { .. } => (true, Color::Error),
        HostLine::Unreachable { .. } => (true, Color::Unreachable),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn map(value: Value) -> Map<String, Value> {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn banners_are_eighty_columns_wide() {
        assert_eq!(Banner::text("PLAY [x]", 79).trim_start().len(), 80);
    }

    #[test]
    fn no_log_hides_all_but_what_changed() {
        let result = map(json!({"changed": true, "stdout": "secret", "msg": "secret"}));
        let text = python_json(&Value::Object(shown(&result, true, false, 3)), None);
        assert!(
            text.contains("\"changed\": true") && !text.contains(": \"secret\""),
            "{text}"
        );
    }

    #[test]
    fn lines_look_as_ansibles_do() {
        let result = map(json!({"changed": false, "failed": true, "msg": "no"}));
        let (line, _) = host_line(
            "h",
            HostLine::Failed { ignored: false },
            &result,
            shown(&result, false, false, 0),
            false,
            0,
        );
        assert_eq!(line, r#"fatal: [h]: FAILED! => {"changed": false, "msg": "no"}"#);
        let debug = map(json!({"changed": false, "msg": "hi", "_ansible_verbose_always": true}));
        let (line, _) = host_line("h", HostLine::Ok, &debug, shown(&debug, false, true, 0), false, 0);
        assert_eq!(line, "ok: [h] => {\n    \"msg\": \"hi\"\n}");
    }
}
