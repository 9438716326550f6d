//! Event lines: one JSON object a line.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{RunResult, SCHEMA_VERSION};

/// Every event line starts with exactly this, so that a reader of a mixed log finds events without parsing
/// the lines that are for a person.
const LINE_START: &str = "{\"slipway\":";

/// One thing that happened in a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Schema version: [`SCHEMA_VERSION`]. First field, since [`parse_line`] relies on it.
    pub slipway: u32,
    /// When it happened.
    pub time: DateTime<Utc>,
    /// What happened.
    #[serde(flatten)]
    pub kind: EventKind,
}

/// What happened; `event` in JSON.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum EventKind {
    /// The run begins: playbooks are loaded and hosts are known.
    RunStarted {
        /// Entry playbooks, as named on the command line.
        playbooks: Vec<String>,
        /// How many hosts the run may touch.
        hosts: u32,
    },
    /// A play begins.
    PlayStarted {
        /// Name of the play, or its host pattern.
        play: String,
        /// Hosts of this play (of this batch, with `serial`).
        hosts: u32,
    },
    /// A task begins on the hosts of the batch.
    TaskStarted {
        /// Name of the play.
        play: String,
        /// Name of the task as printed, with its role.
        task: String,
        /// Fully qualified name of the module.
        module: String,
        /// `file:line` of the task.
        source: String,
        /// Whether it is a handler.
        handler: bool,
    },
    /// A task ended on one host.
    HostResult {
        /// Inventory name of the host.
        host: String,
        /// Name of the task as printed.
        task: String,
        /// How it ended.
        status: HostStatus,
        /// What a failed or unreachable host answered; absent under `no_log`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        message: Option<String>,
        /// How long it took.
        duration_ms: u64,
        /// Items of a loop, in order, by label.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        items: Vec<ItemResult>,
    },
    /// A host's key was accepted at first use, for the owner to write back.
    HostKey {
        /// Inventory name of the host.
        host: String,
        /// The key in OpenSSH's public form, `ssh-ed25519 AAAA…`.
        key: String,
    },
    /// How far the run is; at most one a second, and a last one before the recap.
    Progress {
        /// Tasks finished, over all plays.
        tasks_done: u32,
        /// Tasks known of so far; grows with dynamic includes.
        tasks_total: u32,
        /// Name of the task that runs now, or ran last.
        task: String,
        /// Hosts failed or unreachable so far.
        hosts_failed: u32,
    },
    /// The recap: totals by host.
    Recap {
        /// Totals by inventory name.
        hosts: BTreeMap<String, Totals>,
    },
    /// The last line of a run.
    RunFinished {
        /// The outcome.
        result: RunResult,
    },
}

/// How a task ended on a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HostStatus {
    /// Nothing had to change.
    Ok,
    /// Something was changed.
    Changed,
    /// A condition said no, or there was nothing to loop over.
    Skipped,
    /// The task failed.
    Failed,
    /// The task failed and `ignore_errors` let the host go on.
    Ignored,
    /// The host could not be reached.
    Unreachable,
}

/// One item of a loop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemResult {
    /// The item's label as printed; absent under `no_log`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// How it ended.
    pub status: HostStatus,
}

/// A host's line of the recap.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// Tasks that ended well, changed ones included.
    pub ok: u32,
    /// Tasks that changed something.
    pub changed: u32,
    /// Times the host could not be reached.
    pub unreachable: u32,
    /// Tasks that failed and were not rescued or ignored.
    pub failed: u32,
    /// Tasks that were skipped.
    pub skipped: u32,
    /// Blocks that were rescued.
    pub rescued: u32,
    /// Failures that were ignored.
    pub ignored: u32,
}

impl Event {
    /// An event that happens now.
    #[must_use]
    pub fn now(kind: EventKind) -> Self {
        Self {
            slipway: SCHEMA_VERSION,
            time: Utc::now(),
            kind,
        }
    }

    /// The event as one line of JSON without the line's end.
    #[must_use]
    #[expect(
        clippy::missing_panics_doc,
        reason = "plain data with string keys always has a JSON form"
    )]
    pub fn to_line(&self) -> String {
        // ok: the type has string keys and no fallible serializer, so it always has a JSON form.
        #[expect(
            clippy::expect_used,
            reason = "plain data with string keys always has a JSON form"
        )]
        serde_json::to_string(self).expect("an event has a JSON form")
    }
}

/// The event of a log line; `None` for a line that is for a person, or of a newer kind than this reader knows.
#[must_use]
pub fn parse_line(line: &str) -> Option<Event> {
    let line = line.trim_end();
    line.starts_with(LINE_START)
        .then(|| serde_json::from_str(line).ok())
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_line_is_read_back_as_written() {
        let event = Event::now(EventKind::Progress {
            tasks_done: 3,
            tasks_total: 9,
            task: "container-runtime : Unpack containerd".to_owned(),
            hosts_failed: 0,
        });
        let line = event.to_line();
        assert!(line.starts_with(LINE_START), "{line}");
        assert_eq!(parse_line(&format!("{line}\n")), Some(event));
    }

    #[test]
    fn a_line_for_a_person_is_not_an_event() {
        for line in [
            "PLAY [all] ****",
            "{\"msg\": \"not ours\"}",
            "{\"slipway\":1,\"event\":\"from_the_future\"}",
            "",
        ] {
            assert_eq!(parse_line(line), None, "{line}");
        }
    }
}
