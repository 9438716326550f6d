//! The compact result of a run.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{MESSAGE_LIMIT, SCHEMA_VERSION, shorten};

/// What a container's termination message holds at most, in bytes (Kubernetes' own limit).
pub const RESULT_LIMIT: usize = 4096;

/// The outcome of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunResult {
    /// Schema version: [`SCHEMA_VERSION`].
    pub slipway: u32,
    /// How it ended.
    pub outcome: RunOutcome,
    /// The runner's exit code.
    pub exit_code: i32,
    /// When it began.
    pub started: DateTime<Utc>,
    /// When it ended.
    pub finished: DateTime<Utc>,
    /// What went wrong where no host is to blame: a playbook that cannot be loaded, a bad inventory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Hosts, those that failed first.
    #[serde(default)]
    pub hosts: Vec<HostResult>,
    /// How many hosts were left out of `hosts` so that the result fits.
    #[serde(default)]
    pub hosts_omitted: u32,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum RunOutcome {
    /// Every host did every task.
    Succeeded,
    /// A host failed.
    Failed,
    /// A host could not be reached.
    Unreachable,
    /// A signal stopped the run.
    Cancelled,
    /// The playbook, the inventory or an argument is wrong: trying again does not help.
    Invalid,
}

/// A host's part in a run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HostResult {
    /// Inventory name.
    pub host: String,
    /// Tasks that ended well, changed ones included.
    pub ok: u32,
    /// Tasks that changed something.
    pub changed: u32,
    /// Tasks that failed.
    pub failed: u32,
    /// Times the host could not be reached.
    pub unreachable: u32,
    /// Tasks that were skipped.
    pub skipped: u32,
    /// The task that failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<String>,
    /// What the failed task answered; absent under `no_log`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

impl HostResult {
    /// Whether the host failed or was unreachable.
    #[must_use]
    pub const fn is_bad(&self) -> bool {
        self.failed > 0 || self.unreachable > 0
    }
}

impl RunResult {
    /// The result as JSON of at most [`RESULT_LIMIT`] bytes: hosts that failed come first, messages are
    /// shortened until everything fits, and hosts that still do not fit are counted in `hosts_omitted`.
    #[must_use]
    pub fn to_compact_json(&self) -> String {
        let mut compact = self.clone();
        compact.hosts.sort_by_key(|host| !host.is_bad());
        for limit in [MESSAGE_LIMIT, 512, 256, 128] {
            for message in compact.hosts.iter_mut().filter_map(|host| host.message.as_mut()) {
                *message = shorten(message, limit);
            }
            if let Some(message) = compact.message.as_mut() {
                *message = shorten(message, limit * 2);
            }
            let text = compact.to_json();
            if text.len() <= RESULT_LIMIT {
                return text;
            }
        }
        loop {
            compact.hosts.pop();
            compact.hosts_omitted += 1;
            let text = compact.to_json();
            if text.len() <= RESULT_LIMIT || compact.hosts.is_empty() {
                return text;
            }
        }
    }

    fn to_json(&self) -> String {
        // ok: plain data with string keys.
        #[expect(
            clippy::expect_used,
            reason = "plain data with string keys always has a JSON form"
        )]
        serde_json::to_string(self).expect("a result has a JSON form")
    }

    /// Reads a result back.
    ///
    /// # Errors
    /// When `text` is not a result of a schema that this reader knows.
    pub fn from_json(text: &str) -> Result<Self, serde_json::Error> {
        let result: Self = serde_json::from_str(text.trim())?;
        if result.slipway > SCHEMA_VERSION {
            return Err(serde::de::Error::custom(format!(
                "the result has schema version {}, this reader knows up to {SCHEMA_VERSION}",
                result.slipway
            )));
        }
        Ok(result)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result_with(hosts: Vec<HostResult>) -> RunResult {
        RunResult {
            slipway: SCHEMA_VERSION,
            outcome: RunOutcome::Failed,
            exit_code: 2,
            started: DateTime::UNIX_EPOCH,
            finished: DateTime::UNIX_EPOCH,
            message: None,
            hosts,
            hosts_omitted: 0,
        }
    }

    #[test]
    fn a_result_of_many_hosts_fits_and_keeps_the_failed_ones() {
        let mut hosts: Vec<HostResult> = (0..500)
            .map(|number| HostResult {
                host: format!("worker-{number}"),
                ok: 40,
                ..HostResult::default()
            })
            .collect();
        hosts[321].failed = 1;
        hosts[321].message = Some("é".repeat(4000));
        let text = result_with(hosts).to_compact_json();
        assert!(text.len() <= RESULT_LIMIT, "{} bytes", text.len());
        let read = RunResult::from_json(&text).unwrap();
        assert_eq!(read.hosts[0].host, "worker-321");
        assert_eq!(u32::try_from(read.hosts.len()).unwrap() + read.hosts_omitted, 500);
    }

    #[test]
    fn a_small_result_is_read_back_as_written() {
        let result = result_with(vec![HostResult {
            host: "a".to_owned(),
            failed: 1,
            task: Some("t".to_owned()),
            message: Some("no".to_owned()),
            ..HostResult::default()
        }]);
        assert_eq!(RunResult::from_json(&result.to_compact_json()).unwrap(), result);
    }

    #[test]
    fn a_result_of_a_newer_schema_is_refused() {
        let mut result = result_with(Vec::new());
        result.slipway = SCHEMA_VERSION + 1;
        let error = RunResult::from_json(&result.to_compact_json()).unwrap_err();
        assert!(error.to_string().contains("schema version 2"), "{error}");
    }
}
