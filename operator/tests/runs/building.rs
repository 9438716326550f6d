//! From a ClusterDeployment to a converged cluster, and what the executors of its runs are given.

use std::{collections::BTreeSet, time::Duration};

use k8s_openapi::api::{
    batch::v1::Job,
    core::v1::{ConfigMap, Pod, Secret},
    events::v1::Event,
};
use kube::ResourceExt;
use serde_json::{Value, json};
use slipway_api::{
    Cluster, ClusterDeployment, Machine, MachinePhase, MachineSet, Operation, PlaybookRun, RunPhase,
    playbook_run::RunCode,
};

use crate::{
    site::{KEY_MARK, Site, machine_names, texts},
    support::{
        self,
        kubelet::{Play, jobs},
    },
};

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
async fn runs_that_are_made_at_once_go_one_after_the_other() {
    let site = Site::new(&["m1"]).await;
    let operator = site.operator("one").await;
    site.cluster("shop", 0, 3).await;
    site.world.phase(MachinePhase::Deployed, 1).await;
    site.kubelet.play(Operation::Preflight, Play::Hangs);
    // The last made is the first by name: within one second nothing else tells which is older.
    for name in ["hand-d", "hand-c", "hand-b", "hand-a"] {
        let by_hand = json!({
            "apiVersion": "slipway.io/v1alpha1", "kind": "PlaybookRun", "metadata": {"name": name},
            "spec": {"clusterRef": {"name": "shop"}, "operation": "Preflight"},
        });
        site.world.create::<PlaybookRun>(by_hand).await;
    }
    site.run(Operation::Preflight, 1, RunPhase::Running).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let jobs = jobs(&site.world, "shop").await;
    let preflights = jobs
        .iter()
        .filter(|job| job.labels()["slipway.io/operation"] == "Preflight");
    assert_eq!(preflights.count(), 1, "{jobs:?}");
    site.kubelet.play(Operation::Preflight, Play::Succeeds);
    site.world
        .eventually("all are done", || async {
            let runs = site.runs(Operation::Preflight).await;
            runs.iter()
                .all(|run| run.phase() == RunPhase::Succeeded)
                .then_some(())
        })
        .await;
    operator.stop().await;
}
