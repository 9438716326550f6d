//! What Nodes, silence and etcd mean, by table.

use std::sync::Arc;

use k8s_openapi::api::core::v1::Node;
use serde_json::json;
use slipway_api::{
    Cluster, ClusterSpec, ClusterStatus, Machine, MachinePhase, Operation, RunPhase,
    cluster::{Certificates, NodeCount},
    conditions::{self, AVAILABLE, ETCD_HEALTHY, NODE_READY, reasons},
};

use super::{
    etcd::Etcd,
    observe::{ClusterClient, Observed, Seen},
    plan::{Pace, plan},
};
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
        etcd: match &seen {
            Seen::Nodes(_) => Etcd::Healthy,
            Seen::Silent(how) => Etcd::Unknown(how.clone()),
        },
        seen,
        earliest_expiry: Some(fixtures::time(1_000_000)),
        client: ClusterClient::default(),
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
fn etcd_is_what_the_api_server_says_of_it_and_unknown_when_that_is_silent() {
    let machine = deployed("m1");
    let nodes = || Seen::Nodes(vec![node("m1", "True")]);
    let silent = || Seen::Silent("no answer".to_owned());
    let sick = || Etcd::Unhealthy("internal server error: etcd failed".to_owned());
    let unknown = || Etcd::Unknown("forbidden".to_owned());
    let mut cluster = ClusterStatus::default();
    // What answers, what is said of etcd, since when it is silent, now; then status, reason and what is told.
    let rows = [
        (silent(), unknown(), Some(0), 1, "Unknown", reasons::WAITING, None),
        (nodes(), Etcd::Healthy, None, 10, "True", reasons::AS_WANTED, None),
        (nodes(), Etcd::Healthy, None, 20, "True", reasons::AS_WANTED, None),
        (
            silent(),
            sick(),
            Some(30),
            30,
            "False",
            reasons::UNHEALTHY,
            Some("EtcdUnhealthy"),
        ),
        (
            silent(),
            unknown(),
            Some(30),
            40,
            "False",
            reasons::UNHEALTHY,
            None,
        ),
        (
            silent(),
            unknown(),
            Some(30),
            80,
            "Unknown",
            reasons::CLUSTER_UNREACHABLE,
            None,
        ),
        (
            nodes(),
            sick(),
            None,
            90,
            "False",
            reasons::UNHEALTHY,
            Some("EtcdUnhealthy"),
        ),
        (
            nodes(),
            Etcd::Healthy,
            None,
            100,
            "True",
            reasons::AS_WANTED,
            Some("EtcdHealthy"),
        ),
        (
            nodes(),
            unknown(),
            None,
            110,
            "Unknown",
            reasons::CLUSTER_UNREACHABLE,
            None,
        ),
    ];
    for (seen, etcd, since, second, status, reason, told) in rows {
        let mut observed = observed(Arc::clone(&machine), cluster.clone(), seen);
        observed.etcd = etcd;
        let since = since.map(fixtures::time);
        let plan = plan(&observed, since.as_ref(), &fixtures::time(second));
        let found = conditions::get(&plan.cluster.conditions, ETCD_HEALTHY).unwrap();
        assert_eq!(
            (found.status.as_str(), found.reason.as_str()),
            (status, reason),
            "at {second}"
        );
        let about_etcd = plan.notices.iter().find(|notice| notice.reason.contains("Etcd"));
        assert_eq!(about_etcd.map(|notice| notice.reason), told, "at {second}");
        cluster = plan.cluster;
    }
}

#[test]
fn an_expiry_that_cannot_be_told_now_stays_as_it_was() {
    let seen = || Seen::Nodes(Vec::new());
    let (machine, cluster) = after(&deployed("m1"), &ClusterStatus::default(), seen(), None, 10);
    let known = Some(Certificates {
        earliest_expiry: Some(fixtures::time(1_000_000)),
    });
    assert_eq!(cluster.certificates, known);
    let mut observed = observed(machine, cluster, seen());
    observed.earliest_expiry = None;
    assert_eq!(
        plan(&observed, None, &fixtures::time(20)).cluster.certificates,
        known
    );
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
