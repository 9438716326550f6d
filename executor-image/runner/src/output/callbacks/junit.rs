//! The callback `junit`: a file for programs that show test results, each task on each host a test case.

use std::{
    collections::HashMap,
    fmt::Write,
    path::{Path, PathBuf},
    sync::Arc,
    time::Instant,
};

use serde_json::Value;

use crate::{
    output::{Callback, Console, HostLine, HostOutcome, Stats, TaskHeader, display, python_json},
    playbook::Playbook,
};

/// Collects results and writes the file.
#[derive(Debug)]
pub struct JunitCallback {
    directory: PathBuf,
    playbook: String,
    fail_on_change: bool,
    fail_on_ignore: bool,
    include_setup: bool,
    prefix: String,
    begun: HashMap<usize, Instant>,
    cases: Vec<Case>,
}

#[derive(Debug)]
struct Case {
    name: String,
    class: String,
    seconds: f64,
    output: String,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Good,
    Skipped(String),
    Failed(String),
    Error(String),
}

impl JunitCallback {
    /// As its variables in the environment say.
    pub fn of_environment() -> Self {
        let variable = |name: &str| std::env::var(name).unwrap_or_default();
        let is_set = |name: &str, default: bool| match variable(name).to_lowercase().as_str() {
            "" => default,
            text => matches!(text, "1" | "true" | "yes" | "on"),
        };
        let directory = match variable("JUNIT_OUTPUT_DIR") {
            text if text.is_empty() => PathBuf::from(variable("HOME")).join(".ansible.log"),
            text => PathBuf::from(text),
        };
        Self {
            directory,
            playbook: "playbook".to_owned(),
            fail_on_change: is_set("JUNIT_FAIL_ON_CHANGE", false),
            fail_on_ignore: is_set("JUNIT_FAIL_ON_IGNORE", false),
            include_setup: is_set("JUNIT_INCLUDE_SETUP_TASKS_IN_REPORT", true),
            prefix: variable("JUNIT_TEST_CASE_PREFIX"),
            begun: HashMap::new(),
            cases: Vec::new(),
        }
    }

    fn kind(&self, outcome: &HostOutcome<'_>) -> Kind {
        let text = |key: &str| outcome.result.get(key).and_then(Value::as_str).map(str::to_owned);
        let message = || {
            text("msg")
                .filter(|_| !outcome.no_log)
                .unwrap_or_else(|| "failed".to_owned())
        };
        match outcome.line {
            HostLine::Skipped => Kind::Skipped(text("skip_reason").unwrap_or_else(|| "skipped".to_owned())),
            HostLine::Failed { ignored: true } if !self.fail_on_ignore => Kind::Good,
            HostLine::Failed { .. } => match text("exception").filter(|_| !outcome.no_log) {
                Some(trace) => Kind::Error(trace),
                None => Kind::Failed(message()),
            },
            HostLine::Unreachable { .. } => Kind::Failed(message()),
            HostLine::Changed if self.fail_on_change => Kind::Failed("the task changed something".to_owned()),
            HostLine::Ok | HostLine::Changed => Kind::Good,
        }
    }

    fn document(&self) -> String {
        let count = |wanted: fn(&Kind) -> bool| self.cases.iter().filter(|case| wanted(&case.kind)).count();
        let (failures, errors, skipped) = (
            count(|kind| matches!(kind, Kind::Failed(_))),
            count(|kind| matches!(kind, Kind::Error(_))),
            count(|kind| matches!(kind, Kind::Skipped(_))),
        );
        let seconds: f64 = self.cases.iter().map(|case| case.seconds).sum();
        let tests = self.cases.len();
        let mut text = String::from("<?xml version=\"1.0\" ?>\n");
        // Writing to a string does not fail.
        let _ = writeln!(
            text,
            "<testsuites disabled=\"0\" errors=\"{errors}\" failures=\"{failures}\" tests=\"{tests}\" time=\"{seconds}\">\n\t<testsuite disabled=\"0\" errors=\"{errors}\" failures=\"{failures}\" name=\"{}\" skipped=\"{skipped}\" tests=\"{tests}\" time=\"{seconds}\">",
            escaped(&self.playbook)
        );
        for case in &self.cases {
            let _ = writeln!(
                text,
                "\t\t<testcase classname=\"{}\" name=\"{}\" time=\"{}\">",
                escaped(&case.class),
                escaped(&case.name),
                case.seconds
            );
            let _ = match &case.kind {
                Kind::Good => Ok(()),
                Kind::Skipped(why) => writeln!(text, "\t\t\t<skipped>{}</skipped>", escaped(why)),
                Kind::Failed(why) => writeln!(
                    text,
                    "\t\t\t<failure message=\"{0}\" type=\"failure\">{0}</failure>",
                    escaped(why)
                ),
                Kind::Error(why) => writeln!(
                    text,
                    "\t\t\t<error message=\"{0}\" type=\"error\">{0}</error>",
                    escaped(why)
                ),
            };
            let _ = writeln!(
                text,
                "\t\t\t<system-out>{}</system-out>\n\t\t</testcase>",
                escaped(&case.output)
            );
        }
        text.push_str("\t</testsuite>\n</testsuites>\n");
        text
    }
}

