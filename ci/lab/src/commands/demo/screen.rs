//! What a person sees: headings, and a table that is drawn anew on a terminal and appended to anywhere else.

use std::collections::BTreeMap;
use std::io::{IsTerminal, Write};
use std::time::Instant;

use kube::ResourceExt;
use slipway_api::RunPhase;

use super::snapshot::Snapshot;

/// A new part of the story.
pub fn heading(text: &str) {
    let (bold, plain) = if std::io::stdout().is_terminal() {
        ("\x1b[1m", "\x1b[0m")
    } else {
        ("", "")
    };
    println!("\n{bold}==> {text}{plain}");
}

/// A line for a person.
pub fn say(text: &str) {
    println!("    {text}");
}

/// A table of machines and runs that follows what happens.
#[derive(Debug)]
pub struct Screen {
    terminal: bool,
    start: Instant,
    drawn: usize,
    shown: BTreeMap<String, String>,
}

impl Screen {
    /// A screen for one step.
    pub fn start() -> Self {
        Self {
            terminal: std::io::stdout().is_terminal(),
            start: Instant::now(),
            drawn: 0,
            shown: BTreeMap::new(),
        }
    }

    /// Shows a moment.
    pub fn show(&mut self, snapshot: &Snapshot) {
        if self.terminal {
            self.redraw(snapshot);
        } else {
            self.append(snapshot);
        }
    }

    fn redraw(&mut self, snapshot: &Snapshot) {
        let mut lines = vec![format!(
            "    {:<12} {:<14} {:<12} {:<22} {}",
            "MACHINE", "ADDRESS", "PHASE", "SET", "LAST RUN"
        )];
        lines.extend(machine_lines(snapshot).into_values());
        lines.extend(
            run_lines(snapshot)
                .into_values()
                .map(|line| format!("    {line}")),
        );
        lines.push(format!("    {} s", self.start.elapsed().as_secs()));
        let mut text = String::new();
        if self.drawn > 0 {
            text = format!("\x1b[{}A", self.drawn);
        }
        for line in &lines {
            text.push_str("\x1b[2K");
            text.extend(line.chars().take(150));
            text.push('\n');
        }
        // What an earlier, longer table left below.
        text.push_str("\x1b[J");
        self.drawn = lines.len();
        print!("{text}");
        let _ = std::io::stdout().flush();
    }

    fn append(&mut self, snapshot: &Snapshot) {
        let mut now = machine_lines(snapshot);
        now.extend(run_lines(snapshot));
        for (key, line) in now {
            if self.shown.get(&key) != Some(&line) {
                println!("    {:>4} s  {}", self.start.elapsed().as_secs(), line.trim());
                self.shown.insert(key, line);
            }
        }
        let _ = std::io::stdout().flush();
    }
}

fn machine_lines(snapshot: &Snapshot) -> BTreeMap<String, String> {
    let lines = snapshot.machines.iter().map(|machine| {
        let phase = machine
            .phase()
            .map_or_else(|| "new".to_owned(), |phase| phase.to_string());
        let set = machine
            .spec
            .claim_ref
            .as_ref()
            .map_or("-", |claim| claim.name.as_str());
        let last = machine
            .status
            .as_ref()
            .and_then(|status| status.last_run.as_ref());
        let last = last.map_or_else(String::new, |run| format!("{} {}", run.operation, run.phase));
        let line = format!(
            "    {:<12} {:<14} {phase:<12} {set:<22} {last}",
            machine.name_any(),
            machine.spec.address
        );
        (format!("machine {}", machine.name_any()), line)
    });
    lines.collect()
}

/// Runs that are under way, with the task that they are at, and those that failed, with the reason.
fn run_lines(snapshot: &Snapshot) -> BTreeMap<String, String> {
    let mut lines = BTreeMap::new();
    for run in &snapshot.runs {
        let status = run.status.clone().unwrap_or_default();
        let hosts: Vec<&str> = run.spec.hosts.iter().map(|host| host.machine.as_str()).collect();
        let what = format!("{} of {}", run.spec.operation, hosts.join(", "));
        let line = match run.phase() {
            RunPhase::Pending => format!("{what}: waits for its executor"),
            RunPhase::Running => status.progress.map_or_else(
                || format!("{what}: starts"),
                |progress| {
                    format!(
                        "{what}: {}/{} {}",
                        progress.tasks_done, progress.tasks_total, progress.task
                    )
                },
            ),
            RunPhase::Failed => {
                let said = status
                    .result
                    .and_then(|result| result.message)
                    .unwrap_or_default();
                format!("{what}: FAILED {said}")
            }
            RunPhase::Succeeded | RunPhase::Cancelled => continue,
        };
        lines.insert(format!("run {}", run.name_any()), line);
    }
    lines
}
