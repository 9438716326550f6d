//! The decision: what is to be written about one Machine?

use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::ResourceExt;
use slipway_api::{
    Machine, MachinePhase, MachineStatus, Operation, PlaybookRun,
    cluster_deployment::DeletionPolicy,
    conditions::{self, CLEAN, DELETING, DRAINED, NODE_READY, NewCondition, reasons},
    labels,
};

use super::{
    drain::Drain,
    observe::{Observed, Owner},
    pool_run::{self, Next},
};
use crate::{controllers::machine_state, runtime::Notice};

/// How often a machine that is being drained is looked at.
const DRAIN_POLL: Duration = Duration::from_secs(3);

/// How a machine is released.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Release {
    /// It is clean and returns to the pool.
    Clean,
    /// It may not be clean: it is quarantined.
    ByForce,
}

/// What is to be written.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Hold the Machine while it is claimed.
    pub add_finalizer: bool,
    /// Let the Machine go.
    pub remove_finalizer: bool,
    /// Take the claim away.
    pub release: Option<Release>,
    /// Make this run.
    pub make_run: Option<Box<PlaybookRun>>,
    /// Stop these runs.
    pub cancel_runs: Vec<String>,
    /// The Machine's status.
    pub status: MachineStatus,
    /// What to tell.
    pub notices: Vec<Notice>,
    /// When to look again, by the clock.
    pub again: Option<Duration>,
}

/// Decides what to write.
pub fn plan(observed: &Observed, now: &Time) -> Plan {
    let machine = &observed.machine;
    let has_finalizer = machine
        .finalizers()
        .iter()
        .any(|name| name == labels::MACHINE_FINALIZER);
    let is_deleted = machine.metadata.deletion_timestamp.is_some();
    let mut plan = Plan {
        add_finalizer: !has_finalizer && !is_deleted,
        remove_finalizer: false,
        release: None,
        make_run: None,
        cancel_runs: Vec::new(),
        status: machine.status.clone().unwrap_or_default(),
        notices: Vec::new(),
        again: None,
    };
    plan.status.observed_generation = machine.metadata.generation;
    match observed.owner {
        Owner::None if is_deleted => let_go(observed, has_finalizer, &mut plan),
        Owner::None => unclaimed(observed, now, &mut plan),
        Owner::Present | Owner::Gone => claimed(observed, now, &mut plan),
    }
    if is_deleted && observed.owner != Owner::None {
        hold(machine, now, &mut plan);
    }
    plan.status.phase = machine_state::phase(&machine.spec, &plan.status);
    plan.notices.extend(phase_notice(machine, &plan.status));
    plan
}

/// A deleted machine that nobody uses goes, once nothing runs on it.
fn let_go(observed: &Observed, has_finalizer: bool, plan: &mut Plan) {
    let unfinished = || observed.runs.iter().filter(|run| !run.phase().is_finished());
    plan.cancel_runs = unfinished()
        .filter(|run| !run.spec.cancel)
        .map(|run| run.name_any())
        .collect();
    plan.remove_finalizer = has_finalizer && unfinished().next().is_none();
}

/// A deleted machine that is used stays.
fn hold(machine: &Machine, now: &Time, plan: &mut Plan) {
    let Some(claim) = &machine.spec.claim_ref else {
        return;
    };
    let message = format!(
        "used by cluster {} (MachineSet {}): it goes when the cluster gives it back; scale the set down, delete the cluster, \
         or set spec.forceRelease if the host is dead",
        claim.cluster_name, claim.name
    );
    if set(
        &mut plan.status.conditions,
        machine,
        DELETING,
        Some(true),
        reasons::IN_USE,
        &message,
        now,
    ) && !has(machine, DELETING)
    {
        plan.notices.push(Notice::warning("DeletionHeld", message));
    }
}

/// A claimed machine is left alone until it is to leave.
fn claimed(observed: &Observed, now: &Time, plan: &mut Plan) {
    let machine = &observed.machine;
    if !machine.is_clean() {
        // What was proven before the claim says nothing any more; what a failed reset says stands.
        plan.status
            .conditions
            .retain(|condition| condition.type_ != CLEAN || condition.status == "False");
    }
    if observed.owner == Owner::Gone && !machine_state::is_releasing(machine) {
        plan.status.phase = Some(MachinePhase::Releasing);
        let message = "its MachineSet is gone";
        set(
            &mut plan.status.conditions,
            machine,
            DRAINED,
            Some(false),
            reasons::IN_PROGRESS,
            message,
            now,
        );
        plan.notices.push(Notice::warning(
            "OrphanedClaim",
            "the MachineSet that claimed this machine is gone: it is released",
        ));
        return;
    }
    if !machine_state::is_releasing(machine) {
        return;
    }
    if !machine.is_clean()
        && (machine.spec.force_release || observed.deletion == Some(DeletionPolicy::Orphan))
    {
        // Without `Drained` nobody resets the host: an orphaned cluster goes on running there.
        plan.release = Some(Release::ByForce);
        return;
    }
    if let Some(drain) = &observed.drain {
        let (drained, reason, message) = match drain {
            Drain::Unneeded => (true, reasons::AS_WANTED, "there is nothing to move".to_owned()),
            Drain::Done => (
                true,
                reasons::AS_WANTED,
                "its pods have moved and its Node is gone".to_owned(),
            ),
            Drain::GivenUp(message) => (true, reasons::DEADLINE_EXCEEDED, message.clone()),
            Drain::Moving(message) => (false, reasons::DRAINING, message.clone()),
            Drain::Unreachable(message) => (false, reasons::CLUSTER_UNREACHABLE, message.clone()),
        };
        set(
            &mut plan.status.conditions,
            machine,
            DRAINED,
            Some(drained),
            reason,
            &message,
            now,
        );
        if !drained {
            plan.again = Some(DRAIN_POLL);
            return;
        }
    }
    if machine.is_clean() {
        plan.release = Some(Release::Clean);
    } else if !observed.has_cluster {
        // Nobody else is left to reset it.
        run(observed, Operation::Reset, now, plan);
    }
}

