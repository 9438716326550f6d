//! Condition types and reasons, and the one way to set a condition.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use slipway_report::shorten;

/// The Machine, MachineSet, ClusterDeployment or Cluster is what its spec asks for.
pub const READY: &str = "Ready";
/// Nothing new is started, because `spec.paused` says so.
pub const PAUSED: &str = "Paused";
/// The object is going away; the message names what it still waits for.
pub const DELETING: &str = "Deleting";

/// ClusterDeployment: every change asked for is one that this version of the operator can carry out.
pub const SUPPORTED: &str = "Supported";
/// ClusterDeployment: certificate authorities, service-account key and admin kubeconfig exist.
pub const TRUST_READY: &str = "TrustReady";

/// MachineSet, ClusterDeployment: as many machines are claimed as are wanted; the message counts what is missing.
pub const MACHINES_CLAIMED: &str = "MachinesClaimed";

/// Cluster: its first control plane has once been initialised (never becomes False again).
pub const CONTROL_PLANE_INITIALIZED: &str = "ControlPlaneInitialized";
/// Cluster: its API server answers.
pub const AVAILABLE: &str = "Available";
/// Cluster: etcd answers its API server, so a quorum of its members is well.
pub const ETCD_HEALTHY: &str = "EtcdHealthy";
/// Cluster: every machine runs what the spec asks for.
pub const MACHINES_UP_TO_DATE: &str = "MachinesUpToDate";
/// Cluster: every addon of the spec is applied.
pub const ADDONS_AVAILABLE: &str = "AddonsAvailable";
/// Cluster: the last run failed; the message names host, task and answer.
pub const RUN_FAILED: &str = "RunFailed";

/// Machine: the host was reached by the last run that tried.
pub const REACHABLE: &str = "Reachable";
/// Machine: its Node in the business cluster is Ready.
pub const NODE_READY: &str = "NodeReady";
/// Machine that is being released: its pods have moved and its Node is gone, so that the host may be reset.
pub const DRAINED: &str = "Drained";
/// Machine: nothing of a former cluster is left on it.
pub const CLEAN: &str = "Clean";

/// PlaybookRun: its Job exists.
pub const JOB_CREATED: &str = "JobCreated";
/// PlaybookRun: the playbook ended well on every host.
pub const SUCCEEDED: &str = "Succeeded";

/// Why a condition has its status: a closed set, so that a program may rely on it.
pub mod reasons {
    /// Everything is as the condition's type says.
    pub const AS_WANTED: &str = "AsWanted";
    /// Work is under way.
    pub const IN_PROGRESS: &str = "InProgress";
    /// Waits for something that the message names.
    pub const WAITING: &str = "Waiting";
    /// `spec.paused` is set.
    pub const PAUSED: &str = "Paused";
    /// The object is being deleted.
    pub const DELETING: &str = "Deleting";
    /// The pool has too few machines that match; the message counts why each candidate was passed over.
    pub const INSUFFICIENT_IDLE_MACHINES: &str = "InsufficientIdleMachines";
    /// The spec asks for something that this version of the operator cannot carry out yet.
    pub const NOT_SUPPORTED: &str = "NotSupported";
    /// Something that the spec refers to does not exist, or does not hold what it should.
    pub const INVALID_REFERENCE: &str = "InvalidReference";
    /// A task of the playbook failed.
    pub const TASK_FAILED: &str = "TaskFailed";
    /// A host could not be reached.
    pub const UNREACHABLE: &str = "Unreachable";
    /// The executor took longer than it may.
    pub const DEADLINE_EXCEEDED: &str = "DeadlineExceeded";
    /// The run was cancelled.
    pub const CANCELLED: &str = "Cancelled";
    /// The executor could not run at all (image, scheduling, inputs).
    pub const EXECUTOR_FAILED: &str = "ExecutorFailed";
    /// `strategy.retry.limit` is used up; a change of the spec or the annotation `slipway.io/retry` starts again.
    pub const RETRIES_EXHAUSTED: &str = "RetriesExhausted";
    /// Waits for the backoff before the next try.
    pub const BACKOFF: &str = "Backoff";
    /// A template of an addon could not be rendered.
    pub const RENDER_FAILED: &str = "RenderFailed";
    /// An object could not be applied.
    pub const APPLY_FAILED: &str = "ApplyFailed";
    /// A PodDisruptionBudget or a pod that does not end holds up the draining of a machine; the message names pods.
    pub const DRAINING: &str = "Draining";
    /// The object is deleted and still used; the message says by whom.
    pub const IN_USE: &str = "InUse";
    /// A part of the business cluster says that it is not well; the message is its own.
    pub const UNHEALTHY: &str = "Unhealthy";
    /// The business cluster does not answer.
    pub const CLUSTER_UNREACHABLE: &str = "ClusterUnreachable";
    /// The machine was released by force and must be reset before it can be claimed.
    pub const RELEASED_BY_FORCE: &str = "ReleasedByForce";
    /// The machine holds what its last cluster left; a reset has not succeeded.
    pub const NOT_CLEANED: &str = "NotCleaned";
}

