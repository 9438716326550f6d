#![allow(
    clippy::needless_pass_by_value,
    reason = "`json!` borrows what a test hands over"
)]

use serde_json::{Value, json};
use slipway_api::{
    Cluster, ClusterDeployment, ClusterPhase, Machine, MachineRole, MachineSet, PlaybookRun,
    playbook_run::RunHost,
};

use super::{plan::*, record};
use crate::controllers::fixtures::{self, time};
use std::{sync::Arc, time::Duration};

use slipway_api::{Operation, conditions::reasons};

const NOW: i64 = 10_000;

fn condition(kind: &str, status: &str, reason: &str) -> Value {
    json!({"type": kind, "status": status, "reason": reason, "message": "", "lastTransitionTime": "1970-01-01T00:00:00Z"})
}

fn deployment() -> ClusterDeployment {
    serde_json::from_value(json!({
        "apiVersion": "slipway.io/v1alpha1", "kind": "ClusterDeployment",
        "metadata": fixtures::metadata("shop"),
        "spec": {
            "kubernetesVersion": "v1.35.4",
            "controlPlaneEndpoint": {"host": "192.0.2.10"},
            "machineSets": [
                {"name": "control-plane", "role": "ControlPlane", "replicas": 1},
                {"name": "worker", "role": "Worker", "replicas": 2},
            ],
        },
        "status": {"conditions": [condition("TrustReady", "True", "AsWanted")]},
    }))
    .unwrap()
}

fn cluster(status: Value) -> Cluster {
    serde_json::from_value(json!({
        "apiVersion": "slipway.io/v1alpha1", "kind": "Cluster",
        "metadata": fixtures::metadata("shop"), "spec": {}, "status": status,
    }))
    .unwrap()
}

fn initialized() -> Value {
    json!({"conditions": [condition("ControlPlaneInitialized", "True", "AsWanted")]})
}

fn set(name: &str, role: &str, replicas: i32, claimed: Value) -> Arc<MachineSet> {
    Arc::new(
        serde_json::from_value(json!({
            "apiVersion": "slipway.io/v1alpha1", "kind": "MachineSet",
            "metadata": fixtures::metadata(name),
            "spec": {"clusterName": "shop", "role": role, "replicas": replicas},
            "status": {"conditions": [claimed]},
        }))
        .unwrap(),
    )
}

fn sets() -> Vec<Arc<MachineSet>> {
    let claimed = || condition("MachinesClaimed", "True", "AsWanted");
    vec![
        set("shop-control-plane", "ControlPlane", 1, claimed()),
        set("shop-worker", "Worker", 2, claimed()),
    ]
}

fn machine(name: &str, set: &str, phase: &str) -> Arc<Machine> {
    let mut machine = fixtures::claimed(name, set, 0);
    if set == "shop-control-plane" {
        machine.spec.claim_ref.as_mut().unwrap().role = MachineRole::ControlPlane;
    }
    let status = machine.status.as_mut().unwrap();
    status.phase = Some(serde_json::from_value(json!(phase)).unwrap());
    Arc::new(machine)
}

fn drained(name: &str) -> Arc<Machine> {
    let mut machine = Arc::unwrap_or_clone(machine(name, "shop-worker", "Releasing"));
    let condition = serde_json::from_value(condition("Drained", "True", "AsWanted")).unwrap();
    machine.status.as_mut().unwrap().conditions.push(condition);
    Arc::new(machine)
}

fn run(operation: Operation, hosts: &[&str], hash: &str, attempt: i32, status: Value) -> Arc<PlaybookRun> {
    let hosts: Vec<Value> = hosts
        .iter()
        .map(|host| json!({"machine": host, "epoch": 1}))
        .collect();
    Arc::new(
        serde_json::from_value(json!({
            "apiVersion": "slipway.io/v1alpha1", "kind": "PlaybookRun",
            "metadata": fixtures::metadata(&format!("{operation}-{attempt}").to_lowercase()),
            "spec": {"clusterRef": {"name": "shop"}, "operation": operation, "hosts": hosts, "inputsHash": hash, "attempt": attempt},
            "status": status,
        }))
        .unwrap(),
    )
}

