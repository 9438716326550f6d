//! The nodehealthy controller.

use std::sync::Arc;

use kube::runtime::controller::Action;
use slipway_api::Cluster;

use crate::runtime::{Context, Controller, Error};

/// Name of this controller in metrics, logs and field managers.
pub const NAME: &str = "nodehealthy";

/// Runs until shutdown.
pub async fn run(context: Arc<Context>) {
    Controller::new(NAME, &context, &context.watches.clusters)
        .run(reconcile)
        .await;
}

async fn reconcile(object: Arc<Cluster>, context: Arc<Context>) -> Result<Action, Error> {
    let _ = (object, context);
    Ok(Action::await_change())
}
