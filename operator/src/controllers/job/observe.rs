//! Reads the Job, its pods, the tail of the runner's log, and the machines of the run.

use std::sync::Arc;

use k8s_openapi::api::{batch::v1::Job, core::v1::Pod};
use kube::{Api, ResourceExt as _, api::LogParams};
use slipway_api::{PlaybookRun, labels, names};
use slipway_report::{Event, parse_line};

use super::plan::Observed;
use crate::{
    executor::CONTAINER,
    runtime::{Context, Doing as _, Error},
};

/// How much of the log of a pod is read while it runs.
const TAIL_LINES: i64 = 60;
/// How much of the log of a pod is read once it has ended: enough to find the host keys accepted at first use.
const WHOLE_LOG_BYTES: i64 = 4 * 1024 * 1024;

/// What is known of `run`.
///
/// # Errors
/// When the API server does not answer.
pub async fn observe(run: Arc<PlaybookRun>, context: &Context) -> Result<Observed, Error> {
    let namespace = run.namespace().unwrap_or_default();
    let name = run.name_any();
    let uid = run.uid();
    let job_name = names::job(&name);
    let job = match context.watches.jobs.get(&namespace, &job_name) {
        Some(job) => Some(job),
        // The watch may be behind: that a Job is gone is never concluded from it.
        None => Api::<Job>::namespaced((*context.client).clone(), &namespace)
            .get_opt(&job_name)
            .await
            .doing(|| format!("read Job {namespace}/{job_name}"))?
            .map(Arc::new),
    };
    let job = job.filter(|job| job.labels().get(labels::RUN_UID) == uid.as_ref());
    let mut pods = context.watches.pods.in_namespace(&namespace, |pod| {
        pod.labels().get(labels::RUN_UID) == uid.as_ref()
    });
    pods.sort_by_key(|pod| pod.metadata.creation_timestamp.clone());
    let machines = context.watches.machines.in_namespace(&namespace, |machine| {
        let host = run
            .spec
            .hosts
            .iter()
            .find(|host| host.machine == machine.name_any());
        // A machine that was claimed anew since is no longer this run's.
        host.is_some_and(|host| host.epoch.is_none_or(|epoch| epoch == machine.spec.claim_epoch))
    });
    let events = match pods.last() {
        Some(pod) if !run.phase().is_finished() => events(pod, &namespace, context).await,
        _ => Vec::new(),
    };
    Ok(Observed {
        now: context.now(),
        run,
        job,
        pods,
        events,
        machines,
    })
}

/// The event lines at the end of a pod's log. A log that cannot be read is no error: it is news, the result comes by
/// another way.
async fn events(pod: &Pod, namespace: &str, context: &Context) -> Vec<Event> {
    let phase = pod
        .status
        .as_ref()
        .and_then(|status| status.phase.as_deref())
        .unwrap_or_default();
    let amount = match phase {
        "Running" => LogParams {
            tail_lines: Some(TAIL_LINES),
            ..LogParams::default()
        },
        "Succeeded" | "Failed" => LogParams {
            limit_bytes: Some(WHOLE_LOG_BYTES),
            ..LogParams::default()
        },
        _ => return Vec::new(),
    };
    let parameters = LogParams {
        container: Some(CONTAINER.to_owned()),
        ..amount
    };
    let pods = Api::<Pod>::namespaced((*context.client).clone(), namespace);
    match pods.logs(&pod.name_any(), &parameters).await {
        Ok(log) => log.lines().filter_map(parse_line).collect(),
        Err(error) => {
            tracing::debug!(
                "the log of pod {namespace}/{} cannot be read: {error}",
                pod.name_any()
            );
            Vec::new()
        }
    }
}
