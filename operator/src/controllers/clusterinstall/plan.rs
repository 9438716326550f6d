//! Which run is next? The rules, in order:
//!
//! 1. While a run of the cluster is not finished, nothing new starts.
//! 2. Machines that leave the cluster and are drained are reset, also while it is being deleted. A machine that no run
//!    has ever touched in its claim is clean without one.
//! 3. A paused cluster starts nothing else.
//! 4. A cluster without a control plane is installed, once its control plane machines are claimed and its workers are
//!    claimed or known to be missing: not while the pool has one that may be claimed, or a new one that is being checked.
//! 5. Claimed workers that are not installed yet join, and no other host is in that run.
//! 6. A failed run is tried again after a growing while, up to the limit; then a change of the spec or a new value of
//!    the retry annotation starts afresh, since both are part of what identifies the work.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use k8s_openapi::{apimachinery::pkg::apis::meta::v1::Time, jiff::SignedDuration};
use kube::{
    ResourceExt as _,
    core::{Selector, SelectorExt as _},
};
use slipway_api::{
    Cluster, ClusterDeployment, Machine, MachinePhase, MachineRole, MachineSet, Operation, PlaybookRun,
    RunPhase,
    conditions::{self, reasons},
    labels, names,
    playbook_run::{RunCode, RunHost},
    references::Endpoint,
};

/// The longest wait before another try.
const MAXIMUM_BACKOFF: Duration = Duration::from_hours(1);

/// How old a machine may be that is waited for while it is checked: one that comes later joins by a run of its own.
const CHECKING: SignedDuration = SignedDuration::from_mins(2);
/// How soon machines that may come are looked at again.
const SETTLING_POLL: Duration = Duration::from_secs(2);

/// What was observed.
#[derive(Debug)]
pub struct Observed {
    /// The time.
    pub now: Time,
    /// What is wanted.
    pub deployment: Arc<ClusterDeployment>,
    /// What was recorded.
    pub cluster: Arc<Cluster>,
    /// Its sets.
    pub sets: Vec<Arc<MachineSet>>,
    /// Machines that its sets have claimed.
    pub machines: Vec<Arc<Machine>>,
    /// Machines of the namespace that nobody has claimed.
    pub pool: Vec<Arc<Machine>>,
    /// Its runs, finished ones too.
    pub runs: Vec<Arc<PlaybookRun>>,
}

/// What comes next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// Nothing until something changes.
    Nothing,
    /// Nothing for as long as this.
    After(Duration),
    /// This run.
    Run(NewRun),
    /// Nothing until somebody intervenes: this work failed and is not tried again.
    Stopped {
        /// The work that failed.
        work: Work,
        /// Why it is not tried again.
        reason: &'static str,
    },
}

/// A piece of work, whichever try it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Work {
    /// What is done.
    pub operation: Operation,
    /// The hosts, by name.
    pub hosts: Vec<RunHost>,
    /// Identifies the work.
    pub inputs_hash: String,
}

/// A run to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRun {
    /// Name of the PlaybookRun.
    pub name: String,
    /// The work.
    pub work: Work,
    /// Which try it is, from 1.
    pub attempt: i32,
}

/// The plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Machines that are clean since no run touched them, by name.
    pub untouched: Vec<String>,
    /// What comes next.
    pub next: Next,
}

/// Decides.
#[must_use]
pub fn plan(observed: &Observed) -> Plan {
    let untouched = untouched(observed);
    Plan {
        next: next(observed, &untouched),
        untouched: untouched.into_iter().collect(),
    }
}

fn next(observed: &Observed, untouched: &BTreeSet<String>) -> Next {
    if active_run(&observed.runs).is_some() {
        return Next::Nothing;
    }
    let releasing = select(observed, |machine| {
        is_drained(machine) && !machine.is_clean() && !untouched.contains(&machine_name(machine))
    });
    if !releasing.is_empty() {
        // All of a cluster that goes are reset by one run: nothing is drained then, so the last comes in a moment.
        let is_deleted = observed.deployment.metadata.deletion_timestamp.is_some();
        let still_comes = |machine: &Arc<Machine>| !is_drained(machine) && !machine.spec.force_release;
        if is_deleted && observed.machines.iter().any(still_comes) {
            return Next::Nothing;
        }
        return attempt(observed, Operation::Reset, releasing);
    }
    if observed.deployment.spec.paused || observed.deployment.metadata.deletion_timestamp.is_some() {
        return Next::Nothing;
    }
    if !trust_is_ready(observed) || endpoint(observed).is_none() {
        return Next::Nothing;
    }
    if !is_initialized(observed) {
        // Later, what is not supported leaves the cluster what it is; here there is nothing yet to go on with.
        if !is_supported(observed) {
            return Next::Nothing;
        }
        match claims(observed) {
            Claims::Settled => {}
            Claims::Missing => return Next::Nothing,
            Claims::MayCome => return Next::After(SETTLING_POLL),
        }
        return match select(observed, needs_install) {
            hosts if hosts.is_empty() => Next::Nothing,
            hosts => attempt(observed, Operation::Install, hosts),
        };
    }
    let joining = select(observed, |machine| {
        needs_install(machine) && role(machine) == Some(MachineRole::Worker)
    });
    if joining.is_empty() {
        return Next::Nothing;
    }
    attempt(observed, Operation::ScaleOut, joining)
}

