//! Writes what the plan says: machines first, then the run, then the end of the executor; so that a crash in between
//! leaves a run that is not over, and everything is done again.

use std::time::Duration;

use k8s_openapi::api::{
    batch::v1::Job,
    core::v1::{ConfigMap, Secret},
};
use kube::{
    Api, ResourceExt as _,
    api::{Patch, PatchParams},
    runtime::controller::Action,
};
use serde_json::json;
use slipway_api::{
    ClusterDeployment, Machine, MachineStatus, RunPhase,
    conditions::{self, NewCondition, reasons},
    labels,
    machine::{HostKeyPolicy, LastRun},
    names,
};

use super::plan::{HostOutcome, Observed, Plan, proves_clean};
use crate::{
    controllers::machine_state,
    runtime::{Context, Doing as _, Error, Notice, write},
};

/// How often the log of a running executor is read.
const POLL: Duration = Duration::from_secs(2);

/// Carries the plan out.
///
/// # Errors
/// When the API server refuses or does not answer.
pub async fn act(observed: &Observed, plan: &Plan, context: &Context) -> Result<Action, Error> {
    let run = observed.run.as_ref();
    for machine in &observed.machines {
        let name = machine.name_any();
        if let Some(key) = plan.host_keys.get(&name) {
            pin_host_key(machine, key, context).await?;
        }
        if let Some(outcome) = plan.hosts.get(&name) {
            record_machine(observed, machine, outcome, context).await?;
        }
    }
    let written = write::status(&context.client, run, run.status.as_ref(), &plan.status).await?;
    if written {
        for notice in &plan.notices {
            tell(observed, notice, context).await;
        }
    }
    if plan.suspend {
        suspend(observed, context).await?;
    }
    if plan.clean_up {
        clean_up(observed, context).await?;
        return Ok(Action::await_change());
    }
    Ok(Action::requeue(POLL))
}

/// Tells about the run and about its cluster.
async fn tell(observed: &Observed, notice: &Notice, context: &Context) {
    context.events.publish(observed.run.as_ref(), notice).await;
    let namespace = observed.run.namespace().unwrap_or_default();
    if let Some(reference) = &observed.run.spec.cluster_ref
        && let Some(deployment) = context
            .watches
            .cluster_deployments
            .get(&namespace, &reference.name)
    {
        context
            .events
            .publish::<ClusterDeployment>(&deployment, notice)
            .await;
    }
}

/// Writes what the run means for one machine.
async fn record_machine(
    observed: &Observed,
    machine: &Machine,
    outcome: &HostOutcome,
    context: &Context,
) -> Result<(), Error> {
    let status = machine_status(observed, machine, outcome);
    write::status(&context.client, machine, machine.status.as_ref(), &status).await?;
    Ok(())
}

/// The status of `machine` after what the run did to it. Pure.
pub(super) fn machine_status(observed: &Observed, machine: &Machine, outcome: &HostOutcome) -> MachineStatus {
    let run = &observed.run;
    let mut status = machine.status.clone().unwrap_or_default();
    let finished = outcome.phase.is_finished();
    let known = status.last_run.take().filter(|last| last.name == run.name_any());
    status.last_run = Some(LastRun {
        name: run.name_any(),
        operation: run.spec.operation,
        phase: outcome.phase,
        finished_at: match known {
            Some(last) if last.finished_at.is_some() => last.finished_at,
            _ => finished.then(|| observed.now.clone()),
        },
        message: outcome
            .message
            .as_deref()
            .map(|message| slipway_report::shorten(message, 1024)),
    });
    let mut set = |kind: &str, value: bool, reason: &str, message: &str| {
        let condition = NewCondition {
            kind,
            status: Some(value),
            reason,
            message,
            observed_generation: machine.metadata.generation,
        };
        conditions::set(&mut status.conditions, &condition, &observed.now);
    };
    if finished && outcome.phase != RunPhase::Cancelled {
        let message = outcome.message.as_deref().unwrap_or("reached by the last run");
        if outcome.unreachable {
            set(conditions::REACHABLE, false, reasons::UNREACHABLE, message);
        } else if outcome.phase == RunPhase::Succeeded {
            set(
                conditions::REACHABLE,
                true,
                reasons::AS_WANTED,
                "reached by the last run",
            );
        }
    }
    if finished && proves_clean(run) {
        match outcome.phase {
            RunPhase::Succeeded => {
                set(
                    conditions::CLEAN,
                    true,
                    reasons::AS_WANTED,
                    "nothing of a cluster is left on the host",
                );
                status.cleaned_epoch = Some(machine.spec.claim_epoch);
            }
            RunPhase::Failed => {
                let message = outcome.message.as_deref().unwrap_or_default();
                set(conditions::CLEAN, false, reasons::NOT_CLEANED, message);
            }
            _ => {}
        }
    } else if outcome.phase != RunPhase::Pending && crate::executor::installs(run.spec.operation) {
        set(
            conditions::CLEAN,
            false,
            reasons::IN_PROGRESS,
            "a run installs the machine",
        );
        // What proved it clean within this claim, such as a reset by hand, does so no more.
        let before_the_claim = machine.spec.claim_epoch - 1;
        status.cleaned_epoch = status.cleaned_epoch.map(|epoch| epoch.min(before_the_claim));
    }
    status.observed_generation = machine.metadata.generation;
    status.phase = machine_state::phase(&machine.spec, &status);
    status
}

