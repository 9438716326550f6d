//! machine: the life of one Machine between its claims.
//!
//! A new machine is proven clean before it may be claimed; a claimed one is held while it is deleted; one that leaves its
//! cluster is drained, and released once a reset has proven it clean. This controller never touches a host: checks and
//! resets are PlaybookRuns, and of a cluster it uses the API only.

mod act;
mod drain;
mod observe;
mod plan;
mod pool_run;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use kube::{
    ResourceExt,
    runtime::{controller::Action, reflector::ObjectRef},
};
use slipway_api::{Cluster, Machine, MachineSet};

use crate::runtime::{Context, Controller, Error, Watch, watches::beside};

/// Name of this controller in metrics, logs and field managers.
pub const NAME: &str = "machine";

/// Runs until shutdown.
pub async fn run(context: Arc<Context>) {
    let watches = &context.watches;
    let (by_set, by_cluster, by_deployment) = (
        watches.machines.clone(),
        watches.machines.clone(),
        watches.machines.clone(),
    );
    Controller::new(NAME, &context, &watches.machines)
        .related(&watches.playbook_runs, |run| {
            // Runs of a cluster are the cluster's business; the result comes with the Machine's own status.
            let hosts = if run.spec.cluster_ref.is_none() {
                run.spec.hosts.as_slice()
            } else {
                &[]
            };
            hosts.iter().map(|host| beside(run, &host.machine)).collect()
        })
        .related(&watches.machine_sets, move |set: &MachineSet| {
            claimed_for(&by_set, set.namespace(), |claim| {
                Some(&claim.uid) == set.metadata.uid.as_ref()
            })
        })
        .related(&watches.clusters, move |cluster: &Cluster| {
            let name = cluster.name_any();
            claimed_for(&by_cluster, cluster.namespace(), |claim| {
                claim.cluster_name == name
            })
        })
        .related(&watches.cluster_deployments, move |deployment| {
            let name = deployment.name_any();
            claimed_for(&by_deployment, deployment.namespace(), |claim| {
                claim.cluster_name == name
            })
        })
        .run(reconcile)
        .await;
}

/// The machines that leave their cluster or whose claim may have lost its owner: the only claimed ones for which sets and
/// clusters matter here.
fn claimed_for(
    machines: &Watch<Machine>,
    namespace: Option<String>,
    wanted: impl Fn(&slipway_api::ClaimRef) -> bool,
) -> Vec<ObjectRef<Machine>> {
    machines
        .in_namespace(&namespace.unwrap_or_default(), |machine| {
            machine.spec.claim_ref.as_ref().is_some_and(&wanted)
        })
        .iter()
        .map(|machine| ObjectRef::from_obj(&**machine))
        .collect()
}

async fn reconcile(machine: Arc<Machine>, context: Arc<Context>) -> Result<Action, Error> {
    let observed = observe::observe(machine, &context).await?;
    let plan = plan::plan(&observed, &context.now());
    let again = plan.again;
    act::act(&observed, plan, &context).await?;
    Ok(again.map_or_else(Action::await_change, Action::requeue))
}
