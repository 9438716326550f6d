#![allow(
    clippy::needless_pass_by_value,
    reason = "`json!` borrows what a test hands over"
)]

use std::sync::Arc;

use k8s_openapi::api::{batch::v1::Job, core::v1::Pod};
use serde_json::{Value, json};
use slipway_api::{
    Machine, MachinePhase, Operation, PlaybookRun, RunPhase, conditions, playbook_run::RunCode,
};
use slipway_report::{Event, EventKind, HostResult, RunOutcome, RunResult, SCHEMA_VERSION};

use super::{act::machine_status, plan::*};
use crate::controllers::fixtures::{self, time};

fn run(operation: Operation, cancel: bool) -> Arc<PlaybookRun> {
    Arc::new(
        serde_json::from_value(json!({
            "apiVersion": "slipway.io/v1alpha1", "kind": "PlaybookRun",
            "metadata": fixtures::metadata("shop-run"),
            "spec": {
                "clusterRef": {"name": "shop"}, "operation": operation, "cancel": cancel,
                "hosts": [{"machine": "m1", "epoch": 1}, {"machine": "m2", "epoch": 1}],
            },
            "status": {"phase": "Running", "jobRef": {"name": "shop-run"}},
        }))
        .unwrap(),
    )
}

fn job(condition: Option<(&str, &str)>, suspend: bool) -> Arc<Job> {
    let conditions: Vec<Value> = condition
        .iter()
        .map(|(kind, reason)| json!({"type": kind, "status": "True", "reason": reason, "message": "limit"}))
        .collect();
    Arc::new(
        serde_json::from_value(json!({
            "metadata": fixtures::metadata("shop-run"),
            "spec": {"suspend": suspend, "template": {}},
            "status": {"conditions": conditions, "startTime": time(5)},
        }))
        .unwrap(),
    )
}

fn pod(phase: &str, state: Value) -> Arc<Pod> {
    Arc::new(
        serde_json::from_value(json!({
            "metadata": fixtures::metadata("pod"),
            "status": {"phase": phase, "containerStatuses": [
                {"name": "runner", "image": "", "imageID": "", "ready": false, "restartCount": 0, "state": state},
            ]},
        }))
        .unwrap(),
    )
}

fn ended(exit_code: i32, message: &str) -> Arc<Pod> {
    let phase = if exit_code == 0 { "Succeeded" } else { "Failed" };
    pod(
        phase,
        json!({"terminated": {"exitCode": exit_code, "message": message, "reason": "Error", "finishedAt": time(9)}}),
    )
}

fn result(outcome: RunOutcome, exit_code: i32, hosts: Vec<HostResult>) -> String {
    let moment = chrono::DateTime::UNIX_EPOCH;
    RunResult {
        slipway: SCHEMA_VERSION,
        outcome,
        exit_code,
        started: moment,
        finished: moment,
        message: None,
        hosts,
        hosts_omitted: 0,
    }
    .to_compact_json()
}

fn good(name: &str) -> HostResult {
    HostResult {
        host: name.to_owned(),
        ok: 40,
        changed: 12,
        ..HostResult::default()
    }
}

fn bad(name: &str, unreachable: bool) -> HostResult {
    HostResult {
        host: name.to_owned(),
        failed: u32::from(!unreachable),
        unreachable: u32::from(unreachable),
        task: Some("worker : Join".to_owned()),
        message: Some("no space left on device".to_owned()),
        ..HostResult::default()
    }
}

fn machine(name: &str) -> Arc<Machine> {
    Arc::new(fixtures::claimed(name, "shop-worker", 0))
}

fn observed(
    run: Arc<PlaybookRun>,
    job: Option<Arc<Job>>,
    pods: Vec<Arc<Pod>>,
    events: Vec<Event>,
) -> Observed {
    Observed {
        now: time(10),
        run,
        job,
        pods,
        events,
        machines: vec![machine("m1"), machine("m2")],
    }
}

/// Phase, code and message of a run whose executor ended like this.
fn outcome(observed: &Observed) -> (Option<RunPhase>, Option<RunCode>, String) {
    let plan = plan(observed);
    let result = plan.status.result;
    let message = result
        .as_ref()
        .and_then(|result| result.message.clone())
        .unwrap_or_default();
    (plan.status.phase, result.map(|result| result.code), message)
}

