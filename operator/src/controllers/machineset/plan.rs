//! The decision: which machines are to be claimed for which slot, and which are to be given back?

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::{ResourceExt, core::Selector};
use slipway_api::{
    ClaimRef, Machine, MachinePhase, MachineSet, MachineSetStatus,
    conditions::{self, DELETING, MACHINES_CLAIMED, NewCondition, READY, reasons},
    labels,
    machine_set::Slot,
    names,
};

use super::{observe::Observed, passed_over};
use crate::{controllers::machine_state::is_releasing, runtime::Notice};

/// Most machines claimed in one pass, so that a pass has an end; the next one goes on at once.
const CLAIMS_LIMIT: usize = 50;

/// A machine to be claimed, as it was seen.
#[derive(Clone, Debug, PartialEq)]
pub struct Claim {
    /// The Machine; its resourceVersion makes the claim safe.
    pub machine: Arc<Machine>,
    /// What is to stand in its spec.
    pub claim_ref: ClaimRef,
}

/// What is to be written.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Hold the set until its machines are given back.
    pub add_finalizer: bool,
    /// Let the set go.
    pub remove_finalizer: bool,
    /// Machines that leave the set, each with the reason.
    pub release: Vec<(Arc<Machine>, &'static str)>,
    /// Machines to be claimed; their intents are in the status.
    pub claim: Vec<Claim>,
    /// Whether more machines are wanted than this pass claims, and there are some.
    pub more: bool,
    /// The set's status.
    pub status: MachineSetStatus,
    /// What to tell.
    pub notices: Vec<Notice>,
}

impl Plan {
    /// Whether a machine changes hands, or the set goes: then what was seen must be fresh.
    pub fn takes_or_gives(&self) -> bool {
        !self.claim.is_empty() || !self.release.is_empty() || self.remove_finalizer
    }
}

/// Decides what to write.
pub fn plan(observed: &Observed, now: &Time) -> Plan {
    let set = &observed.set;
    let uid = set.uid().unwrap_or_default();
    let own: Vec<&Arc<Machine>> = observed
        .machines
        .iter()
        .filter(|machine| {
            machine
                .spec
                .claim_ref
                .as_ref()
                .is_some_and(|claim| claim.uid == uid)
        })
        .collect();
    let has_finalizer = set
        .finalizers()
        .iter()
        .any(|name| name == labels::MACHINE_SET_FINALIZER);
    let mut plan = Plan {
        add_finalizer: false,
        remove_finalizer: false,
        release: Vec::new(),
        claim: Vec::new(),
        more: false,
        status: set.status.clone().unwrap_or_default(),
        notices: Vec::new(),
    };
    if set.metadata.deletion_timestamp.is_some() {
        plan.release = staying(&own)
            .into_iter()
            .map(|machine| (machine, "its MachineSet is deleted"))
            .collect();
        plan.remove_finalizer = has_finalizer && own.is_empty();
        summarise_deletion(&mut plan.status, set, &own, now);
        return plan;
    }
    plan.add_finalizer = !has_finalizer;
    if !observed.paused && !observed.cluster_is_deleted {
        plan.release = too_many(set, &own);
    }
    let leaving: BTreeSet<String> = plan
        .release
        .iter()
        .map(|(machine, _)| machine.name_any())
        .collect();
    let kept: Vec<Arc<Machine>> = staying(&own)
        .into_iter()
        .filter(|machine| !leaving.contains(&machine.name_any()))
        .collect();
    let missing = missing(set, kept.len());
    let selector = selector(set);
    let mut problem = None;
    if missing > 0 && observed.paused {
        problem = Some((
            reasons::PAUSED,
            format!("{missing} machines are missing; the cluster is paused"),
        ));
    } else if missing > 0 && observed.cluster_is_deleted {
        problem = Some((reasons::DELETING, "the cluster is being deleted".to_owned()));
    } else if missing > 0 && observed.control_plane_waits {
        problem = Some((
            reasons::WAITING,
            "waits for the control plane, whose machines are claimed first".to_owned(),
        ));
    } else if missing > 0 {
        match &selector {
            Err(error) => problem = Some((reasons::INVALID_REFERENCE, error.clone())),
            Ok(selector) => {
                let candidates = candidates(observed, selector, &uid);
                if candidates.len() < missing {
                    problem = Some((
                        reasons::INSUFFICIENT_IDLE_MACHINES,
                        insufficient(observed, selector, &uid, missing, candidates.len()),
                    ));
                }
                // A control plane of some of its machines would be one that an even number votes in.
                if candidates.len() >= missing || !set.spec.role.needs_odd_count() {
                    plan.more = candidates.len().min(missing) > CLAIMS_LIMIT;
                    plan.claim = claims(set, &uid, &own, candidates, missing.min(CLAIMS_LIMIT));
                }
            }
        }
    }
    summarise(&mut plan, set, &kept, problem, now);
    plan
}