impl Callback for JunitCallback {
    fn playbook_started(&mut self, _: &mut Console, playbook: &Playbook, _: bool) {
        let name = Path::new(&playbook.file).file_stem().unwrap_or_default();
        self.playbook = name.to_string_lossy().into_owned();
    }

    fn task_started(&mut self, _: &mut Console, header: &Arc<TaskHeader>) {
        self.begun.insert(Arc::as_ptr(header) as usize, Instant::now());
    }

    fn host(&mut self, _: &mut Console, header: &Arc<TaskHeader>, outcome: &HostOutcome<'_>) {
        let short = header
            .module
            .strip_prefix("ansible.builtin.")
            .unwrap_or(&header.module);
        if !self.include_setup && matches!(short, "setup" | "gather_facts") {
            return;
        }
        let name = format!("[{}] {}: {}", outcome.host, header.play, header.name);
        if !self.prefix.is_empty() && !header.name.starts_with(&self.prefix) {
            return;
        }
        let began = self.begun.get(&(Arc::as_ptr(header) as usize));
        let shown = if outcome.no_log {
            display::censored(outcome.result)
        } else {
            let visible = outcome
                .result
                .iter()
                .filter(|(key, _)| !key.starts_with("_ansible_"));
            visible.map(|(key, value)| (key.clone(), value.clone())).collect()
        };
        self.cases.push(Case {
            name,
            class: header.source.clone(),
            seconds: began.map_or(0.0, |began| began.elapsed().as_secs_f64()),
            output: python_json(&Value::Object(shown), Some(4)),
            kind: self.kind(outcome),
        });
    }

    fn recap(&mut self, console: &mut Console, _: &Stats, _: bool) {
        let time = chrono::Utc::now().timestamp_micros();
        let file = self.directory.join(format!("{}-{time}.xml", self.playbook));
        let written =
            std::fs::create_dir_all(&self.directory).and_then(|()| std::fs::write(&file, self.document()));
        if let Err(error) = written {
            console.warning(&format!(
                "cannot write the test report {}: {error}",
                file.display()
            ));
        }
    }
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\t' | '\n' | '\r' => escaped.push(character),
            // XML has no way to write the others.
            other if other.is_control() => escaped.push('\u{fffd}'),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn failures_are_counted_and_texts_are_escaped() {
        let mut callback = JunitCallback::of_environment();
        callback.prefix = String::new();
        let mut console = Console::new(Box::new(std::io::sink()), 79);
        let header = Arc::new(TaskHeader {
            prefix: "TASK",
            name: "a < b".to_owned(),
            module: "ansible.builtin.command".to_owned(),
            source: "site.yml:3".to_owned(),
            play: "play".to_owned(),
            is_debug: false,
            check: false,
            task: Arc::new(crate::playbook::Task::example()),
        });
        callback.task_started(&mut console, &header);
        let failed = json!({"msg": "no & never", "failed": true});
        let failed = failed.as_object().unwrap();
        let outcome = HostOutcome::plain("h", HostLine::Failed { ignored: false }, failed);
        callback.host(&mut console, &header, &outcome);
        let text = callback.document();
        assert!(
            text.contains("failures=\"1\"") && text.contains("a &lt; b") && text.contains("no &amp; never"),
            "{text}"
        );
    }
}
