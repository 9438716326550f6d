//! Writes what the plan says.

use k8s_openapi::api::core::v1::Secret;
use kube::{
    Api, ResourceExt,
    api::{Patch, PatchParams},
};
use serde_json::json;
use slipway_api::{Cluster, ClusterDeployment, MachineSet, PlaybookRun, labels};

use super::{
    NAME,
    observe::Observed,
    plan::{Plan, Step},
    secrets,
};
use crate::runtime::{Context, Doing, Error, write};

/// Carries out the steps in their order, then writes the statuses and tells what there is to tell.
pub async fn act(observed: &Observed, plan: Plan, context: &Context) -> Result<(), Error> {
    let mut deployment = ClusterDeployment::clone(&observed.deployment);
    for step in &plan.steps {
        if *step == Step::RemoveFinalizer {
            // Nothing is left, not even a status to write.
            return write::remove_finalizer(
                &context.client,
                &deployment,
                labels::CLUSTER_DEPLOYMENT_FINALIZER,
            )
            .await;
        }
        if let Some(changed) = carry_out(step, &deployment, observed, context).await? {
            deployment = changed;
        }
    }
    if let (Some(cluster), Some(next)) = (&observed.cluster, &plan.cluster_status) {
        write::status(&context.client, &**cluster, cluster.status.as_ref(), next).await?;
    }
    write::status(
        &context.client,
        &deployment,
        observed.deployment.status.as_ref(),
        &plan.status,
    )
    .await?;
    for notice in &plan.notices {
        context.events.publish(&deployment, notice).await;
    }
    Ok(())
}

/// Carries out one step; returns the ClusterDeployment where the step has changed it.
async fn carry_out(
    step: &Step,
    deployment: &ClusterDeployment,
    observed: &Observed,
    context: &Context,
) -> Result<Option<ClusterDeployment>, Error> {
    let client = &context.client;
    let namespace = deployment.namespace().unwrap_or_default();
    match step {
        Step::AddFinalizer => {
            let changed =
                write::add_finalizer(client, deployment, labels::CLUSTER_DEPLOYMENT_FINALIZER).await?;
            return Ok(Some(changed));
        }
        Step::ApplyCluster(cluster) => {
            write::apply(client, NAME, &**cluster).await?;
        }
        Step::ApplyMachineSet(set) => {
            write::apply(client, NAME, &**set).await?;
        }
        Step::DeleteMachineSet(name) => write::delete::<MachineSet>(client, &namespace, name).await?,
        Step::MakeTrust(missing) => secrets::make_trust(client, deployment, missing).await?,
        Step::MakeKubeconfig(endpoint) => secrets::make_kubeconfig(client, deployment, endpoint).await?,
        Step::CancelRun(name) => {
            Api::<PlaybookRun>::namespaced(client.0.clone(), &namespace)
                .patch(
                    name,
                    &PatchParams::default(),
                    &Patch::Merge(&json!({"spec": {"cancel": true}})),
                )
                .await
                .doing(|| format!("cancel PlaybookRun {namespace}/{name}"))?;
        }
        Step::DeleteRun(name) => write::delete::<PlaybookRun>(client, &namespace, name).await?,
        Step::DeleteSecret(name) => write::delete::<Secret>(client, &namespace, name).await?,
        Step::DeleteCluster => {
            if let Some(cluster) = &observed.cluster {
                write::delete::<Cluster>(client, &namespace, &cluster.name_any()).await?;
                let current = Api::<Cluster>::namespaced(client.0.clone(), &namespace)
                    .get_opt(&cluster.name_any())
                    .await
                    .doing(|| format!("read Cluster {namespace}/{}", cluster.name_any()))?;
                if let Some(current) = current {
                    write::remove_finalizer(client, &current, labels::CLUSTER_DEPLOYMENT_FINALIZER).await?;
                }
            }
        }
        Step::RemoveFinalizer => {}
    }
    Ok(None)
}
