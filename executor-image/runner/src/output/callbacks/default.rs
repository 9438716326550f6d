//! The callback `default`: what people know of Ansible.

use std::sync::Arc;

use serde_json::{Map, Value};
use slipway_report::Totals;

use crate::output::{
    Callback, Color, Console, HostLine, HostOutcome, Included, ItemOutcome, JobStage, PlayHeader, Stats,
    TaskHeader, diff,
    display::{self, Shown, View},
};
use crate::{playbook::Playbook, settings::Settings};

/// Prints results as `default` does.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a setting of its own")]
pub struct DefaultCallback {
    view: View,
    display_skipped: bool,
    display_ok: bool,
    failed_to_stderr: bool,
    check_markers: bool,
    path_on_failure: bool,
    custom_stats: bool,
    diff_context: usize,
    /// The task whose banner stands above.
    announced: Option<Arc<TaskHeader>>,
}

impl DefaultCallback {
    /// As the settings say.
    pub fn new(settings: &Settings) -> Self {
        Self {
            view: View::new(settings),
            display_skipped: settings.display_skipped_hosts,
            display_ok: settings.display_ok_hosts,
            failed_to_stderr: settings.display_failed_stderr,
            check_markers: settings.check_mode_markers,
            path_on_failure: settings.show_task_path_on_failure,
            custom_stats: settings.show_custom_stats,
            diff_context: settings.diff_context,
            announced: None,
        }
    }

    /// Prints the banner of a task unless it stands above already.
    fn announce(&mut self, console: &mut Console, header: &Arc<TaskHeader>) {
        if self
            .announced
            .as_ref()
            .is_some_and(|last| Arc::ptr_eq(last, header))
        {
            return;
        }
        let marker = if header.check && self.check_markers {
            " [CHECK MODE]"
        } else {
            ""
        };
        console.banner(&format!("{} [{}]{marker}", header.prefix, header.name));
        if self.view.verbosity >= 2 {
            console.verbose(&format!("task path: {}", header.source));
        }
        self.announced = Some(Arc::clone(header));
    }

    /// Whether a line of this kind is shown at all.
    fn is_shown(&self, line: HostLine) -> bool {
        match line {
            HostLine::Ok => self.display_ok,
            HostLine::Skipped => self.display_skipped,
            _ => true,
        }
    }

    fn result_line(&self, console: &mut Console, line: HostLine, text: &str) {
        let color = line.color();
        let bad = matches!(line, HostLine::Failed { .. } | HostLine::Unreachable { .. });
        if bad && self.failed_to_stderr {
            console.error_line(text, Some(color));
        } else {
            console.line(text, Some(color));
        }
    }

    fn exception(&self, console: &mut Console, result: &Map<String, Value>, no_log: bool) {
        let Some(text) = display::exception(result, self.view.verbosity).filter(|_| !no_log) else {
            return;
        };
        if self.failed_to_stderr {
            console.error_line(&text, Some(Color::Error));
        } else {
            console.line(&text, Some(Color::Error));
        }
    }

    fn diff(&self, console: &mut Console, result: &Map<String, Value>) {
        let changed = result.get("changed").and_then(Value::as_bool).unwrap_or(false);
        let wanted = changed && result.contains_key("_ansible_diff");
        if let Some(difference) = result.get("diff").filter(|_| wanted) {
            let text = diff::text(difference, self.diff_context, &|text, color| {
                console.paint(text, color)
            });
            if !text.is_empty() {
                console.line(&text, None);
            }
        }
    }
}

impl Callback for DefaultCallback {
    fn playbook_started(&mut self, console: &mut Console, playbook: &Playbook, check: bool) {
        if self.view.verbosity > 1 {
            let name = std::path::Path::new(&playbook.file)
                .file_name()
                .unwrap_or_default();
            console.banner(&format!("PLAYBOOK: {}", name.to_string_lossy()));
        }
        if check && self.check_markers {
            console.banner("DRY RUN");
        }
    }

    fn play_started(&mut self, console: &mut Console, header: &PlayHeader<'_>) {
        console.banner(header.banner);
        self.announced = None;
    }

    fn no_hosts_matched(&mut self, console: &mut Console) {
        console.line("skipping: no hosts matched", Some(Color::Skip));
    }

