//! The plan of a MachineSet, by table.

use std::{collections::BTreeSet, sync::Arc};

use kube::ResourceExt;
use slipway_api::{
    Machine, MachinePhase, MachineRole, MachineSet, MachineSetStatus,
    conditions::{self, MACHINES_CLAIMED},
    machine_set::Slot,
};

use super::{observe::Observed, plan::plan};
use crate::controllers::fixtures;

fn observed(set: MachineSet, machines: Vec<Machine>) -> Observed {
    Observed {
        set: Arc::new(set),
        machines: machines.into_iter().map(Arc::new).collect(),
        paused: false,
        control_plane_waits: false,
        cluster_is_deleted: false,
    }
}

fn workers(replicas: i32) -> MachineSet {
    fixtures::set("worker", MachineRole::Worker, replicas)
}

fn own(name: &str, slot: i32, phase: MachinePhase) -> Machine {
    let mut machine = fixtures::claimed(name, "shop-worker", slot);
    machine.status.as_mut().unwrap().phase = Some(phase);
    machine
}

fn message(observed: &Observed) -> (String, String) {
    let plan = plan(observed, &fixtures::time(0));
    let condition = conditions::get(&plan.status.conditions, MACHINES_CLAIMED).unwrap();
    (condition.reason.clone(), condition.message.clone())
}

fn released(observed: &Observed) -> BTreeSet<String> {
    plan(observed, &fixtures::time(0))
        .release
        .iter()
        .map(|(machine, _)| machine.name_any())
        .collect()
}

