//! Nodes, etcd and certificates of a business cluster, whose API server is mostly the metadata cluster's own here: real
//! Nodes, pods and evictions, but no kubelet, whose part the test plays.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may panic")]

mod support;

use std::{sync::Arc, time::Duration};

use k8s_openapi::api::{
    core::v1::{Node, Pod, Secret},
    policy::v1::PodDisruptionBudget,
};
use kube::{
    Api, ResourceExt,
    api::{DeleteParams, Patch, PatchParams, PostParams},
};
use serde_json::{Value, json};
use slipway_api::{Cluster, ClusterDeployment, Machine, MachinePhase, conditions};
use slipway_lab::apiserver::ApiServer;
use support::{
    World,
    executor::{Behaviour, Executor},
};

const CONTROLLERS: &str = "--controllers=clusterdeployment,machineset,machine,nodehealthy";

/// A cluster that is reached by this kubeconfig.
async fn cluster(world: &World, workers: i32, kubeconfig: &str) {
    world
        .create::<Secret>(json!({
            "apiVersion": "v1", "kind": "Secret",
            "metadata": {"name": "shop-kubeconfig", "labels": {
                "slipway.io/cluster": "shop", "app.kubernetes.io/managed-by": "slipway",
            }},
            "stringData": {"value": kubeconfig},
        }))
        .await;
    world.cluster("shop", workers).await;
    world
        .phase(MachinePhase::Deployed, usize::try_from(workers).unwrap() + 1)
        .await;
    let initialized = json!({
        "type": "ControlPlaneInitialized", "status": "True", "reason": "AsWanted", "message": "",
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    });
    let installed = json!({"kubernetesVersion": "v1.35.4", "controlPlanes": 1, "componentConfig": {}});
    world
        .eventually("the Cluster is recorded as installed", || async {
            let cluster: Cluster = world.get("shop").await;
            let mut all = cluster.status.clone().unwrap_or_default().conditions;
            all.push(serde_json::from_value(initialized.clone()).unwrap());
            let patch = json!({
                "metadata": {"resourceVersion": cluster.resource_version()},
                "status": {"installed": installed, "conditions": all},
            });
            let api = world.api::<Cluster>();
            api.patch_status("shop", &PatchParams::default(), &Patch::Merge(&patch))
                .await
                .ok()
        })
        .await;
}

/// As a kubelet would: registers, and says whether it is ready.
async fn kubelet(world: &World, machine: &Machine, ready: &str) {
    let nodes: Api<Node> = Api::all(world.client.clone());
    let name = machine.name_any();
    if nodes.get_opt(&name).await.unwrap().is_none() {
        let node: Node =
            serde_json::from_value(json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}}))
                .unwrap();
        nodes.create(&PostParams::default(), &node).await.unwrap();
    }
    let status = json!({"status": {
        "capacity": {"cpu": "4", "memory": "8038424Ki"},
        "conditions": [{"type": "Ready", "status": ready, "reason": "Test", "message": "as the test says"}],
        "nodeInfo": {
            "architecture": "amd64", "bootID": "b", "containerRuntimeVersion": "containerd://2.1.4",
            "kernelVersion": "6.1.0", "kubeProxyVersion": "", "kubeletVersion": "v1.35.4", "machineID": "m",
            "operatingSystem": "linux", "osImage": "Debian GNU/Linux 12 (bookworm)", "systemUUID": "u",
        },
    }});
    nodes
        .patch_status(&name, &PatchParams::default(), &Patch::Merge(&status))
        .await
        .unwrap();
}

fn workers(count: i32, labels: &Value) -> Value {
    json!({"spec": {"machineSets": [
        {"name": "control-plane", "role": "ControlPlane", "replicas": 1},
        {"name": "worker", "role": "Worker", "replicas": count, "labels": labels},
    ]}})
}

fn of_set<'a>(machines: &'a [Machine], set: &str) -> &'a Machine {
    let is_of_set = |machine: &&Machine| {
        machine
            .spec
            .claim_ref
            .as_ref()
            .is_some_and(|claim| claim.name == set)
    };
    machines.iter().find(is_of_set).unwrap()
}