/// The oldest run that is not finished.
#[must_use]
pub fn active_run(runs: &[Arc<PlaybookRun>]) -> Option<&Arc<PlaybookRun>> {
    let unfinished = runs.iter().filter(|run| !run.phase().is_finished());
    unfinished.min_by_key(|run| {
        (
            run.phase() != RunPhase::Running,
            run.metadata.creation_timestamp.clone(),
            run.metadata.name.clone(),
        )
    })
}

/// Where the cluster's API server is reached, once that is known.
#[must_use]
pub fn endpoint(observed: &Observed) -> Option<&Endpoint> {
    let recorded = observed
        .cluster
        .status
        .as_ref()
        .and_then(|status| status.endpoint.as_ref());
    recorded.or(observed.deployment.spec.control_plane_endpoint.as_ref())
}

/// Whether the cluster's keys and kubeconfig are there.
fn trust_is_ready(observed: &Observed) -> bool {
    let status = observed.deployment.status.as_ref();
    status.is_some_and(|status| conditions::is_true(&status.conditions, conditions::TRUST_READY))
}

/// Whether this version of the operator can make what the spec asks for.
fn is_supported(observed: &Observed) -> bool {
    let status = observed.deployment.status.as_ref();
    let condition = status.and_then(|status| conditions::get(&status.conditions, conditions::SUPPORTED));
    condition.is_none_or(|condition| condition.status != "False")
}

/// Whether a control plane of the cluster has come up once.
#[must_use]
pub fn is_initialized(observed: &Observed) -> bool {
    let status = observed.cluster.status.as_ref();
    status
        .is_some_and(|status| conditions::is_true(&status.conditions, conditions::CONTROL_PLANE_INITIALIZED))
        || observed
            .machines
            .iter()
            .any(|machine| role(machine) == Some(MachineRole::ControlPlane) && is_installed(machine))
}

/// How far the claims of a cluster are.
enum Claims {
    /// The control plane is whole, and every other set is, or there is no machine for it.
    Settled,
    /// The control plane is whole; some other machine may come in a moment.
    MayCome,
    /// Without what is missing nothing can begin.
    Missing,
}

fn claims(observed: &Observed) -> Claims {
    let mut claims = Claims::Settled;
    if !observed
        .sets
        .iter()
        .any(|set| set.spec.role == MachineRole::ControlPlane)
    {
        return Claims::Missing;
    }
    for set in observed.sets.iter().filter(|set| !is_whole(observed, set)) {
        let is_exhausted = set.status.as_ref().is_some_and(|status| {
            conditions::get(&status.conditions, conditions::MACHINES_CLAIMED).is_some_and(|condition| {
                condition.status == "False" && condition.reason == reasons::INSUFFICIENT_IDLE_MACHINES
            })
        });
        if !is_exhausted || set.spec.role == MachineRole::ControlPlane {
            return Claims::Missing;
        }
        if observed
            .pool
            .iter()
            .any(|machine| may_be_claimed(observed, machine, set))
        {
            claims = Claims::MayCome;
        }
    }
    claims
}

/// Whether the set will claim the machine in a moment, or as soon as it is checked.
fn may_be_claimed(observed: &Observed, machine: &Machine, set: &MachineSet) -> bool {
    let selector = set.spec.selector.clone().map(Selector::try_from).transpose();
    // A selector that cannot be read matches nothing.
    let Ok(selector) = selector.map(Option::unwrap_or_default) else {
        return false;
    };
    let spec = &machine.spec;
    if machine.metadata.deletion_timestamp.is_some()
        || spec.unschedulable
        || spec.force_release
        || !selector.matches(machine.labels())
    {
        return false;
    }
    let created = machine.metadata.creation_timestamp.as_ref();
    let is_new = created.is_some_and(|created| observed.now.0.duration_since(created.0) < CHECKING);
    machine.is_claimable() || (machine.phase().is_none() && is_new)
}

