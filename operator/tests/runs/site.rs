//! A namespace in which runs go from a PlaybookRun to the end of their Job.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use k8s_openapi::api::{
    batch::v1::Job,
    core::v1::{ConfigMap, Pod, Secret},
    events::v1::Event,
};
use kube::{Resource, ResourceExt, core::NamespaceResourceScope};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::json;
use slipway_api::{
    Cluster, ClusterDeployment, Machine, MachinePhase, MachineSet, Operation, PlaybookRun, RunPhase,
    conditions,
};

use crate::support::{self, Operator, World, kubelet::Kubelet};

/// Every controller but nodehealthy, whose business clusters are played by others.
const CONTROLLERS: &str = "--controllers=clusterdeployment,machineset,machine,clusterinstall,job,addons";
/// Stands in the SSH key, so that a search finds where it has come to.
pub const KEY_MARK: &str = "c2xpcHdheS10ZXN0LWtleQ";

/// A namespace with an SSH key, machines and somebody who plays the pods.
pub struct Site {
    pub world: Arc<World>,
    pub kubelet: Kubelet,
}

impl Site {
    pub async fn new(machines: &[&str]) -> Self {
        let world = Arc::new(World::with_jobs().await);
        let key =
            format!("-----BEGIN OPENSSH PRIVATE KEY-----\n{KEY_MARK}\n-----END OPENSSH PRIVATE KEY-----\n");
        world
            .create::<Secret>(json!({
                "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "ssh"},
                "type": "kubernetes.io/ssh-auth", "stringData": {"ssh-privatekey": key},
            }))
            .await;
        world.machines(machines).await;
        Self {
            kubelet: Kubelet::start(&world),
            world,
        }
    }

    pub async fn operator(&self, identity: &str) -> Operator {
        // A Lease that outlasts a busy machine.
        self.world
            .operator(identity, &[CONTROLLERS, "--lease-seconds=15"])
            .await
    }

    /// The cluster's kubeconfig leads to this API server, which so is the business cluster too.
    pub async fn be_the_business_cluster(&self, cluster: &str) {
        self.world
            .create::<Secret>(json!({
                "apiVersion": "v1", "kind": "Secret",
                "metadata": {
                    "name": format!("{cluster}-kubeconfig"),
                    "labels": {"slipway.io/cluster": cluster, "app.kubernetes.io/managed-by": "slipway"},
                },
                "stringData": {"value": self.world.kubeconfig()},
            }))
            .await;
    }

    /// Creates a cluster whose failed runs are tried again after a second, so many times.
    pub async fn cluster(&self, name: &str, workers: i32, retries: i32) {
        let mut cluster = support::cluster(name, workers);
        cluster["spec"]["strategy"] = json!({"retry": {"limit": retries, "backoffSeconds": 1}});
        self.world.create::<ClusterDeployment>(cluster).await;
    }

    pub async fn runs(&self, operation: Operation) -> Vec<PlaybookRun> {
        let mut runs = self.world.list::<PlaybookRun>().await;
        runs.retain(|run| run.spec.operation == operation);
        runs.sort_by_key(|run| run.spec.attempt);
        runs
    }

    /// Waits for the run of this operation and try to come into `phase`.
    pub async fn run(&self, operation: Operation, attempt: i32, phase: RunPhase) -> PlaybookRun {
        self.world
            .eventually(&format!("{operation} (try {attempt}) {phase}"), || async {
                let runs = self.runs(operation).await;
                runs.into_iter()
                    .find(|run| run.spec.attempt == attempt && run.phase() == phase)
            })
            .await
    }

    /// Waits until the Cluster's condition has this status and reason; returns its message.
    pub async fn cluster_condition(&self, cluster: &str, kind: &str, status: &str, reason: &str) -> String {
        self.world
            .eventually(&format!("Cluster {kind}={status}/{reason}"), || async {
                let status_now = self
                    .world
                    .api::<Cluster>()
                    .get_opt(cluster)
                    .await
                    .unwrap()?
                    .status?;
                let condition = conditions::get(&status_now.conditions, kind)?.clone();
                (condition.status == status && condition.reason == reason).then_some(condition.message)
            })
            .await
    }