#[test]
fn a_running_executor_shows_its_progress() {
    let progress = Event::now(EventKind::Progress {
        tasks_done: 3,
        tasks_total: 30,
        task: "preinstall : Load modules".to_owned(),
        hosts_failed: 0,
    });
    let observed = observed(
        run(Operation::Install, false),
        Some(job(None, false)),
        vec![pod("Running", json!({"running": {}}))],
        vec![progress],
    );
    let plan = plan(&observed);
    let shown = plan.status.progress.unwrap();
    assert_eq!(
        (shown.tasks_done, shown.tasks_total, shown.task.as_str()),
        (3, 30, "preinstall : Load modules")
    );
    assert_eq!(plan.status.phase, Some(RunPhase::Running));
    assert!(!plan.clean_up && !plan.suspend);
    assert_eq!(plan.hosts["m1"].phase, RunPhase::Running);
}

#[test]
fn a_run_that_has_ended_shows_its_last_progress() {
    let progress = |done: u32, task: &str| {
        Event::now(EventKind::Progress {
            tasks_done: done,
            tasks_total: 30,
            task: task.to_owned(),
            hosts_failed: 0,
        })
    };
    let observed = observed(
        run(Operation::Install, false),
        Some(job(Some(("Complete", "")), false)),
        vec![ended(
            0,
            &result(RunOutcome::Succeeded, 0, vec![good("m1"), good("m2")]),
        )],
        vec![
            progress(12, "kubeadm : Initialise"),
            progress(30, "postinstall : Look"),
        ],
    );
    let shown = plan(&observed).status.progress.unwrap();
    assert_eq!(
        (shown.tasks_done, shown.tasks_total, shown.task.as_str()),
        (30, 30, "postinstall : Look")
    );
}

#[test]
fn a_run_ends_as_its_runner_reports() {
    let rows = [
        (
            "Complete",
            RunOutcome::Succeeded,
            0,
            vec![good("m1"), good("m2")],
            RunPhase::Succeeded,
            RunCode::Succeeded,
        ),
        (
            "Failed",
            RunOutcome::Failed,
            2,
            vec![bad("m1", false), good("m2")],
            RunPhase::Failed,
            RunCode::TaskFailed,
        ),
        (
            "Failed",
            RunOutcome::Unreachable,
            4,
            vec![bad("m1", true), good("m2")],
            RunPhase::Failed,
            RunCode::Unreachable,
        ),
        (
            "Failed",
            RunOutcome::Invalid,
            4,
            vec![],
            RunPhase::Failed,
            RunCode::Invalid,
        ),
    ];
    for (condition, report, exit_code, hosts, phase, code) in rows {
        let pods = vec![ended(exit_code, &result(report, exit_code, hosts))];
        let observed = observed(
            run(Operation::Install, false),
            Some(job(Some((condition, "PodFailurePolicy")), false)),
            pods,
            Vec::new(),
        );
        let (found_phase, found_code, _) = outcome(&observed);
        assert_eq!((found_phase, found_code), (Some(phase), Some(code)), "{report:?}");
    }
}

#[test]
fn a_failure_names_host_task_and_answer() {
    let pods = vec![ended(
        2,
        &result(RunOutcome::Failed, 2, vec![bad("m1", false), good("m2")]),
    )];
    let observed = observed(
        run(Operation::Install, false),
        Some(job(Some(("Failed", "PodFailurePolicy")), false)),
        pods,
        Vec::new(),
    );
    let (_, _, message) = outcome(&observed);
    for part in ["m1", "worker : Join", "no space left on device"] {
        assert!(message.contains(part), "{part} in {message}");
    }
    let plan = plan(&observed);
    assert_eq!(plan.hosts["m1"].phase, RunPhase::Failed);
    assert_eq!(
        plan.hosts["m2"].phase,
        RunPhase::Succeeded,
        "the run played to its end, so this host is done"
    );
}

