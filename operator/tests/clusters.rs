//! A ClusterDeployment from its creation to its end, against a real API server.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may panic")]

mod support;

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use k8s_openapi::api::{core::v1::Secret, events::v1::Event};
use kube::ResourceExt;
use serde_json::json;
use slipway_api::{Cluster, ClusterDeployment, Machine, MachinePhase, MachineSet, PlaybookRun, RunPhase};
use support::{
    World,
    executor::{Behaviour, Executor, Outcome},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_gets_its_sets_its_secrets_and_its_machines_and_then_nobody_writes() {
    let world = Arc::new(World::new().await);
    let _executor = Executor::start(&world, Behaviour::default());
    let operator = world.operator("one", &[]).await;
    world.machines(&["m1", "m2", "m3", "m4"]).await;
    world.cluster("shop", 2).await;

    world.condition("shop", "MachinesClaimed", "True", "").await;
    world.condition("shop", "TrustReady", "True", "").await;
    let secrets: BTreeSet<String> = world
        .list::<Secret>()
        .await
        .iter()
        .map(ResourceExt::name_any)
        .collect();
    let expected = [
        "shop-bootstrap-token",
        "shop-ca",
        "shop-etcd",
        "shop-kubeconfig",
        "shop-proxy",
        "shop-sa",
    ];
    assert_eq!(secrets, expected.into_iter().map(str::to_owned).collect());
    world.phase(MachinePhase::Deployed, 3).await;
    let machines = world.list::<Machine>().await;
    let claims: BTreeSet<(String, i32)> = machines
        .iter()
        .filter_map(|machine| machine.spec.claim_ref.as_ref())
        .map(|claim| (claim.name.clone(), claim.slot))
        .collect();
    let expected = [("shop-control-plane", 0), ("shop-worker", 0), ("shop-worker", 1)];
    assert_eq!(
        claims,
        expected
            .into_iter()
            .map(|(set, slot)| (set.to_owned(), slot))
            .collect()
    );

    let control_plane = machines
        .iter()
        .find(|machine| {
            machine
                .spec
                .claim_ref
                .as_ref()
                .is_some_and(|claim| claim.name == "shop-control-plane")
        })
        .unwrap();
    let status = world.get::<Cluster>("shop").await.status.unwrap();
    assert_eq!(status.endpoint.unwrap().host, control_plane.spec.address);
    assert_eq!(status.kubeconfig_secret_ref.unwrap().name, "shop-kubeconfig");

    let idle = machines
        .iter()
        .find(|machine| machine.spec.claim_ref.is_none())
        .unwrap();
    assert_eq!(idle.phase(), Some(MachinePhase::Idle));

    let before = settled(&world).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(
        world.versions().await,
        before,
        "an idle, converged system makes no writes"
    );
    operator.stop().await;
    // A new leader finds everything as it should be.
    let operator = world.operator("two", &[]).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(
        world.versions().await,
        before,
        "a new leader writes nothing either"
    );
    operator.stop().await;
}

/// Waits until nobody has written for a second.
async fn settled(world: &World) -> Vec<String> {
    let mut before = world.versions().await;
    loop {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let now = world.versions().await;
        if now == before {
            return now;
        }
        before = now;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_missing_is_said_and_claimed_when_it_appears() {
    let world = Arc::new(World::new().await);
    let _executor = Executor::start(&world, Behaviour::default());
    let operator = world.operator("one", &[]).await;
    world.machines(&["m1", "m2"]).await;
    world
        .create::<Machine>(support::machine("spare", 7, &json!({"rack": "b"})))
        .await;
    world
        .merge::<Machine>("spare", json!({"spec": {"unschedulable": true}}))
        .await;
    world.phase(MachinePhase::Idle, 2).await;
    world.cluster("shop", 3).await;

    let message = world
        .condition("shop", "MachinesClaimed", "False", "2 of 3 machines are missing")
        .await;
    assert!(message.contains("1 unschedulable (spare)"), "{message}");
    let told = world
        .api::<Event>()
        .list(&kube::api::ListParams::default())
        .await
        .unwrap();
    let told = told
        .iter()
        .filter(|event| event.reason.as_deref() == Some("InsufficientIdleMachines"))
        .count();
    assert_eq!(told, 1, "once for the transition");

    world.machines(&["m3"]).await;
    world
        .merge::<Machine>("spare", json!({"spec": {"unschedulable": false}}))
        .await;
    world.condition("shop", "MachinesClaimed", "True", "").await;
    operator.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_machines_that_match_the_selector_are_claimed() {
    let world = Arc::new(World::new().await);
    let _executor = Executor::start(&world, Behaviour::default());
    let operator = world.operator("one", &[]).await;
    for (index, rack) in ["a", "b", "a"].into_iter().enumerate() {
        world
            .create::<Machine>(support::machine(
                &format!("m{index}"),
                index,
                &json!({"rack": rack}),
            ))
            .await;
    }
    let mut cluster = support::cluster("shop", 1);
    cluster["spec"]["machineSets"][1]["selector"] = json!({"matchLabels": {"rack": "b"}});
    cluster["spec"]["machineSets"][0]["selector"] = json!({"matchLabels": {"rack": "a"}});
    world.create::<ClusterDeployment>(cluster).await;
    world.condition("shop", "MachinesClaimed", "True", "").await;
    let worker: Machine = world.get("m1").await;
    assert_eq!(worker.spec.claim_ref.unwrap().name, "shop-worker");
    operator.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn workers_grow_and_shrink_and_those_that_leave_are_reset() {
    let world = Arc::new(World::new().await);
    let _executor = Executor::start(&world, Behaviour::default());
    let operator = world.operator("one", &[]).await;
    world.machines(&["m1", "m2", "m3", "m4"]).await;
    world.cluster("shop", 1).await;
    world.phase(MachinePhase::Deployed, 2).await;
    let workers = |count: i32| {
        json!({"spec": {"machineSets": [
            {"name": "control-plane", "role": "ControlPlane", "replicas": 1},
            {"name": "worker", "role": "Worker", "replicas": count},
        ]}})
    };
    world.merge::<ClusterDeployment>("shop", workers(3)).await;
    world.phase(MachinePhase::Deployed, 4).await;

    world.merge::<ClusterDeployment>("shop", workers(1)).await;
    let released = world.phase(MachinePhase::Idle, 2).await;
    for machine in &released {
        assert_eq!(machine.spec.claim_epoch, 1);
        assert!(machine.is_clean());
    }
    let resets = world.list::<PlaybookRun>().await;
    let resets: Vec<_> = resets
        .iter()
        .filter(|run| run.name_any().starts_with("reset-"))
        .collect();
    assert_eq!(resets.len(), 2, "only the two that left were reset");
    let kept: Vec<Machine> = world.phase(MachinePhase::Deployed, 2).await;
    let slots: Vec<(String, i32)> = kept
        .iter()
        .map(|machine| machine.spec.claim_ref.clone().unwrap())
        .map(|claim| (claim.name, claim.slot))
        .collect();
    assert!(
        slots.contains(&("shop-worker".to_owned(), 0)),
        "the highest slots left: {slots:?}"
    );
    operator.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_count_that_the_deployment_leaves_open_is_left_to_whoever_scales() {
    let world = Arc::new(World::new().await);
    let _executor = Executor::start(&world, Behaviour::default());
    let operator = world.operator("one", &[]).await;
    world.machines(&["m1", "m2", "m3", "m4"]).await;
    let mut cluster = support::cluster("shop", 2);
    cluster["spec"]["machineSets"][1]
        .as_object_mut()
        .unwrap()
        .remove("replicas");
    world.create::<ClusterDeployment>(cluster).await;
    world.phase(MachinePhase::Deployed, 2).await;
    let sets = world.api::<MachineSet>();
    sets.patch_scale(
        "shop-worker",
        &kube::api::PatchParams::default(),
        &kube::api::Patch::Merge(json!({"spec": {"replicas": 3}})),
    )
    .await
    .unwrap();
    world.phase(MachinePhase::Deployed, 4).await;
    // Another change of the set must not take the count back.
    world
        .merge::<ClusterDeployment>(
            "shop",
            json!({"spec": {"machineSets": [
                {"name": "control-plane", "role": "ControlPlane", "replicas": 1},
                {"name": "worker", "role": "Worker", "labels": {"tier": "web"}},
            ]}}),
        )
        .await;
    let set = world
        .eventually("the label reaches the set", || async {
            let set: MachineSet = world.get("shop-worker").await;
            set.spec.labels.contains_key("tier").then_some(set)
        })
        .await;
    assert_eq!(set.spec.replicas, Some(3));
    operator.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_paused_cluster_starts_nothing_and_goes_on_when_it_may() {
    let world = Arc::new(World::new().await);
    let _executor = Executor::start(&world, Behaviour::default());
    let operator = world.operator("one", &[]).await;
    world.machines(&["m1", "m2"]).await;
    let mut cluster = support::cluster("shop", 1);
    cluster["spec"]["paused"] = json!(true);
    world.create::<ClusterDeployment>(cluster).await;
    world.condition("shop", "Paused", "True", "").await;
    world.phase(MachinePhase::Idle, 2).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(world.list::<MachineSet>().await.is_empty());
    world
        .merge::<ClusterDeployment>("shop", json!({"spec": {"paused": false}}))
        .await;
    world.phase(MachinePhase::Deployed, 2).await;
    operator.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_supported_is_refused_by_a_condition_and_the_old_is_kept() {
    let world = Arc::new(World::new().await);
    let _executor = Executor::start(&world, Behaviour::default());
    let operator = world.operator("one", &[]).await;
    world.machines(&["m1", "m2"]).await;
    world.cluster("shop", 1).await;
    world.phase(MachinePhase::Deployed, 2).await;
    // As clusterinstall records it after the first run.
    let condition = json!({
        "type": "ControlPlaneInitialized", "status": "True", "reason": "AsWanted", "message": "",
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    });
    let installed = json!({"kubernetesVersion": "v1.35.4", "controlPlanes": 1, "componentConfig": {}});
    let patch = json!({"status": {"installed": installed, "conditions": [condition]}});
    world
        .api::<Cluster>()
        .patch_status(
            "shop",
            &kube::api::PatchParams::default(),
            &kube::api::Patch::Merge(&patch),
        )
        .await
        .unwrap();
    world.condition("shop", "Supported", "True", "").await;
    world
        .merge::<ClusterDeployment>(
            "shop",
            json!({"spec": {"kubernetesVersion": "v1.35.5", "componentConfig": {"kubelet": {"maxPods": 50}}}}),
        )
        .await;
    let message = world.condition("shop", "Supported", "False", "v1.35.5").await;
    assert!(
        message.contains("stays at v1.35.4") && message.contains("componentConfig"),
        "{message}"
    );
    world
        .merge::<ClusterDeployment>("shop", json!({"spec": {"componentConfig": {"kubelet": null}}}))
        .await;
    world
        .condition("shop", "Supported", "False", "stays at v1.35.4")
        .await;
    operator.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_deleted_at_any_moment_leaves_nothing_behind() {
    // How long after its creation it is deleted; the later ones are in the middle of the installation.
    for wait in [0, 100, 300, 600, 1500] {
        let world = Arc::new(World::new().await);
        let behaviour = Behaviour {
            install: Outcome::Hangs,
            ..Behaviour::default()
        };
        let _executor = Executor::start(&world, behaviour);
        let operator = world.operator("one", &[]).await;
        world.machines(&["m1", "m2", "m3"]).await;
        world.phase(MachinePhase::Idle, 3).await;
        world.cluster("shop", 2).await;
        tokio::time::sleep(Duration::from_millis(wait)).await;
        world.delete::<ClusterDeployment>("shop").await;
        world.nothing_is_left(3).await;
        operator.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deletion_waits_for_the_run_to_stop_and_for_every_reset() {
    let world = Arc::new(World::new().await);
    let hanging = Behaviour {
        install: Outcome::Hangs,
        reset: Outcome::Hangs,
        ..Behaviour::default()
    };
    let executor = Executor::start(&world, hanging);
    let operator = world.operator("one", &[]).await;
    world.machines(&["m1", "m2"]).await;
    world.cluster("shop", 1).await;
    world.phase(MachinePhase::Deploying, 2).await;
    world.delete::<ClusterDeployment>("shop").await;
    let waits_for = "machines to be reset and released: m1 (Releasing), m2 (Releasing)";
    world.condition("shop", "Deleting", "True", waits_for).await;
    world
        .eventually("resets are under way", || async {
            let runs = world.list::<PlaybookRun>().await;
            let of = |name: &str, phase| {
                runs.iter()
                    .filter(|run| run.name_any().starts_with(name) && run.phase() == phase)
                    .count()
            };
            (of("install-", RunPhase::Cancelled) == 2 && of("reset-", RunPhase::Running) == 2).then_some(())
        })
        .await;
    // Kubeconfig and authorities are kept until the machines are clean.
    assert_eq!(world.list::<Secret>().await.len(), 6);
    executor.behave(Behaviour::default());
    world.nothing_is_left(2).await;
    operator.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_orphaned_cluster_keeps_running_and_its_machines_are_quarantined() {
    let world = Arc::new(World::new().await);
    let _executor = Executor::start(&world, Behaviour::default());
    let operator = world.operator("one", &[]).await;
    world.machines(&["m1", "m2"]).await;
    let mut cluster = support::cluster("shop", 1);
    cluster["spec"]["deletionPolicy"] = json!("Orphan");
    world.create::<ClusterDeployment>(cluster).await;
    world.phase(MachinePhase::Deployed, 2).await;
    world.delete::<ClusterDeployment>("shop").await;
    let machines = world.phase(MachinePhase::Quarantined, 2).await;
    assert!(
        machines
            .iter()
            .all(|machine| machine.spec.force_release && machine.spec.claim_ref.is_none())
    );
    operator.stop().await;
}