async fn condition(world: &World, machine: &str, kind: &str) -> Option<(String, String)> {
    let machine: Machine = world.get(machine).await;
    let status = machine.status?;
    let condition = conditions::get(&status.conditions, kind)?;
    Some((condition.status.clone(), condition.message.clone()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn machines_follow_their_nodes_and_a_leaving_one_is_drained_first() {
    let world = Arc::new(World::new().await);
    let _executor = Executor::start(&world, Behaviour::default());
    let operator = world.operator("one", &[CONTROLLERS]).await;
    world.machines(&["m1", "m2"]).await;
    cluster(&world, 1, &world.kubeconfig()).await;
    let machines = world.phase(MachinePhase::Deployed, 2).await;
    for machine in &machines {
        kubelet(&world, machine, "True").await;
    }
    let machines = world.phase(MachinePhase::Ready, 2).await;
    let worker = of_set(&machines, "shop-worker").clone();
    let name = worker.name_any();
    let facts = worker.status.clone().unwrap().facts.unwrap();
    assert_eq!(facts.memory_bytes, Some(8_038_424 * 1024));
    world
        .eventually("the Cluster counts its Nodes", || async {
            let status = world.get::<Cluster>("shop").await.status?;
            (status.nodes?.ready == 2 && conditions::is_true(&status.conditions, "Available")).then_some(())
        })
        .await;
    world.condition("shop", "Ready", "True", "").await;

    // Labels of the set reach the Node, and only the set's leave it.
    let nodes: Api<Node> = Api::all(world.client.clone());
    world
        .merge::<ClusterDeployment>("shop", workers(1, &json!({"tier": "web"})))
        .await;
    world
        .eventually("the label is there", || async {
            (nodes.get(&name).await.unwrap().labels().get("tier")? == "web").then_some(())
        })
        .await;
    world
        .merge::<ClusterDeployment>("shop", workers(1, &json!({})))
        .await;
    world
        .eventually("the label is gone", || async {
            (!nodes.get(&name).await.unwrap().labels().contains_key("tier")).then_some(())
        })
        .await;

    kubelet(&world, &worker, "False").await;
    world.phase(MachinePhase::NotReady, 1).await;
    kubelet(&world, &worker, "True").await;
    world.phase(MachinePhase::Ready, 2).await;

    // Everything is as wanted: nobody writes, while Nodes are still asked for.
    tokio::time::sleep(Duration::from_secs(2)).await;
    let before = world.versions().await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(world.versions().await, before);

    let pods = world.api::<Pod>();
    let pod: Pod = serde_json::from_value(json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": "web", "labels": {"app": "web"}},
        "spec": {"nodeName": name, "containers": [{"name": "web", "image": "web"}]},
    }))
    .unwrap();
    pods.create(&PostParams::default(), &pod).await.unwrap();
    let running =
        json!({"status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}});
    pods.patch_status("web", &PatchParams::default(), &Patch::Merge(&running))
        .await
        .unwrap();
    world
        .create::<PodDisruptionBudget>(json!({
            "apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "web"},
            "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "web"}}},
        }))
        .await;
    world
        .merge::<ClusterDeployment>("shop", workers(0, &json!({})))
        .await;
    world
        .eventually("the budget is named", || async {
            let (status, message) = condition(&world, &name, "Drained").await?;
            (status == "False" && message.contains("PodDisruptionBudget") && message.contains("/web"))
                .then_some(())
        })
        .await;
    assert_eq!(
        nodes.get(&name).await.unwrap().spec.unwrap().unschedulable,
        Some(true),
        "it is cordoned"
    );
    world.delete::<PodDisruptionBudget>("web").await;
    world
        .eventually("the pod is evicted", || async {
            pods.get("web")
                .await
                .unwrap()
                .metadata
                .deletion_timestamp
                .map(drop)
        })
        .await;
    assert!(
        nodes.get_opt(&name).await.unwrap().is_some(),
        "the Node stays until its pods have ended"
    );
    pods.delete("web", &DeleteParams::default().grace_period(0))
        .await
        .unwrap();
    world.phase(MachinePhase::Idle, 1).await;
    assert!(nodes.get_opt(&name).await.unwrap().is_none());
    let released: Machine = world.get(&name).await;
    assert_eq!(released.status.unwrap().node_ref, None);
    world.condition("shop", "Ready", "True", "").await;
    operator.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_tells_how_its_etcd_is_and_when_its_certificates_expire() {
    let world = Arc::new(World::new().await);
    let _executor = Executor::start(&world, Behaviour::default());
    let mut business = ApiServer::start().await.unwrap();
    let operator = world.operator("one", &[CONTROLLERS]).await;
    world.machines(&["m1"]).await;
    let kubeconfig = std::fs::read_to_string(business.kubeconfig()).unwrap();
    cluster(&world, 0, &kubeconfig).await;
    let etcd = async || {
        let status = world.get::<Cluster>("shop").await.status?;
        let etcd = conditions::get(&status.conditions, "EtcdHealthy")?;
        Some((etcd.status.clone(), etcd.message.clone()))
    };
    world
        .eventually("etcd is healthy", || async {
            etcd().await.filter(|(status, _)| status == "True")
        })
        .await;

    // The authorities live for ten years, the certificate of a test's API server for one.
    let kubeconfig: Value = serde_yaml::from_str(&kubeconfig).unwrap();
    let certificate = kubeconfig["clusters"][0]["cluster"]["certificate-authority"]
        .as_str()
        .unwrap();
    let certificate = std::fs::read_to_string(certificate).unwrap();
    let expiry = slipway_trust::certificate_expiry(&certificate).unwrap();
    let expiry = expiry.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let told = world
        .eventually("an expiry is told", || async {
            world
                .get::<Cluster>("shop")
                .await
                .status?
                .certificates?
                .earliest_expiry
        })
        .await;
    assert_eq!(u64::try_from(told.0.as_second()).unwrap(), expiry);

    business.end_etcd();
    let (_, message) = world
        .eventually("etcd is not healthy", || async {
            etcd().await.filter(|(status, _)| status == "False")
        })
        .await;
    assert!(message.contains("error"), "{message}");
    world
        .condition("shop", "Ready", "False", "etcd is not healthy")
        .await;
    drop(business);
    world
        .eventually("nothing is known of etcd", || async {
            etcd().await.filter(|(status, _)| status == "Unknown")
        })
        .await;
    operator.stop().await;
}