fn staying(own: &[&Arc<Machine>]) -> Vec<Arc<Machine>> {
    own.iter()
        .filter(|machine| !is_releasing(machine))
        .map(|machine| Arc::clone(machine))
        .collect()
}

fn missing(set: &MachineSet, kept: usize) -> usize {
    usize::try_from(set.spec.replicas.unwrap_or(1))
        .unwrap_or(0)
        .saturating_sub(kept)
}

fn slot_of(machine: &Machine) -> i32 {
    machine.spec.claim_ref.as_ref().map_or(0, |claim| claim.slot)
}

/// Machines that must leave a set that stays: those released by force, the second one of a slot, those beyond the wanted
/// number. Of these the first to go are being deleted anyway, then those that are not Ready, then those of the highest slots.
fn too_many(set: &MachineSet, own: &[&Arc<Machine>]) -> Vec<(Arc<Machine>, &'static str)> {
    let mut release = Vec::new();
    let mut rest = Vec::new();
    for machine in staying(own) {
        if machine.spec.force_release {
            release.push((machine, "spec.forceRelease is set"));
        } else {
            rest.push(machine);
        }
    }
    let intents = set
        .status
        .as_ref()
        .map(|status| status.slots.as_slice())
        .unwrap_or_default();
    let is_intended = |machine: &Machine| {
        intents
            .iter()
            .any(|intent| intent.slot == slot_of(machine) && intent.machine == machine.name_any())
    };
    let is_ready = |machine: &Machine| machine.phase() == Some(MachinePhase::Ready);
    // The first of each slot is kept: one that is Ready, else the intended one, else the first by name.
    rest.sort_by_key(|machine| {
        (
            slot_of(machine),
            !is_ready(machine),
            !is_intended(machine),
            machine.name_any(),
        )
    });
    let mut kept: Vec<Arc<Machine>> = Vec::new();
    for machine in rest {
        if kept.last().is_some_and(|last| slot_of(last) == slot_of(&machine)) {
            release.push((machine, "another machine fills the same slot"));
        } else {
            kept.push(machine);
        }
    }
    let surplus = kept
        .len()
        .saturating_sub(usize::try_from(set.spec.replicas.unwrap_or(1)).unwrap_or(0));
    kept.sort_by_key(|machine| {
        (
            machine.metadata.deletion_timestamp.is_none(),
            is_ready(machine),
            Reverse(slot_of(machine)),
        )
    });
    release.extend(
        kept.into_iter()
            .take(surplus)
            .map(|machine| (machine, "fewer machines are wanted")),
    );
    release
}

/// The set's selector; without one every machine matches.
fn selector(set: &MachineSet) -> Result<Selector, String> {
    match set.spec.selector.clone() {
        None => Ok(Selector::default()),
        Some(selector) => {
            Selector::try_from(selector).map_err(|error| format!("spec.selector cannot be read: {error}"))
        }
    }
}

/// Machines that may be claimed, the best first. The order differs from set to set, so that sets that claim at the same
/// time seldom want the same machine; for one set it is always the same.
fn candidates(observed: &Observed, selector: &Selector, uid: &str) -> Vec<Arc<Machine>> {
    let mut candidates: Vec<Arc<Machine>> = observed
        .machines
        .iter()
        .filter(|machine| passed_over::why(machine, selector).is_none())
        .cloned()
        .collect();
    candidates.sort_by_cached_key(|machine| {
        let name = machine.name_any();
        (names::short_hash(&[uid, &name]), name)
    });
    candidates
}

/// The next claims, for the lowest free slots. A slot that somebody has meant a machine for gets that machine as long as
/// it may be claimed: whoever wrote the intent may be about to claim it, and another machine would be one too many.
fn claims(
    set: &MachineSet,
    uid: &str,
    own: &[&Arc<Machine>],
    mut candidates: Vec<Arc<Machine>>,
    count: usize,
) -> Vec<Claim> {
    let taken: BTreeSet<i32> = own.iter().map(|machine| slot_of(machine)).collect();
    let free: Vec<i32> = (0..).filter(|slot| !taken.contains(slot)).take(count).collect();
    let mut chosen: BTreeMap<i32, Arc<Machine>> = BTreeMap::new();
    for intent in set.status.iter().flat_map(|status| &status.slots) {
        let meant = candidates
            .iter()
            .position(|machine| machine.name_any() == intent.machine);
        if let Some(position) = meant.filter(|_| free.contains(&intent.slot)) {
            chosen.insert(intent.slot, candidates.remove(position));
        }
    }
    let mut rest = candidates.into_iter();
    for slot in free {
        if !chosen.contains_key(&slot)
            && let Some(machine) = rest.next()
        {
            chosen.insert(slot, machine);
        }
    }
    chosen
        .into_iter()
        .map(|(slot, machine)| Claim {
            claim_ref: ClaimRef {
                uid: uid.to_owned(),
                name: set.name_any(),
                cluster_name: set.spec.cluster_name.clone(),
                role: set.spec.role,
                slot,
                epoch: machine.spec.claim_epoch + 1,
            },
            machine,
        })
        .collect()
}

