//! clusterdeployment: makes of a ClusterDeployment its MachineSets, its Cluster and its Secrets, sums up their state, and
//! takes it all down again.

mod act;
mod observe;
mod plan;
mod secrets;
mod summary;
mod support;
#[cfg(test)]
mod tests;

use std::{sync::Arc, time::Duration};

use kube::{
    ResourceExt,
    runtime::{controller::Action, reflector::ObjectRef},
};
use slipway_api::{ClusterDeployment, labels};

use crate::runtime::{Context, Controller, Error, watches::beside};

/// Name of this controller in metrics, logs and field managers.
pub const NAME: &str = "clusterdeployment";

/// How often a deletion is looked at, beside being told of each change.
const DELETION_POLL: Duration = Duration::from_secs(10);

/// Runs until shutdown.
pub async fn run(context: Arc<Context>) {
    let watches = &context.watches;
    Controller::new(NAME, &context, &watches.cluster_deployments)
        .related(&watches.machine_sets, |set| {
            vec![beside(set, &set.spec.cluster_name)]
        })
        .related(&watches.clusters, |cluster| {
            vec![beside(cluster, &cluster.name_any())]
        })
        .related(&watches.machines, |machine| {
            machine
                .spec
                .claim_ref
                .iter()
                .map(|claim| beside(machine, &claim.cluster_name))
                .collect()
        })
        .related(&watches.playbook_runs, |run| {
            run.spec
                .cluster_ref
                .iter()
                .map(|cluster| beside(run, &cluster.name))
                .collect()
        })
        .related(&watches.secrets, |secret| -> Vec<ObjectRef<ClusterDeployment>> {
            secret
                .labels()
                .get(labels::CLUSTER)
                .map(|cluster| beside(secret, cluster))
                .into_iter()
                .collect()
        })
        .run(reconcile)
        .await;
}

async fn reconcile(deployment: Arc<ClusterDeployment>, context: Arc<Context>) -> Result<Action, Error> {
    let observed = observe::observe(deployment, &context.watches);
    let plan = plan::plan(&observed, &context.now());
    let is_deleted = observed.deployment.metadata.deletion_timestamp.is_some();
    act::act(&observed, plan, &context).await?;
    Ok(if is_deleted {
        Action::requeue(DELETION_POLL)
    } else {
        Action::await_change()
    })
}