/// Writes a key that was accepted at first use back to the machine, so that it is the only one from then on.
async fn pin_host_key(machine: &Machine, key: &str, context: &Context) -> Result<(), Error> {
    let ssh = &machine.spec.ssh;
    if ssh.host_key_policy != HostKeyPolicy::TrustOnFirstUse || !ssh.host_keys.is_empty() {
        return Ok(());
    }
    let namespace = machine.namespace().unwrap_or_default();
    let patch = json!({
        "metadata": {"resourceVersion": machine.resource_version()},
        "spec": {"ssh": {"hostKeys": [key]}},
    });
    Api::<Machine>::namespaced((*context.client).clone(), &namespace)
        .patch(
            &machine.name_any(),
            &PatchParams::default(),
            &Patch::Merge(&patch),
        )
        .await
        .doing(|| format!("write the host key of Machine {namespace}/{}", machine.name_any()))?;
    let note = "the key that the host showed first is trusted from now on";
    context
        .events
        .publish(machine, &Notice::normal("HostKeyPinned", note))
        .await;
    Ok(())
}

async fn suspend(observed: &Observed, context: &Context) -> Result<(), Error> {
    let Some(job) = &observed.job else {
        return Ok(());
    };
    let over = job
        .status
        .as_ref()
        .is_some_and(|status| status.completion_time.is_some());
    if over || job.spec.as_ref().and_then(|spec| spec.suspend) == Some(true) {
        return Ok(());
    }
    let namespace = job.namespace().unwrap_or_default();
    let jobs = Api::<Job>::namespaced((*context.client).clone(), &namespace);
    let suspended = json!({"spec": {"suspend": true}});
    match jobs
        .patch(
            &job.name_any(),
            &PatchParams::default(),
            &Patch::Merge(&suspended),
        )
        .await
    {
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
        result => result
            .map(|_| ())
            .doing(|| format!("suspend Job {namespace}/{}", job.name_any())),
    }
}

/// Lets the executor go: secrets at once, the Job with its log after its time to live.
async fn clean_up(observed: &Observed, context: &Context) -> Result<(), Error> {
    let run = &observed.run;
    let namespace = run.namespace().unwrap_or_default();
    let name = run.name_any();
    if let Some(job) = &observed.job
        && job
            .finalizers()
            .iter()
            .any(|finalizer| finalizer == labels::JOB_FINALIZER)
    {
        write::delete::<Secret>(&context.client, &namespace, &names::executor_secret(&name)).await?;
        write::delete::<ConfigMap>(&context.client, &namespace, &names::inventory_config_map(&name)).await?;
        write::remove_finalizer(&context.client, job.as_ref(), labels::JOB_FINALIZER).await?;
    }
    if run.metadata.deletion_timestamp.is_some() {
        if observed.job.is_some() {
            // Kubernetes' garbage collector would come to it too, but it learns of a new kind of owner only half a minute
            // after the kind was installed.
            write::delete::<Job>(&context.client, &namespace, &names::job(&name)).await?;
        }
        write::remove_finalizer(&context.client, run.as_ref(), labels::PLAYBOOK_RUN_FINALIZER).await?;
    }
    Ok(())
}
