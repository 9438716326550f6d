//! What does a Job's state say of its run, its machines and itself?

use std::{collections::BTreeMap, sync::Arc};

use k8s_openapi::{
    api::{batch::v1::Job, core::v1::Pod},
    apimachinery::pkg::apis::meta::v1::Time,
};
use slipway_api::{
    Machine, Operation, PlaybookRun, PlaybookRunStatus, RunPhase,
    conditions::{self, NewCondition, reasons},
    playbook_run::{RunCode, RunHostStatus, RunProgress, RunResultStatus},
};
use slipway_report::{Event, EventKind, HostResult, RunOutcome, RunResult};

use crate::runtime::Notice;

/// What was observed.
#[derive(Debug)]
pub struct Observed {
    /// The time.
    pub now: Time,
    /// The run.
    pub run: Arc<PlaybookRun>,
    /// Its Job; none if it was deleted.
    pub job: Option<Arc<Job>>,
    /// The Job's pods.
    pub pods: Vec<Arc<Pod>>,
    /// Events from the log of the newest pod, oldest first.
    pub events: Vec<Event>,
    /// Machines of the run.
    pub machines: Vec<Arc<Machine>>,
}

/// The plan.
#[derive(Debug, Default)]
pub struct Plan {
    /// The run's status as it should be.
    pub status: PlaybookRunStatus,
    /// What the run did to each machine, by name; empty until that is known.
    pub hosts: BTreeMap<String, HostOutcome>,
    /// Host keys accepted at first use, by machine.
    pub host_keys: BTreeMap<String, String>,
    /// Whether the Job is to be suspended, which ends its pods gracefully.
    pub suspend: bool,
    /// Whether the run is over and recorded, so that its executor may go.
    pub clean_up: bool,
    /// What to tell people.
    pub notices: Vec<Notice>,
}

/// What a run did to a machine, or is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostOutcome {
    /// How far the run is on it, or how it ended there.
    pub phase: RunPhase,
    /// Which task failed and what it answered.
    pub message: Option<String>,
    /// Whether the host was not reached.
    pub unreachable: bool,
}

/// Decides.
#[must_use]
pub fn plan(observed: &Observed) -> Plan {
    let run = &observed.run;
    let before = run.status.clone().unwrap_or_default();
    if run.phase().is_finished() {
        // Its machines were written before it was (see act), and newer runs may have written to them since: what an old run
        // did is never told again, or a restart of the operator would undo what is known of them.
        return Plan {
            status: before,
            clean_up: true,
            ..Plan::default()
        };
    }
    let mut plan = Plan {
        host_keys: host_keys(observed),
        ..Plan::default()
    };
    match ending(observed) {
        Some((phase, result, hosts)) => finish(observed, before, phase, result, hosts, &mut plan),
        None => go_on(observed, before, &mut plan),
    }
    plan
}

/// The run goes on.
fn go_on(observed: &Observed, mut status: PlaybookRunStatus, plan: &mut Plan) {
    let began = observed
        .job
        .as_ref()
        .and_then(|job| job.status.as_ref()?.start_time.clone());
    let running = observed.pods.iter().any(|pod| pod_phase(pod) == "Running") || !observed.events.is_empty();
    if running && status.phase != Some(RunPhase::Running) {
        status.phase = Some(RunPhase::Running);
        plan.notices.push(Notice::normal(
            "RunStarted",
            format!("{} has begun", observed.run.spec.operation),
        ));
    }
    status.observed_generation = observed.run.metadata.generation;
    if status.started_at.is_none() {
        status.started_at = began;
    }
    if let Some(progress) = progress(&observed.events) {
        status.progress = Some(progress);
    }
    let waiting = waiting_reason(&observed.pods);
    let job_created = NewCondition {
        kind: conditions::JOB_CREATED,
        status: Some(true),
        reason: if waiting.is_some() {
            reasons::WAITING
        } else {
            reasons::AS_WANTED
        },
        message: waiting.as_deref().unwrap_or("the executor's Job exists"),
        observed_generation: status.observed_generation,
    };
    conditions::set(&mut status.conditions, &job_created, &observed.now);
    plan.suspend = is_cancelled(&observed.run);
    let phase = status.phase.unwrap_or(RunPhase::Pending);
    plan.hosts = observed
        .machines
        .iter()
        .filter_map(|machine| machine.metadata.name.clone())
        .map(|name| {
            (
                name,
                HostOutcome {
                    phase,
                    message: None,
                    unreachable: false,
                },
            )
        })
        .collect();
    plan.status = status;
}

