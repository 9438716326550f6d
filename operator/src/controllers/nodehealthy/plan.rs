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
    cluster::{NodeCount, VersionCount},
    conditions::{self, AVAILABLE, NODE_READY, NewCondition, reasons},
    references::ObjectReference,
};

use super::{
    node,
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
    match &observed.seen {
        Seen::Nodes(nodes) => answered(observed, nodes, now, &mut plan),
        Seen::Silent(how) => silent(observed, how, silent_since, now, &mut plan),
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
fn silent(observed: &Observed, how: &str, since: Option<&Time>, now: &Time, plan: &mut Plan) {
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
    let waited = since.map_or(Duration::ZERO, |since| {
        Duration::try_from(now.0.duration_since(since.0)).unwrap_or_default()
    });
    if waited < GRACE {
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

#[cfg(test)]
mod tests {
    use serde_json::json;
    use slipway_api::{Cluster, ClusterSpec, Operation, RunPhase};

    use super::*;
    use crate::controllers::fixtures;

    fn node(name: &str, ready: &str) -> Node {
        serde_json::from_value(json!({
            "metadata": {"name": name, "uid": format!("uid-{name}"), "resourceVersion": "1"},
            "status": {"conditions": [{"type": "Ready", "status": ready}]},
        }))
        .unwrap()
    }

    fn deployed(name: &str) -> Arc<Machine> {
        let mut machine = fixtures::claimed(name, "shop-worker", 0);
        let status = machine.status.as_mut().unwrap();
        status.phase = Some(MachinePhase::Deployed);
        status.last_run = Some(fixtures::last_run(Operation::Install, RunPhase::Succeeded));
        Arc::new(machine)
    }

    fn observed(machine: Arc<Machine>, cluster: ClusterStatus, seen: Seen) -> Observed {
        Observed {
            cluster: Arc::new(Cluster {
                metadata: fixtures::metadata("shop"),
                spec: ClusterSpec {},
                status: Some(cluster),
            }),
            machines: vec![machine],
            sets: Vec::new(),
            seen,
            client: super::super::observe::ClusterClient::default(),
        }
    }

    /// The machine and the cluster as they are after `seen`.
    fn after(
        machine: &Arc<Machine>,
        cluster: &ClusterStatus,
        seen: Seen,
        silent_since: Option<i64>,
        second: i64,
    ) -> (Arc<Machine>, ClusterStatus) {
        let observed = observed(Arc::clone(machine), cluster.clone(), seen);
        let plan = plan(
            &observed,
            silent_since.map(fixtures::time).as_ref(),
            &fixtures::time(second),
        );
        let mut next = Machine::clone(machine);
        if let Some(change) = plan.machines.into_iter().next() {
            next.status = Some(change.status);
        }
        (Arc::new(next), plan.cluster)
    }

    #[test]
    fn a_machine_follows_its_node_and_a_silent_cluster_is_unknown_only_after_a_grace() {
        let (machine, cluster) = (deployed("m1"), ClusterStatus::default());
        let nodes = |ready: &str| Seen::Nodes(vec![node("m1", ready)]);
        let silent = || Seen::Silent("no answer".to_owned());
        let available = |cluster: &ClusterStatus| {
            conditions::get(&cluster.conditions, AVAILABLE).map(|condition| condition.status.clone())
        };

        let (machine, cluster) = after(&machine, &cluster, silent(), Some(0), 100);
        assert_eq!(
            available(&cluster).as_deref(),
            Some("False"),
            "it has never answered"
        );
        let (machine, cluster) = after(&machine, &cluster, Seen::Nodes(Vec::new()), None, 110);
        assert_eq!(
            machine.phase(),
            Some(MachinePhase::Deployed),
            "its Node is not there yet"
        );
        let (machine, cluster) = after(&machine, &cluster, nodes("False"), None, 120);
        assert_eq!(machine.phase(), Some(MachinePhase::NotReady));
        let (machine, cluster) = after(&machine, &cluster, nodes("True"), None, 130);
        assert_eq!(machine.phase(), Some(MachinePhase::Ready));
        assert_eq!(cluster.nodes, Some(NodeCount { total: 1, ready: 1 }));

        let (machine, cluster) = after(&machine, &cluster, silent(), Some(140), 150);
        assert_eq!(available(&cluster).as_deref(), Some("True"), "within its grace");
        let (machine, cluster) = after(&machine, &cluster, silent(), Some(140), 190);
        assert_eq!(available(&cluster).as_deref(), Some("Unknown"));
        assert_eq!(
            machine.phase(),
            Some(MachinePhase::Ready),
            "what was known last stands"
        );
        let status = machine.status.as_ref().unwrap();
        assert_eq!(
            conditions::get(&status.conditions, NODE_READY).unwrap().status,
            "Unknown"
        );

        let (machine, cluster) = after(&machine, &cluster, nodes("Unknown"), None, 200);
        assert_eq!(
            machine.phase(),
            Some(MachinePhase::NotReady),
            "its kubelet is silent"
        );
        let (machine, _) = after(&machine, &cluster, Seen::Nodes(Vec::new()), None, 210);
        assert_eq!(machine.phase(), Some(MachinePhase::NotReady), "its Node is gone");
    }

    #[test]
    fn the_same_nodes_again_change_nothing() {
        let (machine, cluster) = after(
            &deployed("m1"),
            &ClusterStatus::default(),
            Seen::Nodes(vec![node("m1", "True")]),
            None,
            10,
        );
        let observed = observed(machine, cluster.clone(), Seen::Nodes(vec![node("m1", "True")]));
        let plan = plan(&observed, None, &fixtures::time(20));
        assert!(plan.machines.is_empty() && plan.notices.is_empty() && plan.nodes.is_empty());
        assert_eq!(plan.cluster, cluster);
        assert_eq!(plan.pace, Pace::Steady);
    }

    #[test]
    fn a_machine_that_leaves_is_left_alone() {
        let mut machine = Machine::clone(&deployed("m1"));
        machine.status.as_mut().unwrap().phase = Some(MachinePhase::Releasing);
        let observed = observed(
            Arc::new(machine),
            ClusterStatus::default(),
            Seen::Nodes(vec![node("m1", "True")]),
        );
        assert!(plan(&observed, None, &fixtures::time(0)).machines.is_empty());
    }
}
