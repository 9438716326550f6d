//! A metadata cluster for tests: a real API server, operators in this process, and somebody who plays the executor.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test may panic, in its helpers too; not every test uses every helper"
)]

pub mod executor;
pub mod kubelet;

use std::{
    future::Future,
    sync::{Arc, Weak},
    time::{Duration, Instant},
};

use clap::Parser;
use k8s_openapi::{
    api::core::v1::{Namespace, Secret},
    apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition,
};
use kube::{
    Api, Client, Resource, ResourceExt,
    api::{DeleteParams, ListParams, ObjectMeta, Patch, PatchParams, PostParams},
    core::NamespaceResourceScope,
    runtime::{conditions::is_crd_established, wait::await_condition},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use slipway_api::{
    Cluster, ClusterDeployment, Machine, MachinePhase, MachineSet, PlaybookRun, conditions, manifest,
};
use slipway_lab::apiserver::{ApiServer, ApiServerOptions};
use slipway_operator::runtime::{
    self,
    args::Arguments,
    shutdown::{self, ShutdownHandle},
};
use tokio::{sync::Mutex, task::JoinHandle};

/// How long anything may take to come about.
const LIMIT: Duration = Duration::from_mins(1);
/// Controllers whose work is tested here; the executor's side is played.
pub const CONTROLLERS: &str = "clusterdeployment,machineset,machine";

/// The API server that the tests of this process share; it ends with the last of them.
static SHARED: Mutex<Weak<ApiServer>> = Mutex::const_new(Weak::new());

/// A namespace of the shared API server.
pub struct World {
    server: Arc<ApiServer>,
    pub client: Client,
    pub namespace: String,
}

/// An operator that runs in this process.
pub struct Operator {
    handle: ShutdownHandle,
    task: JoinHandle<anyhow::Result<()>>,
}

impl World {
    /// A namespace of its own for each test.
    pub async fn new() -> Self {
        Self::start(ApiServerOptions::default()).await
    }

    /// The same with Kubernetes' own controllers: Jobs have pods, and what belongs to nobody any more is deleted. All
    /// tests of a process have it, or none.
    pub async fn with_jobs() -> Self {
        Self::start(ApiServerOptions {
            controller_manager: true,
        })
        .await
    }

    async fn start(options: ApiServerOptions) -> Self {
        let server = shared_server(options).await;
        let client = server.client().await.unwrap();
        let namespace = Namespace {
            metadata: ObjectMeta {
                generate_name: Some("test-".to_owned()),
                ..ObjectMeta::default()
            },
            ..Namespace::default()
        };
        let namespaces: Api<Namespace> = Api::all(client.clone());
        let namespace = namespaces
            .create(&PostParams::default(), &namespace)
            .await
            .unwrap()
            .name_any();
        Self {
            server,
            client,
            namespace,
        }
    }

    /// The configuration of a client that may do everything.
    pub async fn config(&self) -> kube::Config {
        self.server.config().await.unwrap()
    }

    /// A kubeconfig of the API server: tests that need a business cluster let this one be it.
    pub fn kubeconfig(&self) -> String {
        std::fs::read_to_string(self.server.kubeconfig()).unwrap()
    }

    pub fn api<K>(&self) -> Api<K>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
    {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    /// Starts an operator on this namespace, with further arguments.
    pub async fn operator(&self, identity: &str, arguments: &[&str]) -> Operator {
        // A client of its own: its connections end with it.
        self.operator_as(self.server.client().await.unwrap(), identity, arguments)
    }

    /// Starts an operator that has the rights of `client`.
    pub fn operator_as(&self, client: Client, identity: &str, arguments: &[&str]) -> Operator {
        let identity = format!("--identity={identity}");
        let namespace = format!("--namespace={}", self.namespace);
        let lease_namespace = format!("--lease-namespace={}", self.namespace);
        let controllers = format!("--controllers={CONTROLLERS}");
        let mut all = vec!["slipway-operator", &identity, &namespace];
        for default in [
            controllers.as_str(),
            lease_namespace.as_str(),
            "--admin-address=127.0.0.1:0",
            "--lease-seconds=15",
        ] {
            let flag = default.split('=').next().unwrap_or_default();
            if !arguments.iter().any(|argument| argument.starts_with(flag)) {
                all.push(default);
            }
        }
        all.extend(arguments);
        let arguments = Arguments::try_parse_from(all).unwrap();
        let (handle, shutdown) = shutdown::channel();
        Operator {
            handle,
            task: tokio::spawn(runtime::run(client, arguments, shutdown)),
        }
    }

    pub async fn create<K>(&self, object: Value) -> K
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>
            + Clone
            + std::fmt::Debug
            + Serialize
            + DeserializeOwned,
    {
        let object: K = serde_json::from_value(object).unwrap();
        self.api::<K>()
            .create(&PostParams::default(), &object)
            .await
            .unwrap()
    }

    /// Creates Machines as an administrator would: nobody has looked at them yet.
    pub async fn machines(&self, names: &[&str]) {
        for (index, name) in names.iter().enumerate() {
            self.create::<Machine>(machine(name, index, &json!({}))).await;
        }
    }

    /// Creates a ClusterDeployment with one control plane and so many workers.
    pub async fn cluster(&self, name: &str, workers: i32) -> ClusterDeployment {
        self.create(cluster(name, workers)).await
    }

    pub async fn merge<K>(&self, name: &str, patch: Value) -> K
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>
            + Clone
            + std::fmt::Debug
            + DeserializeOwned,
    {
        self.api::<K>()
            .patch(name, &PatchParams::default(), &Patch::Merge(&patch))
            .await
            .unwrap()
    }

    pub async fn get<K>(&self, name: &str) -> K
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>
            + Clone
            + std::fmt::Debug
            + DeserializeOwned,
    {
        self.api::<K>().get(name).await.unwrap()
    }

    pub async fn list<K>(&self) -> Vec<K>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>
            + Clone
            + std::fmt::Debug
            + DeserializeOwned,
    {
        self.api::<K>().list(&ListParams::default()).await.unwrap().items
    }

    pub async fn delete<K>(&self, name: &str)
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>
            + Clone
            + std::fmt::Debug
            + DeserializeOwned,
    {
        self.api::<K>()
            .delete(name, &DeleteParams::default())
            .await
            .unwrap();
    }

    /// Waits until `check` has an answer; fails with what there is instead.
    pub async fn eventually<T, Work>(&self, what: &str, check: impl Fn() -> Work) -> T
    where
        Work: Future<Output = Option<T>>,
    {
        let started = Instant::now();
        loop {
            if let Some(answer) = check().await {
                return answer;
            }
            let is_late = started.elapsed() > LIMIT;
            assert!(
                !is_late,
                "{what}: not within a minute; there is\n{}",
                self.dump().await
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Waits until the cluster's condition `kind` has `status` and a message that contains `text`.
    pub async fn condition(&self, cluster: &str, kind: &str, status: &str, text: &str) -> String {
        self.eventually(&format!("condition {kind}={status} with `{text}`"), || async {
            let deployment: ClusterDeployment = self.get(cluster).await;
            let status_now = deployment.status?;
            let condition = conditions::get(&status_now.conditions, kind)?.clone();
            (condition.status == status && condition.message.contains(text)).then_some(condition.message)
        })
        .await
    }

    /// Waits until so many machines are in `phase`.
    pub async fn phase(&self, phase: MachinePhase, count: usize) -> Vec<Machine> {
        self.eventually(&format!("{count} machines {phase}"), || async {
            let mut machines = self.list::<Machine>().await;
            machines.retain(|machine| machine.phase() == Some(phase));
            (machines.len() == count).then_some(machines)
        })
        .await
    }

    /// Waits until nothing of a deleted cluster is left and every machine is idle and clean.
    pub async fn nothing_is_left(&self, machines: usize) {
        self.eventually("everything is gone", || async {
            let left = self.list::<ClusterDeployment>().await.len()
                + self.list::<Cluster>().await.len()
                + self.list::<MachineSet>().await.len()
                + self
                    .list::<PlaybookRun>()
                    .await
                    .iter()
                    .filter(|run| run.spec.cluster_ref.is_some())
                    .count()
                + self.list::<Secret>().await.len();
            (left == 0).then_some(())
        })
        .await;
        for machine in self.phase(MachinePhase::Idle, machines).await {
            assert!(
                machine.is_clean() && machine.spec.claim_ref.is_none(),
                "{machine:?}"
            );
            assert!(
                !machine
                    .labels()
                    .keys()
                    .any(|label| label.starts_with("slipway.io/")),
                "{machine:?}"
            );
        }
    }

    /// Resource versions of every object of ours: the same before and after means that nobody wrote.
    pub async fn versions(&self) -> Vec<String> {
        let mut versions = Vec::new();
        for machine in self.list::<Machine>().await {
            versions.push(format!("{} {:?}", machine.name_any(), machine.resource_version()));
        }
        for set in self.list::<MachineSet>().await {
            versions.push(format!("{} {:?}", set.name_any(), set.resource_version()));
        }
        for cluster in self.list::<Cluster>().await {
            versions.push(format!("{} {:?}", cluster.name_any(), cluster.resource_version()));
        }
        for deployment in self.list::<ClusterDeployment>().await {
            versions.push(format!(
                "{} {:?}",
                deployment.name_any(),
                deployment.resource_version()
            ));
        }
        for run in self.list::<PlaybookRun>().await {
            versions.push(format!("{} {:?}", run.name_any(), run.resource_version()));
        }
        versions
    }

    async fn dump(&self) -> String {
        let mut text = String::new();
        let mut add = |kind: &str, object: Value| {
            let short = json!({
                "name": object["metadata"]["name"], "deleted": object["metadata"]["deletionTimestamp"],
                "finalizers": object["metadata"]["finalizers"], "spec": object["spec"], "status": object["status"],
            });
            text = format!("{text}{kind} {short}\n");
        };
        for object in self.list::<ClusterDeployment>().await {
            add("ClusterDeployment", serde_json::to_value(object).unwrap());
        }
        for object in self.list::<Cluster>().await {
            add("Cluster", serde_json::to_value(object).unwrap());
        }
        for object in self.list::<MachineSet>().await {
            add("MachineSet", serde_json::to_value(object).unwrap());
        }
        for object in self.list::<Machine>().await {
            add("Machine", serde_json::to_value(object).unwrap());
        }
        for object in self.list::<PlaybookRun>().await {
            add("PlaybookRun", serde_json::to_value(object).unwrap());
        }
        text
    }
}

impl Operator {
    /// Ends it in order: what has begun is finished, the Lease is given back.
    pub async fn stop(self) {
        self.handle.request();
        self.task.await.unwrap().unwrap();
    }

    /// Ends it as a crash would: in the middle of whatever it does.
    pub async fn crash(self) {
        self.task.abort();
        assert!(self.task.await.unwrap_err().is_cancelled());
    }

    /// Waits for it to end by itself.
    pub async fn ended(self) -> anyhow::Result<()> {
        let _handle = self.handle;
        tokio::time::timeout(LIMIT, self.task).await.unwrap().unwrap()
    }
}

/// A Machine as an administrator writes it; `labels` is put into its metadata.
pub fn machine(name: &str, index: usize, labels: &Value) -> Value {
    json!({
        "apiVersion": "slipway.io/v1alpha1", "kind": "Machine",
        "metadata": {"name": name, "labels": labels},
        "spec": {
            "address": format!("192.0.2.{}", index + 1),
            "ssh": {"user": "slipway", "keySecretRef": {"name": "ssh"}, "hostKeyPolicy": "TrustOnFirstUse"},
        },
    })
}

/// A ClusterDeployment with one control plane and so many workers.
pub fn cluster(name: &str, workers: i32) -> Value {
    json!({
        "apiVersion": "slipway.io/v1alpha1", "kind": "ClusterDeployment",
        "metadata": {"name": name},
        "spec": {
            "kubernetesVersion": "v1.35.4",
            "machineSets": [
                {"name": "control-plane", "role": "ControlPlane", "replicas": 1},
                {"name": "worker", "role": "Worker", "replicas": workers},
            ],
        },
    })
}

async fn shared_server(options: ApiServerOptions) -> Arc<ApiServer> {
    let mut shared = SHARED.lock().await;
    if let Some(server) = shared.upgrade() {
        return server;
    }
    if std::env::var_os("SLIPWAY_TEST_LOG").is_some() {
        runtime::telemetry::start(
            runtime::telemetry::LogFormat::Text,
            &std::env::var("SLIPWAY_TEST_LOG").unwrap(),
        );
    }
    let server = Arc::new(ApiServer::start_with(options).await.unwrap());
    let definitions: Api<CustomResourceDefinition> = Api::all(server.client().await.unwrap());
    for definition in manifest::custom_resource_definitions() {
        definitions
            .create(&PostParams::default(), &definition)
            .await
            .unwrap();
    }
    for definition in manifest::custom_resource_definitions() {
        let name = definition.name_any();
        let established = await_condition(definitions.clone(), &name, is_crd_established());
        tokio::time::timeout(Duration::from_secs(30), established)
            .await
            .unwrap()
            .unwrap();
    }
    *shared = Arc::downgrade(&server);
    server
}
