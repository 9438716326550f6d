//! The decision: what do the Nodes mean for the Machines and the Cluster?

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use k8s_openapi::{
    api::core::v1::Node,
    apimachinery::pkg::apis::meta::v1::{Condition, Time},
};
use kube::ResourceExt;
use serde_json::Value;
use slipway_api::{
    ClusterStatus, Machine, MachinePhase, MachineStatus,
    cluster::{Certificates, NodeCount, VersionCount},
    conditions::{self, AVAILABLE, NODE_READY, NewCondition, reasons},
    references::ObjectReference,
};

use super::{
    etcd, node,
    observe::{Observed, Seen},
};
use crate::{controllers::machine_state, runtime::Notice};

/// How long a cluster may be silent before what is known of it counts as unknown.
const GRACE: Duration = Duration::from_secs(45);
/// Most versions that a status holds.
const VERSIONS_LIMIT: usize = 8;

/// How soon to look again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// Something is about to change.
    Quick,
    /// All is as it should be.
    Steady,
}

/// A Machine whose status changes.
#[derive(Clone, Debug)]
pub struct Change {
    /// The machine.
    pub machine: Arc<Machine>,
    /// Its next status.
    pub status: MachineStatus,
    /// What to tell.
    pub notice: Option<Notice>,
}

/// What is to be written.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The Cluster's status.
    pub cluster: ClusterStatus,
    /// What to tell about the cluster.
    pub notices: Vec<Notice>,
    /// Machines whose status changes.
    pub machines: Vec<Change>,
    /// Patches of Nodes, by name.
    pub nodes: Vec<(String, Value)>,
    /// How soon to look again.
    pub pace: Pace,
}

/// Decides what to write. `silent_since` is when the cluster stopped to answer, if it does not.
pub fn plan(observed: &Observed, silent_since: Option<&Time>, now: &Time) -> Plan {
    let status = observed.cluster.status.clone().unwrap_or_default();
    let mut plan = Plan {
        cluster: status,
        notices: Vec::new(),
        machines: Vec::new(),
        nodes: Vec::new(),
        pace: Pace::Steady,
    };
    let waited = silent_since.map_or(Duration::ZERO, |since| {
        Duration::try_from(now.0.duration_since(since.0)).unwrap_or_default()
    });
    let grace_is_over = waited >= GRACE;
    match &observed.seen {
        Seen::Nodes(nodes) => answered(observed, nodes, now, &mut plan),
        Seen::Silent(how) => silent(observed, how, grace_is_over, now, &mut plan),
    }
    if let Some((condition, notice)) = etcd::condition(observed, grace_is_over) {
        conditions::set(&mut plan.cluster.conditions, &condition, now);
        plan.notices.extend(notice);
    }
    if let Some(expiry) = &observed.earliest_expiry {
        plan.cluster.certificates = Some(Certificates {
            earliest_expiry: Some(expiry.clone()),
        });
    }
    let is_expected = |machine: &Arc<Machine>| {
        matches!(
            machine.phase(),
            Some(MachinePhase::Deploying | MachinePhase::Deployed | MachinePhase::NotReady)
        )
    };
    if matches!(observed.seen, Seen::Silent(_)) || observed.machines.iter().any(is_expected) {
        plan.pace = Pace::Quick;
    }
    plan
}

/// The cluster answers: every machine is what its Node says.
fn answered(observed: &Observed, nodes: &[Node], now: &Time, plan: &mut Plan) {
    let generation = plan.cluster.observed_generation;
    if set(
        &mut plan.cluster.conditions,
        AVAILABLE,
        Some(true),
        reasons::AS_WANTED,
        "its API server answers",
        generation,
        now,
    ) && !was_available(observed)
    {
        plan.notices.push(Notice::normal(
            "ClusterAvailable",
            "the API server of the cluster answers",
        ));
    }
    plan.cluster.nodes = Some(NodeCount {
        total: number(nodes.len()),
        ready: number(nodes.iter().filter(|node| node::readiness(node).0).count()),
    });
    plan.cluster.versions = versions(nodes);
    for machine in &observed.machines {
        let found = nodes.iter().find(|node| node.name_any() == machine.name_any());
        plan.machines.extend(change(machine, |next| match found {
            Some(node) => has_node(machine, node, next, now),
            None => has_no_node(machine, next, now),
        }));
        let set = observed.sets.iter().find(|set| {
            machine
                .spec
                .claim_ref
                .as_ref()
                .is_some_and(|claim| Some(&claim.uid) == set.metadata.uid.as_ref())
        });
        if let (Some(node), Some(set)) = (found, set)
            && !machine_state::is_releasing(machine)
            && let Some(patch) = node::patch(node, &set.spec)
        {
            plan.nodes.push((node.name_any(), patch));
        }
    }
}

