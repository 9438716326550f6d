//! Runs in whose middle something goes: the cluster, the operator, the executor, its Job.

use std::{collections::BTreeSet, time::Duration};

use k8s_openapi::api::{batch::v1::Job, core::v1::Pod};
use kube::{ResourceExt, api::DeleteParams};
use slipway_api::{ClusterDeployment, Machine, MachinePhase, Operation, PlaybookRun, RunPhase};

use crate::{
    site::{Site, machine_names},
    support::kubelet::{Play, jobs},
};

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
