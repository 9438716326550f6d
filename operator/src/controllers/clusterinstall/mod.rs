//! clusterinstall: compares what is wanted of a cluster with what is there, and makes one PlaybookRun at a time; gives
//! each PlaybookRun whose turn it is its executor.

mod act;
mod bootstrap_token;
mod observe;
pub mod plan;
pub mod queue;
pub mod record;
mod start;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use kube::{
    ResourceExt as _,
    runtime::{controller::Action, reflector::ObjectRef},
};
use slipway_api::Cluster;

use crate::runtime::{Context, Controller, Error, watches::beside};

/// Name of this controller.
pub const NAME: &str = "clusterinstall";

/// Runs the controller until shutdown.
pub async fn run(context: Arc<Context>) {
    let watches = &context.watches;
    let planning = Controller::new(NAME, &context, &watches.clusters)
        .related(&watches.cluster_deployments, |deployment| {
            vec![beside(deployment, &deployment.name_any())]
        })
        .related(&watches.machine_sets, |set| {
            vec![beside(set, &set.spec.cluster_name)]
        })
        .related(&watches.machines, |machine| {
            let claim = machine.spec.claim_ref.as_ref();
            claim
                .map(|claim| beside(machine, &claim.cluster_name))
                .into_iter()
                .collect()
        })
        .related(&watches.playbook_runs, |run| {
            let reference = run.spec.cluster_ref.as_ref();
            reference
                .map(|reference| beside(run, &reference.name))
                .into_iter()
                .collect()
        })
        .run(reconcile);
    let store = watches.playbook_runs.store().clone();
    let of_cluster = store.clone();
    let admitted = Arc::new(queue::Admitted::default());
    let starting = Controller::new(NAME, &context, &watches.playbook_runs)
        // A run that is over makes room for those that wait behind it.
        .related(&watches.playbook_runs, move |finished| {
            let waiting = store
                .state_filter(|run| !run.phase().is_finished() && run.namespace() == finished.namespace());
            if finished.phase().is_finished() {
                waiting
                    .iter()
                    .map(|run| ObjectRef::from_obj(run.as_ref()))
                    .collect()
            } else {
                Vec::new()
            }
        })
        // Nor does a run begin while its cluster is paused.
        .related(&watches.cluster_deployments, move |deployment| {
            let waiting = of_cluster.state_filter(|run| {
                let reference = run.spec.cluster_ref.as_ref();
                !run.phase().is_finished()
                    && run.namespace() == deployment.namespace()
                    && reference.is_some_and(|reference| reference.name == deployment.name_any())
            });
            waiting
                .iter()
                .map(|run| ObjectRef::from_obj(run.as_ref()))
                .collect()
        })
        .run(move |run, context| start::reconcile(run, Arc::clone(&admitted), context));
    tokio::join!(planning, starting);
}

async fn reconcile(object: Arc<Cluster>, context: Arc<Context>) -> Result<Action, Error> {
    let Some(observed) = observe::observe(object, &context) else {
        return Ok(Action::await_change());
    };
    let plan = plan::plan(&observed);
    let (status, notices) = record::status(&observed, &plan);
    act::act(&observed, &plan, &status, &notices, &context).await
}
