//! Runs from a PlaybookRun to the end of its Job, by the whole operator against a real API server with its own
//! controllers. Only the pods are played.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may panic")]

mod support;

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use k8s_openapi::api::{
    batch::v1::Job,
    core::v1::{ConfigMap, Pod, Secret},
    events::v1::Event,
};
use kube::{Resource, ResourceExt, api::DeleteParams, core::NamespaceResourceScope};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use slipway_api::{
    Cluster, ClusterDeployment, Machine, MachinePhase, MachineSet, Operation, PlaybookRun, RunPhase,
    conditions, playbook_run::RunCode,
};
use support::{
    Operator, World,
    kubelet::{Kubelet, Play, jobs},
};

/// Every controller but nodehealthy, whose business clusters are played by others.
const CONTROLLERS: &str = "--controllers=clusterdeployment,machineset,machine,clusterinstall,job,addons";
/// Stands in the SSH key, so that a search finds where it has come to.
const KEY_MARK: &str = "c2xpcHdheS10ZXN0LWtleQ";

/// A namespace with an SSH key, machines and somebody who plays the pods.
struct Site {
    world: Arc<World>,
    kubelet: Kubelet,
}

impl Site {
    async fn new(machines: &[&str]) -> Self {
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

    async fn operator(&self, identity: &str) -> Operator {
        // A Lease that outlasts a busy machine.
        self.world
            .operator(identity, &[CONTROLLERS, "--lease-seconds=15"])
            .await
    }

    /// The cluster's kubeconfig leads to this API server, which so is the business cluster too.
    async fn be_the_business_cluster(&self, cluster: &str) {
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
    async fn cluster(&self, name: &str, workers: i32, retries: i32) {
        let mut cluster = support::cluster(name, workers);
        cluster["spec"]["strategy"] = json!({"retry": {"limit": retries, "backoffSeconds": 1}});
        self.world.create::<ClusterDeployment>(cluster).await;
    }

    async fn runs(&self, operation: Operation) -> Vec<PlaybookRun> {
        let mut runs = self.world.list::<PlaybookRun>().await;
        runs.retain(|run| run.spec.operation == operation);
        runs.sort_by_key(|run| run.spec.attempt);
        runs
    }

    /// Waits for the run of this operation and try to come into `phase`.
    async fn run(&self, operation: Operation, attempt: i32, phase: RunPhase) -> PlaybookRun {
        self.world
            .eventually(&format!("{operation} (try {attempt}) {phase}"), || async {
                let runs = self.runs(operation).await;
                runs.into_iter()
                    .find(|run| run.spec.attempt == attempt && run.phase() == phase)
            })
            .await
    }

    /// Waits until the Cluster's condition has this status and reason; returns its message.
    async fn cluster_condition(&self, cluster: &str, kind: &str, status: &str, reason: &str) -> String {
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
    async fn belongings(&self, cluster: &str) -> Vec<String> {
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

    async fn delete_and_see_nothing_left(&self, cluster: &str, machines: usize) {
        self.world.delete::<ClusterDeployment>(cluster).await;
        self.nothing_is_left(cluster, machines).await;
    }

    async fn nothing_is_left(&self, cluster: &str, machines: usize) {
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
    async fn versions(&self) -> BTreeSet<String> {
        let mut versions: BTreeSet<String> = self.world.versions().await.into_iter().collect();
        versions.extend(version_of::<Job>(&self.world).await);
        versions.extend(version_of::<Pod>(&self.world).await);
        versions.extend(version_of::<Secret>(&self.world).await);
        versions.extend(version_of::<ConfigMap>(&self.world).await);
        versions.extend(version_of::<Event>(&self.world).await);
        versions
    }

    /// Waits until nobody has written for two seconds.
    async fn settled(&self) -> BTreeSet<String> {
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
async fn texts<K>(world: &World) -> Vec<(String, String)>
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

fn machine_names(run: &PlaybookRun) -> Vec<&str> {
    run.spec.hosts.iter().map(|host| host.machine.as_str()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_is_built_by_one_job_for_each_operation_and_then_nobody_writes() {
    let site = Site::new(&["m1", "m2", "m3"]).await;
    site.kubelet.play(Operation::Install, Play::Hangs);
    site.be_the_business_cluster("shop").await;
    let operator = site.operator("one").await;
    site.cluster("shop", 1, 3).await;

    // New machines are proven clean before anybody claims them.
    let run = site.run(Operation::Install, 1, RunPhase::Running).await;
    assert_eq!(site.runs(Operation::Check).await.len(), 3);
    assert_eq!(run.spec.hosts.len(), 2);
    look_at_the_executor(&site, &run).await;
    site.world.phase(MachinePhase::Deploying, 2).await;

    site.kubelet.play(Operation::Install, Play::Succeeds);
    site.world.phase(MachinePhase::Deployed, 2).await;
    let run = site.run(Operation::Install, 1, RunPhase::Succeeded).await;
    let status = run.status.clone().unwrap();
    assert_eq!(status.result.unwrap().code, RunCode::Succeeded);
    assert_eq!(status.hosts.len(), 2);
    assert!(status.started_at.is_some() && status.finished_at.is_some());
    site.cluster_condition("shop", "ControlPlaneInitialized", "True", "AsWanted")
        .await;

    // Its secrets go with its end; the Job stays for its log.
    site.world
        .eventually("inventory and secret are deleted", || async {
            let left = site.belongings("shop").await;
            let executor = left.iter().filter(|name| name.contains(&run.name_any()));
            let kinds: Vec<&str> = executor.filter_map(|name| name.split(' ').next()).collect();
            (!kinds.contains(&"Secret") && !kinds.contains(&"ConfigMap") && kinds.contains(&"Job"))
                .then_some(())
        })
        .await;

    // One worker more touches that one machine.
    let mut larger = support::cluster("shop", 2);
    larger["metadata"] = json!({});
    site.world
        .merge::<ClusterDeployment>("shop", json!({"spec": larger["spec"]}))
        .await;
    site.world.phase(MachinePhase::Deployed, 3).await;
    let joined = site.run(Operation::ScaleOut, 1, RunPhase::Succeeded).await;
    let first: Vec<&str> = machine_names(&run);
    assert_eq!(joined.spec.hosts.len(), 1);
    assert!(!first.contains(&joined.spec.hosts[0].machine.as_str()));
    assert_eq!(jobs(&site.world, "shop").await.len(), 2);

    let before = site.settled().await;
    tokio::time::sleep(Duration::from_secs(20)).await;
    assert_eq!(
        site.versions().await,
        before,
        "an idle, converged system makes no writes"
    );
    no_secret_is_told(&site).await;

    // A new leader, as after an upgrade, starts nothing.
    operator.stop().await;
    let operator = site.operator("two").await;
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert_eq!(
        site.versions().await,
        before,
        "a new leader writes nothing either"
    );

    // One worker less is reset; the others stay as they are.
    let smaller = support::cluster("shop", 1);
    site.world
        .merge::<ClusterDeployment>("shop", json!({"spec": smaller["spec"]}))
        .await;
    site.world.phase(MachinePhase::Idle, 1).await;
    let reset = site.run(Operation::Reset, 1, RunPhase::Succeeded).await;
    assert_eq!(reset.spec.hosts.len(), 1);
    site.delete_and_see_nothing_left("shop", 3).await;
    operator.stop().await;
}

/// The Job, the inventory and the secret of an installation are what the runner expects, and hold no more than that.
async fn look_at_the_executor(site: &Site, run: &PlaybookRun) {
    let name = run.name_any();
    let job = site.world.get::<Job>(&name).await;
    let pod = &job.spec.as_ref().unwrap().template.spec.as_ref().unwrap();
    assert_eq!(pod.automount_service_account_token, Some(false));
    let container = &pod.containers[0];
    let arguments = container.args.clone().unwrap();
    assert_eq!(
        arguments.last().unwrap(),
        "/usr/share/slipway/playbooks/install.yml"
    );
    assert!(!arguments.contains(&"--no-agent-cache".to_owned()));
    let owner = &job.owner_references()[0];
    assert_eq!(
        (owner.kind.as_str(), owner.name.as_str()),
        ("PlaybookRun", name.as_str())
    );

    let data = site
        .world
        .get::<ConfigMap>(&format!("{name}-inventory"))
        .await
        .data
        .unwrap();
    let inventory: Value = serde_yaml::from_str(&data["hosts.yml"]).unwrap();
    let hosts: BTreeSet<&str> = inventory["all"]["hosts"]
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    assert_eq!(hosts, machine_names(run).into_iter().collect());
    let children = &inventory["all"]["children"];
    assert_eq!(
        children["kube_control_plane"]["hosts"],
        children["first_control_plane"]["hosts"]
    );
    assert_eq!(children["kube_worker"]["hosts"].as_object().unwrap().len(), 1);
    let variables: Value = serde_yaml::from_str(&data["variables.yml"]).unwrap();
    assert_eq!(variables["kubernetes_version"], "v1.35.4");

    let secret = site
        .world
        .get::<Secret>(&format!("{name}-secret"))
        .await
        .data
        .unwrap();
    let text = |key: &str| String::from_utf8(secret[key].0.clone()).unwrap();
    assert!(text("ssh-ssh").contains(KEY_MARK));
    let secrets: Value = serde_yaml::from_str(&text("secrets.yml")).unwrap();
    let keys: BTreeSet<&str> = secrets.as_object().unwrap().keys().map(String::as_str).collect();
    let expected = [
        "bootstrap_token",
        "cluster_ca",
        "etcd_ca",
        "front_proxy_ca",
        "service_account_key",
    ];
    assert_eq!(keys, expected.into_iter().collect());
    no_secret_is_told(site).await;
}

/// No private key and no token stands in anything but a Secret.
async fn no_secret_is_told(site: &Site) {
    let world = &site.world;
    let mut secrets = vec![KEY_MARK.to_owned()];
    for secret in world.list::<Secret>().await {
        for (key, value) in secret.data.unwrap_or_default() {
            let text = String::from_utf8(value.0).unwrap();
            let is_token = key == "token-secret";
            let is_key = key == "tls.key";
            if is_key {
                secrets.extend(
                    text.lines()
                        .filter(|line| !line.starts_with("-----"))
                        .map(str::to_owned),
                );
            }
            if is_token {
                secrets.push(text);
            }
        }
    }
    assert!(secrets.len() > 5, "{secrets:?}");
    let mut all = texts::<ConfigMap>(world).await;
    all.extend(texts::<Event>(world).await);
    all.extend(texts::<ClusterDeployment>(world).await);
    all.extend(texts::<Cluster>(world).await);
    all.extend(texts::<MachineSet>(world).await);
    all.extend(texts::<Machine>(world).await);
    all.extend(texts::<PlaybookRun>(world).await);
    all.extend(texts::<Job>(world).await);
    all.extend(texts::<Pod>(world).await);
    assert!(all.len() > 10);
    for (name, text) in all {
        for secret in &secrets {
            assert!(!text.contains(secret), "{name} tells a secret");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failing_run_is_explained_tried_again_and_given_up_until_somebody_asks() {
    let site = Site::new(&["m1", "m2"]).await;
    site.kubelet
        .play(Operation::Install, Play::Fails("port 6443 is in use"));
    let operator = site.operator("one").await;
    site.cluster("shop", 1, 1).await;

    let first = site.run(Operation::Install, 1, RunPhase::Failed).await;
    let result = first.status.unwrap().result.unwrap();
    assert_eq!(result.code, RunCode::TaskFailed);
    let expected = "host m1 failed at task \"kubeadm : Initialise the control plane\": port 6443 is in use";
    let message = result.message.unwrap();
    assert!(
        message.starts_with(expected) && message.contains("host m2 failed"),
        "{message}"
    );
    site.run(Operation::Install, 2, RunPhase::Failed).await;
    let message = site
        .cluster_condition("shop", "RunFailed", "True", "RetriesExhausted")
        .await;
    assert!(
        message.contains(expected) && message.contains("slipway.io/retry"),
        "{message}"
    );
    site.world.condition("shop", "Ready", "False", expected).await;
    let machine = site.world.get::<Machine>("m1").await;
    assert_eq!(machine.phase(), Some(MachinePhase::Failed));
    assert!(
        machine
            .status
            .unwrap()
            .last_run
            .unwrap()
            .message
            .unwrap()
            .contains("port 6443 is in use")
    );
    let events = site.world.list::<Event>().await;
    let exhausted = events
        .iter()
        .filter(|event| event.reason.as_deref() == Some("RetriesExhausted"));
    assert_eq!(exhausted.count(), 1);
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(
        site.runs(Operation::Install).await.len(),
        2,
        "it is not tried again"
    );

    // An annotation asks for another try.
    site.kubelet.play(Operation::Install, Play::Succeeds);
    let retry = json!({"metadata": {"annotations": {"slipway.io/retry": "please"}}});
    site.world.merge::<ClusterDeployment>("shop", retry).await;
    site.world.phase(MachinePhase::Deployed, 2).await;
    site.cluster_condition("shop", "RunFailed", "False", "AsWanted")
        .await;
    assert_eq!(site.runs(Operation::Install).await.len(), 3);
    operator.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_that_is_deleted_in_mid_run_is_stopped_reset_and_gone() {
    let site = Site::new(&["m1", "m2"]).await;
    site.kubelet.play(Operation::Install, Play::Hangs);
    let operator = site.operator("one").await;
    site.cluster("shop", 1, 3).await;
    let run = site.run(Operation::Install, 1, RunPhase::Running).await;
    site.kubelet.play(Operation::Reset, Play::Hangs);
    site.world.delete::<ClusterDeployment>("shop").await;

    let reset = site.run(Operation::Reset, 1, RunPhase::Running).await;
    let names: BTreeSet<&str> = machine_names(&reset).into_iter().collect();
    assert_eq!(names, BTreeSet::from(["m1", "m2"]));
    let cancelled = site.world.get::<PlaybookRun>(&run.name_any()).await;
    assert_eq!(cancelled.phase(), RunPhase::Cancelled);
    assert_eq!(
        site.world.get::<Job>(&run.name_any()).await.spec.unwrap().suspend,
        Some(true)
    );
    let job = site.world.get::<Job>(&reset.name_any()).await;
    let arguments = job.spec.unwrap().template.spec.unwrap().containers[0]
        .args
        .clone()
        .unwrap();
    assert!(arguments.contains(&"--no-agent-cache".to_owned()));
    assert!(arguments.ends_with(&[
        "/usr/share/slipway/playbooks/reset.yml".to_owned(),
        "/usr/share/slipway/playbooks/check.yml".to_owned()
    ]));

    site.kubelet.play(Operation::Reset, Play::Succeeds);
    site.nothing_is_left("shop", 2).await;
    operator.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reset_that_fails_is_tried_again_and_no_machine_is_released_dirty() {
    let site = Site::new(&["m1", "m2"]).await;
    let operator = site.operator("one").await;
    site.cluster("shop", 1, 5).await;
    site.world.phase(MachinePhase::Deployed, 2).await;
    site.kubelet.play(Operation::Reset, Play::CannotReach("m2"));
    site.world.delete::<ClusterDeployment>("shop").await;
    let failed = site.run(Operation::Reset, 1, RunPhase::Failed).await;
    let result = failed.status.unwrap().result.unwrap();
    assert_eq!(result.code, RunCode::Unreachable);
    // The one that was reset goes back to the pool; the other one does not.
    site.world.phase(MachinePhase::Idle, 1).await;
    assert_eq!(
        site.world.get::<Machine>("m2").await.phase(),
        Some(MachinePhase::Releasing)
    );
    site.kubelet.play(Operation::Reset, Play::Succeeds);
    site.nothing_is_left("shop", 2).await;
    operator.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_paused_cluster_starts_nothing_and_lets_what_runs_end() {
    let site = Site::new(&["m1", "m2", "m3"]).await;
    site.kubelet.play(Operation::Install, Play::Hangs);
    site.be_the_business_cluster("shop").await;
    let operator = site.operator("one").await;
    site.cluster("shop", 1, 3).await;
    site.run(Operation::Install, 1, RunPhase::Running).await;
    let larger = support::cluster("shop", 2)["spec"]["machineSets"].clone();
    let paused = json!({"spec": {"paused": true, "machineSets": larger}});
    site.world.merge::<ClusterDeployment>("shop", paused).await;
    site.world.condition("shop", "Paused", "True", "").await;
    site.kubelet.play(Operation::Install, Play::Succeeds);
    site.world.phase(MachinePhase::Deployed, 2).await;
    let by_hand = json!({
        "apiVersion": "slipway.io/v1alpha1", "kind": "PlaybookRun", "metadata": {"name": "by-hand"},
        "spec": {"clusterRef": {"name": "shop"}, "operation": "Preflight"},
    });
    site.world.create::<PlaybookRun>(by_hand).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(
        site.runs(Operation::ScaleOut).await.is_empty(),
        "a paused cluster starts nothing"
    );
    assert_eq!(
        site.world.get::<PlaybookRun>("by-hand").await.phase(),
        RunPhase::Pending
    );
    site.world
        .merge::<ClusterDeployment>("shop", json!({"spec": {"paused": false}}))
        .await;
    site.run(Operation::Preflight, 1, RunPhase::Succeeded).await;
    site.world.phase(MachinePhase::Deployed, 3).await;
    operator.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_that_is_killed_again_and_again_makes_every_run_and_job_once() {
    let site = Site::new(&["m1", "m2"]).await;
    site.cluster("shop", 1, 3).await;
    // Killed after ever longer lives: each one gets a little further.
    let mut lives = (1..).map(|step: u64| Duration::from_millis(60 + step * 35));
    let mut deployed = false;
    for life in lives.by_ref().take(40) {
        let operator = site.operator("mortal").await;
        tokio::time::sleep(life).await;
        operator.crash().await;
        let machines = site.world.list::<Machine>().await;
        deployed = machines
            .iter()
            .filter(|machine| machine.phase() == Some(MachinePhase::Deployed))
            .count()
            == 2;
        if deployed {
            break;
        }
    }
    let operator = site.operator("mortal").await;
    if !deployed {
        site.world.phase(MachinePhase::Deployed, 2).await;
    }
    assert_eq!(site.runs(Operation::Install).await.len(), 1);
    assert_eq!(site.runs(Operation::Check).await.len(), 2);
    let jobs = site.world.list::<Job>().await;
    assert_eq!(jobs.len(), 3, "one Job for each run");
    let owners: BTreeSet<String> = jobs
        .iter()
        .map(|job| job.owner_references()[0].uid.clone())
        .collect();
    assert_eq!(owners.len(), 3);
    operator.crash().await;

    site.world.delete::<ClusterDeployment>("shop").await;
    for life in lives.take(40) {
        let operator = site.operator("mortal").await;
        tokio::time::sleep(life).await;
        operator.crash().await;
        if site
            .world
            .api::<ClusterDeployment>()
            .get_opt("shop")
            .await
            .unwrap()
            .is_none()
        {
            break;
        }
    }
    let operator = site.operator("mortal").await;
    site.nothing_is_left("shop", 2).await;
    operator.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_executor_that_is_lost_is_replaced_and_its_run_goes_on() {
    let site = Site::new(&["m1", "m2"]).await;
    site.kubelet.play(Operation::Install, Play::Hangs);
    let operator = site.operator("one").await;
    site.cluster("shop", 1, 0).await;
    let run = site.run(Operation::Install, 1, RunPhase::Running).await;
    let pods = async || {
        let mut pods = site.world.list::<Pod>().await;
        pods.retain(|pod| pod.labels().get("slipway.io/run") == Some(&run.name_any()));
        pods
    };
    let lost = pods().await.remove(0);
    site.world
        .api::<Pod>()
        .delete(&lost.name_any(), &DeleteParams::default())
        .await
        .unwrap();
    site.world
        .eventually("another pod", || async {
            let pods = pods().await;
            pods.iter().any(|pod| pod.uid() != lost.uid()).then_some(())
        })
        .await;
    assert_eq!(
        site.world.get::<PlaybookRun>(&run.name_any()).await.phase(),
        RunPhase::Running
    );
    site.kubelet.play(Operation::Install, Play::Succeeds);
    site.run(Operation::Install, 1, RunPhase::Succeeded).await;
    assert_eq!(site.runs(Operation::Install).await.len(), 1);
    assert_eq!(jobs(&site.world, "shop").await.len(), 1);

    // A Job that somebody deletes is a run that has failed and says why.
    site.kubelet.play(Operation::Reset, Play::Hangs);
    site.world.delete::<ClusterDeployment>("shop").await;
    let reset = site.run(Operation::Reset, 1, RunPhase::Running).await;
    site.world
        .api::<Job>()
        .delete(&reset.name_any(), &DeleteParams::background())
        .await
        .unwrap();
    let failed = site.run(Operation::Reset, 1, RunPhase::Failed).await;
    let message = failed.status.unwrap().result.unwrap().message.unwrap();
    assert!(message.contains("was deleted"), "{message}");
    operator.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_run_refers_to_and_does_not_exist_is_named() {
    let site = Site::new(&["m1", "m2"]).await;
    site.kubelet.play(
        Operation::Install,
        Play::Refuses("site.yml:3: there is no module `frobnicate`"),
    );
    let operator = site.operator("one").await;
    site.world.phase(MachinePhase::Idle, 2).await;
    site.cluster("shop", 1, 3).await;
    let refused = site.run(Operation::Install, 1, RunPhase::Failed).await;
    let result = refused.status.unwrap().result.unwrap();
    assert_eq!(result.code, RunCode::Invalid);
    let message = site
        .cluster_condition("shop", "RunFailed", "True", "RetriesExhausted")
        .await;
    assert!(message.contains("there is no module `frobnicate`"), "{message}");
    assert_eq!(
        site.runs(Operation::Install).await.len(),
        1,
        "another try would not help"
    );

    // A run by hand, of machines that do not exist.
    let run = json!({
        "apiVersion": "slipway.io/v1alpha1", "kind": "PlaybookRun", "metadata": {"name": "by-hand"},
        "spec": {"clusterRef": {"name": "shop"}, "operation": "Check", "hosts": [{"machine": "m9"}]},
    });
    site.world.create::<PlaybookRun>(run).await;
    let run = site.run(Operation::Check, 1, RunPhase::Failed).await;
    let message = run.status.unwrap().result.unwrap().message.unwrap();
    assert!(message.contains("m9 of this run does not exist"), "{message}");
    operator.stop().await;
}
