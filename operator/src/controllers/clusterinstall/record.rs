//! What the Cluster's status says of its runs: the current one, the last ones, and what follows from them.

use slipway_api::{
    ClusterPhase, ClusterStatus, MachinePhase, Operation, PlaybookRun, RunPhase,
    cluster::{CurrentRun, FinishedRun, Installed},
    conditions::{self, NewCondition, reasons},
    playbook_run::RunCode,
};

use super::plan::{Next, Observed, Plan, active_run, is_initialized, is_installed, retry_annotation};
use crate::runtime::Notice;

/// How many finished runs are remembered.
pub const HISTORY: usize = 10;

/// The status as it should be, and what to tell people about the difference.
#[must_use]
pub fn status(observed: &Observed, plan: &Plan) -> (ClusterStatus, Vec<Notice>) {
    let before = observed.cluster.status.clone().unwrap_or_default();
    let mut status = before.clone();
    let mut notices = Vec::new();
    status.observed_generation = observed.deployment.metadata.generation;
    status.current_run = active_run(&observed.runs).map(|run| current_run(run));
    status.history = history(observed);
    status.observed_retry = retry_annotation(&observed.deployment).map(str::to_owned);
    if is_initialized(observed) {
        let set = NewCondition {
            kind: conditions::CONTROL_PLANE_INITIALIZED,
            status: Some(true),
            reason: reasons::AS_WANTED,
            message: "the first control plane has come up",
            observed_generation: status.observed_generation,
        };
        if conditions::set(&mut status.conditions, &set, &observed.now)
            && !conditions::is_true(&before.conditions, conditions::CONTROL_PLANE_INITIALIZED)
        {
            notices.push(Notice::normal(
                "ControlPlaneInitialized",
                "the first control plane has come up",
            ));
        }
    }
    if let Next::Run(run) = &plan.next
        && run.work.operation == Operation::Install
    {
        status.installed = Some(installed(observed));
    }
    run_failed(observed, plan, &mut status, &mut notices);
    up_to_date(observed, &mut status);
    status.phase = Some(phase(observed, plan, &status));
    (status, notices)
}

fn current_run(run: &PlaybookRun) -> CurrentRun {
    CurrentRun {
        name: run.metadata.name.clone().unwrap_or_default(),
        uid: run.metadata.uid.clone(),
        operation: run.spec.operation,
        inputs_hash: run.spec.inputs_hash.clone(),
        attempt: run.spec.attempt,
    }
}

/// The last finished runs, the newest first: those that still exist, and before them those remembered.
fn history(observed: &Observed) -> Vec<FinishedRun> {
    let mut history: Vec<FinishedRun> = observed
        .runs
        .iter()
        .filter(|run| run.phase().is_finished())
        .map(|run| finished_run(run))
        .collect();
    let remembered = observed.cluster.status.iter().flat_map(|status| &status.history);
    for run in remembered {
        if !history.iter().any(|known| known.name == run.name) {
            history.push(run.clone());
        }
    }
    history.sort_by(|one, other| (&other.finished_at, &other.name).cmp(&(&one.finished_at, &one.name)));
    history.truncate(HISTORY);
    history
}

fn finished_run(run: &PlaybookRun) -> FinishedRun {
    let status = run.status.clone().unwrap_or_default();
    FinishedRun {
        name: run.metadata.name.clone().unwrap_or_default(),
        operation: run.spec.operation,
        inputs_hash: run.spec.inputs_hash.clone(),
        attempt: run.spec.attempt,
        phase: run.phase(),
        hosts: i32::try_from(run.spec.hosts.len()).unwrap_or(i32::MAX),
        started_at: status.started_at,
        finished_at: status.finished_at,
        message: status.result.and_then(|result| result.message),
    }
}

fn installed(observed: &Observed) -> Installed {
    let spec = &observed.deployment.spec;
    let control_planes = spec.control_plane().and_then(|set| set.replicas).unwrap_or(1);
    Installed {
        kubernetes_version: spec.kubernetes_version.clone(),
        control_planes,
        component_config: spec.component_config.clone(),
    }
}

