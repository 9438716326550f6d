//! Writes what the plan says: the status, machines that are clean without a reset, the next run, and the end of old ones.

use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use kube::{Api, Resource as _, ResourceExt as _, api::ListParams, runtime::controller::Action};
use slipway_api::{
    ClusterDeployment, ClusterStatus, MachineStatus, PlaybookRun, PlaybookRunSpec,
    conditions::{self, NewCondition, reasons},
    labels,
    playbook_run::RunLimits,
    references::ObjectReference,
};

use super::{
    observe::is_of,
    plan::{NewRun, Next, Observed, Plan, may_touch},
    record::HISTORY,
};
use crate::{
    controllers::machine_state,
    runtime::{Context, Doing as _, Error, Notice, write},
};

/// Carries the plan out. Each step may be the last one before a crash: the next plan starts from what is there then.
///
/// # Errors
/// When the API server refuses or does not answer.
pub async fn act(
    observed: &Observed,
    plan: &Plan,
    status: &ClusterStatus,
    notices: &[Notice],
    context: &Context,
) -> Result<Action, Error> {
    let cluster = observed.cluster.as_ref();
    // What is being installed is recorded before anything is, so that later runs go on with the same.
    let written = write::status(&context.client, cluster, cluster.status.as_ref(), status).await?;
    if written {
        for notice in notices {
            context.events.publish(observed.deployment.as_ref(), notice).await;
        }
    }
    mark_clean(observed, &plan.untouched, context).await?;
    remove_old_runs(observed, context).await?;
    match &plan.next {
        Next::Nothing | Next::Stopped { .. } => Ok(Action::await_change()),
        Next::After(wait) => Ok(Action::requeue(*wait + Duration::from_millis(500))),
        Next::Run(run) => {
            create_run(observed, run, context).await?;
            Ok(Action::await_change())
        }
    }
}

/// Makes the PlaybookRun. That it exists already is no error: the watch is behind, or a crash came between.
async fn create_run(observed: &Observed, new: &NewRun, context: &Context) -> Result<(), Error> {
    let run = playbook_run(observed, new);
    if write::create_once(&context.client, &run).await? {
        let hosts: Vec<&str> = new.work.hosts.iter().map(|host| host.machine.as_str()).collect();
        let note = format!(
            "{} of {} (try {})",
            new.work.operation,
            hosts.join(", "),
            new.attempt
        );
        let notice = Notice::normal("RunCreated", note);
        context
            .events
            .publish(observed.deployment.as_ref(), &notice)
            .await;
    }
    Ok(())
}

fn playbook_run(observed: &Observed, new: &NewRun) -> PlaybookRun {
    let deployment = &observed.deployment;
    let name = deployment.name_any();
    let metadata = ObjectMeta {
        name: Some(new.name.clone()),
        namespace: deployment.namespace(),
        labels: Some(
            [
                (labels::CLUSTER, name.clone()),
                (labels::OPERATION, new.work.operation.to_string()),
                (labels::MANAGED_BY, labels::MANAGED_BY_SLIPWAY.to_owned()),
            ]
            .into_iter()
            .map(|(key, value)| (key.to_owned(), value))
            .collect(),
        ),
        owner_references: Some(vec![OwnerReference {
            api_version: ClusterDeployment::api_version(&()).into_owned(),
            kind: ClusterDeployment::kind(&()).into_owned(),
            name: name.clone(),
            uid: deployment.uid().unwrap_or_default(),
            controller: Some(true),
            block_owner_deletion: Some(true),
        }]),
        ..ObjectMeta::default()
    };
    PlaybookRun {
        metadata,
        spec: PlaybookRunSpec {
            cluster_ref: Some(ObjectReference {
                name,
                uid: deployment.uid(),
            }),
            operation: new.work.operation,
            playbook: String::new(),
            hosts: new.work.hosts.clone(),
            inputs_hash: new.work.inputs_hash.clone(),
            attempt: new.attempt,
            limits: RunLimits::default(),
            cancel: false,
        },
        status: None,
    }
}

/// Records of machines that they are clean without a reset: no run was ever made for their claim. What was seen may be old,
/// so the API server is asked for runs first: a machine that is called clean is gone to others in a moment.
async fn mark_clean(observed: &Observed, untouched: &[String], context: &Context) -> Result<(), Error> {
    if untouched.is_empty() {
        return Ok(());
    }
    let namespace = observed.deployment.namespace().unwrap_or_default();
    let mut runs = Api::<PlaybookRun>::namespaced((*context.client).clone(), &namespace)
        .list(&ListParams::default())
        .await
        .doing(|| format!("list the PlaybookRuns of namespace {namespace}"))?
        .items;
    runs.retain(|run| is_of(run, &observed.deployment));
    let machines = observed
        .machines
        .iter()
        .filter(|machine| untouched.contains(&machine.name_any()));
    for machine in machines.filter(|machine| !runs.iter().any(|run| may_touch(run, machine))) {
        let mut status: MachineStatus = machine.status.clone().unwrap_or_default();
        status.cleaned_epoch = Some(machine.spec.claim_epoch);
        let clean = NewCondition {
            kind: conditions::CLEAN,
            status: Some(true),
            reason: reasons::AS_WANTED,
            message: "no run was made for this claim",
            observed_generation: machine.metadata.generation,
        };
        conditions::set(&mut status.conditions, &clean, &observed.now);
        status.phase = machine_state::phase(&machine.spec, &status);
        write::status(
            &context.client,
            machine.as_ref(),
            machine.status.as_ref(),
            &status,
        )
        .await?;
    }
    Ok(())
}

/// Keeps the last finished runs and deletes older ones; the Cluster's history has had them.
async fn remove_old_runs(observed: &Observed, context: &Context) -> Result<(), Error> {
    let mut finished: Vec<&PlaybookRun> = observed
        .runs
        .iter()
        .map(AsRef::as_ref)
        .filter(|run| run.phase().is_finished())
        .collect();
    if finished.len() <= HISTORY {
        return Ok(());
    }
    finished.sort_by_key(|run| std::cmp::Reverse(run.metadata.creation_timestamp.clone()));
    let namespace = observed.deployment.namespace().unwrap_or_default();
    for run in finished
        .into_iter()
        .skip(HISTORY)
        .filter(|run| run.metadata.deletion_timestamp.is_none())
    {
        write::delete::<PlaybookRun>(&context.client, &namespace, &run.name_any()).await?;
    }
    Ok(())
}