fn failed(code: &str, finished: i64) -> Value {
    json!({
        "phase": "Failed", "finishedAt": time(finished),
        "result": {"code": code, "message": "host w1 failed at task \"join\": no route"},
    })
}

fn observed(machines: Vec<Arc<Machine>>, runs: Vec<Arc<PlaybookRun>>, status: Value) -> Observed {
    Observed {
        now: time(NOW),
        deployment: Arc::new(deployment()),
        cluster: Arc::new(cluster(status)),
        sets: sets(),
        machines,
        pool: Vec::new(),
        runs,
    }
}

fn fresh() -> Vec<Arc<Machine>> {
    vec![
        machine("c1", "shop-control-plane", "Claimed"),
        machine("w1", "shop-worker", "Claimed"),
        machine("w2", "shop-worker", "Claimed"),
    ]
}

/// Operation and hosts of the next run.
fn next_run(observed: &Observed) -> Option<(Operation, Vec<String>, i32)> {
    match plan(observed).next {
        Next::Run(run) => {
            let hosts = run.work.hosts.into_iter().map(|host| host.machine).collect();
            Some((run.work.operation, hosts, run.attempt))
        }
        _ => None,
    }
}

fn names(hosts: &[&str]) -> Vec<String> {
    hosts.iter().map(|host| (*host).to_owned()).collect()
}

#[test]
fn a_new_cluster_is_installed_on_all_its_machines_in_one_run() {
    let observed = observed(fresh(), Vec::new(), json!({}));
    assert_eq!(
        next_run(&observed),
        Some((Operation::Install, names(&["c1", "w1", "w2"]), 1))
    );
}

#[test]
fn the_same_work_has_the_same_name_and_other_work_another() {
    let run_name = |observed: &Observed| match plan(observed).next {
        Next::Run(run) => run.name,
        other => panic!("{other:?}"),
    };
    let first = observed(fresh(), Vec::new(), json!({}));
    assert_eq!(
        run_name(&first),
        run_name(&observed(fresh(), Vec::new(), json!({})))
    );
    let mut asked = observed(fresh(), Vec::new(), json!({}));
    Arc::make_mut(&mut asked.deployment).metadata.annotations =
        Some([("slipway.io/retry".to_owned(), "1".to_owned())].into());
    assert_ne!(run_name(&first), run_name(&asked));
}

#[test]
fn installing_waits_for_the_control_plane_but_not_for_workers_that_the_pool_does_not_have() {
    let mut observed = observed(
        vec![
            machine("c1", "shop-control-plane", "Claimed"),
            machine("w1", "shop-worker", "Claimed"),
        ],
        Vec::new(),
        json!({}),
    );
    assert_eq!(
        plan(&observed).next,
        Next::Nothing,
        "the second worker may still be claimed"
    );
    observed.sets[1] = set(
        "shop-worker",
        "Worker",
        2,
        condition("MachinesClaimed", "False", reasons::INSUFFICIENT_IDLE_MACHINES),
    );
    assert_eq!(
        next_run(&observed),
        Some((Operation::Install, names(&["c1", "w1"]), 1))
    );
    let soon = Next::After(Duration::from_secs(2));
    let mut machine = fixtures::machine("new");
    for (created, idle, next, why) in [
        (NOW - 5, false, Some(&soon), "a new machine is being checked"),
        (
            NOW - 500,
            false,
            None,
            "no cluster waits long for a machine that is not checked",
        ),
        (
            NOW - 500,
            true,
            Some(&soon),
            "a machine that is idle is about to be claimed",
        ),
    ] {
        if idle {
            machine = fixtures::idle("new");
        }
        machine.metadata.creation_timestamp = Some(time(created));
        observed.pool = vec![Arc::new(machine.clone())];
        let found = plan(&observed).next;
        match next {
            Some(next) => assert_eq!(found, *next, "{why}"),
            None => assert!(matches!(found, Next::Run(_)), "{why}"),
        }
    }
    observed.pool.clear();
    observed.machines.remove(0);
    assert_eq!(plan(&observed).next, Next::Nothing, "there is no control plane");
}

