//! Somebody who plays clusterinstall and job: makes runs for machines, and lets them end.

use std::{sync::Arc, time::Duration};

use kube::{
    Api, ResourceExt,
    api::{Patch, PatchParams, PostParams},
};
use serde_json::{Value, json};
use slipway_api::{
    ClusterDeployment, Machine, Operation, PlaybookRun, RunPhase,
    conditions::{self, DRAINED, TRUST_READY},
};
use slipway_operator::controllers::machine_state;
use tokio::{sync::watch, task::JoinHandle};

use super::World;

/// What the executor does with a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It succeeds at once.
    Succeeds,
    /// It fails on every host.
    Fails,
    /// It runs until it is cancelled.
    Hangs,
}

/// How the executor behaves, by operation.
#[derive(Clone, Copy, Debug)]
pub struct Behaviour {
    pub check: Outcome,
    pub install: Outcome,
    pub reset: Outcome,
}

impl Default for Behaviour {
    fn default() -> Self {
        Self {
            check: Outcome::Succeeds,
            install: Outcome::Succeeds,
            reset: Outcome::Succeeds,
        }
    }
}

/// Plays the executor's side until it is dropped.
pub struct Executor {
    behaviour: watch::Sender<Behaviour>,
    task: JoinHandle<()>,
}

impl Executor {
    pub fn start(world: &Arc<World>, behaviour: Behaviour) -> Self {
        let (behaviour, watched) = watch::channel(behaviour);
        let world = Arc::clone(world);
        let task = tokio::spawn(async move {
            loop {
                let behaviour = *watched.borrow();
                play(&world, behaviour).await;
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        });
        Self { behaviour, task }
    }

    /// Changes how it behaves from now on.
    pub fn behave(&self, behaviour: Behaviour) {
        self.behaviour.send_replace(behaviour);
    }
}

impl Drop for Executor {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn play(world: &World, behaviour: Behaviour) {
    for deployment in world.list::<ClusterDeployment>().await {
        make_runs(world, &deployment).await;
    }
    for run in world.list::<PlaybookRun>().await {
        if !run.phase().is_finished() {
            go_on(world, &run, behaviour).await;
        }
    }
}

/// As clusterinstall would: a reset for what leaves the cluster, an installation once there is trust.
async fn make_runs(world: &World, deployment: &ClusterDeployment) {
    let name = deployment.name_any();
    let machines: Vec<Machine> = world
        .list::<Machine>()
        .await
        .into_iter()
        .filter(|machine| {
            machine
                .spec
                .claim_ref
                .as_ref()
                .is_some_and(|claim| claim.cluster_name == name)
        })
        .collect();
    let is_drained = |machine: &Machine| {
        machine
            .status
            .as_ref()
            .is_some_and(|status| conditions::is_true(&status.conditions, DRAINED))
    };
    for machine in &machines {
        if machine_state::is_releasing(machine) {
            if is_drained(machine) && !machine.is_clean() {
                make_run(world, deployment, machine, Operation::Reset).await;
            }
        } else if deployment.metadata.deletion_timestamp.is_none()
            && !deployment.spec.paused
            && deployment
                .status
                .as_ref()
                .is_some_and(|status| conditions::is_true(&status.conditions, TRUST_READY))
        {
            make_run(world, deployment, machine, Operation::Install).await;
        }
    }
}

async fn make_run(world: &World, deployment: &ClusterDeployment, machine: &Machine, operation: Operation) {
    let name = machine.name_any();
    let epoch = machine.spec.claim_epoch;
    let run_name = format!("{}-{}-{epoch}", operation.playbook(), name);
    let run: PlaybookRun = serde_json::from_value(json!({
        "apiVersion": "slipway.io/v1alpha1", "kind": "PlaybookRun",
        "metadata": {"name": run_name, "labels": {"slipway.io/cluster": deployment.name_any()}},
        "spec": {
            "clusterRef": {"name": deployment.name_any(), "uid": deployment.uid()},
            "operation": operation, "hosts": [{"machine": name, "epoch": epoch}],
        },
    }))
    .unwrap();
    match world
        .api::<PlaybookRun>()
        .create(&PostParams::default(), &run)
        .await
    {
        Ok(_) => {}
        Err(kube::Error::Api(status)) if status.code == 409 => {}
        Err(error) => panic!("{error}"),
    }
}

/// As job would: records how the run ends, on the run and on its machines.
async fn go_on(world: &World, run: &PlaybookRun, behaviour: Behaviour) {
    let operation = run.spec.operation;
    let outcome = match operation {
        Operation::Check => behaviour.check,
        Operation::Reset => behaviour.reset,
        _ => behaviour.install,
    };
    let (phase, code) = match outcome {
        _ if run.spec.cancel => (RunPhase::Cancelled, "Cancelled"),
        Outcome::Succeeds => (RunPhase::Succeeded, "Succeeded"),
        Outcome::Fails => (RunPhase::Failed, "TaskFailed"),
        Outcome::Hangs => (RunPhase::Running, ""),
    };
    for host in &run.spec.hosts {
        record_on_machine(world, run, &host.machine, host.epoch, phase).await;
    }
    let mut status = json!({"phase": phase});
    if phase.is_finished() {
        status["result"] = json!({"code": code, "message": "as the test asked"});
    }
    patch_status(
        &world.api::<PlaybookRun>(),
        &run.name_any(),
        &json!({"status": status}),
    )
    .await;
}

async fn record_on_machine(
    world: &World,
    run: &PlaybookRun,
    name: &str,
    epoch: Option<i64>,
    phase: RunPhase,
) {
    let machines = world.api::<Machine>();
    loop {
        let Some(machine) = machines.get_opt(name).await.unwrap() else {
            return;
        };
        let mut next = machine.status.clone().unwrap_or_default();
        next.last_run = serde_json::from_value(json!({
            "name": run.name_any(), "operation": run.spec.operation, "phase": phase,
            "message": (phase == RunPhase::Failed).then_some("kubelet is running"),
        }))
        .unwrap();
        let proves_clean = matches!(run.spec.operation, Operation::Check | Operation::Reset);
        if proves_clean && phase == RunPhase::Succeeded && epoch == Some(machine.spec.claim_epoch) {
            next.cleaned_epoch = epoch;
        }
        next.phase = machine_state::phase(&machine.spec, &next);
        if machine.status.as_ref() == Some(&next) {
            return;
        }
        let patch = json!({"metadata": {"resourceVersion": machine.resource_version()}, "status": next});
        if patch_status(&machines, name, &patch).await {
            return;
        }
    }
}

/// False if somebody else wrote first.
async fn patch_status<K>(api: &Api<K>, name: &str, patch: &Value) -> bool
where
    K: Clone + std::fmt::Debug + serde::de::DeserializeOwned,
{
    match api
        .patch_status(name, &PatchParams::default(), &Patch::Merge(patch))
        .await
    {
        Ok(_) => true,
        Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => false,
        Err(error) => panic!("{error}"),
    }
}
