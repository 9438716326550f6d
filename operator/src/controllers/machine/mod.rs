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
use slipway_api::{ClaimRef, Cluster, Machine, MachineSet};

use crate::{
    controllers::machine_state::is_releasing,
    runtime::{Context, Controller, Error, Watch, watches::beside},
};

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
            // A set that stays changes nothing here: its own controller says which machine leaves.
            let uid = set
                .metadata
                .deletion_timestamp
                .as_ref()
                .and(set.metadata.uid.as_ref());
            claimed(&by_set, set, |claim, _| Some(&claim.uid) == uid)
        })
        .related(&watches.clusters, move |cluster: &Cluster| {
            let name = cluster.name_any();
            claimed(&by_cluster, cluster, |claim, machine| {
                is_releasing(machine) && claim.cluster_name == name
            })
        })
        .related(&watches.cluster_deployments, move |deployment| {
            let name = deployment.name_any();
            claimed(&by_deployment, deployment, |claim, machine| {
                is_releasing(machine) && claim.cluster_name == name
            })
        })
        .run(reconcile)
        .await;
}

/// The claimed machines beside `object` that it matters to.
fn claimed(
    machines: &Watch<Machine>,
    object: &impl ResourceExt,
    wanted: impl Fn(&ClaimRef, &Machine) -> bool,
) -> Vec<ObjectRef<Machine>> {
    let is_wanted = |machine: &Machine| {
        machine
            .spec
            .claim_ref
            .as_ref()
            .is_some_and(|claim| wanted(claim, machine))
    };
    machines
        .in_namespace(&object.namespace().unwrap_or_default(), is_wanted)
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
