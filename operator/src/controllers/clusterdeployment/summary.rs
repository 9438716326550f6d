//! The status of a ClusterDeployment, summed up from its MachineSets, Machines and Cluster.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::ResourceExt;
use slipway_api::{
    ClusterDeploymentStatus, ClusterPhase, ClusterStatus, MachinePhase, MachineSet,
    cluster_deployment::MachineCount,
    conditions::{
        self, ADDONS_AVAILABLE, AVAILABLE, DELETING, ETCD_HEALTHY, MACHINES_CLAIMED, NewCondition, PAUSED,
        READY, RUN_FAILED, SUPPORTED, TRUST_READY, reasons,
    },
};

use super::observe::Observed;
use crate::runtime::Notice;

/// Most names in one message.
const NAMES_LIMIT: usize = 10;

/// Writes conditions of one status at one time.
struct Writer<'a> {
    conditions: &'a mut Vec<Condition>,
    generation: Option<i64>,
    now: &'a Time,
}

impl Writer<'_> {
    fn set(&mut self, kind: &str, status: bool, reason: &str, message: &str) {
        let condition = NewCondition {
            kind,
            status: Some(status),
            reason,
            message,
            observed_generation: self.generation,
        };
        conditions::set(self.conditions, &condition, self.now);
    }
}

/// The status of a cluster that is to be there, and what to tell about it.
pub fn of_a_cluster(
    observed: &Observed,
    cluster: Option<&ClusterStatus>,
    unsupported: &[String],
    trust_problem: Option<&str>,
    now: &Time,
) -> (ClusterDeploymentStatus, Vec<Notice>) {
    let deployment = &observed.deployment;
    let before = deployment.status.clone().unwrap_or_default();
    let mut next = before.clone();
    let machines = count(observed);
    next.observed_generation = deployment.metadata.generation;
    next.machines = Some(machines);
    next.endpoint = cluster.and_then(|cluster| cluster.endpoint.clone());

    let mut write = Writer {
        conditions: &mut next.conditions,
        generation: deployment.metadata.generation,
        now,
    };
    let supported = unsupported.is_empty();
    let unsupported = format!(
        "not supported by this version of the operator: {}",
        unsupported.join("; ")
    );
    if supported {
        write.set(
            SUPPORTED,
            true,
            reasons::AS_WANTED,
            "every part of the spec is supported",
        );
    } else {
        write.set(SUPPORTED, false, reasons::NOT_SUPPORTED, &unsupported);
    }
    match trust_problem {
        None => write.set(
            TRUST_READY,
            true,
            reasons::AS_WANTED,
            "authorities, keys and kubeconfig are there",
        ),
        Some(problem) => write.set(TRUST_READY, false, reasons::WAITING, problem),
    }
    if deployment.spec.paused {
        write.set(
            PAUSED,
            true,
            reasons::PAUSED,
            "spec.paused is set: nothing new is started",
        );
    } else {
        write.set(PAUSED, false, reasons::AS_WANTED, "");
    }
    let (claimed, reason, claims) = claims(observed);
    write.set(MACHINES_CLAIMED, claimed, &reason, &claims);
    let available = cluster.and_then(|cluster| conditions::get(&cluster.conditions, AVAILABLE));
    let is_available = available.is_some_and(|condition| condition.status == "True");
    match available {
        Some(condition) => write.set(AVAILABLE, is_available, &condition.reason, &condition.message),
        None => write.set(
            AVAILABLE,
            false,
            reasons::WAITING,
            "the cluster is not installed yet",
        ),
    }
    let problem = if !supported {
        Some((reasons::NOT_SUPPORTED.to_owned(), unsupported.clone()))
    } else if let Some(problem) = trust_problem {
        Some((reasons::WAITING.to_owned(), problem.to_owned()))
    } else if !claimed {
        Some((reason, claims))
    } else {
        cluster_problem(observed, cluster, machines, is_available)
    };
    match &problem {
        None => write.set(
            READY,
            true,
            reasons::AS_WANTED,
            "the cluster is as its spec asks for",
        ),
        Some((reason, message)) => write.set(READY, false, reason, message),
    }
    let phase = phase(
        cluster.and_then(|cluster| cluster.phase),
        observed,
        machines,
        problem.is_none(),
    );
    next.phase = Some(phase);

    let mut notices = Vec::new();
    let was = |kind: &str| conditions::is_true(&before.conditions, kind);
    let was_supported =
        conditions::get(&before.conditions, SUPPORTED).is_none_or(|condition| condition.status == "True");
    if !supported && was_supported {
        notices.push(Notice::warning("NotSupported", unsupported));
    }
    if deployment.spec.paused && !was(PAUSED) {
        notices.push(Notice::normal(
            "Paused",
            "nothing new is started until spec.paused is false",
        ));
    }
    if problem.is_none() && !was(READY) {
        notices.push(Notice::normal(
            "ClusterReady",
            "the cluster is as its spec asks for",
        ));
    }
    if phase == ClusterPhase::Degraded && before.phase != Some(ClusterPhase::Degraded) {
        let message = problem.map(|(_, message)| message).unwrap_or_default();
        notices.push(Notice::warning("ClusterDegraded", message));
    }
    (next, notices)
}