fn has_node(machine: &Machine, node: &Node, next: &mut MachineStatus, now: &Time) {
    next.node_ref = Some(ObjectReference {
        name: node.name_any(),
        uid: node.uid(),
    });
    next.facts = node::facts(node).or(next.facts.take());
    let components = node::components(node);
    if !components.is_empty() {
        next.components = components;
    }
    let (is_ready, message) = node::readiness(node);
    let reason = if is_ready {
        reasons::AS_WANTED
    } else {
        reasons::WAITING
    };
    // The message of a kubelet that is ready says so and nothing else; it differs from version to version.
    let message = if is_ready {
        "its Node is Ready".to_owned()
    } else {
        format!("its Node is not Ready: {message}")
    };
    let generation = machine.metadata.generation;
    set(
        &mut next.conditions,
        NODE_READY,
        Some(is_ready),
        reason,
        &message,
        generation,
        now,
    );
}

/// A machine that never had a Node has nothing to lose.
fn has_no_node(machine: &Machine, next: &mut MachineStatus, now: &Time) {
    if next.node_ref.is_some() {
        let generation = machine.metadata.generation;
        let message = "its Node is gone from the cluster";
        set(
            &mut next.conditions,
            NODE_READY,
            Some(false),
            reasons::INVALID_REFERENCE,
            message,
            generation,
            now,
        );
    }
}

/// The cluster does not answer: what is known stands for a while, then it is unknown. It is never taken for broken.
fn silent(observed: &Observed, how: &str, grace_is_over: bool, now: &Time, plan: &mut Plan) {
    let generation = plan.cluster.observed_generation;
    if conditions::get(&plan.cluster.conditions, AVAILABLE)
        .is_none_or(|condition| condition.status == "False")
    {
        let message = "its API server has not answered yet";
        set(
            &mut plan.cluster.conditions,
            AVAILABLE,
            Some(false),
            reasons::WAITING,
            message,
            generation,
            now,
        );
        return;
    }
    if !grace_is_over {
        return;
    }
    if set(
        &mut plan.cluster.conditions,
        AVAILABLE,
        None,
        reasons::CLUSTER_UNREACHABLE,
        how,
        generation,
        now,
    ) && was_available(observed)
    {
        plan.notices.push(Notice::warning(
            "ClusterUnreachable",
            format!("the API server does not answer: {how}"),
        ));
    }
    for machine in &observed.machines {
        plan.machines.extend(change(machine, |next| {
            if conditions::get(&next.conditions, NODE_READY).is_some() {
                let message = "the cluster does not answer";
                let generation = machine.metadata.generation;
                set(
                    &mut next.conditions,
                    NODE_READY,
                    None,
                    reasons::CLUSTER_UNREACHABLE,
                    message,
                    generation,
                    now,
                );
            }
        }));
    }
}

fn was_available(observed: &Observed) -> bool {
    observed
        .cluster
        .status
        .as_ref()
        .is_some_and(|status| conditions::is_true(&status.conditions, AVAILABLE))
}

/// The machine's next status, if it differs. A machine that leaves its cluster is left alone.
fn change(machine: &Arc<Machine>, write: impl FnOnce(&mut MachineStatus)) -> Option<Change> {
    if machine_state::is_releasing(machine) {
        return None;
    }
    let before = machine.status.clone().unwrap_or_default();
    let mut next = before.clone();
    write(&mut next);
    next.phase = machine_state::phase(&machine.spec, &next);
    if next == before {
        return None;
    }
    let message = || {
        conditions::get(&next.conditions, NODE_READY)
            .map(|ready| ready.message.clone())
            .unwrap_or_default()
    };
    let notice = match (before.phase, next.phase) {
        (before, after) if before == after => None,
        (_, Some(MachinePhase::Ready)) => Some(Notice::normal("MachineReady", message())),
        (_, Some(MachinePhase::NotReady)) => Some(Notice::warning("MachineNotReady", message())),
        _ => None,
    };
    Some(Change {
        machine: Arc::clone(machine),
        status: next,
        notice,
    })
}

fn versions(nodes: &[Node]) -> Vec<VersionCount> {
    let mut counts: BTreeMap<String, i32> = BTreeMap::new();
    for info in nodes
        .iter()
        .filter_map(|node| node.status.as_ref()?.node_info.as_ref())
    {
        *counts.entry(info.kubelet_version.clone()).or_default() += 1;
    }
    let mut versions: Vec<VersionCount> = counts
        .into_iter()
        .map(|(version, nodes)| VersionCount { version, nodes })
        .collect();
    versions.sort_by_key(|count| std::cmp::Reverse(count.nodes));
    versions.truncate(VERSIONS_LIMIT);
    versions
}

fn set(
    list: &mut Vec<Condition>,
    kind: &str,
    status: Option<bool>,
    reason: &str,
    message: &str,
    observed_generation: Option<i64>,
    now: &Time,
) -> bool {
    conditions::set(
        list,
        &NewCondition {
            kind,
            status,
            reason,
            message,
            observed_generation,
        },
        now,
    )
}

fn number(count: usize) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}