/// Longest message that the API takes in a condition, in bytes.
pub const MAXIMUM_MESSAGE_LENGTH: usize = 32_768;

/// What [`set`] writes into a list of conditions.
#[derive(Clone, Copy, Debug)]
pub struct NewCondition<'a> {
    /// One of the condition types above.
    pub kind: &'a str,
    /// `Some(true)` is True, `Some(false)` False, `None` Unknown.
    pub status: Option<bool>,
    /// One of [`reasons`].
    pub reason: &'a str,
    /// For a person: what is the matter with what object, and what to do.
    pub message: &'a str,
    /// `metadata.generation` that was looked at.
    pub observed_generation: Option<i64>,
}

/// Writes `new` into `conditions`. `lastTransitionTime` changes only where the status does, so that an unchanged
/// condition is an unchanged object. Says whether anything changed.
pub fn set(conditions: &mut Vec<Condition>, new: &NewCondition<'_>, now: &Time) -> bool {
    let status = match new.status {
        Some(true) => "True",
        Some(false) => "False",
        None => "Unknown",
    };
    let mut next = Condition {
        type_: new.kind.to_owned(),
        status: status.to_owned(),
        reason: new.reason.to_owned(),
        message: shorten(new.message, MAXIMUM_MESSAGE_LENGTH),
        observed_generation: new.observed_generation,
        last_transition_time: now.clone(),
    };
    let Some(current) = conditions
        .iter_mut()
        .find(|condition| condition.type_ == new.kind)
    else {
        conditions.push(next);
        return true;
    };
    if current.status == next.status {
        next.last_transition_time = current.last_transition_time.clone();
    }
    let changed = *current != next;
    *current = next;
    changed
}

/// The condition of type `kind`.
pub fn get<'a>(conditions: &'a [Condition], kind: &str) -> Option<&'a Condition> {
    conditions.iter().find(|condition| condition.type_ == kind)
}

/// Whether the condition of type `kind` is there and True.
pub fn is_true(conditions: &[Condition], kind: &str) -> bool {
    get(conditions, kind).is_some_and(|condition| condition.status == "True")
}

#[cfg(test)]
mod tests {
    use k8s_openapi::jiff::Timestamp;

    use super::*;

    fn at(second: i64) -> Time {
        Time(Timestamp::from_second(second).unwrap())
    }

    fn available(status: bool, message: &'static str) -> NewCondition<'static> {
        NewCondition {
            kind: AVAILABLE,
            status: Some(status),
            reason: reasons::AS_WANTED,
            message,
            observed_generation: Some(1),
        }
    }

    #[test]
    fn the_transition_time_moves_only_with_the_status() {
        let mut conditions = Vec::new();
        assert!(set(&mut conditions, &available(true, "answers"), &at(1)));
        assert!(
            !set(&mut conditions, &available(true, "answers"), &at(2)),
            "nothing changed"
        );
        assert!(set(&mut conditions, &available(true, "answers well"), &at(3)));
        assert_eq!(conditions[0].last_transition_time, at(1));
        assert!(set(&mut conditions, &available(false, "silent"), &at(4)));
        assert_eq!(conditions[0].last_transition_time, at(4));
        assert_eq!(conditions.len(), 1);
        assert!(!is_true(&conditions, AVAILABLE));
    }
}
