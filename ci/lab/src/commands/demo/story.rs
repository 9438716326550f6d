//! The story itself, told against the metadata cluster by threads in the lab's network.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use k8s_openapi::api::core::v1::{Namespace, Secret};
use kube::api::{DeleteParams, ObjectMeta, Patch, PatchParams, PostParams};
use kube::{Api, Client, ResourceExt};
use serde_json::json;
use slipway_api::{ClusterDeployment, MachinePhase, Operation, PlaybookRun, RunPhase};
use slipway_lab::{ClusterOptions, FILES_URL, IMAGE_REGISTRY, Lab, METADATA, Player};

use super::screen::{Screen, heading, say};
use super::snapshot::Snapshot;
use super::times::{INSTALL, RESET, SCALE_OUT, Times};
use super::workload::Business;

/// The pool: Machines and ClusterDeployments of one namespace belong together.
const NAMESPACE: &str = "fleet";
const CLUSTER: &str = "shop";
const KUBERNETES_VERSION: &str = "v1.35.4";
/// Longest time for a cluster, on a host that does much else.
const PATIENCE: Duration = Duration::from_mins(15);

struct Story {
    lab: Lab,
    client: Client,
    times: Times,
}

/// Tells it on a thread of its own, so that this program's other threads keep the host's network.
pub async fn tell(lab: Lab, times: Times) -> anyhow::Result<(Lab, Times)> {
    let (send, receive) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let told = || {
            lab.enter_thread()?;
            lab.runtime()?.block_on(tell_inside(lab, times))
        };
        // Nobody waits for the end any more when the program is being interrupted.
        let _ = send.send(told());
    });
    receive.await.context("the story's thread ended early")?
}

async fn tell_inside(lab: Lab, times: Times) -> anyhow::Result<(Lab, Times)> {
    let client = lab.metadata_client().await?;
    let mut story = Story { lab, client, times };
    story.pool().await?;
    let business = story.create().await?;
    story.use_it(&business).await?;
    story.grow(&business).await?;
    story.delete().await?;
    story.prove_clean().await?;
    Ok((story.lab, story.times))
}

impl Story {
    async fn pool(&mut self) -> anyhow::Result<()> {
        heading("A pool: three Machines with pinned host keys; Slipway checks that they are clean");
        let start = Instant::now();
        let namespaces: Api<Namespace> = Api::all(self.client.clone());
        let namespace = Namespace {
            metadata: ObjectMeta {
                name: Some(NAMESPACE.to_owned()),
                ..ObjectMeta::default()
            },
            ..Namespace::default()
        };
        create(&namespaces, &namespace).await?;
        create(&self.api::<Secret>(), &self.lab.ssh_key_secret()?).await?;
        for machine in self
            .lab
            .machines()?
            .iter()
            .filter(|machine| machine.name() != METADATA)
        {
            create(&self.api(), &machine.object()).await?;
        }
        // In a lab where this story was begun before, some are claimed already.
        let known = [
            MachinePhase::Idle,
            MachinePhase::Claimed,
            MachinePhase::Deploying,
            MachinePhase::Deployed,
            MachinePhase::Ready,
        ];
        self.until("every machine is checked", |now| now.machines_are(&known))
            .await?;
        self.times.add("machines checked and Idle", start.elapsed());
        Ok(())
    }

    async fn create(&mut self) -> anyhow::Result<Business> {
        heading("A ClusterDeployment: one control plane, one worker, metrics-server");
        let deployment: ClusterDeployment = serde_json::from_value(json!({
            "apiVersion": "slipway.io/v1alpha1",
            "kind": "ClusterDeployment",
            "metadata": {"name": CLUSTER},
            "spec": {
                "kubernetesVersion": KUBERNETES_VERSION,
                "machineSets": [
                    {"name": "control-plane", "role": "ControlPlane", "replicas": 1},
                    {"name": "worker", "role": "Worker", "replicas": 1},
                ],
                "artifacts": {"filesURL": FILES_URL, "imageRegistry": IMAGE_REGISTRY},
                "componentConfig": {"kubelet": slipway_lab::kubelet_configuration()},
                "addons": [{"name": "metrics-server", "bundled": "metrics-server"}],
            },
        }))
        .context("write the ClusterDeployment")?;
        for line in serde_yaml::to_string(&json!({
            "kind": "ClusterDeployment", "metadata": {"name": CLUSTER, "namespace": NAMESPACE},
            "spec": {"kubernetesVersion": KUBERNETES_VERSION, "machineSets": [
                {"name": "control-plane", "role": "ControlPlane", "replicas": 1},
                {"name": "worker", "role": "Worker", "replicas": 1}],
                "addons": [{"name": "metrics-server", "bundled": "metrics-server"}]}}))?
        .lines()
        {
            say(line);
        }
        let start = Instant::now();
        create(&self.api(), &deployment).await?;
        let ready = self.until("the cluster is Ready", |now| is_ready(now, 2)).await?;
        self.times
            .add("cluster: from the object to Ready", start.elapsed());
        self.times_of(&ready, Operation::Install, INSTALL);
        let business = Business::new(&self.lab, self.save_kubeconfig().await?);
        business.show(&["get", "nodes", "-o", "wide"]).await?;
        Ok(business)
    }