    /// Everything in the namespace that carries a label of this cluster.
    pub async fn belongings(&self, cluster: &str) -> Vec<String> {
        let world = &self.world;
        let mut found = labelled::<Cluster>(world, cluster).await;
        found.extend(labelled::<MachineSet>(world, cluster).await);
        found.extend(labelled::<Machine>(world, cluster).await);
        found.extend(labelled::<PlaybookRun>(world, cluster).await);
        found.extend(labelled::<Job>(world, cluster).await);
        found.extend(labelled::<Pod>(world, cluster).await);
        found.extend(labelled::<Secret>(world, cluster).await);
        found.extend(labelled::<ConfigMap>(world, cluster).await);
        found
    }

    pub async fn delete_and_see_nothing_left(&self, cluster: &str, machines: usize) {
        self.world.delete::<ClusterDeployment>(cluster).await;
        self.nothing_is_left(cluster, machines).await;
    }

    pub async fn nothing_is_left(&self, cluster: &str, machines: usize) {
        self.world
            .eventually("the ClusterDeployment is gone", || async {
                let found = self
                    .world
                    .api::<ClusterDeployment>()
                    .get_opt(cluster)
                    .await
                    .unwrap();
                found.is_none().then_some(())
            })
            .await;
        for machine in self.world.phase(MachinePhase::Idle, machines).await {
            assert!(
                machine.is_clean() && machine.spec.claim_ref.is_none(),
                "{machine:?}"
            );
        }
        // What is owned by runs is collected by Kubernetes a moment later.
        let gone = async || {
            let left = self.belongings(cluster).await;
            left.is_empty().then_some(())
        };
        for _ in 0..300 {
            if gone().await.is_some() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("left behind: {:?}", self.belongings(cluster).await);
    }

    /// Resource versions of everything there is but Leases and Events.
    pub async fn versions(&self) -> BTreeSet<String> {
        let mut versions: BTreeSet<String> = self.world.versions().await.into_iter().collect();
        versions.extend(version_of::<Job>(&self.world).await);
        versions.extend(version_of::<Pod>(&self.world).await);
        versions.extend(version_of::<Secret>(&self.world).await);
        versions.extend(version_of::<ConfigMap>(&self.world).await);
        versions.extend(version_of::<Event>(&self.world).await);
        versions
    }

    /// Waits until nobody has written for two seconds.
    pub async fn settled(&self) -> BTreeSet<String> {
        let mut before = self.versions().await;
        for _ in 0..30 {
            tokio::time::sleep(Duration::from_secs(2)).await;
            let now = self.versions().await;
            if now == before {
                return now;
            }
            before = now;
        }
        panic!("somebody keeps writing");
    }
}

async fn labelled<K>(world: &World, cluster: &str) -> Vec<String>
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>
        + Clone
        + std::fmt::Debug
        + DeserializeOwned,
{
    let objects = world.list::<K>().await;
    let belongs = objects
        .iter()
        .filter(|object| object.labels().get("slipway.io/cluster").map(String::as_str) == Some(cluster));
    belongs
        .map(|object| format!("{} {}", K::kind(&()), object.name_any()))
        .collect()
}

async fn version_of<K>(world: &World) -> Vec<String>
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>
        + Clone
        + std::fmt::Debug
        + DeserializeOwned,
{
    let objects = world.list::<K>().await;
    objects
        .iter()
        .map(|object| {
            format!(
                "{} {} {:?}",
                K::kind(&()),
                object.name_any(),
                object.resource_version()
            )
        })
        .collect()
}

/// Everything of a kind as text, to search in.
pub async fn texts<K>(world: &World) -> Vec<(String, String)>
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>
        + Clone
        + std::fmt::Debug
        + Serialize
        + DeserializeOwned,
{
    let objects = world.list::<K>().await;
    objects
        .iter()
        .map(|object| {
            let name = format!("{} {}", K::kind(&()), object.name_any());
            (name, serde_json::to_string(object).unwrap())
        })
        .collect()
}

pub fn machine_names(run: &PlaybookRun) -> Vec<&str> {
    run.spec.hosts.iter().map(|host| host.machine.as_str()).collect()
}