#[test]
fn a_machine_that_was_just_claimed_and_still_says_idle_is_installed_with_the_others() {
    let machines = vec![
        machine("c1", "shop-control-plane", "Claimed"),
        machine("w1", "shop-worker", "Idle"),
        machine("w2", "shop-worker", "Claimed"),
    ];
    assert_eq!(
        next_run(&observed(machines, Vec::new(), json!({}))),
        Some((Operation::Install, names(&["c1", "w1", "w2"]), 1))
    );
}

#[test]
fn what_is_not_supported_is_not_installed_and_does_not_hold_up_a_cluster_that_is() {
    let unsupported = |mut observed: Observed| {
        let mut deployment = deployment();
        let conditions = json!([
            condition("TrustReady", "True", "AsWanted"),
            condition("Supported", "False", reasons::NOT_SUPPORTED),
        ]);
        deployment.status = serde_json::from_value(json!({ "conditions": conditions })).unwrap();
        observed.deployment = Arc::new(deployment);
        observed
    };
    let first = unsupported(observed(fresh(), Vec::new(), json!({})));
    assert_eq!(plan(&first).next, Next::Nothing);
    let later = unsupported(observed(fresh(), Vec::new(), initialized()));
    assert!(matches!(plan(&later).next, Next::Run(_)));
}

#[test]
fn nothing_starts_without_the_clusters_keys_or_while_it_is_paused() {
    let mut without_trust = observed(fresh(), Vec::new(), json!({}));
    Arc::make_mut(&mut without_trust.deployment).status = None;
    assert_eq!(plan(&without_trust).next, Next::Nothing);
    let mut paused = observed(fresh(), Vec::new(), json!({}));
    Arc::make_mut(&mut paused.deployment).spec.paused = true;
    assert_eq!(plan(&paused).next, Next::Nothing);
}

#[test]
fn while_a_run_is_not_finished_nothing_new_starts() {
    let running = run(
        Operation::Install,
        &["c1"],
        "other",
        1,
        json!({"phase": "Running"}),
    );
    assert_eq!(
        plan(&observed(fresh(), vec![running], json!({}))).next,
        Next::Nothing
    );
    let queued = run(Operation::Custom, &["c1"], "", 1, json!({}));
    assert_eq!(
        plan(&observed(fresh(), vec![queued], json!({}))).next,
        Next::Nothing,
        "one made by hand waits first"
    );
}

#[test]
fn a_new_worker_joins_alone() {
    let machines = vec![
        machine("c1", "shop-control-plane", "Ready"),
        machine("w1", "shop-worker", "NotReady"),
        machine("w2", "shop-worker", "Claimed"),
    ];
    let observed = observed(machines, Vec::new(), initialized());
    assert_eq!(
        next_run(&observed),
        Some((Operation::ScaleOut, names(&["w2"]), 1))
    );
}

#[test]
fn a_converged_cluster_wants_nothing() {
    let machines = vec![
        machine("c1", "shop-control-plane", "Ready"),
        machine("w1", "shop-worker", "Ready"),
        machine("w2", "shop-worker", "Ready"),
    ];
    let mut status = initialized();
    status["conditions"]
        .as_array_mut()
        .unwrap()
        .push(condition("Available", "True", "AsWanted"));
    let mut observed = observed(machines, Vec::new(), status);
    let decided = plan(&observed);
    assert_eq!(decided.next, Next::Nothing);
    let (first, _) = record::status(&observed, &decided);
    assert_eq!(first.phase, Some(ClusterPhase::Ready));
    Arc::make_mut(&mut observed.cluster).status = Some(first.clone());
    observed.now = time(NOW + 100);
    let (second, notices) = record::status(&observed, &plan(&observed));
    assert_eq!(first, second, "an unchanged cluster has an unchanged status");
    assert!(notices.is_empty());
}

#[test]
fn machines_that_leave_are_reset_once_they_are_drained_also_while_the_cluster_goes() {
    let used = run(
        Operation::Install,
        &["w1", "w2"],
        "h",
        1,
        json!({"phase": "Succeeded", "result": {"code": "Succeeded"}}),
    );
    let machines = vec![drained("w1"), machine("w2", "shop-worker", "Releasing")];
    let mut observed = observed(machines, vec![used], initialized());
    assert_eq!(next_run(&observed), Some((Operation::Reset, names(&["w1"]), 1)));
    let deployment = Arc::make_mut(&mut observed.deployment);
    deployment.metadata.deletion_timestamp = Some(time(NOW));
    deployment.spec.paused = true;
    assert_eq!(
        plan(&observed).next,
        Next::Nothing,
        "the other one comes in a moment"
    );
    observed.machines[1] = drained("w2");
    assert_eq!(
        next_run(&observed),
        Some((Operation::Reset, names(&["w1", "w2"]), 1))
    );
}

