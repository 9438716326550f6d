//! Writes what the plan says, in the order of the claim protocol.

use kube::{Api, ResourceExt, api::PostParams};
use slipway_api::{
    Machine, MachinePhase, MachineSet,
    conditions::{self, DRAINED, NewCondition, reasons},
    labels,
};

use super::{
    observe::Observed,
    plan::{Claim, Plan},
};
use crate::runtime::{Context, Doing, Error, Notice, write};

/// Carries the plan out. Says whether it is done with; else the next pass goes on at once.
pub async fn act(observed: &Observed, plan: Plan, context: &Context) -> Result<bool, Error> {
    let mut set = MachineSet::clone(&observed.set);
    if plan.add_finalizer {
        set = write::add_finalizer(&context.client, &set, labels::MACHINE_SET_FINALIZER).await?;
    }
    for (machine, why) in &plan.release {
        release(machine, why, context).await?;
    }
    // The intent comes before the claim: of two operators that want to fill a slot at once, one is refused here.
    write::status(&context.client, &set, observed.set.status.as_ref(), &plan.status).await?;
    for notice in &plan.notices {
        context.events.publish(&set, notice).await;
    }
    let mut finished = !plan.more;
    for claim in &plan.claim {
        finished &= self::claim(claim, context).await?;
    }
    if plan.remove_finalizer {
        let namespace = set.namespace().unwrap_or_default();
        let api: Api<MachineSet> = Api::namespaced(context.client.0.clone(), &namespace);
        let current = api
            .get_opt(&set.name_any())
            .await
            .doing(|| format!("read MachineSet {namespace}/{}", set.name_any()))?;
        if let Some(current) = current.filter(|current| current.uid() == set.uid()) {
            write::remove_finalizer(&context.client, &current, labels::MACHINE_SET_FINALIZER).await?;
        }
    }
    Ok(finished)
}

/// Claims one machine. False if somebody was faster or the API server refuses: another one is then looked for.
async fn claim(claim: &Claim, context: &Context) -> Result<bool, Error> {
    let mut machine = Machine::clone(&claim.machine);
    let namespace = machine.namespace().unwrap_or_default();
    let name = machine.name_any();
    machine.spec.claim_epoch = claim.claim_ref.epoch;
    machine.spec.claim_ref = Some(claim.claim_ref.clone());
    let set_labels = machine.metadata.labels.get_or_insert_default();
    set_labels.insert(labels::CLUSTER.to_owned(), claim.claim_ref.cluster_name.clone());
    set_labels.insert(labels::MACHINE_SET.to_owned(), claim.claim_ref.name.clone());
    set_labels.insert(labels::ROLE.to_owned(), claim.claim_ref.role.to_string());
    let doing = || format!("claim Machine {namespace}/{name} for {}", claim.claim_ref.name);
    let machines: Api<Machine> = Api::namespaced(context.client.0.clone(), &namespace);
    match machines
        .replace(&name, &PostParams::default(), &machine)
        .await
        .doing(doing)
    {
        Ok(claimed) => {
            let note = format!(
                "claimed by MachineSet {} of cluster {} as number {}, epoch {}",
                claim.claim_ref.name,
                claim.claim_ref.cluster_name,
                claim.claim_ref.slot,
                claim.claim_ref.epoch
            );
            context
                .events
                .publish(&claimed, &Notice::normal("MachineClaimed", note))
                .await;
            Ok(true)
        }
        Err(error) if error.is_conflict() || error.is_refused() || error.is_not_found() => {
            tracing::debug!("somebody was faster: {error}");
            Ok(false)
        }
        Err(error) => Err(error),
    }
}

/// Marks a machine as leaving: it is drained, reset, and then released by the machine controller.
async fn release(machine: &Machine, why: &str, context: &Context) -> Result<(), Error> {
    let mut next = machine.status.clone().unwrap_or_default();
    next.phase = Some(MachinePhase::Releasing);
    let condition = NewCondition {
        kind: DRAINED,
        status: Some(false),
        reason: reasons::IN_PROGRESS,
        message: why,
        observed_generation: machine.metadata.generation,
    };
    conditions::set(&mut next.conditions, &condition, &context.now());
    if write::status(&context.client, machine, machine.status.as_ref(), &next).await? {
        let set = machine
            .spec
            .claim_ref
            .as_ref()
            .map(|claim| claim.name.as_str())
            .unwrap_or_default();
        let note = format!("leaves MachineSet {set}: {why}");
        context
            .events
            .publish(machine, &Notice::normal("MachineReleasing", note))
            .await;
    }
    Ok(())
}
