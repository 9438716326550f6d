//! Runs that fail: what people are told, when it is tried again and when not.

use std::time::Duration;

use k8s_openapi::api::events::v1::Event;
use serde_json::json;
use slipway_api::{
    ClusterDeployment, Machine, MachinePhase, Operation, PlaybookRun, RunPhase, playbook_run::RunCode,
};

use crate::{site::Site, support::kubelet::Play};

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
