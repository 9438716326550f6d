//! The callback `minimal`: each result on its own, without plays and tasks.

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::{
    output::{
        Callback, Color, Console, HostLine, HostOutcome, ItemOutcome, TaskHeader, diff, display, python_json,
        python_yaml,
    },
    settings::Settings,
};

/// Modules whose result is what a program printed.
const COMMANDS: &[&str] = &["command", "win_command", "shell", "win_shell", "raw", "script"];

/// Prints results as `minimal` does.
#[derive(Debug)]
pub struct MinimalCallback {
    verbosity: u8,
    yaml: bool,
    pretty: bool,
    diff_context: usize,
}

impl MinimalCallback {
    /// As the settings say.
    pub fn new(settings: &Settings) -> Self {
        Self {
            verbosity: settings.verbosity,
            yaml: settings.callback_result_format == "yaml",
            pretty: settings.callback_format_pretty.unwrap_or(true),
            diff_context: settings.diff_context,
        }
    }

    fn dump(&self, result: &Map<String, Value>) -> String {
        let shown = Value::Object(result.clone());
        if self.yaml {
            format!("\n{}", python_yaml(&shown))
        } else {
            python_json(&shown, self.pretty.then_some(4))
        }
    }

    fn print(
        &self,
        console: &mut Console,
        header: &TaskHeader,
        host: &str,
        line: HostLine,
        result: &Map<String, Value>,
        no_log: bool,
    ) {
        let text = match line {
            HostLine::Ok | HostLine::Changed => {
                let caption = if line == HostLine::Ok {
                    "SUCCESS"
                } else {
                    "CHANGED"
                };
                match command_text(header, host, caption, result, no_log) {
                    Some(text) => text,
                    None => format!(
                        "{host} | {caption} => {}",
                        self.dump(&display::shown(result, no_log, header.is_debug, self.verbosity))
                    ),
                }
            }
            HostLine::Failed { .. } => match command_text(header, host, "FAILED", result, no_log) {
                Some(text) => text,
                None => format!(
                    "{host} | FAILED! => {}",
                    self.dump(&display::shown(result, no_log, header.is_debug, self.verbosity))
                ),
            },
            HostLine::Skipped => format!("{host} | SKIPPED"),
            HostLine::Unreachable { .. } => {
                format!(
                    "{host} | UNREACHABLE! => {}",
                    self.dump(&display::shown(result, no_log, header.is_debug, self.verbosity))
                )
            }
        };
        console.line(&text, Some(line.color()));
    }

    fn diff(&self, console: &mut Console, result: &Map<String, Value>, no_log: bool) {
        let wanted = !no_log && result.contains_key("_ansible_diff");
        if let Some(difference) = result.get("diff").filter(|_| wanted) {
            let text = diff::text(difference, self.diff_context, &|text, color: Color| {
                console.paint(text, color)
            });
            console.line(&text, None);
        }
    }
}

/// Whether a result is what a program printed.
pub fn is_command(header: &TaskHeader, result: &Map<String, Value>) -> bool {
    let short = header.module.rsplit('.').next().unwrap_or_default();
    COMMANDS.contains(&short) && !result.contains_key("ansible_job_id") && result.contains_key("rc")
}

fn command_text(
    header: &TaskHeader,
    host: &str,
    caption: &str,
    result: &Map<String, Value>,
    no_log: bool,
) -> Option<String> {
    if no_log || !is_command(header, result) {
        return None;
    }
    let text = |key: &str| result.get(key).and_then(Value::as_str).unwrap_or_default();
    let code = result.get("rc").and_then(Value::as_i64).unwrap_or(-1);
    Some(format!(
        "{host} | {caption} | rc={code} >>\n{}{}{}\n",
        text("stdout"),
        text("stderr"),
        text("msg")
    ))
}

impl Callback for MinimalCallback {
    fn item(&mut self, console: &mut Console, header: &Arc<TaskHeader>, outcome: &ItemOutcome<'_>) {
        self.diff(console, outcome.result, outcome.no_log);
        let line = outcome.line;
        self.print(
            console,
            header,
            &line.host,
            line.status,
            outcome.result,
            outcome.no_log,
        );
    }

    fn host(&mut self, console: &mut Console, header: &Arc<TaskHeader>, outcome: &HostOutcome<'_>) {
        if outcome.looped {
            return;
        }
        self.diff(console, outcome.result, outcome.no_log);
        self.print(
            console,
            header,
            outcome.shown_host(),
            outcome.line,
            outcome.result,
            outcome.no_log,
        );
    }
}