    async fn use_it(&mut self, business: &Business) -> anyhow::Result<()> {
        heading("It works: two pods on two nodes, a Service between them, names resolved");
        let start = Instant::now();
        business.prove().await?;
        self.times
            .add("workload: rolled out and reached", start.elapsed());
        heading("The addon works: metrics-server");
        business.metrics().await
    }

    async fn grow(&mut self, business: &Business) -> anyhow::Result<()> {
        heading("One worker more");
        let start = Instant::now();
        self.scale_workers(2).await?;
        let ready = self
            .until("the new worker is Ready", |now| is_ready(now, 3))
            .await?;
        self.times
            .add("worker +1: from the change to Ready", start.elapsed());
        self.times_of(&ready, Operation::ScaleOut, SCALE_OUT);
        let run = last_run(&ready, Operation::ScaleOut).context("the new worker came without a run")?;
        say("The run's recap: the new host, and no other.");
        for host in run.status.iter().flat_map(|status| &status.hosts) {
            say(&format!(
                "{:<12} ok={} changed={} unreachable={} failed={} skipped={}",
                host.name, host.ok, host.changed, host.unreachable, host.failed, host.skipped
            ));
        }
        let new: Vec<&str> = run.spec.hosts.iter().map(|host| host.machine.as_str()).collect();
        if new.len() != 1 {
            bail!(
                "the run was made for {} hosts, not for the new one: {}",
                new.len(),
                new.join(", ")
            );
        }
        business.show(&["get", "nodes"]).await
    }

    async fn delete(&mut self) -> anyhow::Result<()> {
        heading("The ClusterDeployment is deleted");
        let start = Instant::now();
        let deployments: Api<ClusterDeployment> = self.api();
        deployments
            .delete(CLUSTER, &DeleteParams::default())
            .await
            .context("delete the ClusterDeployment")?;
        // The run goes with the cluster: its time is taken while it is there.
        let mut reset = None;
        self.until("the cluster is gone and every machine is Idle", |now| {
            reset = last_run(now, Operation::Reset).and_then(duration).or(reset);
            now.deployment.is_none() && now.machines_are(&[MachinePhase::Idle])
        })
        .await?;
        self.times.add("deletion: machines Idle again", start.elapsed());
        if let Some(reset) = reset {
            self.times.add(RESET, reset);
        }
        Ok(())
    }

    async fn prove_clean(&mut self) -> anyhow::Result<()> {
        heading("The hosts are as they were: check.yml with expect=clean, and their processes");
        let machines: Vec<_> = self
            .lab
            .machines()?
            .into_iter()
            .filter(|machine| machine.name() != METADATA)
            .collect();
        let names: Vec<String> = machines.iter().map(|machine| machine.name().to_owned()).collect();
        let files = self.lab.cluster_files(&ClusterOptions {
            name: "clean".to_owned(),
            control_plane: names[..1].to_vec(),
            workers: names[1..].to_vec(),
            kubernetes_version: None,
        })?;
        let words =
            Player::Slipway.words(&self.lab, &files.inventory, "check.yml", &["-e", "expect=clean"])?;
        let recap = self.lab.run(&words).await.context("the hosts are not clean")?;
        recap
            .lines()
            .skip_while(|line| !line.starts_with("PLAY RECAP"))
            .for_each(say);
        for machine in machines {
            let left = machine
                .run("ps -e -o comm= | grep -E 'kube|etcd|containerd|flannel|coredns|pause' || true")
                .await?;
            if !left.trim().is_empty() {
                bail!("{} still runs {}", machine.name(), left.replace('\n', " "));
            }
            say(&format!("{}: no process of Kubernetes", machine.name()));
        }
        Ok(())
    }