fn insufficient(observed: &Observed, selector: &Selector, uid: &str, missing: usize, found: usize) -> String {
    let passed_over = observed
        .machines
        .iter()
        .filter(|machine| {
            machine
                .spec
                .claim_ref
                .as_ref()
                .is_none_or(|claim| claim.uid != uid)
        })
        .filter_map(|machine| Some((machine.name_any(), passed_over::why(machine, selector)?)));
    let wanted = observed.set.spec.replicas.unwrap_or(1);
    let lacking = missing - found;
    let are = if lacking == 1 { "is" } else { "are" };
    let none = if observed.set.spec.role.needs_odd_count() && found > 0 {
        format!("; the {found} that may be claimed are left, since a control plane is claimed as a whole")
    } else {
        String::new()
    };
    format!(
        "{lacking} of {wanted} machines {are} missing{none}; {}",
        passed_over::summary(passed_over)
    )
}

/// Writes the status of a set that stays.
fn summarise(
    plan: &mut Plan,
    set: &MachineSet,
    kept: &[Arc<Machine>],
    problem: Option<(&'static str, String)>,
    now: &Time,
) {
    let before = set.status.clone().unwrap_or_default();
    let ready = kept
        .iter()
        .filter(|machine| machine.phase() == Some(MachinePhase::Ready))
        .count();
    let status = &mut plan.status;
    status.observed_generation = set.metadata.generation;
    status.replicas = number(kept.len());
    status.ready_replicas = number(ready);
    status.selector = Some(format!("{}={}", labels::MACHINE_SET, set.name_any()));
    status.slots = kept
        .iter()
        .map(|machine| Slot {
            slot: slot_of(machine),
            machine: machine.name_any(),
        })
        .chain(plan.claim.iter().map(|claim| Slot {
            slot: claim.claim_ref.slot,
            machine: claim.machine.name_any(),
        }))
        .collect();
    status.slots.sort();
    let wanted = set.spec.replicas.unwrap_or(1);
    let (claimed, reason, message) = match problem {
        Some((reason, message)) => (false, reason, message),
        None if plan.claim.is_empty() => (
            true,
            reasons::AS_WANTED,
            format!("{wanted} of {wanted} machines are claimed"),
        ),
        None => (
            false,
            reasons::IN_PROGRESS,
            format!("{} machines are being claimed", plan.claim.len()),
        ),
    };
    let is_ready = claimed && number(ready) == wanted;
    let ready_message = format!("{ready} of {wanted} machines are ready");
    let ready_reason = if is_ready {
        reasons::AS_WANTED
    } else {
        reasons::IN_PROGRESS
    };
    for (kind, status_value, reason, message) in [
        (MACHINES_CLAIMED, claimed, reason, &message),
        (READY, is_ready, ready_reason, &ready_message),
    ] {
        let condition = NewCondition {
            kind,
            status: Some(status_value),
            reason,
            message,
            observed_generation: set.metadata.generation,
        };
        conditions::set(&mut status.conditions, &condition, now);
    }
    let reason_before =
        conditions::get(&before.conditions, MACHINES_CLAIMED).map(|condition| condition.reason.as_str());
    if reason == reasons::INSUFFICIENT_IDLE_MACHINES && reason_before != Some(reason) {
        plan.notices
            .push(Notice::warning(reasons::INSUFFICIENT_IDLE_MACHINES, message));
    }
}

/// Writes the status of a set that goes.
fn summarise_deletion(status: &mut MachineSetStatus, set: &MachineSet, own: &[&Arc<Machine>], now: &Time) {
    status.observed_generation = set.metadata.generation;
    status.replicas = number(own.len());
    status.ready_replicas = 0;
    status.slots.clear();
    let condition = NewCondition {
        kind: DELETING,
        status: Some(true),
        reason: reasons::DELETING,
        message: &format!("waits for {} machines to be reset and released", own.len()),
        observed_generation: set.metadata.generation,
    };
    conditions::set(&mut status.conditions, &condition, now);
}

fn number(count: usize) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}
