//! Totals by host.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::{Map, Value};
use slipway_report::{HostResult, Totals};

use crate::inventory::merged_maps;

/// What the recap shows, and what the result says of failed hosts.
#[derive(Debug, Clone, Default)]
pub struct Stats {
    /// Totals by inventory name.
    pub hosts: BTreeMap<Arc<str>, Totals>,
    /// The task that failed on a host and what it answered.
    pub failures: BTreeMap<Arc<str>, Failure>,
    /// What playbooks count themselves (`set_stats`): by host, or under `_run`.
    pub custom: BTreeMap<String, Value>,
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

    /// Counts what `set_stats` returned on a host.
    pub fn count_all(&mut self, host: &str, counted: &Value) {
        let flag = |name: &str, default: bool| counted.get(name).and_then(Value::as_bool).unwrap_or(default);
        let host = flag("per_host", false).then_some(host);
        let aggregate = flag("aggregate", true);
        for (name, value) in counted
            .get("data")
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
        {
            self.count_custom(host, name, value.clone(), aggregate);
        }
    }

    /// Sets what a playbook counts, or adds to it: for a host, or for the run if none.
    fn count_custom(&mut self, host: Option<&str>, name: &str, value: Value, aggregate: bool) {
        let host = host.unwrap_or("_run").to_owned();
        let values = self
            .custom
            .entry(host)
            .or_insert_with(|| Value::Object(Map::new()));
        let Some(values) = values.as_object_mut() else {
            return;
        };
        let counted = match values.get(name).filter(|_| aggregate).cloned() {
            Some(known) => sum(known, value),
            None => value,
        };
        values.insert(name.to_owned(), counted);
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

/// What a playbook has counted and counts further: numbers are added, texts and lists put behind each other, mappings merged. Of
/// another type it changes nothing; a boolean counts as a whole number, as in Python.
fn sum(known: Value, new: Value) -> Value {
    let whole = |value: &Value| value.as_i64().or_else(|| value.as_bool().map(i64::from));
    match (known, new) {
        (Value::String(known), Value::String(new)) => Value::from(known + &new),
        (Value::Array(mut known), Value::Array(new)) => {
            known.extend(new);
            Value::Array(known)
        }
        (Value::Object(known), Value::Object(new)) => Value::Object(merged_maps(known, new)),
        (known @ Value::Bool(_), Value::Number(_)) => known,
        (known, new) => match (whole(&known), whole(&new)) {
            (Some(one), Some(other)) => Value::from(one.saturating_add(other)),
            (None, None) => match (known.as_f64(), new.as_f64()) {
                (Some(one), Some(other)) => Value::from(one + other),
                _ => known,
            },
            _ => known,
        },
    }
}
