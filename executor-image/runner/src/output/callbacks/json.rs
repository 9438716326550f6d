//! The callback `json`: the whole run as one document at its end.

use std::sync::Arc;

use chrono::Utc;
use serde_json::{Map, Value, json};

use crate::output::{Callback, Console, HostOutcome, PlayHeader, Stats, TaskHeader, display, python_json};

/// Collects the run.
#[derive(Debug, Default)]
pub struct JsonCallback {
    plays: Vec<Value>,
}

fn now() -> String {
    Utc::now().format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string()
}

impl JsonCallback {
    fn tasks(&mut self) -> Option<&mut Vec<Value>> {
        self.plays.last_mut()?.get_mut("tasks")?.as_array_mut()
    }
}

impl Callback for JsonCallback {
    fn play_started(&mut self, _: &mut Console, header: &PlayHeader<'_>) {
        let play = json!({
            "play": {
                "name": header.name,
                "id": format!("play-{}", self.plays.len() + 1),
                "duration": {"start": now()},
            },
            "tasks": [],
        });
        self.plays.push(play);
    }

    fn task_started(&mut self, _: &mut Console, header: &Arc<TaskHeader>) {
        let plays = self.plays.len();
        let Some(tasks) = self.tasks() else {
            return;
        };
        let id = format!("task-{plays}-{}", tasks.len() + 1);
        tasks.push(json!({
            "task": {
                "name": header.name,
                "id": id,
                "path": header.source,
                "duration": {"start": now()},
            },
            "hosts": {},
        }));
    }

    fn host(&mut self, _: &mut Console, header: &Arc<TaskHeader>, outcome: &HostOutcome<'_>) {
        let mut result: Map<String, Value> = if outcome.no_log {
            display::censored(outcome.result)
        } else {
            let visible = outcome
                .result
                .iter()
                .filter(|(key, _)| !key.starts_with("_ansible_"));
            visible.map(|(key, value)| (key.clone(), value.clone())).collect()
        };
        let short = header
            .module
            .strip_prefix("ansible.builtin.")
            .unwrap_or(&header.module);
        result.insert("action".to_owned(), Value::from(short));
        let end = now();
        if let Some(task) = self.tasks().and_then(|tasks| tasks.last_mut()) {
            task["hosts"][outcome.host] = Value::Object(result);
            task["task"]["duration"]["end"] = Value::from(end.as_str());
        }
        if let Some(play) = self.plays.last_mut() {
            play["play"]["duration"]["end"] = Value::from(end);
        }
    }

    fn recap(&mut self, console: &mut Console, stats: &Stats, _: bool) {
        let totals = |(host, totals): (&Arc<str>, &slipway_report::Totals)| {
            let counts = json!({
                "ok": totals.ok, "changed": totals.changed, "unreachable": totals.unreachable,
                "failures": totals.failed, "skipped": totals.skipped, "rescued": totals.rescued,
                "ignored": totals.ignored,
            });
            (host.to_string(), counts)
        };
        let by_host: Map<String, Value> = stats.hosts.iter().map(totals).collect();
        let custom = stats.custom.iter().filter(|(host, _)| host.as_str() != "_run");
        let custom: Map<String, Value> = custom
            .map(|(host, values)| (host.clone(), values.clone()))
            .collect();
        let document = json!({
            "plays": self.plays,
            "stats": by_host,
            "custom_stats": custom,
            "global_custom_stats": stats.custom.get("_run").cloned().unwrap_or_else(|| json!({})),
        });
        console.line(&python_json(&document, Some(4)), None);
    }
}