fn is_whole(observed: &Observed, set: &MachineSet) -> bool {
    let name = set.metadata.name.as_deref();
    let claimed = observed.machines.iter().filter(|machine| {
        let claim = machine.spec.claim_ref.as_ref();
        claim.map(|claim| claim.name.as_str()) == name && machine.phase() != Some(MachinePhase::Releasing)
    });
    usize::try_from(set.spec.replicas.unwrap_or(1)).is_ok_and(|wanted| claimed.count() >= wanted)
}

/// Machines on their way out that no run was ever made for in their present claim.
fn untouched(observed: &Observed) -> BTreeSet<String> {
    let leaving = observed
        .machines
        .iter()
        .filter(|machine| is_drained(machine) && !machine.is_clean());
    leaving
        .filter(|machine| !observed.runs.iter().any(|run| may_touch(run, machine)))
        // A run that was pruned has left its mark on the machine.
        .filter(|machine| bears_no_mark(machine))
        .map(|machine| machine_name(machine))
        .collect()
}

/// Whether `run` may have touched the machine in its present claim, or may yet.
#[must_use]
pub fn may_touch(run: &PlaybookRun, machine: &Machine) -> bool {
    let is_named = |host: &RunHost| {
        machine.metadata.name.as_ref() == Some(&host.machine)
            && host.epoch.is_none_or(|epoch| epoch == machine.spec.claim_epoch)
    };
    // A run by hand may leave out its hosts or their epochs: then it may have been any.
    run.spec.hosts.is_empty() || run.spec.hosts.iter().any(is_named)
}

fn bears_no_mark(machine: &Machine) -> bool {
    let Some(status) = &machine.status else {
        return true;
    };
    // The claim before ended with a reset, and a machine nobody used yet was at most checked. But one in use may be checked
    // too; a run that installs it has then said that it is not clean, and it has or had a Node.
    let last_run_leaves_nothing = status
        .last_run
        .as_ref()
        .is_none_or(|run| matches!(run.operation, Operation::Reset | Operation::Check));
    let is_known_to_be_used = conditions::get(&status.conditions, conditions::CLEAN)
        .is_some_and(|condition| condition.status == "False");
    last_run_leaves_nothing && !is_known_to_be_used && status.node_ref.is_none()
}

/// The run for this work: the first try, the next one, or none.
fn attempt(observed: &Observed, operation: Operation, hosts: Vec<RunHost>) -> Next {
    let deployment = &observed.deployment.metadata;
    let uid = deployment.uid.as_deref().unwrap_or_default();
    let work = Work {
        inputs_hash: inputs_hash(&observed.deployment, operation, &hosts),
        operation,
        hosts,
    };
    let mut tries: Vec<&PlaybookRun> = observed
        .runs
        .iter()
        .map(AsRef::as_ref)
        .filter(|run| run.spec.inputs_hash == work.inputs_hash)
        .collect();
    tries.sort_by_key(|run| run.spec.attempt);
    let new_run = |attempt: i32| {
        let cluster = deployment.name.as_deref().unwrap_or_default();
        Next::Run(NewRun {
            name: names::playbook_run(cluster, uid, work.operation, &work.inputs_hash, attempt),
            work: work.clone(),
            attempt,
        })
    };
    let Some(last) = tries.last() else {
        return new_run(1);
    };
    if !is_recorded(observed, last) {
        return Next::After(SETTLING_POLL);
    }
    let stopped = |reason| Next::Stopped {
        work: work.clone(),
        reason,
    };
    let code = last
        .status
        .as_ref()
        .and_then(|status| status.result.as_ref())
        .map(|result| result.code);
    match code {
        Some(RunCode::Cancelled) => return stopped(reasons::CANCELLED),
        Some(RunCode::Invalid) => return stopped(reasons::RETRIES_EXHAUSTED),
        _ => {}
    }
    let retry = observed.deployment.spec.strategy.retry;
    if last.spec.attempt > retry.limit {
        return stopped(reasons::RETRIES_EXHAUSTED);
    }
    let wait = backoff(retry.backoff_seconds, last.spec.attempt);
    let finished = last
        .status
        .as_ref()
        .and_then(|status| status.finished_at.as_ref());
    let passed = finished.map_or(SignedDuration::MAX, |finished| {
        observed.now.0.duration_since(finished.0)
    });
    match SignedDuration::try_from(wait) {
        Ok(wait) if passed < wait => {
            Next::After(Duration::try_from(wait.saturating_sub(passed)).unwrap_or(MAXIMUM_BACKOFF))
        }
        _ => new_run(last.spec.attempt + 1),
    }
}

