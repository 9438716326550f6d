//! Totals by host.

use std::{collections::BTreeMap, sync::Arc};

use slipway_report::{HostResult, Totals};

/// What the recap shows, and what the result says of failed hosts.
#[derive(Debug, Clone, Default)]
pub struct Stats {
    /// Totals by inventory name.
    pub hosts: BTreeMap<Arc<str>, Totals>,
    /// The task that failed on a host and what it answered.
    pub failures: BTreeMap<Arc<str>, Failure>,
}

/// A failure for the result.
#[derive(Debug, Clone)]
pub struct Failure {
    /// The task's name as printed.
    pub task: String,
    /// What it answered; none under `no_log`.
    pub message: Option<String>,
}

impl Stats {
    /// The totals of a host, to be changed.
    pub fn host(&mut self, host: &Arc<str>) -> &mut Totals {
        self.hosts.entry(Arc::clone(host)).or_default()
    }

    /// Notes why a host failed.
    pub fn failed(&mut self, host: &Arc<str>, task: &str, message: Option<String>) {
        let failure = Failure {
            task: task.to_owned(),
            message,
        };
        self.failures.insert(Arc::clone(host), failure);
    }

    /// How many hosts failed or were unreachable.
    pub fn bad_hosts(&self) -> usize {
        self.hosts
            .values()
            .filter(|totals| totals.failed > 0 || totals.unreachable > 0)
            .count()
    }

    /// The hosts' parts of the run's result.
    pub fn results(&self) -> Vec<HostResult> {
        let result = |(host, totals): (&Arc<str>, &Totals)| {
            let failure = self
                .failures
                .get(host)
                .filter(|_| totals.failed > 0 || totals.unreachable > 0);
            HostResult {
                host: host.to_string(),
                ok: totals.ok,
                changed: totals.changed,
                failed: totals.failed,
                unreachable: totals.unreachable,
                skipped: totals.skipped,
                task: failure.map(|failure| failure.task.clone()),
                message: failure.and_then(|failure| failure.message.clone()),
            }
        };
        self.hosts.iter().map(result).collect()
    }
}
