//! Waiting until objects are as they shall be.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{
    super::{Arguments, boolean, number, text},
    cluster::{Cluster, Kind, Refused, Target},
};

/// What is waited for.
#[derive(Debug, Clone)]
pub enum Until {
    /// There is none (left).
    Absent,
    /// It is there.
    Exists,
    /// It is ready, in the sense of its kind.
    Ready,
    /// A condition of its status.
    Condition(Value),
}

/// How long, and how often is looked.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// Until it counts as failed.
    pub limit: Duration,
    /// Between looks.
    pub pause: Duration,
}

/// What came of waiting.
#[derive(Debug)]
pub struct Waited {
    /// Whether it came about.
    pub reached: bool,
    /// What was seen last.
    pub object: Value,
    /// Seconds.
    pub took: u64,
}

impl Patience {
    /// As the arguments say.
    pub fn of(args: &Arguments) -> Self {
        let seconds = |name: &str, default: f64| {
            Duration::try_from_secs_f64(number(args, name).unwrap_or(default)).unwrap_or_default()
        };
        Self {
            limit: seconds("wait_timeout", 120.0),
            pause: seconds("wait_sleep", 5.0),
        }
    }
}

impl Until {
    /// As the arguments say, of an object that shall be there or not.
    pub fn of(args: &Arguments, absent: bool) -> Self {
        let condition = args.get("wait_condition").and_then(Value::as_object);
        match condition.filter(|condition| text(condition, "type").is_some()) {
            _ if absent => Self::Absent,
            Some(condition) => Self::Condition(Value::Object(condition.clone())),
            None => Self::Ready,
        }
    }

    fn holds(&self, object: &Value) -> bool {
        let is_list = object["kind"].as_str().is_some_and(|kind| kind.ends_with("List"));
        let is_empty = object["items"].as_array().is_none_or(Vec::is_empty);
        let exists = !(object.is_null() || is_list && is_empty);
        match self {
            Self::Absent => !exists,
            Self::Exists => exists,
            Self::Condition(condition) => exists && has_condition(object, condition),
            Self::Ready => exists && is_ready(object),
        }
    }
}

fn number_of(value: &Value) -> i64 {
    value.as_i64().unwrap_or(0)
}

fn is_ready(object: &Value) -> bool {
    let (spec, status) = (&object["spec"], &object["status"]);
    let seen = || status["observedGeneration"] == object["metadata"]["generation"];
    let has_status = status.as_object().is_some_and(|status| !status.is_empty());
    match object["kind"].as_str().unwrap_or_default() {
        "Deployment" => {
            has_status
                && number_of(&spec["replicas"]) == number_of(&status["replicas"])
                && number_of(&status["availableReplicas"]) == number_of(&status["replicas"])
                && seen()
                && number_of(&status["unavailableReplicas"]) == 0
        }
        "Pod" => status["containerStatuses"]
            .as_array()
            .is_some_and(|containers| containers.iter().all(|container| container["ready"] == true)),
        "DaemonSet" => {
            let wanted = &status["desiredNumberScheduled"];
            !wanted.is_null()
                && number_of(&status["updatedNumberScheduled"]) == number_of(wanted)
                && number_of(&status["numberReady"]) == number_of(wanted)
                && seen()
                && number_of(&status["unavailableNumber"]) == 0
        }
        "StatefulSet" => {
            let replicas = number_of(&spec["replicas"]);
            let rolled = || {
                status["updateRevision"] == status["currentRevision"]
                    && number_of(&status["updatedReplicas"]) == replicas
                    && number_of(&status["readyReplicas"]) == replicas
            };
            has_status
                && seen()
                && number_of(&status["replicas"]) == replicas
                && (spec["updateStrategy"]["type"] == "OnDelete" || rolled())
        }
        "ClusterOperator" => {
            let is = |kind: &str, value: &str| {
                let conditions = status["conditions"].as_array().into_iter().flatten();
                conditions
                    .filter(|condition| condition["type"] == kind)
                    .any(|condition| condition["status"] == value)
            };
            is("Degraded", "False") && is("Progressing", "False") && is("Available", "True")
        }
        _ => true,
    }
}