#[test]
fn a_machine_that_no_run_touched_is_clean_without_one() {
    let observed = observed(vec![drained("w1")], Vec::new(), json!({}));
    let decided = plan(&observed);
    assert_eq!(decided.untouched, names(&["w1"]));
    assert_eq!(decided.next, Next::Nothing);
}

#[test]
fn a_machine_whose_runs_were_forgotten_is_reset() {
    let mut machine = Arc::unwrap_or_clone(drained("w1"));
    machine.status.as_mut().unwrap().last_run = Some(fixtures::last_run(
        Operation::ScaleOut,
        slipway_api::RunPhase::Failed,
    ));
    let observed = observed(vec![Arc::new(machine)], Vec::new(), json!({}));
    assert_eq!(next_run(&observed).unwrap().0, Operation::Reset);
}

#[test]
fn a_machine_in_use_that_was_only_checked_since_is_reset() {
    let mut checked = Arc::unwrap_or_clone(drained("w1"));
    let status = checked.status.as_mut().unwrap();
    status.last_run = Some(fixtures::last_run(
        Operation::Check,
        slipway_api::RunPhase::Succeeded,
    ));
    let mut installed = checked.clone();
    let mark = condition("Clean", "False", "InProgress");
    let status = installed.status.as_mut().unwrap();
    status.conditions.push(serde_json::from_value(mark).unwrap());
    let mut joined = checked.clone();
    joined.status.as_mut().unwrap().node_ref = serde_json::from_value(json!({"name": "w1"})).unwrap();
    for used in [installed, joined] {
        let observed = observed(vec![Arc::new(used)], Vec::new(), json!({}));
        assert_eq!(plan(&observed).untouched, names(&[]));
        assert_eq!(next_run(&observed).unwrap().0, Operation::Reset);
    }
    let observed = observed(vec![Arc::new(checked)], Vec::new(), json!({}));
    assert_eq!(plan(&observed).untouched, names(&["w1"]));
}

#[test]
fn a_failed_run_is_tried_again_with_a_growing_wait_until_the_limit() {
    let hosts: Vec<RunHost> = ["c1", "w1", "w2"]
        .map(|name| RunHost {
            machine: name.to_owned(),
            epoch: Some(1),
        })
        .into();
    let hash = inputs_hash(&deployment(), Operation::Install, &hosts);
    let tries = |count: i32, finished: i64| -> Observed {
        let runs = (1..=count)
            .map(|attempt| {
                run(
                    Operation::Install,
                    &["c1", "w1", "w2"],
                    &hash,
                    attempt,
                    failed("TaskFailed", finished),
                )
            })
            .collect();
        let machines = fresh().into_iter().map(|machine| {
            let mut machine = Arc::unwrap_or_clone(machine);
            machine.status.as_mut().unwrap().phase = Some(slipway_api::MachinePhase::Failed);
            Arc::new(machine)
        });
        observed(machines.collect(), runs, json!({}))
    };
    assert_eq!(plan(&tries(1, NOW)).next, Next::After(Duration::from_mins(1)));
    assert_eq!(
        plan(&tries(2, NOW - 20)).next,
        Next::After(Duration::from_secs(100))
    );
    assert_eq!(next_run(&tries(1, NOW - 60)).unwrap().2, 2);
    assert_eq!(next_run(&tries(3, NOW - 240)).unwrap().2, 4);
    let exhausted = tries(4, NOW - 9_000);
    let decided = plan(&exhausted);
    assert!(
        matches!(&decided.next, Next::Stopped { reason, .. } if *reason == reasons::RETRIES_EXHAUSTED),
        "{decided:?}"
    );
    let (status, notices) = record::status(&exhausted, &decided);
    let condition = slipway_api::conditions::get(&status.conditions, "RunFailed").unwrap();
    assert_eq!(
        (condition.status.as_str(), condition.reason.as_str()),
        ("True", "RetriesExhausted")
    );
    for part in ["w1", "join", "no route", "slipway.io/retry"] {
        assert!(
            condition.message.contains(part),
            "{part} in {}",
            condition.message
        );
    }
    assert_eq!(status.phase, Some(ClusterPhase::Failed));
    assert_eq!(
        notices
            .iter()
            .filter(|notice| notice.reason == "RetriesExhausted")
            .count(),
        1
    );
    let mut changed = tries(4, NOW - 9_000);
    Arc::make_mut(&mut changed.deployment).metadata.generation = Some(2);
    assert_eq!(next_run(&changed).unwrap().2, 1, "a changed spec is other work");
}