/// `RunFailed` is True from a failed run until a later one succeeds, and says whether it is tried again. A run that was made by hand
/// (it has no hash of its inputs) tells of its end itself: it is no step towards what is wanted.
fn run_failed(observed: &Observed, plan: &Plan, status: &mut ClusterStatus, notices: &mut Vec<Notice>) {
    let is_step = |run: &&FinishedRun| run.phase != RunPhase::Cancelled && !run.inputs_hash.is_empty();
    let Some(last) = status.history.iter().find(is_step) else {
        return;
    };
    let failed = last.phase == RunPhase::Failed;
    let known = conditions::get(&status.conditions, conditions::RUN_FAILED).is_some();
    if !failed && !known {
        return;
    }
    let answer = last.message.clone().unwrap_or_default();
    let what = format!("{} (try {})", last.operation, last.attempt);
    let (reason, message) = if !failed {
        (reasons::AS_WANTED, format!("{what} succeeded"))
    } else if let Next::Stopped { reason, .. } = &plan.next {
        let remedy = "change the spec or give the ClusterDeployment's annotation slipway.io/retry a new value to try again";
        (
            *reason,
            format!("{what} failed and is not tried again: {answer}; {remedy}"),
        )
    } else if matches!(plan.next, Next::After(_)) {
        (
            reasons::BACKOFF,
            format!("{what} failed and is tried again soon: {answer}"),
        )
    } else {
        (
            failure_reason(observed, &last.name),
            format!("{what} failed: {answer}"),
        )
    };
    let before =
        conditions::get(&status.conditions, conditions::RUN_FAILED).map(|condition| condition.reason.clone());
    let new = NewCondition {
        kind: conditions::RUN_FAILED,
        status: Some(failed),
        reason,
        message: &message,
        observed_generation: status.observed_generation,
    };
    conditions::set(&mut status.conditions, &new, &observed.now);
    if reason == reasons::RETRIES_EXHAUSTED && before.as_deref() != Some(reason) {
        notices.push(Notice::warning("RetriesExhausted", message));
    }
}

fn failure_reason(observed: &Observed, run: &str) -> &'static str {
    let run = observed
        .runs
        .iter()
        .find(|known| known.metadata.name.as_deref() == Some(run));
    let result = run
        .and_then(|run| run.status.as_ref())
        .and_then(|status| status.result.as_ref());
    match result.map(|result| result.code) {
        Some(RunCode::Unreachable) => reasons::UNREACHABLE,
        Some(RunCode::DeadlineExceeded) => reasons::DEADLINE_EXCEEDED,
        Some(RunCode::ExecutorFailed | RunCode::Invalid) => reasons::EXECUTOR_FAILED,
        Some(RunCode::Cancelled) => reasons::CANCELLED,
        Some(RunCode::TaskFailed | RunCode::Succeeded) | None => reasons::TASK_FAILED,
    }
}

/// `MachinesUpToDate`: every claimed machine is installed.
fn up_to_date(observed: &Observed, status: &mut ClusterStatus) {
    if observed.machines.is_empty() {
        return;
    }
    let pending: Vec<&str> = observed
        .machines
        .iter()
        .filter(|machine| !is_installed(machine))
        .filter_map(|machine| machine.metadata.name.as_deref())
        .collect();
    let message = match pending.as_slice() {
        [] => format!("{} machines are installed", observed.machines.len()),
        some if some.len() <= 5 => format!("not installed: {}", some.join(", ")),
        some => format!(
            "not installed: {} and {} more",
            some[..5].join(", "),
            some.len() - 5
        ),
    };
    let new = NewCondition {
        kind: conditions::MACHINES_UP_TO_DATE,
        status: Some(pending.is_empty()),
        reason: if pending.is_empty() {
            reasons::AS_WANTED
        } else {
            reasons::IN_PROGRESS
        },
        message: &message,
        observed_generation: status.observed_generation,
    };
    conditions::set(&mut status.conditions, &new, &observed.now);
}

fn phase(observed: &Observed, plan: &Plan, status: &ClusterStatus) -> ClusterPhase {
    if observed.deployment.metadata.deletion_timestamp.is_some() {
        return ClusterPhase::Deleting;
    }
    let busy = status.current_run.is_some() || matches!(plan.next, Next::Run(_));
    let stopped = matches!(plan.next, Next::Stopped { .. });
    if !is_initialized(observed) {
        return match (busy, stopped) {
            (true, _) => ClusterPhase::Installing,
            (false, true) => ClusterPhase::Failed,
            // Between two tries of the installation it is still being installed.
            (false, false) if status.installed.is_some() => ClusterPhase::Installing,
            (false, false) => ClusterPhase::Pending,
        };
    }
    let phase_of = |wanted: MachinePhase| {
        observed
            .machines
            .iter()
            .any(|machine| machine.phase() == Some(wanted))
    };
    let was = observed.cluster.status.as_ref().and_then(|status| status.phase);
    let all_ready = !observed.machines.is_empty()
        && observed
            .machines
            .iter()
            .all(|machine| machine.phase() == Some(MachinePhase::Ready));
    if busy {
        return if was == Some(ClusterPhase::Installing) {
            ClusterPhase::Installing
        } else {
            ClusterPhase::Updating
        };
    }
    if all_ready && conditions::is_true(&status.conditions, conditions::AVAILABLE) {
        return ClusterPhase::Ready;
    }
    let lost = conditions::get(&status.conditions, conditions::AVAILABLE)
        .is_some_and(|available| available.status == "False");
    if stopped || lost || phase_of(MachinePhase::NotReady) || phase_of(MachinePhase::Failed) {
        return ClusterPhase::Degraded;
    }
    match was {
        Some(ClusterPhase::Installing) => ClusterPhase::Installing,
        _ => ClusterPhase::Updating,
    }
}
