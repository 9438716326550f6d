//! Writes what the plan says.

use kube::{
    Api, ResourceExt,
    api::{Patch, PatchParams, PostParams},
};
use serde_json::json;
use slipway_api::{Machine, PlaybookRun, labels};

use super::{
    observe::Observed,
    plan::{Plan, Release},
};
use crate::runtime::{Context, Doing, Error, Notice, write};

/// Carries the plan out: runs, then the status, then the release, so that what a release relies on is written before.
pub async fn act(observed: &Observed, plan: Plan, context: &Context) -> Result<(), Error> {
    let client = &context.client;
    let mut machine = Machine::clone(&observed.machine);
    let namespace = machine.namespace().unwrap_or_default();
    for run in &plan.cancel_runs {
        Api::<PlaybookRun>::namespaced(client.0.clone(), &namespace)
            .patch(
                run,
                &PatchParams::default(),
                &Patch::Merge(&json!({"spec": {"cancel": true}})),
            )
            .await
            .doing(|| format!("cancel PlaybookRun {namespace}/{run}"))?;
    }
    if let Some(run) = &plan.make_run {
        write::create_once(client, &**run).await?;
    }
    if plan.remove_finalizer {
        return write::remove_finalizer(client, &machine, labels::MACHINE_FINALIZER).await;
    }
    if plan.add_finalizer {
        machine = write::add_finalizer(client, &machine, labels::MACHINE_FINALIZER).await?;
    }
    let is_written = write::status(client, &machine, observed.machine.status.as_ref(), &plan.status).await?;
    for notice in &plan.notices {
        context.events.publish(&machine, notice).await;
    }
    match plan.release {
        // The status has just changed the resourceVersion: the release comes with the next look.
        Some(_) if is_written => Ok(()),
        Some(release) => self::release(&machine, release, context).await,
        None => Ok(()),
    }
}

/// Takes the claim away, decided on the machine as the API server has it.
async fn release(seen: &Machine, release: Release, context: &Context) -> Result<(), Error> {
    let namespace = seen.namespace().unwrap_or_default();
    let name = seen.name_any();
    let machines: Api<Machine> = Api::namespaced(context.client.0.clone(), &namespace);
    let doing = || format!("release Machine {namespace}/{name}");
    let Some(mut machine) = machines.get_opt(&name).await.doing(doing)? else {
        return Ok(());
    };
    if machine.uid() != seen.uid() || machine.spec.claim_ref != seen.spec.claim_ref {
        return Ok(());
    }
    let Some(claim) = machine.spec.claim_ref.take() else {
        return Ok(());
    };
    if release == Release::ByForce {
        machine.spec.force_release = true;
    }
    if let Some(all) = machine.metadata.labels.as_mut() {
        for label in [labels::CLUSTER, labels::MACHINE_SET, labels::ROLE] {
            all.remove(label);
        }
    }
    let released = machines
        .replace(&name, &PostParams::default(), &machine)
        .await
        .doing(doing)?;
    let notice = match release {
        Release::Clean => Notice::normal(
            "MachineReleased",
            format!("released by cluster {}, clean", claim.cluster_name),
        ),
        Release::ByForce => Notice::warning(
            "MachineReleasedByForce",
            format!(
                "released by cluster {} without a reset, and quarantined",
                claim.cluster_name
            ),
        ),
    };
    context.events.publish(&released, &notice).await;
    Ok(())
}
