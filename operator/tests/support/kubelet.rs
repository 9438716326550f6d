//! Somebody who plays the scheduler, the kubelet and the runner: the pods of executors start, report and end as a test asks.
//! The Jobs are real: Kubernetes' own controller makes their pods and judges how they end.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use chrono::Utc;
use k8s_openapi::api::{
    batch::v1::Job,
    core::v1::{ConfigMap, Pod},
};
use kube::{
    Api, ResourceExt,
    api::{DeleteParams, Patch, PatchParams, PostParams},
};
use serde_json::{Value, json};
use slipway_api::Operation;
use slipway_report::{HostResult, RunOutcome, RunResult};
use tokio::task::JoinHandle;

use super::World;

/// What the runner does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Play {
    /// It does every task on every host.
    Succeeds,
    /// It fails at a task on every host, with this answer.
    Fails(&'static str),
    /// It does not reach a host.
    CannotReach(&'static str),
    /// It finds that its playbook is wrong.
    Refuses(&'static str),
    /// It plays until it is told to stop.
    Hangs,
    /// It is killed, without a word, by the kernel.
    IsKilled,
}

/// What it does for each operation; it succeeds where nothing else is asked for.
type Plays = Arc<Mutex<BTreeMap<Operation, Play>>>;

/// Plays until it is dropped.
pub struct Kubelet {
    plays: Plays,
    task: JoinHandle<()>,
}

impl Kubelet {
    pub fn start(world: &Arc<World>) -> Self {
        let plays = Plays::default();
        let (world, watched) = (Arc::clone(world), Arc::clone(&plays));
        let task = tokio::spawn(async move {
            loop {
                for pod in world.list::<Pod>().await {
                    let operation = operation(&pod);
                    let play = watched.lock().unwrap().get(&operation).cloned();
                    go_on(&world, &pod, play.unwrap_or(Play::Succeeds)).await;
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        });
        Self { plays, task }
    }

    /// From now on, also for what already runs.
    pub fn play(&self, operation: Operation, play: Play) {
        self.plays.lock().unwrap().insert(operation, play);
    }
}

impl Drop for Kubelet {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn operation(pod: &Pod) -> Operation {
    let label = pod.labels().get("slipway.io/operation").unwrap();
    serde_json::from_value(json!(label)).unwrap()
}

async fn go_on(world: &World, pod: &Pod, play: Play) {
    let phase = pod
        .status
        .as_ref()
        .and_then(|status| status.phase.as_deref())
        .unwrap_or("Pending");
    let is_deleted = pod.metadata.deletion_timestamp.is_some();
    match phase {
        "Pending" if !is_deleted => {
            if pod.spec.as_ref().unwrap().node_name.is_none() {
                bind(world, pod).await;
            }
            set_status(world, pod, "Running", json!({"running": {"startedAt": now()}})).await;
        }
        "Running" if is_deleted => {
            // As the runner ends when it is told to stop at a task boundary.
            let result = result(RunOutcome::Cancelled, 143, Vec::new());
            terminate(world, pod, 143, "Error", &result).await;
        }
        "Running" => run(world, pod, play).await,
        // What has ended goes when the kubelet says so.
        _ if is_deleted => {
            let pods = world.api::<Pod>();
            let _ = pods
                .delete(&pod.name_any(), &DeleteParams::default().grace_period(0))
                .await;
        }
        _ => {}
    }
}

async fn run(world: &World, pod: &Pod, play: Play) {
    let hosts = hosts(world, pod).await;
    let ended = |host: &String| HostResult {
        host: host.clone(),
        ok: 12,
        changed: 7,
        ..HostResult::default()
    };
    let mut results: Vec<HostResult> = hosts.iter().map(ended).collect();
    match play {
        Play::Hangs => {}
        Play::Succeeds => {
            let succeeded = result(RunOutcome::Succeeded, 0, results);
            terminate(world, pod, 0, "Completed", &succeeded).await;
        }
        Play::Fails(answer) => {
            for result in &mut results {
                result.failed = 1;
                result.task = Some("kubeadm : Initialise the control plane".to_owned());
                result.message = Some(answer.to_owned());
            }
            terminate(world, pod, 2, "Error", &result(RunOutcome::Failed, 2, results)).await;
        }
        Play::CannotReach(host) => {
            for result in results.iter_mut().filter(|result| result.host == host) {
                result.unreachable = 1;
                result.task = Some("Gathering Facts".to_owned());
                result.message = Some("connection refused".to_owned());
            }
            terminate(
                world,
                pod,
                4,
                "Error",
                &result(RunOutcome::Unreachable, 4, results),
            )
            .await;
        }
        Play::Refuses(message) => {
            let mut invalid = result(RunOutcome::Invalid, 4, Vec::new());
            invalid.message = Some(message.to_owned());
            terminate(world, pod, 4, "Error", &invalid).await;
        }
        Play::IsKilled => {
            let state = json!({"terminated": {"exitCode": 137, "reason": "OOMKilled", "finishedAt": now()}});
            set_status(world, pod, "Failed", state).await;
        }
    }
}

/// The hosts of the inventory that the pod mounts.
async fn hosts(world: &World, pod: &Pod) -> Vec<String> {
    let name = format!("{}-inventory", pod.labels()["slipway.io/run"]);
    let Some(config_map) = world.api::<ConfigMap>().get_opt(&name).await.unwrap() else {
        return Vec::new();
    };
    let inventory: Value = serde_yaml::from_str(&config_map.data.unwrap()["hosts.yml"]).unwrap();
    inventory["all"]["hosts"]
        .as_object()
        .unwrap()
        .keys()
        .cloned()
        .collect()
}

fn result(outcome: RunOutcome, exit_code: i32, hosts: Vec<HostResult>) -> RunResult {
    RunResult {
        slipway: slipway_report::SCHEMA_VERSION,
        outcome,
        exit_code,
        started: Utc::now(),
        finished: Utc::now(),
        message: None,
        hosts,
        hosts_omitted: 0,
    }
}

async fn terminate(world: &World, pod: &Pod, exit_code: i32, reason: &str, result: &RunResult) {
    let state = json!({"terminated": {
        "exitCode": exit_code, "reason": reason, "message": result.to_compact_json(),
        "startedAt": now(), "finishedAt": now(),
    }});
    let phase = if exit_code == 0 { "Succeeded" } else { "Failed" };
    set_status(world, pod, phase, state).await;
}

fn now() -> String {
    Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
}

async fn bind(world: &World, pod: &Pod) {
    let binding = json!({
        "apiVersion": "v1", "kind": "Binding", "metadata": {"name": pod.name_any()},
        "target": {"apiVersion": "v1", "kind": "Node", "name": "nowhere"},
    });
    let pods = world.api::<Pod>();
    let _: Result<Value, _> = pods
        .create_subresource("binding", &pod.name_any(), &PostParams::default(), &binding)
        .await;
}

/// A pod that is gone or was changed is looked at again.
async fn set_status(world: &World, pod: &Pod, phase: &str, state: Value) {
    let status = json!({"status": {
        "phase": phase,
        "containerStatuses": [{
            "name": "runner", "image": "executor", "imageID": "executor", "ready": phase == "Running",
            "restartCount": 0, "state": state,
        }],
    }});
    let pods: Api<Pod> = world.api();
    let _ = pods
        .patch_status(
            &pod.name_any(),
            &PatchParams::default(),
            &Patch::Strategic(&status),
        )
        .await;
}

/// The Jobs of a cluster's runs.
pub async fn jobs(world: &World, cluster: &str) -> Vec<Job> {
    let mut jobs = world.list::<Job>().await;
    jobs.retain(|job| job.labels().get("slipway.io/cluster").map(String::as_str) == Some(cluster));
    jobs.sort_by_key(|job| job.metadata.creation_timestamp.clone());
    jobs
}
