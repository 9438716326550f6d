//! machineset: claims idle machines for each set, one by one and safely, and gives back those that are too many.
//!
//! The claim protocol: read the pool from the API server itself, rank the machines that may be claimed (the same way each
//! time), write the intent into the set's status, then PUT each Machine with its resourceVersion and the next claim epoch.
//! The API server refuses a second claim. A crash after any of these calls leaves a state from which the next pass goes
//! on: claims are found by the set's uid, and of two machines for one slot one is given back.

mod act;
mod observe;
mod passed_over;
mod plan;
#[cfg(test)]
mod tests;

use std::{sync::Arc, time::Duration};

use kube::{
    ResourceExt,
    runtime::{controller::Action, reflector::ObjectRef},
};
use slipway_api::{
    Machine, MachineRole, MachineSet,
    conditions::{self, MACHINES_CLAIMED},
};

use crate::runtime::{Context, Controller, Error, watches::beside};

/// Name of this controller in metrics, logs and field managers.
pub const NAME: &str = "machineset";

/// When to look again after a claim that somebody else was faster with, or after a part of many claims.
const SOON: Duration = Duration::from_millis(200);

/// Runs until shutdown.
pub async fn run(context: Arc<Context>) {
    let watches = &context.watches;
    let sets = watches.machine_sets.clone();
    let sets_of_cluster = watches.machine_sets.clone();
    let siblings = watches.machine_sets.clone();
    Controller::new(NAME, &context, &watches.machine_sets)
        .related(&watches.machines, move |machine| {
            sets_of(machine, &sets.store().state())
        })
        .related(&watches.machine_sets, move |set| {
            // A control plane that has its machines lets the other sets of its cluster go on.
            let others = siblings.in_namespace(&set.namespace().unwrap_or_default(), |other| {
                set.spec.role == MachineRole::ControlPlane
                    && other.spec.cluster_name == set.spec.cluster_name
                    && other.spec.role != MachineRole::ControlPlane
            });
            others.iter().map(|other| ObjectRef::from_obj(&**other)).collect()
        })
        .related(&watches.cluster_deployments, move |deployment| {
            let namespace = deployment.namespace().unwrap_or_default();
            let name = deployment.name_any();
            sets_of_cluster
                .in_namespace(&namespace, |set| set.spec.cluster_name == name)
                .iter()
                .map(|set| ObjectRef::from_obj(&**set))
                .collect()
        })
        .run(reconcile)
        .await;
}

/// The sets that a machine matters to: the one that has claimed it; every set that lacks machines, if it is free.
fn sets_of(machine: &Machine, sets: &[Arc<MachineSet>]) -> Vec<ObjectRef<MachineSet>> {
    if let Some(claim) = &machine.spec.claim_ref {
        return vec![beside(machine, &claim.name)];
    }
    sets.iter()
        .filter(|set| set.namespace() == machine.namespace() && !has_its_machines(set))
        .map(|set| ObjectRef::from_obj(&**set))
        .collect()
}

fn has_its_machines(set: &MachineSet) -> bool {
    set.status
        .as_ref()
        .is_some_and(|status| conditions::is_true(&status.conditions, MACHINES_CLAIMED))
}

async fn reconcile(set: Arc<MachineSet>, context: Arc<Context>) -> Result<Action, Error> {
    let now = context.now();
    let seen = observe::seen(set, &context.watches);
    let first = plan::plan(&seen, &now);
    // What was seen may be old: before machines are taken or given back, the API server is asked.
    let (observed, plan) = if first.takes_or_gives() {
        let asked = observe::asked(&seen, &context).await?;
        let Some(asked) = asked else {
            return Ok(Action::await_change());
        };
        let plan = plan::plan(&asked, &now);
        (asked, plan)
    } else {
        (seen, first)
    };
    let finished = act::act(&observed, plan, &context).await?;
    Ok(if finished {
        Action::await_change()
    } else {
        Action::requeue(SOON)
    })
}
