//! The plan of a Machine, by table.

use std::{sync::Arc, time::Duration};

use slipway_api::RunPhase;
use slipway_api::{
    Machine, MachinePhase, MachineStatus, Operation, PlaybookRun,
    cluster_deployment::DeletionPolicy,
    conditions::{self, CLEAN, DRAINED, NewCondition, reasons},
    labels,
    playbook_run::{PlaybookRunStatus, RunCode, RunResultStatus},
};

use super::{
    drain::Drain,
    observe::{Observed, Owner},
    plan::{Plan, Release, plan},
};
use crate::controllers::fixtures;

fn observed(mut machine: Machine) -> Observed {
    machine.metadata.finalizers = Some(vec![labels::MACHINE_FINALIZER.to_owned()]);
    Observed {
        owner: if machine.spec.claim_ref.is_some() {
            Owner::Present
        } else {
            Owner::None
        },
        machine: Arc::new(machine),
        has_cluster: true,
        deletion: None,
        drain: None,
        runs: Vec::new(),
    }
}

fn planned(observed: &Observed) -> Plan {
    plan(observed, &fixtures::time(1000))
}

/// A claimed machine that leaves, reset up to `cleaned_epoch`.
fn releasing(cleaned_epoch: i64) -> Machine {
    let mut machine = fixtures::claimed("m1", "shop-worker", 0);
    let status = machine.status.as_mut().unwrap();
    status.phase = Some(MachinePhase::Releasing);
    status.cleaned_epoch = Some(cleaned_epoch);
    machine
}

/// `run` as it is after it has ended at second 990.
fn ended(run: &PlaybookRun, code: RunCode) -> Arc<PlaybookRun> {
    let mut run = run.clone();
    let phase = if code == RunCode::Succeeded {
        RunPhase::Succeeded
    } else {
        RunPhase::Failed
    };
    run.status = Some(PlaybookRunStatus {
        phase: Some(phase),
        finished_at: Some(fixtures::time(990)),
        result: Some(RunResultStatus {
            code,
            exit_code: None,
            message: None,
            hosts_omitted: 0,
        }),
        ..PlaybookRunStatus::default()
    });
    Arc::new(run)
}

fn reason(plan: &Plan, kind: &str) -> Option<String> {
    conditions::get(&plan.status.conditions, kind).map(|condition| condition.reason.clone())
}

#[test]
fn a_new_machine_is_checked_once_at_a_time_and_never_wiped() {
    let mut observed = observed(fixtures::machine("m1"));
    let run = planned(&observed).make_run.unwrap();
    assert_eq!(run.spec.operation, Operation::Check);
    assert_eq!(run.spec.cluster_ref, None);
    assert_eq!(run.spec.hosts[0].epoch, Some(0));
    assert_eq!(planned(&observed).status.phase, None, "nobody knows it yet");

    observed.runs = vec![Arc::new(*run.clone())];
    assert_eq!(planned(&observed).make_run, None, "one is under way");

    observed.runs = vec![ended(&run, RunCode::Unreachable)];
    let waiting = planned(&observed);
    assert_eq!(waiting.make_run, None);
    assert!(
        waiting.again.is_some_and(|wait| wait < Duration::from_secs(40)),
        "{:?}",
        waiting.again
    );
    let later = plan(&observed, &fixtures::time(1100)).make_run.unwrap();
    assert_eq!((later.spec.attempt, later.spec.operation), (2, Operation::Check));

    observed.runs = vec![ended(&run, RunCode::TaskFailed)];
    let refused = plan(&observed, &fixtures::time(9000));
    assert_eq!(refused.make_run, None, "an answer is not asked for again");
    assert_eq!(reason(&refused, CLEAN).as_deref(), Some(reasons::NOT_CLEANED));
    assert_eq!(refused.notices.len(), 1);

    let mut asked = Machine::clone(&observed.machine);
    asked.metadata.annotations = Some([(labels::RETRY.to_owned(), "1".to_owned())].into());
    observed.machine = Arc::new(asked);
    let again = plan(&observed, &fixtures::time(9000)).make_run.unwrap();
    assert_eq!((again.spec.attempt, again.spec.operation), (1, Operation::Check));
}

#[test]
fn a_machine_in_maintenance_is_left_alone() {
    let mut machine = fixtures::machine("m1");
    machine.spec.unschedulable = true;
    let plan = planned(&observed(machine));
    assert_eq!(plan.make_run, None);
    assert_eq!(plan.status.phase, Some(MachinePhase::Maintenance));
}

#[test]
fn a_machine_is_released_when_it_is_drained_and_clean_and_only_then() {
    let forced = |mut machine: Machine| {
        machine.spec.force_release = true;
        machine
    };
    let rows = [
        // (machine, drain, deletion, release)
        (fixtures::claimed("m1", "shop-worker", 0), None, None, None),
        (releasing(0), None, None, None),
        (releasing(1), None, None, Some(Release::Clean)),
        (releasing(1), Some(Drain::Moving("web".to_owned())), None, None),
        (releasing(0), Some(Drain::Done), None, None),
        (forced(releasing(0)), None, None, Some(Release::ByForce)),
        (
            releasing(0),
            Some(Drain::Unneeded),
            Some(DeletionPolicy::Orphan),
            Some(Release::ByForce),
        ),
        (
            releasing(0),
            Some(Drain::Unneeded),
            Some(DeletionPolicy::Reset),
            None,
        ),
    ];
    for (machine, drain, deletion, expected) in rows {
        let observed = Observed {
            drain: drain.clone(),
            deletion,
            ..observed(machine)
        };
        assert_eq!(planned(&observed).release, expected, "{drain:?} {deletion:?}");
    }
}