fn has_condition(object: &Value, wanted: &Value) -> bool {
    let conditions = object["status"]["conditions"].as_array();
    let Some(found) = conditions.and_then(|conditions| {
        conditions
            .iter()
            .find(|condition| condition["type"] == wanted["type"])
    }) else {
        return false;
    };
    let reason = &wanted["reason"];
    let reason_fits = reason
        .as_str()
        .is_none_or(|reason| reason.is_empty() || found["reason"] == reason);
    if found["status"] == "Unknown" {
        return wanted["status"] == "Unknown" && reason_fits;
    }
    let map = wanted.as_object().cloned().unwrap_or_default();
    let status = boolean(&map, "status").unwrap_or(wanted["status"].is_null());
    wanted["status"] != "Unknown" && (found["status"] == "True") == status && reason_fits
}

/// Looks until it is so or patience ends. Without patience it looks once.
///
/// # Errors
/// When the server refuses, or cannot be reached at the last look.
pub async fn wait(
    cluster: &Cluster,
    kind: &Kind,
    target: Target<'_>,
    selectors: (&[String], &[String]),
    until: &Until,
    patience: Patience,
) -> Result<Waited, Refused> {
    let started = Instant::now();
    loop {
        let last = started.elapsed() >= patience.limit;
        let object = match cluster.read(kind, target, selectors.0, selectors.1).await {
            Ok(object) => object,
            Err(refused) if refused.is_not_found() => Value::Null,
            // The connection may be lost for a moment.
            Err(refused) if refused.status.is_none() && !last => {
                tokio::time::sleep(patience.pause).await;
                continue;
            }
            Err(refused) => return Err(refused),
        };
        let reached = until.holds(&object);
        if reached || last {
            let object = if object.is_null() { json!({}) } else { object };
            return Ok(Waited {
                reached,
                object,
                took: started.elapsed().as_secs(),
            });
        }
        tokio::time::sleep(patience.pause).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deployment_is_ready_when_what_is_wanted_is_available() {
        let deployment = |status: Value| json!({"kind": "Deployment", "metadata": {"generation": 2}, "spec": {"replicas": 1}, "status": status});
        let ready = json!({"replicas": 1, "availableReplicas": 1, "observedGeneration": 2});
        let old = json!({"replicas": 1, "availableReplicas": 1, "observedGeneration": 1});
        assert!(Until::Ready.holds(&deployment(ready)));
        assert!(!Until::Ready.holds(&deployment(old)));
        assert!(!Until::Ready.holds(&deployment(json!({}))));
        assert!(!Until::Absent.holds(&deployment(json!({}))));
    }

    #[test]
    fn a_condition_is_compared_by_status_and_reason() {
        let object = |status: &str| json!({"kind": "X", "status": {"conditions": [{"type": "Ready", "status": status, "reason": "R"}]}});
        for (status, wanted, holds) in [
            ("True", json!({"type": "Ready"}), true),
            (
                "True",
                json!({"type": "Ready", "status": "True", "reason": "R"}),
                true,
            ),
            (
                "True",
                json!({"type": "Ready", "status": true, "reason": "Q"}),
                false,
            ),
            ("False", json!({"type": "Ready", "status": false}), true),
            ("False", json!({"type": "Ready", "status": "True"}), false),
            ("Unknown", json!({"type": "Ready", "status": "Unknown"}), true),
            ("Unknown", json!({"type": "Ready", "status": "False"}), false),
            ("True", json!({"type": "Other"}), false),
        ] {
            assert_eq!(
                Until::Condition(wanted.clone()).holds(&object(status)),
                holds,
                "{status} {wanted}"
            );
        }
    }
}
