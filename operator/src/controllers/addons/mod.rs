//! addons: puts into an available cluster what its ClusterDeployment asks for, and takes out what it asks for no more.

mod act;
mod bundled;
mod manifest;
mod observe;
mod plan;
mod template;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use kube::{ResourceExt as _, runtime::controller::Action};
use slipway_api::Cluster;

use crate::runtime::{Context, Controller, Error, watches::beside};

/// Name of this controller.
pub const NAME: &str = "addons";

/// Runs the controller until shutdown.
pub async fn run(context: Arc<Context>) {
    Controller::new(NAME, &context, &context.watches.clusters)
        .related(&context.watches.cluster_deployments, |deployment| {
            vec![beside(deployment, &deployment.name_any())]
        })
        .run(reconcile)
        .await;
}

async fn reconcile(cluster: Arc<Cluster>, context: Arc<Context>) -> Result<Action, Error> {
    let Some(observed) = observe::observe(cluster, &context).await? else {
        return Ok(Action::await_change());
    };
    let plan = plan::plan(&observed);
    act::act(&observed, &plan, &context).await
}