    fn no_hosts_left(&mut self, console: &mut Console) {
        console.banner("NO MORE HOSTS LEFT");
    }

    fn task_started(&mut self, console: &mut Console, header: &Arc<TaskHeader>) {
        // Where results may be hidden, the banner waits for one that is not.
        if self.display_ok && self.display_skipped {
            self.announce(console, header);
        }
    }

    fn item(&mut self, console: &mut Console, header: &Arc<TaskHeader>, outcome: &ItemOutcome<'_>) {
        let ItemOutcome {
            line, result, no_log, ..
        } = *outcome;
        if !self.is_shown(line.status) {
            return;
        }
        self.announce(console, header);
        self.exception(console, result, no_log);
        if !no_log {
            self.diff(console, result);
        }
        let shown = Shown::new(result, no_log, header.is_debug, &self.view);
        let text = display::item_line(line, &shown);
        self.result_line(console, line.status, &text);
    }

    fn host(&mut self, console: &mut Console, header: &Arc<TaskHeader>, outcome: &HostOutcome<'_>) {
        let HostOutcome {
            line,
            result,
            no_log,
            looped,
            ..
        } = *outcome;
        if !self.is_shown(line) {
            return;
        }
        // The items of a loop have told. Ansible does not know a loop for one whose results are hidden, nor a `debug`
        // that failed.
        let is_hidden = result.get("_ansible_no_log") == Some(&Value::Bool(true));
        let has_line = match line {
            _ if !looped || is_hidden => true,
            HostLine::Skipped | HostLine::Unreachable { .. } => true,
            HostLine::Failed { .. } => header.is_debug,
            HostLine::Ok | HostLine::Changed => false,
        };
        if has_line || line.is_ignored() {
            self.announce(console, header);
        }
        if !looped {
            self.exception(console, result, no_log);
            if !no_log {
                self.diff(console, result);
            }
        }
        if has_line {
            let mut shown = Shown::new(result, no_log, header.is_debug, &self.view);
            shown.values.remove("results");
            let text = display::host_line(outcome.shown_host(), line, &shown);
            // A failure shows its place though nobody asked for places.
            if matches!(line, HostLine::Failed { .. }) && self.path_on_failure && self.view.verbosity < 2 {
                console.line(&format!("task path: {}", header.source), Some(Color::Verbose));
            }
            self.result_line(console, line, &text);
        }
        if line.is_ignored() {
            console.line("...ignoring", Some(Color::Skip));
        }
    }

    fn included(&mut self, console: &mut Console, header: &Arc<TaskHeader>, included: &Included<'_>) {
        self.announce(console, header);
        console.line(included.text, Some(Color::Included));
    }

    fn retry(&mut self, console: &mut Console, _: &Arc<TaskHeader>, _: &HostOutcome<'_>, text: &str) {
        console.line(text, Some(Color::Debug));
    }

    fn job(
        &mut self,
        console: &mut Console,
        _: &Arc<TaskHeader>,
        _: JobStage,
        _: &HostOutcome<'_>,
        text: &str,
    ) {
        console.line(text, Some(Color::Debug));
    }

    fn recap(&mut self, console: &mut Console, stats: &Stats, check: bool) {
        console.banner("PLAY RECAP");
        for (host, totals) in &stats.hosts {
            let text = recap_line(console, host, totals);
            console.line(&text, None);
        }
        console.line("", None);
        if self.custom_stats && !stats.custom.is_empty() {
            console.banner("CUSTOM STATS:");
            let dump = |value: &Value| crate::output::python_json(value, Some(1)).replace('\n', "");
            for (host, values) in stats.custom.iter().filter(|(host, _)| host.as_str() != "_run") {
                console.line(&format!("\t{host}: {}", dump(values)), None);
            }
            if let Some(values) = stats.custom.get("_run") {
                console.line("", None);
                console.line(&format!("\tRUN: {}", dump(values)), None);
            }
            console.line("", None);
        }
        if check && self.check_markers {
            console.banner("DRY RUN");
        }
    }
}

fn recap_line(console: &Console, host: &str, totals: &Totals) -> String {
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
            console.paint(&text, color)
        } else {
            text
        }
    };
    [
        format!("{} :", console.paint(&format!("{host:<26}"), host_color)),
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