/// Whether what `run` did stands on its machines. It is written there before the run is called finished, but the watch of
/// machines may be behind the watch of runs: deciding from old machines would do the same work again.
fn is_recorded(observed: &Observed, run: &PlaybookRun) -> bool {
    // A run that never had an executor did nothing to its machines.
    if run.status.as_ref().is_none_or(|status| status.job_ref.is_none()) {
        return true;
    }
    run.spec.hosts.iter().all(|host| {
        let machine = observed.machines.iter().find(|machine| {
            machine_name(machine) == host.machine && Some(machine.spec.claim_epoch) == host.epoch
        });
        let Some(machine) = machine else {
            return true;
        };
        let last = machine
            .status
            .as_ref()
            .and_then(|status| status.last_run.as_ref());
        last.is_some_and(|last| {
            if run.metadata.name.as_deref() == Some(last.name.as_str()) {
                return last.phase.is_finished();
            }
            // Another run came after it.
            observed.runs.iter().any(|other| {
                other.metadata.name.as_deref() == Some(last.name.as_str())
                    && other.metadata.creation_timestamp > run.metadata.creation_timestamp
            })
        })
    })
}

/// How long to wait after try number `attempt` failed.
fn backoff(first_seconds: i32, attempt: i32) -> Duration {
    let doublings = u32::try_from(attempt.saturating_sub(1))
        .unwrap_or_default()
        .min(12);
    let first = Duration::from_secs(u64::try_from(first_seconds).unwrap_or(1).max(1));
    first.saturating_mul(1 << doublings).min(MAXIMUM_BACKOFF)
}

/// Identifies work: what is done, to which claims of which hosts, for which spec, at whose request. Nothing of the
/// operator or its image is in it, so that upgrading the operator starts no run.
#[must_use]
pub fn inputs_hash(deployment: &ClusterDeployment, operation: Operation, hosts: &[RunHost]) -> String {
    let mut parts = vec![
        deployment.metadata.uid.clone().unwrap_or_default(),
        operation.to_string(),
        deployment.metadata.generation.unwrap_or_default().to_string(),
        retry_annotation(deployment).unwrap_or_default().to_owned(),
    ];
    for host in hosts {
        parts.push(format!("{}@{}", host.machine, host.epoch.unwrap_or_default()));
    }
    names::full_hash(&parts.iter().map(String::as_str).collect::<Vec<_>>())
}

/// Value of the annotation that asks for another try.
#[must_use]
pub fn retry_annotation(deployment: &ClusterDeployment) -> Option<&str> {
    deployment
        .metadata
        .annotations
        .as_ref()?
        .get(labels::RETRY)
        .map(String::as_str)
}

fn select(observed: &Observed, wanted: impl Fn(&Machine) -> bool) -> Vec<RunHost> {
    let mut hosts: Vec<RunHost> = observed
        .machines
        .iter()
        .filter(|machine| wanted(machine))
        .map(|machine| RunHost {
            machine: machine_name(machine),
            epoch: Some(machine.spec.claim_epoch),
        })
        .collect();
    hosts.sort_by(|one, other| one.machine.cmp(&other.machine));
    hosts
}

/// A machine that was claimed a moment ago may still say that it is idle.
fn needs_install(machine: &Machine) -> bool {
    machine.spec.claim_ref.is_some()
        && !is_installed(machine)
        && machine.phase() != Some(MachinePhase::Releasing)
}

/// Whether a run has installed the machine in its present claim.
#[must_use]
pub fn is_installed(machine: &Machine) -> bool {
    machine.spec.claim_ref.is_some()
        && matches!(
            machine.phase(),
            Some(MachinePhase::Deployed | MachinePhase::Ready | MachinePhase::NotReady)
        )
}

fn is_drained(machine: &Machine) -> bool {
    machine.phase() == Some(MachinePhase::Releasing)
        && machine
            .status
            .as_ref()
            .is_some_and(|status| conditions::is_true(&status.conditions, conditions::DRAINED))
}

fn role(machine: &Machine) -> Option<MachineRole> {
    machine.spec.claim_ref.as_ref().map(|claim| claim.role)
}

fn machine_name(machine: &Machine) -> String {
    machine.metadata.name.clone().unwrap_or_default()
}