/// The run is over.
fn finish(
    observed: &Observed,
    mut status: PlaybookRunStatus,
    phase: RunPhase,
    result: RunResultStatus,
    hosts: Vec<RunHostStatus>,
    plan: &mut Plan,
) {
    let run = &observed.run;
    status.observed_generation = run.metadata.generation;
    status.phase = Some(phase);
    status.hosts = hosts;
    if let Some(progress) = progress(&observed.events) {
        status.progress = Some(progress);
    }
    status.finished_at = Some(observed.now.clone());
    let message = result.message.clone().unwrap_or_default();
    let succeeded = NewCondition {
        kind: conditions::SUCCEEDED,
        status: Some(phase == RunPhase::Succeeded),
        reason: reason(result.code),
        message: &message,
        observed_generation: status.observed_generation,
    };
    conditions::set(&mut status.conditions, &succeeded, &observed.now);
    let operation = run.spec.operation;
    plan.notices.push(match phase {
        RunPhase::Succeeded => Notice::normal(
            "RunSucceeded",
            format!("{operation} succeeded: {}", recap(&status.hosts)),
        ),
        RunPhase::Cancelled => Notice::normal("RunCancelled", format!("{operation} was cancelled")),
        _ => Notice::warning(
            "RunFailed",
            format!("{operation} (try {}) failed: {message}", run.spec.attempt),
        ),
    });
    status.result = Some(result);
    plan.hosts = finished_hosts(observed, &status);
    plan.status = status;
    plan.clean_up = true;
}

/// How the run ended, once it has.
fn ending(observed: &Observed) -> Option<(RunPhase, RunResultStatus, Vec<RunHostStatus>)> {
    let run = &observed.run;
    let failed = |message: &str| {
        let result = RunResultStatus {
            code: RunCode::ExecutorFailed,
            exit_code: None,
            message: Some(message.to_owned()),
            hosts_omitted: 0,
        };
        Some((RunPhase::Failed, result, Vec::new()))
    };
    let Some(job) = &observed.job else {
        return failed("the executor's Job was deleted before its result was read");
    };
    let active = observed
        .pods
        .iter()
        .any(|pod| matches!(pod_phase(pod), "Pending" | "Running"));
    if is_cancelled(run) {
        let suspended = job.spec.as_ref().and_then(|spec| spec.suspend).unwrap_or(false);
        let over = condition(job, "Complete").is_some() || condition(job, "Failed").is_some();
        if (suspended || over) && !active {
            let result = RunResultStatus {
                code: RunCode::Cancelled,
                exit_code: None,
                message: Some("cancelled".to_owned()),
                hosts_omitted: 0,
            };
            let hosts = newest_result(&observed.pods)
                .map(|result| hosts(&result.hosts))
                .unwrap_or_default();
            return Some((RunPhase::Cancelled, result, hosts));
        }
        return None;
    }
    if job.metadata.deletion_timestamp.is_some() {
        return failed("the executor's Job was deleted");
    }
    let report = newest_result(&observed.pods);
    if condition(job, "Complete").is_some() {
        let Some(report) = report else {
            return failed("the executor ended well but left no result");
        };
        return Some(reported(&report));
    }
    let failure = condition(job, "Failed")?;
    if failure.0 == "DeadlineExceeded" {
        let result = RunResultStatus {
            code: RunCode::DeadlineExceeded,
            exit_code: None,
            message: Some(format!(
                "took longer than {} seconds",
                run.spec.limits.deadline_seconds
            )),
            hosts_omitted: 0,
        };
        return Some((RunPhase::Failed, result, Vec::new()));
    }
    match report {
        Some(report) if report.outcome != RunOutcome::Cancelled => Some(reported(&report)),
        _ => failed(&format!(
            "the executor failed: {}",
            last_words(&observed.pods).unwrap_or(failure.1)
        )),
    }
}

/// What the runner reported.
fn reported(report: &RunResult) -> (RunPhase, RunResultStatus, Vec<RunHostStatus>) {
    let phase = if report.outcome == RunOutcome::Succeeded {
        RunPhase::Succeeded
    } else {
        RunPhase::Failed
    };
    let result = RunResultStatus {
        code: report.outcome.into(),
        exit_code: Some(report.exit_code),
        message: failure_message(report),
        hosts_omitted: i32::try_from(report.hosts_omitted).unwrap_or(i32::MAX),
    };
    (phase, result, hosts(&report.hosts))
}

