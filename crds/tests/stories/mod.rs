//! Stories about what the API server takes and refuses: tables in `tests/rules/*.yaml`, one file a kind.
//!
//! A story is a list of steps on one object. A step that is to be refused says a part of the message; it leaves the
//! object as it was. What a step holds is a JSON merge patch (null takes a field away):
//!
//! | step | does |
//! |---|---|
//! | `create` | creates the file's `base` with the patch |
//! | `update` | writes the whole object with the patch (PUT with resourceVersion) |
//! | `patch` | sends the patch as a merge patch, without resourceVersion |
//! | `apply` | sends the patch by server-side apply with force, as somebody else |
//! | `status` | patches the status |
//! | `scale` | asks the scale subresource for so many replicas |
//! | `delete` | deletes the object |
//!
//! `before` are steps that lead to where the story begins. `schema: true` marks a story about what the schema refuses
//! rather than a rule, `server: true` one that needs more than the evaluator of `tests/rules.rs` can do: only a real
//! API server can judge either.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test may panic, in its helpers too"
)]

use std::{fs, path::Path};

use serde::Deserialize;
use serde_json::{Value, json};
use slipway_api::{GROUP, VERSION};

/// The stories about one kind.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    pub kind: String,
    base: Value,
    pub stories: Vec<Story>,
}

/// What happens to one object.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Story {
    pub name: String,
    #[serde(default)]
    before: Vec<Step>,
    steps: Vec<Step>,
    #[serde(default)]
    schema: bool,
    #[serde(default)]
    server: bool,
}

impl Story {
    /// Whether only a real API server can judge this story.
    #[allow(dead_code, reason = "only `tests/rules.rs` asks")]
    pub fn needs_server(&self) -> bool {
        self.schema || self.server
    }
}

/// One request, and a part of the message if it is to be refused.
#[derive(Clone, Deserialize)]
struct Step {
    #[serde(flatten)]
    action: Action,
    refused: Option<String>,
}

/// What is asked of the API server.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    Create(Value),
    Update(Value),
    Patch(Value),
    Apply(Value),
    Status(Value),
    Scale(i64),
    Delete(()),
}

/// Carries requests out: the object as it is after it, or why it was refused.
pub trait Judge {
    /// `current` is the object before the request, `wanted` what the request makes of it.
    async fn judge(
        &mut self,
        current: Option<&Value>,
        action: &Action,
        wanted: Value,
    ) -> Result<Value, String>;
}

/// Reads the table of `kind` (`machine` for `tests/rules/machine.yaml`).
pub fn table(kind: &str) -> Table {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/rules/{kind}.yaml"));
    let text = fs::read_to_string(&path).unwrap();
    serde_yaml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

impl Table {
    /// Plays a story. Says in an error which step went another way than the table says.
    pub async fn play(&self, story: &Story, judge: &mut impl Judge) -> Result<(), String> {
        let mut base = json!({
            "apiVersion": format!("{GROUP}/{VERSION}"),
            "kind": self.kind,
            "metadata": {"name": "example"},
        });
        merge(&mut base, &self.base);
        let mut current: Option<Value> = None;
        for (index, step) in story.before.iter().chain(&story.steps).enumerate() {
            let wanted = wanted(&base, current.as_ref(), &step.action);
            let outcome = judge.judge(current.as_ref(), &step.action, wanted).await;
            let complaint = match (outcome, &step.refused) {
                (Ok(object), None) => {
                    current = Some(object);
                    continue;
                }
                (Err(message), Some(part)) if message.contains(part) => continue,
                (Err(message), Some(part)) => format!("was refused, but not with {part:?}: {message}"),
                (Ok(_), Some(part)) => format!("was accepted, and not refused with {part:?}"),
                (Err(message), None) => format!("was refused: {message}"),
            };
            return Err(format!(
                "{:?}: step {} {:?} {complaint}",
                story.name,
                index + 1,
                step.action
            ));
        }
        Ok(())
    }
}

/// What a request makes of an object.
fn wanted(base: &Value, current: Option<&Value>, action: &Action) -> Value {
    let mut object = current.unwrap_or(base).clone();
    match action {
        Action::Create(patch) | Action::Update(patch) | Action::Patch(patch) | Action::Apply(patch) => {
            merge(&mut object, patch);
        }
        Action::Status(patch) => merge(&mut object, &json!({"status": patch})),
        Action::Scale(replicas) => merge(&mut object, &json!({"spec": {"replicas": replicas}})),
        Action::Delete(()) => {}
    }
    object
}

/// JSON merge patch (RFC 7396).
fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = json!({});
    }
    let fields = target.as_object_mut().unwrap();
    for (key, value) in patch {
        if value.is_null() {
            fields.shift_remove(key);
        } else {
            merge(fields.entry(key.clone()).or_insert(Value::Null), value);
        }
    }
}