#[test]
fn an_executor_without_a_result_has_failed_and_says_how() {
    let rows = [
        (None, Vec::new(), "deleted before"),
        (
            Some(job(Some(("Complete", "")), false)),
            vec![ended(0, "")],
            "left no result",
        ),
        (
            Some(job(Some(("Failed", "BackoffLimitExceeded")), false)),
            vec![ended(137, "")],
            "exit code 137",
        ),
    ];
    for (job, pods, expected) in rows {
        let observed = observed(run(Operation::Install, false), job, pods, Vec::new());
        let (phase, code, message) = outcome(&observed);
        assert_eq!(
            (phase, code),
            (Some(RunPhase::Failed), Some(RunCode::ExecutorFailed))
        );
        assert!(message.contains(expected), "{expected} in {message}");
    }
    let late = observed(
        run(Operation::Install, false),
        Some(job(Some(("Failed", "DeadlineExceeded")), false)),
        Vec::new(),
        Vec::new(),
    );
    assert_eq!(outcome(&late).1, Some(RunCode::DeadlineExceeded));
}

#[test]
fn a_killed_pod_does_not_end_the_run() {
    let pods = vec![
        ended(137, ""),
        pod("Pending", json!({"waiting": {"reason": "ContainerCreating"}})),
    ];
    let observed = observed(
        run(Operation::Install, false),
        Some(job(None, false)),
        pods,
        Vec::new(),
    );
    assert_eq!(outcome(&observed).0, Some(RunPhase::Running));
}

#[test]
fn an_image_that_cannot_be_pulled_is_told() {
    let pods = vec![pod(
        "Pending",
        json!({"waiting": {"reason": "ImagePullBackOff", "message": "not found"}}),
    )];
    let plan = plan(&observed(
        run(Operation::Install, false),
        Some(job(None, false)),
        pods,
        Vec::new(),
    ));
    let condition = conditions::get(&plan.status.conditions, conditions::JOB_CREATED).unwrap();
    assert!(
        condition.message.contains("ImagePullBackOff") && condition.message.contains("not found"),
        "{}",
        condition.message
    );
}

#[test]
fn a_cancelled_run_suspends_its_job_and_is_over_when_the_pods_are() {
    let running = vec![pod("Running", json!({"running": {}}))];
    let going = plan(&observed(
        run(Operation::Install, true),
        Some(job(None, false)),
        running.clone(),
        Vec::new(),
    ));
    assert!(going.suspend && !going.clean_up);
    let stopping = plan(&observed(
        run(Operation::Install, true),
        Some(job(None, true)),
        running,
        Vec::new(),
    ));
    assert!(!stopping.clean_up, "the pod has not ended");
    let over = plan(&observed(
        run(Operation::Install, true),
        Some(job(None, true)),
        Vec::new(),
        Vec::new(),
    ));
    assert_eq!(over.status.phase, Some(RunPhase::Cancelled));
    assert_eq!(
        over.hosts["m1"].phase,
        RunPhase::Cancelled,
        "what was done on a host is not known"
    );
}

#[test]
fn a_machine_is_deployed_by_a_run_and_clean_by_a_reset() {
    let pods = || {
        vec![ended(
            0,
            &result(RunOutcome::Succeeded, 0, vec![good("m1"), good("m2")]),
        )]
    };
    let complete = || Some(job(Some(("Complete", "")), false));
    let status_after = |operation| {
        let observed = observed(run(operation, false), complete(), pods(), Vec::new());
        machine_status(&observed, &observed.machines[0], &plan(&observed).hosts["m1"])
    };
    let installed = status_after(Operation::Install);
    assert_eq!(installed.phase, Some(MachinePhase::Deployed));
    assert_eq!(
        installed.cleaned_epoch,
        Some(0),
        "the claim's own epoch is not cleaned"
    );
    let reset = status_after(Operation::Reset);
    assert_eq!(reset.cleaned_epoch, Some(1));
    assert!(conditions::is_true(&reset.conditions, conditions::CLEAN));
    let checked = status_after(Operation::Check);
    assert_eq!(
        checked.cleaned_epoch,
        Some(0),
        "a check of a cluster proves nothing about what is left"
    );
}