/// Which host failed at which task, and what it answered: the first few.
fn failure_message(report: &RunResult) -> Option<String> {
    const SHOWN: usize = 3;
    if report.outcome == RunOutcome::Succeeded {
        return None;
    }
    let bad: Vec<&HostResult> = report.hosts.iter().filter(|host| host.is_bad()).collect();
    let mut sentences: Vec<String> = bad.iter().take(SHOWN).map(|host| host_message(host)).collect();
    if bad.len() > SHOWN {
        sentences.push(format!("and {} more hosts", bad.len() - SHOWN));
    }
    sentences.extend(report.message.clone());
    Some(slipway_report::shorten(&sentences.join("; "), 2000))
}

fn host_message(host: &HostResult) -> String {
    let answer = host.message.as_deref().unwrap_or("no answer is shown");
    match &host.task {
        Some(task) if host.unreachable > 0 => {
            format!("host {} was not reached at task \"{task}\": {answer}", host.host)
        }
        Some(task) => format!("host {} failed at task \"{task}\": {answer}", host.host),
        None => format!("host {}: {answer}", host.host),
    }
}

fn hosts(results: &[HostResult]) -> Vec<RunHostStatus> {
    let number = |value: u32| i32::try_from(value).unwrap_or(i32::MAX);
    let mut hosts: Vec<RunHostStatus> = results
        .iter()
        .map(|host| RunHostStatus {
            name: host.host.clone(),
            ok: number(host.ok),
            changed: number(host.changed),
            failed: number(host.failed),
            unreachable: number(host.unreachable),
            skipped: number(host.skipped),
            task: host.task.clone(),
            message: host.message.clone(),
        })
        .collect();
    hosts.sort_by_key(|host| host.failed == 0 && host.unreachable == 0);
    hosts
}

/// What a finished run did to each machine. A run that played to its end has done its work on every host that did not
/// fail; a cancelled one, or one without a result, has not.
fn finished_hosts(observed: &Observed, status: &PlaybookRunStatus) -> BTreeMap<String, HostOutcome> {
    let phase = status.phase.unwrap_or(RunPhase::Failed);
    let result = status.result.as_ref();
    let played = result.is_some_and(|result| {
        matches!(
            result.code,
            RunCode::Succeeded | RunCode::TaskFailed | RunCode::Unreachable
        )
    });
    let general = result.and_then(|result| result.message.clone());
    let names = observed
        .machines
        .iter()
        .filter_map(|machine| machine.metadata.name.clone());
    names
        .map(|name| {
            let part = status.hosts.iter().find(|host| host.name == name);
            let outcome = match part {
                Some(part) if part.failed > 0 || part.unreachable > 0 => HostOutcome {
                    phase: RunPhase::Failed,
                    message: Some(part_message(part)),
                    unreachable: part.unreachable > 0,
                },
                Some(_) if played => HostOutcome {
                    phase: RunPhase::Succeeded,
                    message: None,
                    unreachable: false,
                },
                // A host that the result had no room for ended well: those that failed come first.
                None if played && result.is_some_and(|result| result.hosts_omitted > 0) => HostOutcome {
                    phase: RunPhase::Succeeded,
                    message: None,
                    unreachable: false,
                },
                _ => HostOutcome {
                    phase: if phase == RunPhase::Succeeded {
                        RunPhase::Failed
                    } else {
                        phase
                    },
                    message: general
                        .clone()
                        .or_else(|| Some("the run did not play on this host".to_owned())),
                    unreachable: false,
                },
            };
            (name, outcome)
        })
        .collect()
}

fn part_message(host: &RunHostStatus) -> String {
    let answer = host.message.as_deref().unwrap_or("no answer is shown");
    host.task
        .as_ref()
        .map_or_else(|| answer.to_owned(), |task| format!("{task}: {answer}"))
}

fn recap(hosts: &[RunHostStatus]) -> String {
    const SHOWN: usize = 5;
    let shown = hosts
        .iter()
        .take(SHOWN)
        .map(|host| format!("{} ok={} changed={}", host.name, host.ok, host.changed));
    let mut parts: Vec<String> = shown.collect();
    if hosts.len() > SHOWN {
        parts.push(format!("and {} more hosts", hosts.len() - SHOWN));
    }
    parts.join(", ")
}

/// The last progress that the runner reported.
fn progress(events: &[Event]) -> Option<RunProgress> {
    events.iter().rev().find_map(|event| match &event.kind {
        EventKind::Progress {
            tasks_done,
            tasks_total,
            task,
            ..
        } => Some(RunProgress {
            tasks_done: i32::try_from(*tasks_done).unwrap_or(i32::MAX),
            tasks_total: i32::try_from(*tasks_total).unwrap_or(i32::MAX),
            task: task.clone(),
            at: None,
        }),
        _ => None,
    })
}

