//! Results of tasks: Ansible's mapping, with the keys that the engine keeps for itself.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::output::{HostLine, TaskHeader};

/// What a task returned on a host: `changed`, `failed`, `msg`, … Keys that begin with `_ansible_` are the engine's.
pub type ResultMap = Map<String, Value>;

/// The outcome of a task on a host.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is a keyword of the task")]
pub struct TaskResult {
    /// The host.
    pub host: Arc<str>,
    /// What is printed before the results of the task.
    pub header: Arc<TaskHeader>,
    /// The host as printed, if another one did the work.
    pub label: Option<String>,
    /// What the task returned.
    pub map: ResultMap,
    /// Whether it is hidden.
    pub no_log: bool,
    /// Whether a failure is ignored.
    pub ignore_errors: bool,
    /// Whether an unreachable host is ignored.
    pub ignore_unreachable: bool,
    /// Whether the task looped.
    pub looped: bool,
    /// Handlers that it notifies.
    pub notify: Vec<String>,
    /// What it includes, by item.
    pub includes: Vec<Include>,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
    /// The items of its loop, for events.
    pub items: Vec<slipway_report::ItemResult>,
}

/// A file or role to include, as one item of one host asks for it.
#[derive(Debug, Clone)]
pub struct Include {
    /// The file's or role's name.
    pub target: String,
    /// `tasks_from`, `vars_from`, `defaults_from`, `handlers_from` of a role.
    pub from: [String; 4],
    /// How a role is included.
    pub switches: Switches,
    /// The loop variable and its value.
    pub item: Vec<(Arc<str>, slipway_language::Variable)>,
    /// The item as printed.
    pub label: Option<String>,
}

/// How a role is included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Switches {
    /// `public`
    pub public: Option<bool>,
    /// `rolespec_validate`
    pub validate: bool,
    /// `allow_duplicates`
    pub allow_duplicates: bool,
}

impl Default for Switches {
    fn default() -> Self {
        Self {
            public: None,
            validate: true,
            allow_duplicates: true,
        }
    }
}

/// Whether a key of a result is true.
pub fn flag(map: &ResultMap, key: &str) -> bool {
    match map.get(key) {
        Some(Value::Bool(value)) => *value,
        Some(Value::Number(number)) => number.as_f64() != Some(0.0),
        Some(Value::String(text)) => matches!(text.to_ascii_lowercase().as_str(), "true" | "yes" | "1"),
        _ => false,
    }
}

/// A failure with a message.
pub fn failure(message: impl Into<String>) -> ResultMap {
    to_map(json!({"changed": false, "failed": true, "msg": message.into()}))
}

/// A host that cannot be reached.
pub fn unreachable(message: &str) -> ResultMap {
    to_map(json!({"changed": false, "msg": message, "unreachable": true}))
}

/// A task whose condition is false.
pub fn skipped(condition: impl Into<Value>) -> ResultMap {
    let condition: Value = condition.into();
    to_map(json!({
        "changed": false, "skipped": true, "skip_reason": "Conditional result was False", "false_condition": condition,
    }))
}

/// The map of a JSON object.
pub fn to_map(value: Value) -> ResultMap {
    match value {
        Value::Object(map) => map,
        other => Map::from_iter([("value".to_owned(), other)]),
    }
}

/// The result as playbooks see it, without the engine's keys. What a module was called with is left out, but of items of a loop.
pub fn public(map: &ResultMap) -> Value {
    let mut visible = visible(map);
    visible.remove("invocation");
    Value::Object(visible)
}

fn visible(map: &ResultMap) -> ResultMap {
    map.iter()
        .filter(|(key, _)| !key.starts_with("_ansible_"))
        .map(|(key, value)| match (key.as_str(), value) {
            ("results", Value::Array(items)) => {
                let items = items.iter().map(|item| match item {
                    Value::Object(map) => Value::Object(visible(map)),
                    other => other.clone(),
                });
                (key.clone(), Value::Array(items.collect()))
            }
            _ => (key.clone(), value.clone()),
        })
        .collect()
}

impl TaskResult {
    /// How the host's line looks.
    pub fn line(&self) -> HostLine {
        if flag(&self.map, "unreachable") {
            HostLine::Unreachable {
                ignored: self.ignore_unreachable,
            }
        } else if is_failed(&self.map) {
            HostLine::Failed {
                ignored: self.ignore_errors,
            }
        } else if flag(&self.map, "skipped") {
            HostLine::Skipped
        } else if flag(&self.map, "changed") {
            HostLine::Changed
        } else {
            HostLine::Ok
        }
    }
}

/// Whether a result counts as failed: where `failed_when` decided, it alone does, even over retries that ran out. If it could not
/// decide, the reason stands there.
pub fn is_failed(map: &ResultMap) -> bool {
    const KEY: &str = "failed_when_result";
    let judged_failed = |map: &ResultMap| map.get(KEY).is_some_and(Value::is_string) || flag(map, KEY);
    if map.contains_key(KEY) {
        return judged_failed(map);
    }
    let items = map
        .get("results")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_object);
    let judged: Vec<&ResultMap> = items.filter(|item| item.contains_key(KEY)).collect();
    if judged.is_empty() {
        flag(map, "failed")
    } else {
        judged.iter().any(|item| judged_failed(item))
    }
}

/// How an item's line looks.
pub fn item_line(map: &ResultMap) -> HostLine {
    if flag(map, "unreachable") {
        HostLine::Unreachable { ignored: false }
    } else if is_failed(map) {
        HostLine::Failed { ignored: false }
    } else if flag(map, "skipped") {
        HostLine::Skipped
    } else if flag(map, "changed") {
        HostLine::Changed
    } else {
        HostLine::Ok
    }
}