#[test]
fn a_machine_that_was_reset_by_hand_and_installed_again_is_not_clean() {
    let mut reset = fixtures::claimed("m1", "shop-worker", 0);
    reset.status.as_mut().unwrap().cleaned_epoch = Some(1);
    assert!(reset.is_clean());
    let running = vec![pod("Running", json!({"running": {}}))];
    let ended = vec![ended(
        0,
        &result(RunOutcome::Succeeded, 0, vec![good("m1"), good("m2")]),
    )];
    let complete = Some(("Complete", ""));
    for (condition, pods) in [(None, running), (complete, ended)] {
        let observed = observed(
            run(Operation::ScaleOut, false),
            Some(job(condition, false)),
            pods,
            Vec::new(),
        );
        let mut next = reset.clone();
        next.status = Some(machine_status(&observed, &reset, &plan(&observed).hosts["m1"]));
        assert!(!next.is_clean(), "{next:?}");
        let clean = conditions::get(&next.status.as_ref().unwrap().conditions, conditions::CLEAN).unwrap();
        assert_eq!(clean.status, "False");
    }
}

#[test]
fn only_the_projects_own_reset_and_check_prove_that_a_machine_is_clean() {
    let of_cluster = Some(json!({"name": "shop"}));
    for (operation, playbook, cluster, proves) in [
        (Operation::Reset, "", of_cluster.clone(), true),
        (Operation::Reset, "", None, true),
        (Operation::Check, "", None, true),
        (Operation::Check, "", of_cluster, false),
        (Operation::Reset, "my-own", None, false),
        (Operation::Check, "my-own", None, false),
        (Operation::Custom, "check", None, false),
    ] {
        let run: PlaybookRun = serde_json::from_value(json!({
            "apiVersion": "slipway.io/v1alpha1", "kind": "PlaybookRun", "metadata": {},
            "spec": {"operation": operation, "playbook": playbook, "clusterRef": cluster, "hosts": [{"machine": "m1"}]},
        }))
        .unwrap();
        assert_eq!(proves_clean(&run), proves, "{:?}", run.spec);
    }
}

#[test]
fn an_unreachable_machine_says_so_and_is_not_clean() {
    let pods = vec![ended(
        4,
        &result(RunOutcome::Unreachable, 4, vec![bad("m1", true), good("m2")]),
    )];
    let observed = observed(
        run(Operation::Reset, false),
        Some(job(Some(("Failed", "")), false)),
        pods,
        Vec::new(),
    );
    let hosts = plan(&observed).hosts;
    let lost = machine_status(&observed, &observed.machines[0], &hosts["m1"]);
    assert_eq!(
        conditions::get(&lost.conditions, conditions::REACHABLE)
            .unwrap()
            .status,
        "False"
    );
    assert_eq!(lost.cleaned_epoch, Some(0));
    let other = machine_status(&observed, &observed.machines[1], &hosts["m2"]);
    assert_eq!(other.cleaned_epoch, Some(1), "the other host was reset");
}

#[test]
fn a_run_that_was_recorded_before_a_crash_only_loses_its_executor() {
    let mut finished = Arc::unwrap_or_clone(run(Operation::Reset, false));
    finished.status = serde_json::from_value(json!({
        "phase": "Succeeded", "result": {"code": "Succeeded"}, "jobRef": {"name": "shop-run"},
        "hosts": [{"name": "m1", "ok": 4}, {"name": "m2", "ok": 4}],
    }))
    .unwrap();
    let plan = plan(&observed(
        Arc::new(finished),
        Some(job(Some(("Complete", "")), false)),
        Vec::new(),
        Vec::new(),
    ));
    assert!(plan.clean_up);
    assert!(
        plan.hosts.is_empty(),
        "newer runs may have written to its machines since"
    );
    assert!(plan.notices.is_empty(), "it was told before");
}

#[test]
fn host_keys_accepted_at_first_use_are_handed_on() {
    let event = Event::now(EventKind::HostKey {
        host: "m1".to_owned(),
        key: "ssh-ed25519 AAAA".to_owned(),
    });
    let plan = plan(&observed(
        run(Operation::Install, false),
        Some(job(None, false)),
        Vec::new(),
        vec![event],
    ));
    assert_eq!(plan.host_keys["m1"], "ssh-ed25519 AAAA");
}