    fn api<K>(&self) -> Api<K>
    where
        K: kube::Resource<Scope = k8s_openapi::NamespaceResourceScope>,
        K::DynamicType: Default,
    {
        Api::namespaced(self.client.clone(), NAMESPACE)
    }

    /// Follows what happens until `done`.
    async fn until(&self, what: &str, mut done: impl FnMut(&Snapshot) -> bool) -> anyhow::Result<Snapshot> {
        let deadline = Instant::now() + PATIENCE;
        let mut screen = Screen::start();
        loop {
            let now = Snapshot::take(&self.client, NAMESPACE, CLUSTER).await?;
            screen.show(&now);
            if done(&now) {
                say(&format!("{what}."));
                return Ok(now);
            }
            if Instant::now() > deadline {
                bail!("after {} s it is not so that {what}", PATIENCE.as_secs());
            }
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
    }

    async fn scale_workers(&self, replicas: i32) -> anyhow::Result<()> {
        let deployments: Api<ClusterDeployment> = self.api();
        let mut deployment = deployments
            .get(CLUSTER)
            .await
            .context("get the ClusterDeployment")?;
        for set in deployment
            .spec
            .machine_sets
            .iter_mut()
            .filter(|set| set.name == "worker")
        {
            set.replicas = Some(replicas);
        }
        let patch = json!({"spec": {"machineSets": deployment.spec.machine_sets}});
        deployments
            .patch(CLUSTER, &PatchParams::default(), &Patch::Merge(&patch))
            .await
            .context("change the number of workers")?;
        Ok(())
    }

    async fn save_kubeconfig(&self) -> anyhow::Result<PathBuf> {
        let name = format!("{CLUSTER}-kubeconfig");
        let secret = self
            .api::<Secret>()
            .get(&name)
            .await
            .with_context(|| format!("get the Secret {name}"))?;
        let value = secret.data.and_then(|mut data| data.remove("value"));
        let value = value.with_context(|| format!("the Secret {name} has no key `value`"))?;
        Ok(self.lab.save_kubeconfig(CLUSTER, &value.0)?)
    }

    fn times_of(&mut self, now: &Snapshot, operation: Operation, row: &str) {
        if let Some(took) = last_run(now, operation).and_then(duration) {
            self.times.add(row, took);
        }
    }
}

fn is_ready(now: &Snapshot, machines: usize) -> bool {
    let ready = |deployment: &ClusterDeployment| {
        let status = deployment.status.clone().unwrap_or_default();
        status.observed_generation == deployment.metadata.generation
            && slipway_api::conditions::is_true(&status.conditions, slipway_api::conditions::READY)
    };
    now.count(MachinePhase::Ready) == machines && now.deployment.as_ref().is_some_and(ready)
}

fn last_run(now: &Snapshot, operation: Operation) -> Option<&PlaybookRun> {
    let finished = |run: &&PlaybookRun| run.spec.operation == operation && run.phase() == RunPhase::Succeeded;
    // A check of an idle machine has no cluster and is not meant.
    now.runs
        .iter()
        .rev()
        .filter(|run| run.spec.cluster_ref.is_some())
        .find(finished)
}

fn duration(run: &PlaybookRun) -> Option<Duration> {
    let status = run.status.as_ref()?;
    let (start, end) = (status.started_at.as_ref()?, status.finished_at.as_ref()?);
    Duration::try_from(end.0.duration_since(start.0)).ok()
}

/// Creates an object; one that is there already is left as it is.
async fn create<K>(api: &Api<K>, object: &K) -> anyhow::Result<()>
where
    K: kube::Resource<DynamicType = ()>
        + Clone
        + std::fmt::Debug
        + serde::Serialize
        + serde::de::DeserializeOwned,
{
    match api.create(&PostParams::default(), object).await {
        Err(kube::Error::Api(status)) if status.code == 409 => Ok(()),
        Err(error) => Err(error).with_context(|| format!("create {} {}", K::kind(&()), object.name_any())),
        Ok(_) => Ok(()),
    }
}
