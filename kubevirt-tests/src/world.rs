//! The world of one scenario: a namespace of the shared metadata cluster, and machines of its own.

use std::collections::BTreeMap;
use std::future::Future;
use std::io::IsTerminal as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use k8s_openapi::api::core::v1::{Namespace, Pod, Secret};
use kube::api::{DeleteParams, ListParams, LogParams, ObjectMeta, Patch, PatchParams, PostParams};
use kube::{Api, Client, ResourceExt};
use serde_json::{Value, json};
use slipway_api::{ClusterDeployment, Machine, MachinePhase};

use crate::invariants;
use crate::lab_provider::LabProvider;
use crate::provider::MachineProvider;
use crate::state::State;

/// Longest time for anything, on a host that does much else at the same time.
const PATIENCE: Duration = Duration::from_mins(10);
/// Namespace of the operator.
const OPERATOR: &str = "slipway-system";

/// A scenario's own namespace and machines.
pub struct World {
    /// Makes and disturbs machines.
    pub provider: Arc<dyn MachineProvider>,
    /// Of the metadata cluster.
    pub client: Client,
    /// The scenario's namespace; its machines' names begin with it.
    pub namespace: String,
    machines: Vec<String>,
}

/// Runs one scenario: gives it a world, takes that away afterwards, and fails the test with the state of all objects.
pub fn scenario<S, F>(name: &str, machines: usize, story: S) -> Result<()>
where
    S: FnOnce(Arc<World>) -> F + Send + 'static,
    F: Future<Output = Result<()>> + Send,
{
    let _ = tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .without_time()
        .with_target(false)
        .try_init();
    let provider = prepared()?;
    // Clients of the metadata cluster and of business clusters connect from the lab's network.
    provider.lab().enter_thread()?;
    let runtime = provider.lab().runtime()?;
    runtime.block_on(async {
        let client = provider.lab().metadata_client().await?;
        let mut world = World {
            provider: Arc::clone(&provider) as Arc<dyn MachineProvider>,
            client,
            namespace: name.to_owned(),
            machines: Vec::new(),
        };
        world
            .begin(machines)
            .await
            .context("prepare the scenario's machines")?;
        let world = Arc::new(world);
        let told = story(Arc::clone(&world)).await;
        let state = world
            .state()
            .await
            .map(|state| state.describe())
            .unwrap_or_default();
        let told = match told {
            Ok(()) => world.prove_no_secret_is_told().await,
            failed => failed,
        };
        let ended = world.end(told.is_ok()).await;
        told.with_context(|| format!("the world of {name} at the end:\n{state}"))?;
        ended
    })
}

/// The provider, brought up by the first scenario that needs it.
fn prepared() -> Result<Arc<LabProvider>> {
    static PROVIDER: std::sync::Mutex<Option<Arc<LabProvider>>> = std::sync::Mutex::new(None);
    let mut provider = PROVIDER
        .lock()
        .map_err(|_poisoned| anyhow::anyhow!("the lab could not be brought up"))?;
    if let Some(provider) = &*provider {
        return Ok(Arc::clone(provider));
    }
    let runtime = tokio::runtime::Runtime::new()?;
    let up = Arc::new(runtime.block_on(LabProvider::up())?);
    *provider = Some(Arc::clone(&up));
    Ok(up)
}

impl World {
    async fn begin(&mut self, machines: usize) -> Result<()> {
        self.forget().await?;
        let namespaces: Api<Namespace> = Api::all(self.client.clone());
        let namespace = Namespace {
            metadata: ObjectMeta {
                name: Some(self.namespace.clone()),
                ..ObjectMeta::default()
            },
            ..Namespace::default()
        };
        namespaces
            .create(&PostParams::default(), &namespace)
            .await
            .context("create the namespace")?;
        self.api::<Secret>()
            .create(&PostParams::default(), &self.provider.ssh_key_secret()?)
            .await?;
        self.machines = (1..=machines)
            .map(|number| format!("{}-{number}", self.namespace))
            .collect();
        for machine in self.provider.create(&self.machines).await? {
            self.add_machine(&machine).await?;
        }
        Ok(())
    }

