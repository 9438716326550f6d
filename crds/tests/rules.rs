//! The rules of every kind, judged by an evaluator in this process: says in a moment whether a rule means what it is
//! meant to. Whether the API server agrees is what `tests/apiserver.rs` asks.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test may panic, in its helpers too"
)]

mod stories;

use kube::core::cel::Validator;
use serde_json::Value;
use slipway_api::manifest;
use stories::{Action, Judge};

/// Evaluates the rules of a kind's definition as it is installed.
struct Rules {
    schema: Value,
}

impl Rules {
    fn of(kind: &str) -> Self {
        let definition = manifest::custom_resource_definitions()
            .into_iter()
            .find(|definition| definition.spec.names.kind == kind)
            .unwrap_or_else(|| panic!("there is no kind {kind}"));
        let schema = definition.spec.versions[0].schema.as_ref().unwrap();
        let mut schema = serde_json::to_value(&schema.open_api_v3_schema).unwrap();
        drop_rules_with_optional_old_self(&mut schema);
        Self { schema }
    }
}

/// The evaluator cannot judge rules with `optionalOldSelf` at an update; stories about them are `server: true`.
fn drop_rules_with_optional_old_self(schema: &mut Value) {
    if let Some(rules) = schema
        .get_mut("x-kubernetes-validations")
        .and_then(Value::as_array_mut)
    {
        rules.retain(|rule| rule["optionalOldSelf"] != true);
    }
    match schema {
        Value::Object(fields) => fields.values_mut().for_each(drop_rules_with_optional_old_self),
        Value::Array(items) => items.iter_mut().for_each(drop_rules_with_optional_old_self),
        _ => {}
    }
}

impl Judge for Rules {
    async fn judge(
        &mut self,
        current: Option<&Value>,
        action: &Action,
        mut wanted: Value,
    ) -> Result<Value, String> {
        if !matches!(action, Action::Status(_)) {
            // As the API server does: a request for the object itself does not touch the status.
            match current.and_then(|object| object.get("status")) {
                Some(status) => wanted["status"] = status.clone(),
                None => drop(wanted.as_object_mut().unwrap().shift_remove("status")),
            }
        }
        match Validator::new().validate(&self.schema, &wanted, current) {
            Ok(()) => Ok(wanted),
            Err(errors) => Err(errors.to_string()),
        }
    }
}

async fn check(table: &str) {
    let table = stories::table(table);
    let mut complaints = Vec::new();
    let judged = table.stories.iter().filter(|story| !story.needs_server());
    for story in judged {
        complaints.extend(table.play(story, &mut Rules::of(&table.kind)).await.err());
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

#[tokio::test]
async fn the_rules_of_a_cluster_deployment_hold() {
    check("cluster_deployment").await;
}

#[tokio::test]
async fn the_rules_of_a_cluster_hold() {
    check("cluster").await;
}

#[tokio::test]
async fn the_rules_of_a_machine_hold() {
    check("machine").await;
}

#[tokio::test]
async fn the_rules_of_a_machine_set_hold() {
    check("machine_set").await;
}

#[tokio::test]
async fn the_rules_of_a_playbook_run_hold() {
    check("playbook_run").await;
}
