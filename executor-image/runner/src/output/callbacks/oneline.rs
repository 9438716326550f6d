//! The callback `oneline`: each result on one line.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::minimal::is_command;
use crate::{
    output::{Callback, Console, HostLine, HostOutcome, TaskHeader, display, python_json},
    settings::Settings,
};

/// Prints results as `oneline` does.
#[derive(Debug)]
pub struct OnelineCallback {
    verbosity: u8,
}

impl OnelineCallback {
    /// As the settings say.
    pub fn new(settings: &Settings) -> Self {
        Self {
            verbosity: settings.verbosity,
        }
    }

    fn text(&self, header: &TaskHeader, outcome: &HostOutcome<'_>) -> String {
        let host = outcome.shown_host();
        let HostOutcome {
            line, result, no_log, ..
        } = *outcome;
        let caption = match line {
            HostLine::Ok => "SUCCESS",
            HostLine::Changed => "CHANGED",
            HostLine::Failed { .. } => "FAILED",
            HostLine::Skipped => return format!("{host} | SKIPPED"),
            HostLine::Unreachable { .. } => {
                let message = result.get("msg").and_then(Value::as_str).unwrap_or_default();
                return format!("{host} | UNREACHABLE!: {message}");
            }
        };
        let failed = matches!(line, HostLine::Failed { .. });
        if !no_log && !failed && is_command(header, result) {
            return command_text(host, caption, result);
        }
        let mark = if failed { "!" } else { "" };
        // Written over several lines, and then put on one.
        let always = !no_log && result.get("_ansible_verbose_always") == Some(&Value::Bool(true));
        let values = Value::Object(display::shown(result, no_log, false, self.verbosity));
        format!(
            "{host} | {caption}{mark} => {}",
            python_json(&without_internal(values), Some(if always { 4 } else { 0 })).replace('\n', "")
        )
    }
}

/// The keys that the engine keeps are in the results of items too.
fn without_internal(value: Value) -> Value {
    match value {
        Value::Object(map) => Value::Object(
            map.into_iter()
                .filter(|(key, _)| !key.starts_with("_ansible_"))
                .map(|(key, value)| (key, without_internal(value)))
                .collect(),
        ),
        Value::Array(items) => items.into_iter().map(without_internal).collect(),
        other => other,
    }
}

fn command_text(host: &str, caption: &str, result: &Map<String, Value>) -> String {
    let text = |key: &str| {
        let text = result.get(key).and_then(Value::as_str).unwrap_or_default();
        text.replace('\n', "\\n").replace('\r', "\\r")
    };
    let code = result.get("rc").and_then(Value::as_i64).unwrap_or(-1);
    let (stdout, stderr) = (text("stdout"), text("stderr"));
    if stderr.is_empty() {
        format!("{host} | {caption} | rc={code} | (stdout) {stdout}")
    } else {
        format!("{host} | {caption} | rc={code} | (stdout) {stdout} (stderr) {stderr}")
    }
}

impl Callback for OnelineCallback {
    fn host(&mut self, console: &mut Console, header: &Arc<TaskHeader>, outcome: &HostOutcome<'_>) {
        let text = self.text(header, outcome);
        console.line(&text, Some(outcome.line.color()));
    }
}