#[test]
fn a_run_with_wrong_inputs_is_not_tried_again() {
    let hosts: Vec<RunHost> = ["c1", "w1", "w2"]
        .map(|name| RunHost {
            machine: name.to_owned(),
            epoch: Some(1),
        })
        .into();
    let hash = inputs_hash(&deployment(), Operation::Install, &hosts);
    let invalid = run(
        Operation::Install,
        &["c1", "w1", "w2"],
        &hash,
        1,
        failed("Invalid", 0),
    );
    assert!(matches!(
        plan(&observed(fresh(), vec![invalid], json!({}))).next,
        Next::Stopped { .. }
    ));
}

#[test]
fn the_status_names_the_current_run_and_remembers_ten() {
    let runs: Vec<_> = (1..=12)
        .map(|number| {
            run(
                Operation::Custom,
                &["c1"],
                "h",
                number,
                json!({"phase": "Succeeded", "finishedAt": time(i64::from(number))}),
            )
        })
        .chain([run(
            Operation::ScaleOut,
            &["w2"],
            "h2",
            1,
            json!({"phase": "Running"}),
        )])
        .collect();
    let observed = observed(fresh(), runs, initialized());
    let (status, _) = record::status(&observed, &plan(&observed));
    assert_eq!(status.current_run.unwrap().operation, Operation::ScaleOut);
    assert_eq!(status.history.len(), 10);
    assert_eq!(status.history[0].name, "custom-12");
    assert_eq!(status.phase, Some(ClusterPhase::Updating));
}

#[test]
fn a_run_by_hand_that_fails_does_not_make_the_cluster_fail() {
    let installed = run(
        Operation::Install,
        &["c1", "w1"],
        "h",
        1,
        json!({"phase": "Succeeded", "finishedAt": time(1)}),
    );
    let check = |hash| run(Operation::Check, &["w1"], hash, 1, failed("Unreachable", 2));
    for (check, expected) in [(check(""), None), (check("h"), Some("True"))] {
        let observed = observed(fresh(), vec![Arc::clone(&installed), check], initialized());
        let (status, _) = record::status(&observed, &plan(&observed));
        let told = slipway_api::conditions::get(&status.conditions, "RunFailed");
        assert_eq!(told.map(|told| told.status.as_str()), expected);
    }
}

#[test]
fn a_run_whose_end_its_machines_do_not_tell_yet_is_not_repeated() {
    let hosts = vec![RunHost {
        machine: "w2".to_owned(),
        epoch: Some(1),
    }];
    let hash = inputs_hash(&deployment(), Operation::ScaleOut, &hosts);
    let ended = json!({"phase": "Succeeded", "finishedAt": time(NOW), "jobRef": {"name": "r"}, "result": {"code": "Succeeded"}});
    let joined = run(Operation::ScaleOut, &["w2"], &hash, 1, ended);
    let mut machine = Arc::unwrap_or_clone(machine("w2", "shop-worker", "Deploying"));
    let mut last = fixtures::last_run(Operation::ScaleOut, slipway_api::RunPhase::Running);
    last.name = joined.metadata.name.clone().unwrap();
    machine.status.as_mut().unwrap().last_run = Some(last);
    let observed = observed(vec![Arc::new(machine)], vec![joined], initialized());
    assert!(
        matches!(plan(&observed).next, Next::After(_)),
        "{:?}",
        plan(&observed).next
    );
}
