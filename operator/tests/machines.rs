//! Machines between their claims, and operators that race for them, against a real API server.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may panic")]

mod support;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::{Duration, Instant},
};

use kube::ResourceExt;
use serde_json::json;
use slipway_api::{ClusterDeployment, Machine, MachinePhase, MachineSet, Operation, PlaybookRun, conditions};
use support::{
    World,
    executor::{Behaviour, Executor, Outcome},
};

/// Asserts that no machine and no slot is used twice; says how many machines are claimed.
async fn no_double_claims(world: &World) -> usize {
    let machines = world.list::<Machine>().await;
    let claims: Vec<_> = machines
        .iter()
        .filter_map(|machine| machine.spec.claim_ref.clone())
        .collect();
    let slots: BTreeSet<(String, i32)> = claims
        .iter()
        .map(|claim| (claim.uid.clone(), claim.slot))
        .collect();
    assert_eq!(slots.len(), claims.len(), "two machines in one slot: {claims:?}");
    claims.len()
}

/// The machine that is the worker of the cluster `shop`.
async fn worker(world: &World) -> String {
    let machines = world.list::<Machine>().await;
    let claim = |machine: &Machine| machine.spec.claim_ref.as_ref().map(|claim| claim.name.clone());
    machines
        .iter()
        .find(|machine| claim(machine).as_deref() == Some("shop-worker"))
        .unwrap()
        .name_any()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_operators_that_both_lead_never_claim_twice() {
    let world = Arc::new(World::new().await);
    let _executor = Executor::start(&world, Behaviour::default());
    let names: Vec<String> = (0..9).map(|number| format!("m{number}")).collect();
    world
        .machines(&names.iter().map(String::as_str).collect::<Vec<_>>())
        .await;
    // Two Leases: each believes to be alone, as after a pause that was longer than the Lease.
    let first = world.operator("first", &["--lease-name=first"]).await;
    let second = world.operator("second", &["--lease-name=second"]).await;
    world.phase(MachinePhase::Idle, 9).await;
    world.cluster("one", 4).await;
    world.cluster("two", 4).await;
    world
        .eventually("the pool is used up", || async {
            (no_double_claims(&world).await == 9).then_some(())
        })
        .await;
    let mut claimed: BTreeMap<String, i32> = BTreeMap::new();
    for machine in world.list::<Machine>().await {
        let claim = machine.spec.claim_ref.clone().unwrap();
        assert_eq!(claim.epoch, 1, "claimed once: {machine:?}");
        *claimed.entry(claim.cluster_name).or_default() += 1;
    }
    assert_eq!(claimed.values().sum::<i32>(), 9);
    assert!(
        claimed.values().all(|count| *count == 4 || *count == 5),
        "{claimed:?}"
    );
    for set in ["one-control-plane", "two-control-plane"] {
        let set: MachineSet = world.get(set).await;
        assert_eq!(set.status.unwrap().slots.len(), 1, "a control plane is claimed");
    }
    let short = if claimed["one"] == 4 { "one" } else { "two" };
    world
        .condition(short, "MachinesClaimed", "False", "1 of 4 machines is missing")
        .await;
    tokio::join!(first.stop(), second.stop());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_next_operator_goes_on_where_one_has_crashed() {
    let world = Arc::new(World::new().await);
    let _executor = Executor::start(&world, Behaviour::default());
    let names: Vec<String> = (0..6).map(|number| format!("m{number}")).collect();
    let first = world.operator("first", &["--lease-seconds=6"]).await;
    let second = world.operator("second", &["--lease-seconds=6"]).await;
    world
        .machines(&names.iter().map(String::as_str).collect::<Vec<_>>())
        .await;
    world.phase(MachinePhase::Idle, 6).await;
    let holder = holder(&world).await;
    let (leader, follower) = if holder == "first" {
        (first, second)
    } else {
        (second, first)
    };
    world.cluster("shop", 5).await;
    tokio::time::sleep(Duration::from_millis(150)).await;
    leader.crash().await;
    world.phase(MachinePhase::Deployed, 6).await;
    assert_eq!(no_double_claims(&world).await, 6);
    let runs = world.list::<PlaybookRun>().await;
    let checks = runs
        .iter()
        .filter(|run| run.spec.operation == Operation::Check)
        .count();
    assert_eq!(checks, 6, "each machine was checked once");
    follower.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lease_given_back_is_taken_at_once_and_only_its_holder_acts() {
    let world = Arc::new(World::new().await);
    let _executor = Executor::start(&world, Behaviour::default());
    let first = world.operator("first", &["--lease-seconds=30"]).await;
    world
        .eventually("the first leads", || async {
            (try_holder(&world).await? == "first").then_some(())
        })
        .await;
    let second = world.operator("second", &["--lease-seconds=30"]).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(holder(&world).await, "first");
    first.stop().await;
    let started = Instant::now();
    world
        .eventually("the second leads", || async {
            (try_holder(&world).await? == "second").then_some(())
        })
        .await;
    assert!(
        started.elapsed() < Duration::from_secs(10),
        "{:?}",
        started.elapsed()
    );
    world.machines(&["m1"]).await;
    world.phase(MachinePhase::Idle, 1).await;
    second.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_whose_lease_is_taken_ends() {
    let world = Arc::new(World::new().await);
    let operator = world.operator("first", &[]).await;
    world
        .eventually("it leads", || async {
            (try_holder(&world).await? == "first").then_some(())
        })
        .await;
    world
        .merge::<k8s_openapi::api::coordination::v1::Lease>(
            "slipway-operator",
            json!({"spec": {"holderIdentity": "thief"}}),
        )
        .await;
    let error = operator.ended().await.unwrap_err();
    assert!(error.to_string().contains("taken by thief"), "{error}");
}

async fn holder(world: &World) -> String {
    world.eventually("somebody leads", || try_holder(world)).await
}

async fn try_holder(world: &World) -> Option<String> {
    let lease = world
        .api::<k8s_openapi::api::coordination::v1::Lease>()
        .get_opt("slipway-operator")
        .await
        .unwrap()?;
    lease.spec?.holder_identity
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_machine_that_is_not_clean_is_quarantined_until_somebody_asks_again() {
    let world = Arc::new(World::new().await);
    let executor = Executor::start(
        &world,
        Behaviour {
            check: Outcome::Fails,
            ..Behaviour::default()
        },
    );
    let operator = world.operator("one", &[]).await;
    world.machines(&["m1"]).await;
    world.phase(MachinePhase::Quarantined, 1).await;
    let message = world
        .eventually("the reason", || async {
            let machine: Machine = world.get("m1").await;
            let status = machine.status?;
            let clean = conditions::get(&status.conditions, "Clean")?.clone();
            (clean.status == "False").then_some(clean.message)
        })
        .await;
    assert!(
        message.contains("kubelet is running") && message.contains("slipway.io/retry"),
        "{message}"
    );
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(
        world.list::<PlaybookRun>().await.len(),
        1,
        "an answer is not asked for again"
    );

    executor.behave(Behaviour::default());
    world
        .merge::<Machine>(
            "m1",
            json!({"metadata": {"annotations": {"slipway.io/retry": "1"}}}),
        )
        .await;
    world.phase(MachinePhase::Idle, 1).await;
    operator.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_claimed_machine_that_is_deleted_stays_until_its_cluster_gives_it_back() {
    let world = Arc::new(World::new().await);
    let _executor = Executor::start(&world, Behaviour::default());
    let operator = world.operator("one", &[]).await;
    world.machines(&["m1", "m2", "m3"]).await;
    world.cluster("shop", 1).await;
    world.phase(MachinePhase::Deployed, 2).await;
    let worker = worker(&world).await;
    world.delete::<Machine>(&worker).await;
    world
        .eventually("it says by whom it is used", || async {
            let machine: Machine = world.get(&worker).await;
            let status = machine.status?;
            let deleting = conditions::get(&status.conditions, "Deleting")?.clone();
            deleting.message.contains("used by cluster shop").then_some(())
        })
        .await;
    world
        .merge::<ClusterDeployment>(
            "shop",
            json!({"spec": {"machineSets": [{"name": "control-plane", "role": "ControlPlane", "replicas": 1},
                {"name": "worker", "role": "Worker", "replicas": 0}]}}),
        )
        .await;
    world
        .eventually("it is gone", || async {
            world
                .api::<Machine>()
                .get_opt(&worker)
                .await
                .unwrap()
                .is_none()
                .then_some(())
        })
        .await;
    operator.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_machine_is_released_by_force_replaced_and_reset_when_it_is_back() {
    let world = Arc::new(World::new().await);
    let _executor = Executor::start(&world, Behaviour::default());
    let operator = world.operator("one", &[]).await;
    world.machines(&["m1", "m2", "m3"]).await;
    world.cluster("shop", 1).await;
    world.phase(MachinePhase::Deployed, 2).await;
    let dead = worker(&world).await;
    world
        .merge::<Machine>(&dead, json!({"spec": {"forceRelease": true}}))
        .await;
    let quarantined = world.phase(MachinePhase::Quarantined, 1).await;
    assert_eq!(quarantined[0].name_any(), dead);
    world.phase(MachinePhase::Deployed, 2).await;
    world
        .merge::<Machine>(&dead, json!({"spec": {"forceRelease": false}}))
        .await;
    let idle = world.phase(MachinePhase::Idle, 1).await;
    assert_eq!(idle[0].name_any(), dead);
    let runs = world.list::<PlaybookRun>().await;
    let reset = runs
        .iter()
        .find(|run| run.spec.cluster_ref.is_none() && run.spec.operation == Operation::Reset);
    assert_eq!(
        reset.unwrap().spec.hosts[0].machine,
        dead,
        "it was reset before it was idle"
    );
    operator.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_claim_whose_set_is_gone_is_given_back_clean() {
    let world = Arc::new(World::new().await);
    let _executor = Executor::start(&world, Behaviour::default());
    let operator = world.operator("one", &[]).await;
    world.machines(&["m1"]).await;
    world.phase(MachinePhase::Idle, 1).await;
    // As after a restore of a backup: a claim of a set that there is no more.
    world
        .merge::<Machine>(
            "m1",
            json!({"spec": {"claimEpoch": 1, "claimRef": {
                "uid": "gone", "name": "old-worker", "clusterName": "old", "role": "Worker", "slot": 0, "epoch": 1,
            }}}),
        )
        .await;
    world
        .eventually("it is back in the pool", || async {
            let machine: Machine = world.get("m1").await;
            (machine.phase() == Some(MachinePhase::Idle) && machine.spec.claim_ref.is_none())
                .then_some(machine)
        })
        .await;
    let machine: Machine = world.get("m1").await;
    assert_eq!(machine.spec.claim_epoch, 1);
    assert!(machine.is_clean());
    operator.stop().await;
}
