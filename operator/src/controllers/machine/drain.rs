//! Drains the Node of a machine that leaves its cluster: cordon, evict pods, delete the Node. Through the API of the
//! business cluster only, one step at a time, without waiting: the next look goes on.

use std::time::Duration;

use k8s_openapi::{
    api::core::v1::{Node, Pod},
    apimachinery::pkg::apis::meta::v1::Time,
};
use kube::{
    Api, Client, ResourceExt,
    api::{DeleteParams, EvictParams, ListParams, Patch, PatchParams},
};
use serde_json::json;
use slipway_api::{
    Machine,
    conditions::{self, DRAINED},
};

use crate::runtime::{Context, Doing, Error};

/// How long pods may take to move before the Node is deleted under them.
const PODS_TIMEOUT: Duration = Duration::from_mins(10);
/// How long a cluster may not answer before its machine is reset without it.
const CLUSTER_TIMEOUT: Duration = Duration::from_mins(5);
/// Most names in one message.
const NAMES_LIMIT: usize = 5;

/// How far a machine is drained.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Drain {
    /// There is nothing to move.
    Unneeded,
    /// Pods are moving; the message names them.
    Moving(String),
    /// The cluster does not answer; the message says how.
    Unreachable(String),
    /// The Node is gone.
    Done,
    /// The Node was deleted, or the cluster left alone, after too long a wait.
    GivenUp(String),
}

/// Goes on with draining `machine` out of `cluster`.
pub async fn go_on(machine: &Machine, cluster: &str, context: &Context) -> Result<Drain, Error> {
    let namespace = machine.namespace().unwrap_or_default();
    let waited = since(machine, &context.now());
    let Some(client) = context.business_client(&namespace, cluster).await? else {
        return Ok(Drain::Unneeded);
    };
    let forced = machine.spec.force_release || waited >= PODS_TIMEOUT;
    match step(&client, &machine.name_any(), forced).await {
        Ok(drain) => Ok(drain),
        Err(error) if forced || (is_silent(&error) && waited >= CLUSTER_TIMEOUT) => {
            Ok(Drain::GivenUp(format!("the Node is left as it is: {error}")))
        }
        Err(error) => Ok(Drain::Unreachable(error.to_string())),
    }
}

/// How long the machine has been to be drained.
fn since(machine: &Machine, now: &Time) -> Duration {
    let started = machine
        .status
        .as_ref()
        .and_then(|status| conditions::get(&status.conditions, DRAINED))
        .map_or(now.0, |condition| condition.last_transition_time.0);
    Duration::try_from(now.0.duration_since(started)).unwrap_or_default()
}

fn is_silent(error: &Error) -> bool {
    matches!(error.category(), "connection" | "server" | "timeout")
}

async fn step(client: &Client, node_name: &str, forced: bool) -> Result<Drain, Error> {
    let nodes: Api<Node> = Api::all(client.clone());
    let Some(node) = nodes
        .get_opt(node_name)
        .await
        .doing(|| format!("read Node {node_name}"))?
    else {
        return Ok(Drain::Done);
    };
    if node.spec.as_ref().and_then(|spec| spec.unschedulable) != Some(true) {
        nodes
            .patch(
                node_name,
                &PatchParams::default(),
                &Patch::Merge(&json!({"spec": {"unschedulable": true}})),
            )
            .await
            .doing(|| format!("cordon Node {node_name}"))?;
    }
    let pods: Api<Pod> = Api::all(client.clone());
    let on_node = ListParams::default().fields(&format!("spec.nodeName={node_name}"));
    let listed = pods
        .list(&on_node)
        .await
        .doing(|| format!("list the pods of Node {node_name}"))?;
    let moving: Vec<Pod> = listed.items.into_iter().filter(must_move).collect();
    if moving.is_empty() || forced {
        nodes
            .delete(node_name, &DeleteParams::default())
            .await
            .doing(|| format!("delete Node {node_name}"))?;
        return Ok(if moving.is_empty() {
            Drain::Done
        } else {
            Drain::GivenUp(format!("the Node was deleted under its pods: {}", names(&moving)))
        });
    }
    let mut blocked = Vec::new();
    for pod in moving
        .iter()
        .filter(|pod| pod.metadata.deletion_timestamp.is_none())
    {
        if !evict(client, pod).await? {
            blocked.push(pod.clone());
        }
    }
    Ok(Drain::Moving(if blocked.is_empty() {
        format!("pods are moving: {}", names(&moving))
    } else {
        format!("a PodDisruptionBudget keeps pods: {}", names(&blocked))
    }))
}

/// Asks for the eviction of `pod`. False if a PodDisruptionBudget says no for the moment.
async fn evict(client: &Client, pod: &Pod) -> Result<bool, Error> {
    let namespace = pod.namespace().unwrap_or_default();
    let name = pod.name_any();
    let pods: Api<Pod> = Api::namespaced(client.clone(), &namespace);
    match pods.evict(&name, &EvictParams::default()).await {
        Ok(_) => Ok(true),
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(true),
        Err(kube::Error::Api(status)) if status.code == 429 => Ok(false),
        Err(error) => Err(error).doing(|| format!("evict pod {namespace}/{name}")),
    }
}

/// Pods of DaemonSets and of the kubelet's own manifests stay with the Node; finished ones need not move.
fn must_move(pod: &Pod) -> bool {
    let is_daemon = pod
        .owner_references()
        .iter()
        .any(|owner| owner.kind == "DaemonSet" && owner.controller == Some(true));
    let is_mirror = pod.annotations().contains_key("kubernetes.io/config.mirror");
    let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
    !is_daemon && !is_mirror && !matches!(phase, Some("Succeeded" | "Failed"))
}

fn names(pods: &[Pod]) -> String {
    let mut text = pods
        .iter()
        .take(NAMES_LIMIT)
        .map(|pod| format!("{}/{}", pod.namespace().unwrap_or_default(), pod.name_any()))
        .collect::<Vec<_>>()
        .join(", ");
    if pods.len() > NAMES_LIMIT {
        text = format!("{text} and {} more", pods.len() - NAMES_LIMIT);
    }
    text
}

#[cfg(test)]
mod tests {
    use k8s_openapi::{
        api::core::v1::PodStatus,
        apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference},
    };

    use super::*;

    fn pod(owner: Option<&str>, phase: &str, annotation: Option<&str>) -> Pod {
        let owner = owner.map(|kind| OwnerReference {
            kind: kind.to_owned(),
            controller: Some(true),
            ..OwnerReference::default()
        });
        Pod {
            metadata: ObjectMeta {
                owner_references: owner.map(|owner| vec![owner]),
                annotations: annotation.map(|key| [(key.to_owned(), String::new())].into()),
                ..ObjectMeta::default()
            },
            status: Some(PodStatus {
                phase: Some(phase.to_owned()),
                ..PodStatus::default()
            }),
            ..Pod::default()
        }
    }

    #[test]
    fn only_pods_that_live_elsewhere_too_must_move() {
        for (pod, moves) in [
            (pod(Some("ReplicaSet"), "Running", None), true),
            (pod(None, "Pending", None), true),
            (pod(Some("DaemonSet"), "Running", None), false),
            (
                pod(Some("Node"), "Running", Some("kubernetes.io/config.mirror")),
                false,
            ),
            (pod(Some("Job"), "Succeeded", None), false),
        ] {
            assert_eq!(must_move(&pod), moves, "{pod:?}");
        }
    }
}
