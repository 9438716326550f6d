//! job: reads how the executors do, and records it on the run and on its machines.

mod act;
mod observe;
pub mod plan;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use k8s_openapi::api::{batch::v1::Job, core::v1::Pod};
use kube::{
    Resource, ResourceExt as _,
    runtime::{controller::Action, reflector::ObjectRef},
};
use slipway_api::{PlaybookRun, labels};

use crate::runtime::{Context, Controller, Error, watches::beside};

/// Name of this controller.
pub const NAME: &str = "job";

/// Runs the controller until shutdown.
pub async fn run(context: Arc<Context>) {
    Controller::new(NAME, &context, &context.watches.playbook_runs)
        .related(&context.watches.jobs, |job: &Job| of_run(job))
        .related(&context.watches.pods, |pod: &Pod| of_run(pod))
        .run(reconcile)
        .await;
}

async fn reconcile(run: Arc<PlaybookRun>, context: Arc<Context>) -> Result<Action, Error> {
    let has_job = run.status.as_ref().is_some_and(|status| status.job_ref.is_some());
    // A run that has no Job yet is its starter's, but one that is deleted is not started any more.
    if !has_job && run.metadata.deletion_timestamp.is_none() {
        return Ok(Action::await_change());
    }
    let observed = observe::observe(run, &context).await?;
    let plan = plan::plan(&observed);
    act::act(&observed, &plan, &context).await
}

fn of_run<K: Resource>(object: &K) -> Vec<ObjectRef<PlaybookRun>> {
    object
        .labels()
        .get(labels::RUN)
        .map(|run| beside(object, run))
        .into_iter()
        .collect()
}