fn host_keys(observed: &Observed) -> BTreeMap<String, String> {
    let keys = observed.events.iter().filter_map(|event| match &event.kind {
        EventKind::HostKey { host, key } => Some((host.clone(), key.clone())),
        _ => None,
    });
    keys.collect()
}

fn reason(code: RunCode) -> &'static str {
    match code {
        RunCode::Succeeded => reasons::AS_WANTED,
        RunCode::TaskFailed => reasons::TASK_FAILED,
        RunCode::Unreachable => reasons::UNREACHABLE,
        RunCode::Cancelled => reasons::CANCELLED,
        RunCode::DeadlineExceeded => reasons::DEADLINE_EXCEEDED,
        RunCode::Invalid | RunCode::ExecutorFailed => reasons::EXECUTOR_FAILED,
    }
}

/// Whether the run is to end: it was cancelled, or it is being deleted.
fn is_cancelled(run: &PlaybookRun) -> bool {
    run.spec.cancel || run.metadata.deletion_timestamp.is_some()
}

/// Whether a machine that this run ended well on is clean. A playbook that somebody chose proves nothing.
#[must_use]
pub fn proves_clean(run: &PlaybookRun) -> bool {
    match run.spec.operation {
        _ if !run.spec.playbook.is_empty() => false,
        Operation::Reset => true,
        Operation::Check => run.spec.cluster_ref.is_none(),
        _ => false,
    }
}

/// Reason and message of a Job's condition that is True.
fn condition(job: &Job, kind: &str) -> Option<(String, String)> {
    let conditions = job.status.as_ref()?.conditions.as_ref()?;
    let condition = conditions
        .iter()
        .find(|condition| condition.type_ == kind && condition.status == "True")?;
    Some((
        condition.reason.clone().unwrap_or_default(),
        condition.message.clone().unwrap_or_default(),
    ))
}

fn pod_phase(pod: &Pod) -> &str {
    pod.status
        .as_ref()
        .and_then(|status| status.phase.as_deref())
        .unwrap_or("Pending")
}

/// The newest result that a pod left in its termination message.
fn newest_result(pods: &[Arc<Pod>]) -> Option<RunResult> {
    let mut terminated: Vec<_> = pods.iter().filter_map(|pod| terminated(pod)).collect();
    terminated.sort_by_key(|state| state.finished_at.clone());
    terminated
        .into_iter()
        .rev()
        .find_map(|state| RunResult::from_json(state.message.as_deref()?).ok())
}

fn terminated(pod: &Pod) -> Option<&k8s_openapi::api::core::v1::ContainerStateTerminated> {
    let statuses = pod.status.as_ref()?.container_statuses.as_ref()?;
    statuses.first()?.state.as_ref()?.terminated.as_ref()
}

/// Why the newest pod ended, where its runner could not say.
fn last_words(pods: &[Arc<Pod>]) -> Option<String> {
    let mut ended: Vec<_> = pods.iter().filter_map(|pod| terminated(pod)).collect();
    ended.sort_by_key(|state| state.finished_at.clone());
    let last = ended.last()?;
    let reason = last.reason.as_deref().unwrap_or("Error");
    Some(format!(
        "its last pod ended with exit code {} ({reason})",
        last.exit_code
    ))
}

/// Why a pod cannot start: an image that cannot be pulled, no node with room.
fn waiting_reason(pods: &[Arc<Pod>]) -> Option<String> {
    pods.iter().find_map(|pod| {
        let status = pod.status.as_ref()?;
        let container = status.container_statuses.iter().flatten().find_map(|container| {
            let waiting = container.state.as_ref()?.waiting.as_ref()?;
            let reason = waiting
                .reason
                .as_deref()
                .filter(|reason| *reason != "ContainerCreating")?;
            Some(format!(
                "the executor waits: {reason}: {}",
                waiting.message.as_deref().unwrap_or_default()
            ))
        });
        let unscheduled = || {
            status
                .conditions
                .iter()
                .flatten()
                .find(|condition| condition.type_ == "PodScheduled" && condition.status == "False")
        };
        container.or_else(|| {
            unscheduled().map(|condition| {
                format!(
                    "the executor is not scheduled: {}",
                    condition.message.as_deref().unwrap_or_default()
                )
            })
        })
    })
}