/// The status of a cluster that is taken down, and what to tell about it.
pub fn of_a_deletion(
    observed: &Observed,
    waits_for: &str,
    now: &Time,
) -> (ClusterDeploymentStatus, Vec<Notice>) {
    let deployment = &observed.deployment;
    let before = deployment.status.clone().unwrap_or_default();
    let mut next = before.clone();
    next.observed_generation = deployment.metadata.generation;
    next.phase = Some(ClusterPhase::Deleting);
    next.machines = Some(MachineCount {
        desired: 0,
        ..count(observed)
    });
    let mut write = Writer {
        conditions: &mut next.conditions,
        generation: deployment.metadata.generation,
        now,
    };
    let reason = if deployment.spec.paused {
        reasons::PAUSED
    } else {
        reasons::DELETING
    };
    write.set(DELETING, true, reason, &format!("waits for {waits_for}"));
    write.set(
        READY,
        false,
        reasons::DELETING,
        &format!("is being deleted, waits for {waits_for}"),
    );
    let mut notices = Vec::new();
    if before.phase != Some(ClusterPhase::Deleting) {
        notices.push(Notice::normal(
            "Deleting",
            format!("the cluster is taken down; waits for {waits_for}"),
        ));
    }
    (next, notices)
}

/// Machines that a deletion waits for, with what each is at.
pub fn machines_to_release(observed: &Observed) -> String {
    if observed.machines.is_empty() {
        return "its MachineSets to go".to_owned();
    }
    let machines = observed.machines.iter().map(|machine| {
        let phase = machine.phase().map(|phase| phase.to_string()).unwrap_or_default();
        format!("{} ({phase})", machine.name_any())
    });
    format!(
        "machines to be reset and released: {}",
        listed(machines.collect())
    )
}

fn listed(mut names: Vec<String>) -> String {
    let rest = names.len().saturating_sub(NAMES_LIMIT);
    names.truncate(NAMES_LIMIT);
    let mut text = names.join(", ");
    if rest > 0 {
        text = format!("{text} and {rest} more");
    }
    text
}

fn count(observed: &Observed) -> MachineCount {
    let desired = observed
        .sets
        .iter()
        .filter(|set| set.metadata.deletion_timestamp.is_none())
        .map(|set| set.spec.replicas.unwrap_or(1))
        .sum();
    let staying = || {
        observed
            .machines
            .iter()
            .filter(|machine| !super::super::machine_state::is_releasing(machine))
    };
    let number = |count: usize| i32::try_from(count).unwrap_or(i32::MAX);
    MachineCount {
        desired,
        claimed: number(staying().count()),
        ready: number(
            staying()
                .filter(|machine| machine.phase() == Some(MachinePhase::Ready))
                .count(),
        ),
    }
}