    /// Removes what an earlier run of this scenario left in the metadata cluster.
    async fn forget(&self) -> Result<()> {
        let namespaces: Api<Namespace> = Api::all(self.client.clone());
        if namespaces.get_opt(&self.namespace).await?.is_none() {
            return Ok(());
        }
        bail!(
            "the namespace {} is left from an earlier run that failed: look at it, then `slipway-lab --name scenarios down`",
            self.namespace
        )
    }

    /// A scenario that went well takes away all it made; one that failed leaves it to be looked at.
    async fn end(&self, well: bool) -> Result<()> {
        if !well {
            return Ok(());
        }
        for machine in self.api::<Machine>().list(&ListParams::default()).await? {
            let _ = self
                .api::<Machine>()
                .delete(&machine.name_any(), &DeleteParams::default())
                .await?;
        }
        self.until("the Machines are gone", |state| state.machines.is_empty())
            .await?;
        let namespaces: Api<Namespace> = Api::all(self.client.clone());
        let _ = namespaces
            .delete(&self.namespace, &DeleteParams::default())
            .await?;
        for machine in &self.machines {
            self.provider.destroy(machine).await?;
        }
        Ok(())
    }

    /// The objects of a kind in this scenario's namespace.
    pub fn api<K>(&self) -> Api<K>
    where
        K: kube::Resource<Scope = k8s_openapi::NamespaceResourceScope, DynamicType = ()>,
    {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    /// Name of the scenario's machine of this number, from 1.
    pub fn machine(&self, number: usize) -> String {
        format!("{}-{number}", self.namespace)
    }

    /// Writes a Machine.
    pub async fn add_machine(&self, machine: &Machine) -> Result<()> {
        let create = self.api().create(&PostParams::default(), machine).await;
        create.with_context(|| format!("create Machine {}", machine.name_any()))?;
        Ok(())
    }

    /// Writes a ClusterDeployment of one control plane and some workers, with quick retries. `extra` is merged over its spec.
    pub async fn create_cluster(&self, name: &str, workers: i32, extra: Value) -> Result<()> {
        let artifacts = self.provider.artifacts();
        let mut sets = vec![json!({"name": "control-plane", "role": "ControlPlane", "replicas": 1})];
        if workers > 0 {
            sets.push(json!({"name": "worker", "role": "Worker", "replicas": workers}));
        }
        let mut spec = json!({
            "kubernetesVersion": "v1.35.4",
            "machineSets": sets,
            "artifacts": {"filesURL": artifacts.files_url, "imageRegistry": artifacts.image_registry},
            "componentConfig": {"kubelet": artifacts.kubelet},
            "strategy": {"retry": {"limit": 10, "backoffSeconds": 5}},
        });
        if let (Some(spec), Value::Object(extra)) = (spec.as_object_mut(), extra) {
            spec.extend(extra);
        }
        let deployment = ClusterDeployment::new(name, serde_json::from_value(spec)?);
        self.api()
            .create(&PostParams::default(), &deployment)
            .await
            .context("create the ClusterDeployment")?;
        Ok(())
    }

    /// Changes how many workers a cluster has.
    pub async fn scale_workers(&self, cluster: &str, replicas: i32) -> Result<()> {
        let mut deployment: ClusterDeployment = self.api().get(cluster).await?;
        for set in deployment
            .spec
            .machine_sets
            .iter_mut()
            .filter(|set| set.name == "worker")
        {
            set.replicas = Some(replicas);
        }
        let patch = json!({"spec": {"machineSets": deployment.spec.machine_sets}});
        self.patch::<ClusterDeployment>(cluster, &patch).await
    }

    /// Changes an object.
    pub async fn patch<K>(&self, name: &str, patch: &Value) -> Result<()>
    where
        K: kube::Resource<Scope = k8s_openapi::NamespaceResourceScope, DynamicType = ()>
            + Clone
            + std::fmt::Debug
            + serde::de::DeserializeOwned,
    {
        let patched = self
            .api::<K>()
            .patch(name, &PatchParams::default(), &Patch::Merge(patch))
            .await;
        patched.with_context(|| format!("change {} {name}", K::kind(&())))?;
        Ok(())
    }

    /// Deletes a cluster and waits until nothing of it is left and its machines are Idle.
    pub async fn delete_cluster(&self, cluster: &str) -> Result<()> {
        self.api::<ClusterDeployment>()
            .delete(cluster, &DeleteParams::default())
            .await?;
        let state = self
            .until("the cluster is gone and every machine Idle", |state| {
                state.deployment(cluster).is_none() && state.count(MachinePhase::Idle) == state.machines.len()
            })
            .await?;
        // Kubernetes' garbage collector takes what the cluster owned a moment later.
        let owned = |state: &State| invariants::nothing_is_left(state, cluster);
        if owned(&state).is_err() {
            let after = self
                .until("nothing of the cluster is left", |state| owned(state).is_ok())
                .await;
            if after.is_err() {
                owned(&self.state().await?)?;
            }
        }
        for machine in &self.machines {
            self.prove_clean(machine).await?;
        }
        Ok(())
    }

    /// Looks at a host itself: nothing of Kubernetes runs or lies there.
    pub async fn prove_clean(&self, machine: &str) -> Result<()> {
        // Some folders are there before Kubernetes is: a provider may have mounted a disk at them.
        let look = "ps -e -o comm= | grep -E 'kube|etcd|containerd|flannel|coredns|pause'; \
                    ls -d /etc/kubernetes /etc/cni/net.d /usr/local/bin/kubelet 2>/dev/null; \
                    sudo find /var/lib/kubelet /var/lib/etcd -mindepth 1 2>/dev/null | head -5; true";
        let found = self.provider.run(machine, look).await?;
        if !found.trim().is_empty() {
            bail!(
                "{machine} is Idle and not clean: {}",
                found.trim().replace('\n', " ")
            );
        }
        Ok(())
    }

    /// What the metadata cluster holds now. The invariants are looked at each time.
    pub async fn state(&self) -> Result<State> {
        let state = State::take(&self.client, &self.namespace).await?;
        invariants::hold(&state)?;
        Ok(state)
    }

    /// Waits until something is true.
    pub async fn until(&self, what: &str, mut is: impl FnMut(&State) -> bool) -> Result<State> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let state = self.state().await?;
            if is(&state) {
                tracing::info!("{}: {what}", self.namespace);
                return Ok(state);
            }
            if Instant::now() > deadline {
                bail!(
                    "after {} s it is not so that {what}:\n{}",
                    PATIENCE.as_secs(),
                    state.describe()
                );
            }
            tokio::time::sleep(Duration::from_millis(700)).await;
        }
    }

    /// Waits until every machine of the pool may be claimed.
    pub async fn machines_idle(&self) -> Result<State> {
        let count = self.machines.len();
        self.until("every machine is Idle", |state| {
            state.count(MachinePhase::Idle) == count
        })
        .await
    }

    /// Deletes the operator's pod at once, as a node that dies would.
    pub async fn kill_operator(&self) -> Result<()> {
        let pods: Api<Pod> = Api::namespaced(self.client.clone(), OPERATOR);
        for pod in pods.list(&ListParams::default()).await? {
            let _ = pods
                .delete(&pod.name_any(), &DeleteParams::default().grace_period(0))
                .await?;
        }
        Ok(())
    }

    /// Deletes the pods of a cluster's executors at once. Says how many.
    pub async fn kill_executors(&self, cluster: &str) -> Result<usize> {
        let pods: Api<Pod> = self.api();
        let of_cluster = ListParams::default().labels(&format!("{}={cluster}", slipway_api::labels::CLUSTER));
        let found = pods.list(&of_cluster).await?;
        let running = found.iter().filter(|pod| {
            pod.status
                .as_ref()
                .is_some_and(|status| status.phase.as_deref() == Some("Running"))
        });
        let mut killed = 0;
        for pod in running {
            let _ = pods
                .delete(&pod.name_any(), &DeleteParams::default().grace_period(0))
                .await?;
            killed += 1;
        }
        Ok(killed)
    }

    /// I6, over all objects and the logs of all executors that are still there.
    async fn prove_no_secret_is_told(&self) -> Result<()> {
        let state = self.state().await?;
        let pods: Api<Pod> = self.api();
        let mut logs = BTreeMap::new();
        for pod in &state.pods {
            // A pod that never ran has no log.
            if let Ok(log) = pods.logs(&pod.name_any(), &LogParams::default()).await {
                logs.insert(pod.name_any(), log);
            }
        }
        invariants::no_secret_is_told(&state, &logs)
    }
}
