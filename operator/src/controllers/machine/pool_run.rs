//! Runs on machines that belong to no cluster: the check that proves a new one clean, the reset of one that is not.

use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use kube::{Resource, ResourceExt};
use slipway_api::{
    Machine, Operation, PlaybookRun, PlaybookRunSpec, RunPhase, labels, names,
    playbook_run::{RunHost, RunLimits},
};

use super::observe::Observed;
use crate::runtime::backoff::with_jitter;

/// How often the same work is tried before it waits for somebody.
const ATTEMPTS: i32 = 5;
/// First wait after a failed run; doubled for each further one.
const FIRST_WAIT: Duration = Duration::from_secs(30);
/// Seconds that a run on one machine may take.
const DEADLINE_SECONDS: i64 = 900;

/// What is to happen about the runs of a machine.
#[derive(Clone, Debug, PartialEq)]
pub enum Next {
    /// Make this run.
    Make(Box<PlaybookRun>),
    /// A run is under way.
    UnderWay,
    /// The last one failed; try again after this time.
    Wait(Duration),
    /// It failed as often as it may: the annotation `slipway.io/retry` on the Machine asks for more.
    GivenUp,
}

/// The next run of `operation` on the machine.
pub fn next(observed: &Observed, operation: Operation, now: &Time) -> Next {
    let machine = &observed.machine;
    if observed.runs.iter().any(|run| !run.phase().is_finished()) {
        return Next::UnderWay;
    }
    let hash = inputs_hash(machine, operation);
    let same = || {
        observed
            .runs
            .iter()
            .filter(|run| run.spec.operation == operation && run.spec.inputs_hash == hash)
    };
    let Some(last) = same().max_by_key(|run| run.spec.attempt) else {
        return Next::Make(Box::new(playbook_run(machine, operation, &hash, 1)));
    };
    let attempt = last.spec.attempt;
    let may_help = last
        .status
        .as_ref()
        .and_then(|status| status.result.as_ref())
        .is_none_or(|result| result.code.is_retriable());
    // A check that has an answer keeps it: a machine does not become clean by being asked again.
    let is_answered = operation == Operation::Check
        && last
            .status
            .as_ref()
            .and_then(|status| status.result.as_ref())
            .is_some_and(|result| result.code == slipway_api::playbook_run::RunCode::TaskFailed);
    if attempt >= ATTEMPTS || !may_help || is_answered || last.phase() == RunPhase::Cancelled {
        return Next::GivenUp;
    }
    let wait = wait_after(attempt, &machine.name_any());
    let finished = last
        .status
        .as_ref()
        .and_then(|status| status.finished_at.as_ref())
        .unwrap_or(now);
    let passed = Duration::try_from(now.0.duration_since(finished.0)).unwrap_or_default();
    match wait.checked_sub(passed) {
        Some(rest) if !rest.is_zero() => Next::Wait(rest),
        _ => Next::Make(Box::new(playbook_run(machine, operation, &hash, attempt + 1))),
    }
}

fn wait_after(attempt: i32, machine: &str) -> Duration {
    let doublings = u32::try_from(attempt - 1).unwrap_or(0).min(6);
    with_jitter(FIRST_WAIT * 2_u32.pow(doublings), &machine)
}

/// The same work has the same hash; another claim, a changed way to the host or a request for a retry is other work.
fn inputs_hash(machine: &Machine, operation: Operation) -> String {
    let retry = machine
        .annotations()
        .get(labels::RETRY)
        .cloned()
        .unwrap_or_default();
    let spec = &machine.spec;
    let access = format!("{}:{} {:?}", spec.address, spec.ssh.port, spec.ssh);
    names::full_hash(&[
        &operation.to_string(),
        &spec.claim_epoch.to_string(),
        &access,
        &retry,
    ])
}

fn playbook_run(machine: &Machine, operation: Operation, hash: &str, attempt: i32) -> PlaybookRun {
    let name = machine.name_any();
    PlaybookRun {
        metadata: ObjectMeta {
            name: Some(names::playbook_run(
                &name,
                &machine.uid().unwrap_or_default(),
                operation,
                hash,
                attempt,
            )),
            namespace: machine.namespace(),
            labels: Some(
                [
                    (
                        labels::MANAGED_BY.to_owned(),
                        labels::MANAGED_BY_SLIPWAY.to_owned(),
                    ),
                    (labels::OPERATION.to_owned(), operation.to_string()),
                ]
                .into(),
            ),
            owner_references: machine.controller_owner_ref(&()).map(|owner| vec![owner]),
            ..ObjectMeta::default()
        },
        spec: PlaybookRunSpec {
            cluster_ref: None,
            operation,
            playbook: String::new(),
            hosts: vec![RunHost {
                machine: name,
                epoch: Some(machine.spec.claim_epoch),
            }],
            inputs_hash: hash.to_owned(),
            attempt,
            limits: RunLimits {
                forks: 1,
                deadline_seconds: DEADLINE_SECONDS,
            },
            cancel: false,
        },
        status: None,
    }
}