#[test]
fn a_machine_released_by_force_is_never_offered_for_a_reset() {
    let mut forced = releasing(0);
    forced.spec.force_release = true;
    let orphaned = Observed {
        deletion: Some(DeletionPolicy::Orphan),
        ..observed(releasing(0))
    };
    for observed in [observed(forced), orphaned] {
        let observed = Observed {
            drain: Some(Drain::Unneeded),
            ..observed
        };
        let plan = planned(&observed);
        assert_eq!(plan.release, Some(Release::ByForce));
        assert_eq!(
            conditions::get(&plan.status.conditions, DRAINED),
            None,
            "a reset waits for this"
        );
    }
}

#[test]
fn draining_is_told_in_a_condition_and_looked_at_again_soon() {
    let rows = [
        (
            Drain::Moving("pods are moving: web".to_owned()),
            "False",
            reasons::DRAINING,
            true,
        ),
        (
            Drain::Unreachable("no answer".to_owned()),
            "False",
            reasons::CLUSTER_UNREACHABLE,
            true,
        ),
        (Drain::Done, "True", reasons::AS_WANTED, false),
        (Drain::Unneeded, "True", reasons::AS_WANTED, false),
        (
            Drain::GivenUp("too long".to_owned()),
            "True",
            reasons::DEADLINE_EXCEEDED,
            false,
        ),
    ];
    for (drain, status, reason, again) in rows {
        let observed = Observed {
            drain: Some(drain),
            ..observed(releasing(0))
        };
        let plan = planned(&observed);
        let condition = conditions::get(&plan.status.conditions, DRAINED).unwrap();
        assert_eq!(
            (condition.status.as_str(), condition.reason.as_str()),
            (status, reason)
        );
        assert_eq!(plan.again.is_some(), again);
    }
}

#[test]
fn an_orphaned_claim_is_given_back_by_a_reset_of_its_own() {
    let claimed = Observed {
        owner: Owner::Gone,
        ..observed(fixtures::claimed("m1", "shop-worker", 0))
    };
    let first = planned(&claimed);
    assert_eq!(first.status.phase, Some(MachinePhase::Releasing));
    assert_eq!((first.make_run, first.release), (None, None));

    let leaving = Observed {
        owner: Owner::Gone,
        has_cluster: false,
        drain: Some(Drain::Unneeded),
        ..observed(releasing(0))
    };
    let run = planned(&leaving).make_run.unwrap();
    assert_eq!(
        (run.spec.operation, run.spec.hosts[0].epoch),
        (Operation::Reset, Some(1))
    );
    let with_cluster = Observed {
        has_cluster: true,
        ..leaving
    };
    assert_eq!(
        planned(&with_cluster).make_run,
        None,
        "where the Cluster is there, its controller resets"
    );
}

#[test]
fn a_machine_released_by_force_is_reset_once_it_is_allowed_to_be() {
    let mut machine = fixtures::machine("m1");
    machine.spec.claim_epoch = 1;
    machine.spec.force_release = true;
    let forced = planned(&observed(machine.clone()));
    assert_eq!(forced.status.phase, Some(MachinePhase::Quarantined));
    assert_eq!(forced.make_run, None);
    machine.status = Some(forced.status);
    machine.spec.force_release = false;
    let allowed = planned(&observed(machine));
    assert_eq!(allowed.make_run.unwrap().spec.operation, Operation::Reset);
}

#[test]
fn nothing_of_the_last_cluster_stays_in_the_status_of_an_idle_machine() {
    let mut machine = fixtures::idle("m1");
    let mut status = MachineStatus {
        cleaned_epoch: Some(0),
        ..MachineStatus::default()
    };
    for kind in ["NodeReady", "Drained", "Deleting"] {
        let condition = NewCondition {
            kind,
            status: Some(true),
            reason: reasons::AS_WANTED,
            message: "",
            observed_generation: None,
        };
        conditions::set(&mut status.conditions, &condition, &fixtures::time(0));
    }
    machine.status = Some(status);
    let plan = planned(&observed(machine));
    let kinds: Vec<&str> = plan
        .status
        .conditions
        .iter()
        .map(|condition| condition.type_.as_str())
        .collect();
    assert_eq!(kinds, ["Clean"]);
    assert_eq!(plan.status.phase, Some(MachinePhase::Idle));
}

#[test]
fn a_deleted_machine_goes_when_nobody_uses_it() {
    let deleted = |mut machine: Machine| {
        machine.metadata.deletion_timestamp = Some(fixtures::time(1));
        observed(machine)
    };
    assert!(planned(&deleted(fixtures::idle("m1"))).remove_finalizer);
    let held = planned(&deleted(fixtures::claimed("m1", "shop-worker", 0)));
    assert!(!held.remove_finalizer);
    assert_eq!(reason(&held, "Deleting").as_deref(), Some(reasons::IN_USE));
    assert_eq!(held.notices.len(), 1);

    let run = planned(&observed(fixtures::machine("m1"))).make_run.unwrap();
    let busy = Observed {
        runs: vec![Arc::new(*run)],
        ..deleted(fixtures::machine("m1"))
    };
    let plan = planned(&busy);
    assert!(!plan.remove_finalizer);
    assert_eq!(plan.cancel_runs.len(), 1, "what runs on it is stopped first");
}