/// Whether every set has its machines; else the first reason, and what each set says.
fn claims(observed: &Observed) -> (bool, String, String) {
    if observed.sets.is_empty() {
        return (
            false,
            reasons::WAITING.to_owned(),
            "its MachineSets are not there yet".to_owned(),
        );
    }
    let mut reason = None;
    let mut messages = Vec::new();
    for set in &observed.sets {
        let (claimed, why, message) = set_claims(set);
        if !claimed {
            reason.get_or_insert(why);
            messages.push(format!("{}: {message}", set.name_any()));
        }
    }
    match reason {
        None => (
            true,
            reasons::AS_WANTED.to_owned(),
            "every MachineSet has its machines".to_owned(),
        ),
        Some(reason) => (false, reason, listed(messages)),
    }
}

fn set_claims(set: &MachineSet) -> (bool, String, String) {
    let status = set.status.as_ref();
    let is_current = status.is_some_and(|status| status.observed_generation == set.metadata.generation);
    match status.and_then(|status| conditions::get(&status.conditions, MACHINES_CLAIMED)) {
        Some(condition) if is_current => (
            condition.status == "True",
            condition.reason.clone(),
            condition.message.clone(),
        ),
        _ => (
            false,
            reasons::IN_PROGRESS.to_owned(),
            "machines are being claimed".to_owned(),
        ),
    }
}

/// What is the matter with a cluster that has its machines.
fn cluster_problem(
    observed: &Observed,
    cluster: Option<&ClusterStatus>,
    machines: MachineCount,
    is_available: bool,
) -> Option<(String, String)> {
    let condition = |kind: &str| cluster.and_then(|cluster| conditions::get(&cluster.conditions, kind));
    if let Some(failed) = condition(RUN_FAILED).filter(|condition| condition.status == "True") {
        return Some((failed.reason.clone(), failed.message.clone()));
    }
    // Without etcd the API server soon answers nothing at all: this is why.
    if let Some(etcd) = condition(ETCD_HEALTHY).filter(|condition| condition.status == "False") {
        return Some((
            etcd.reason.clone(),
            format!("etcd is not healthy: {}", etcd.message),
        ));
    }
    if !is_available {
        let waiting = (
            reasons::WAITING.to_owned(),
            "the cluster is not available yet".to_owned(),
        );
        return Some(condition(AVAILABLE).map_or(waiting, |available| {
            (available.reason.clone(), available.message.clone())
        }));
    }
    if machines.ready < machines.desired {
        let waiting = observed
            .machines
            .iter()
            .filter(|machine| machine.phase() != Some(MachinePhase::Ready))
            .map(|machine| {
                let phase = machine.phase().map(|phase| phase.to_string()).unwrap_or_default();
                format!("{} ({phase})", machine.name_any())
            })
            .collect();
        let message = format!(
            "{} of {} machines are ready; not yet: {}",
            machines.ready,
            machines.desired,
            listed(waiting)
        );
        return Some((reasons::IN_PROGRESS.to_owned(), message));
    }
    condition(ADDONS_AVAILABLE)
        .filter(|condition| condition.status == "False")
        .map(|condition| (condition.reason.clone(), condition.message.clone()))
}

/// The state in one word: what the executor's side says, seen together with the machines.
fn phase(
    cluster: Option<ClusterPhase>,
    observed: &Observed,
    machines: MachineCount,
    is_ready: bool,
) -> ClusterPhase {
    match cluster {
        None => ClusterPhase::Pending,
        Some(ClusterPhase::Ready) if is_ready => ClusterPhase::Ready,
        Some(ClusterPhase::Ready) => {
            let is_broken = observed.machines.iter().any(|machine| {
                matches!(
                    machine.phase(),
                    Some(MachinePhase::NotReady | MachinePhase::Failed)
                )
            });
            if is_broken || machines.claimed == machines.ready {
                ClusterPhase::Degraded
            } else {
                ClusterPhase::Updating
            }
        }
        Some(phase) => phase,
    }
}