/// An unclaimed machine keeps nothing of its last cluster in its status, and is proven clean.
fn unclaimed(observed: &Observed, now: &Time, plan: &mut Plan) {
    let machine = &observed.machine;
    plan.status.node_ref = None;
    plan.status.components.clear();
    plan.status
        .conditions
        .retain(|condition| ![NODE_READY, DRAINED, DELETING].contains(&condition.type_.as_str()));
    if machine.spec.force_release {
        let message = "released by force: set spec.forceRelease to false, and it is reset";
        set(
            &mut plan.status.conditions,
            machine,
            CLEAN,
            Some(false),
            reasons::RELEASED_BY_FORCE,
            message,
            now,
        );
        return;
    }
    if machine.is_clean() {
        let message = "nothing of a former cluster is left";
        set(
            &mut plan.status.conditions,
            machine,
            CLEAN,
            Some(true),
            reasons::AS_WANTED,
            message,
            now,
        );
        return;
    }
    if machine.spec.unschedulable {
        // Under maintenance nothing of ours runs on the host.
        return;
    }
    // What was ours and is known to be dirty is reset; of a machine that nobody knows, nothing is wiped without being asked.
    let is_known = plan.status.cleaned_epoch.is_some() || was_released_by_force(machine);
    run(
        observed,
        if is_known {
            Operation::Reset
        } else {
            Operation::Check
        },
        now,
        plan,
    );
}

fn was_released_by_force(machine: &Machine) -> bool {
    machine.status.as_ref().is_some_and(|status| {
        conditions::get(&status.conditions, CLEAN).is_some_and(|clean| {
            clean.reason == reasons::RELEASED_BY_FORCE
                || clean.reason == reasons::NOT_CLEANED && machine.spec.claim_epoch > 0
        })
    })
}

/// Sees to a run on the machine alone.
fn run(observed: &Observed, operation: Operation, now: &Time, plan: &mut Plan) {
    let machine = &observed.machine;
    let what = if operation == Operation::Check {
        "check"
    } else {
        "reset"
    };
    let (reason, message) = match pool_run::next(observed, operation, now) {
        Next::Make(run) => {
            let message = format!("a {what} is under way");
            plan.make_run = Some(run);
            (reasons::IN_PROGRESS, message)
        }
        Next::UnderWay => (reasons::IN_PROGRESS, format!("a {what} is under way")),
        Next::Wait(rest) => {
            plan.again = Some(rest);
            (
                reasons::BACKOFF,
                format!(
                    "the last {what} failed and is tried again{}",
                    last_message(machine)
                ),
            )
        }
        Next::GivenUp => (
            reasons::NOT_CLEANED,
            format!(
                "the {what} failed{}; see to the host, then annotate this Machine with {}=<any new value>",
                last_message(machine),
                labels::RETRY
            ),
        ),
    };
    let status = if reason == reasons::NOT_CLEANED {
        Some(false)
    } else {
        None
    };
    // A reset that is under way does not take back that the machine was released by force: its reason decides what is next.
    if !(operation == Operation::Reset && was_released_by_force(machine) && status.is_none()) {
        set(
            &mut plan.status.conditions,
            machine,
            CLEAN,
            status,
            reason,
            &message,
            now,
        );
    }
    let was_given_up = machine
        .status
        .as_ref()
        .and_then(|status| conditions::get(&status.conditions, CLEAN))
        .is_some_and(|clean| clean.reason == reasons::NOT_CLEANED);
    if reason == reasons::NOT_CLEANED && !was_given_up {
        plan.notices.push(Notice::warning("NotClean", message));
    }
}

fn last_message(machine: &Machine) -> String {
    let last = machine
        .status
        .as_ref()
        .and_then(|status| status.last_run.as_ref());
    last.and_then(|run| run.message.as_ref())
        .map(|message| format!(": {message}"))
        .unwrap_or_default()
}

fn has(machine: &Machine, kind: &str) -> bool {
    machine
        .status
        .as_ref()
        .is_some_and(|status| conditions::is_true(&status.conditions, kind))
}

fn set(
    list: &mut Vec<Condition>,
    machine: &Machine,
    kind: &str,
    status: Option<bool>,
    reason: &str,
    message: &str,
    now: &Time,
) -> bool {
    let condition = NewCondition {
        kind,
        status,
        reason,
        message,
        observed_generation: machine.metadata.generation,
    };
    conditions::set(list, &condition, now)
}

/// What is worth telling about a change of phase; the other controllers tell about theirs.
fn phase_notice(machine: &Machine, next: &MachineStatus) -> Option<Notice> {
    let before = machine.phase();
    if before == next.phase {
        return None;
    }
    match next.phase? {
        MachinePhase::Idle => Some(Notice::normal(
            "MachineIdle",
            "clean and unclaimed: may be claimed",
        )),
        MachinePhase::Quarantined => Some(Notice::warning(
            "MachineQuarantined",
            "unclaimed and not clean: may not be claimed",
        )),
        MachinePhase::Maintenance => Some(Notice::normal(
            "MachineInMaintenance",
            "spec.unschedulable is set",
        )),
        _ => None,
    }
}
