//! The machineset controller.

use std::sync::Arc;

use kube::runtime::controller::Action;
use slipway_api::MachineSet;

use crate::runtime::{Context, Controller, Error};

/// Name of this controller in metrics, logs and field managers.
pub const NAME: &str = "machineset";

/// Runs until shutdown.
pub async fn run(context: Arc<Context>) {
    Controller::new(NAME, &context, &context.watches.machine_sets)
        .run(reconcile)
        .await;
}

async fn reconcile(object: Arc<MachineSet>, context: Arc<Context>) -> Result<Action, Error> {
    let _ = (object, context);
    Ok(Action::await_change())
}