fn names(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn free_slots_are_filled_from_the_lowest_and_the_intent_is_written_with_the_claim() {
    let machines = vec![
        own("m1", 1, MachinePhase::Ready),
        fixtures::idle("m2"),
        fixtures::idle("m3"),
        fixtures::idle("m4"),
    ];
    let plan = plan(&observed(workers(3), machines), &fixtures::time(0));
    let slots: Vec<i32> = plan.claim.iter().map(|claim| claim.claim_ref.slot).collect();
    assert_eq!(slots, [0, 2]);
    for claim in &plan.claim {
        assert_eq!(claim.claim_ref.epoch, claim.machine.spec.claim_epoch + 1);
        let intent = Slot {
            slot: claim.claim_ref.slot,
            machine: claim.machine.name_any(),
        };
        assert!(plan.status.slots.contains(&intent), "{:?}", plan.status.slots);
    }
    assert_eq!(plan.status.replicas, 1, "what is not claimed yet is not counted");
}

#[test]
fn the_same_pool_is_ranked_the_same_each_time_and_an_intent_comes_first() {
    let pool = || {
        (0..8)
            .map(|number| fixtures::idle(&format!("m{number}")))
            .collect::<Vec<_>>()
    };
    let first = |observed: &Observed| plan(observed, &fixtures::time(0)).claim[0].machine.name_any();
    let mut reversed = pool();
    reversed.reverse();
    assert_eq!(
        first(&observed(workers(1), pool())),
        first(&observed(workers(1), reversed))
    );
    let mut set = workers(1);
    let intent = Slot {
        slot: 0,
        machine: "m5".to_owned(),
    };
    set.status = Some(MachineSetStatus {
        slots: vec![intent],
        ..MachineSetStatus::default()
    });
    assert_eq!(first(&observed(set, pool())), "m5");
}

#[test]
fn a_slot_gets_the_machine_that_somebody_meant_for_it() {
    let pool = || {
        (0..6)
            .map(|number| fixtures::idle(&format!("m{number}")))
            .collect::<Vec<_>>()
    };
    // Whatever the ranking: both ways round.
    for meant in [["m1", "m4"], ["m4", "m1"]] {
        let mut set = workers(3);
        let slots = (1..)
            .zip(meant)
            .map(|(slot, machine)| Slot {
                slot,
                machine: machine.to_owned(),
            })
            .collect();
        set.status = Some(MachineSetStatus {
            slots,
            ..MachineSetStatus::default()
        });
        let plan = plan(&observed(set, pool()), &fixtures::time(0));
        let claims: Vec<(i32, String)> = plan
            .claim
            .iter()
            .map(|claim| (claim.claim_ref.slot, claim.machine.name_any()))
            .collect();
        assert_eq!(claims.len(), 3);
        assert_eq!(claims[1..], [(1, meant[0].to_owned()), (2, meant[1].to_owned())]);
    }
    // A machine that was taken by somebody else is replaced.
    let mut set = workers(1);
    let slots = vec![Slot {
        slot: 0,
        machine: "m9".to_owned(),
    }];
    set.status = Some(MachineSetStatus {
        slots,
        ..MachineSetStatus::default()
    });
    let mut machines = pool();
    machines.push(fixtures::claimed("m9", "other", 0));
    assert_ne!(
        plan(&observed(set, machines), &fixtures::time(0)).claim[0]
            .machine
            .name_any(),
        "m9"
    );
}

#[test]
fn what_leaves_is_chosen_the_same_each_time() {
    let ready = |name, slot| own(name, slot, MachinePhase::Ready);
    let rows = [
        // (replicas, machines, who leaves)
        (
            2,
            vec![ready("m0", 0), ready("m1", 1), ready("m2", 2)],
            names(&["m2"]),
        ),
        (
            2,
            vec![
                own("m0", 0, MachinePhase::NotReady),
                ready("m1", 1),
                ready("m2", 2),
            ],
            names(&["m0"]),
        ),
        (
            1,
            vec![own("m0", 0, MachinePhase::Failed), ready("m1", 1), ready("m2", 2)],
            names(&["m0", "m2"]),
        ),
        // One that leaves already is not counted, and is not told again.
        (
            2,
            vec![
                ready("m0", 0),
                ready("m1", 1),
                own("m2", 2, MachinePhase::Releasing),
            ],
            names(&[]),
        ),
        // Two machines in one slot: the one that works is kept.
        (
            2,
            vec![
                own("m0", 0, MachinePhase::Claimed),
                ready("m1", 0),
                ready("m2", 1),
            ],
            names(&["m0"]),
        ),
    ];
    for (replicas, machines, expected) in rows {
        assert_eq!(
            released(&observed(workers(replicas), machines.clone())),
            expected,
            "{replicas} {machines:?}"
        );
    }
    let mut deleted = ready("m0", 0);
    deleted.metadata.deletion_timestamp = Some(fixtures::time(1));
    assert_eq!(
        released(&observed(workers(1), vec![deleted, ready("m1", 1)])),
        names(&["m0"])
    );
}

#[test]
fn of_two_machines_in_one_slot_the_intended_one_is_kept() {
    let mut set = workers(1);
    let intent = Slot {
        slot: 0,
        machine: "m2".to_owned(),
    };
    set.status = Some(MachineSetStatus {
        slots: vec![intent],
        ..MachineSetStatus::default()
    });
    let machines = vec![
        own("m1", 0, MachinePhase::Claimed),
        own("m2", 0, MachinePhase::Claimed),
    ];
    assert_eq!(released(&observed(set, machines)), names(&["m1"]));
}

#[test]
fn each_candidate_that_was_passed_over_is_counted_with_its_reason() {
    let mut maintained = fixtures::idle("m1");
    maintained.spec.unschedulable = true;
    let mut dirty = fixtures::idle("m3");
    dirty.spec.claim_epoch = 2;
    let machines = vec![
        maintained,
        fixtures::claimed("m2", "other-worker", 0),
        dirty,
        fixtures::machine("m4"),
        fixtures::idle("m5"),
    ];
    let (reason, message) = message(&observed(workers(3), machines));
    assert_eq!(reason, "InsufficientIdleMachines");
    for part in [
        "2 of 3 machines are missing",
        "1 unschedulable (m1)",
        "1 claimed by another set (m2)",
        "1 not clean (m3)",
        "1 not checked yet (m4)",
    ] {
        assert!(message.contains(part), "`{part}` is missing in: {message}");
    }
}

#[test]
fn the_message_stays_short_however_large_the_pool() {
    let machines = (0..3000)
        .map(|number| fixtures::claimed(&format!("machine-{number}"), "other", number))
        .collect();
    let (_, message) = message(&observed(workers(3), machines));
    assert!(
        message.contains("3000 claimed by another set") && message.len() < 200,
        "{message}"
    );
}

#[test]
fn a_control_plane_is_claimed_as_a_whole_or_not_at_all() {
    let set = fixtures::set("control-plane", MachineRole::ControlPlane, 3);
    let pool = |count: i32| {
        (0..count)
            .map(|number| fixtures::idle(&format!("m{number}")))
            .collect::<Vec<_>>()
    };
    let too_few = observed(set.clone(), pool(2));
    assert!(plan(&too_few, &fixtures::time(0)).claim.is_empty());
    assert!(
        message(&too_few).1.contains("as a whole"),
        "{:?}",
        message(&too_few)
    );
    assert_eq!(plan(&observed(set, pool(3)), &fixtures::time(0)).claim.len(), 3);
}

#[test]
fn nothing_is_claimed_while_the_cluster_is_paused_deleted_or_waits_for_its_control_plane() {
    let base = observed(workers(1), vec![fixtures::idle("m1")]);
    let rows = [
        (
            Observed {
                paused: true,
                ..base.clone()
            },
            "Paused",
        ),
        (
            Observed {
                cluster_is_deleted: true,
                ..base.clone()
            },
            "Deleting",
        ),
        (
            Observed {
                control_plane_waits: true,
                ..base.clone()
            },
            "Waiting",
        ),
    ];
    for (observed, reason) in rows {
        assert!(plan(&observed, &fixtures::time(0)).claim.is_empty(), "{reason}");
        assert_eq!(message(&observed).0, reason);
    }
    let surplus = Observed {
        paused: true,
        ..observed(workers(0), vec![own("m1", 0, MachinePhase::Ready)])
    };
    assert!(
        released(&surplus).is_empty(),
        "a paused cluster gives nothing back either"
    );
}

#[test]
fn a_deleted_set_gives_everything_back_before_it_goes() {
    let mut set = workers(2);
    set.metadata.deletion_timestamp = Some(fixtures::time(1));
    let machines = vec![
        own("m1", 0, MachinePhase::Ready),
        own("m2", 1, MachinePhase::Releasing),
        fixtures::idle("m3"),
    ];
    let holding = plan(&observed(set.clone(), machines), &fixtures::time(2));
    assert_eq!(holding.release.len(), 1);
    assert!(!holding.remove_finalizer && holding.claim.is_empty());
    let free = plan(&observed(set, vec![fixtures::idle("m3")]), &fixtures::time(2));
    assert!(free.remove_finalizer);
}

#[test]
fn a_set_that_has_what_it_wants_changes_nothing() {
    let mut set = workers(1);
    let machines = vec![own("m1", 0, MachinePhase::Ready), fixtures::idle("m2")];
    set.status = Some(plan(&observed(set.clone(), machines.clone()), &fixtures::time(0)).status);
    let again = plan(&observed(set.clone(), machines), &fixtures::time(60));
    assert_eq!(Some(again.status), set.status);
    assert!(again.claim.is_empty() && again.release.is_empty() && again.notices.is_empty());
}
