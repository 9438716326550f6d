//! The main job: a cluster is made, used, grown, shrunk and deleted.

use anyhow::{Result, ensure};
use slipway_api::{MachinePhase, Operation, RunPhase};
use slipway_scenarios::scenario;

#[test]
fn a_cluster_is_made_grows_shrinks_and_goes_and_leaves_nothing() -> Result<()> {
    scenario("main", 3, async |world| {
        world.machines_idle().await?;
        world.create_cluster("shop", 1, serde_json::json!({})).await?;
        let made = world
            .until("the cluster is Ready", |state| state.is_ready("shop", 2))
            .await?;
        ensure!(
            made.runs_of("shop", Operation::Install).len() == 1,
            "one run should make it:\n{}",
            made.describe()
        );

        world.scale_workers("shop", 2).await?;
        let grown = world
            .until("the new worker is Ready", |state| state.is_ready("shop", 3))
            .await?;
        let joined = grown.runs_of("shop", Operation::ScaleOut);
        ensure!(joined.len() == 1, "one run should add it:\n{}", grown.describe());
        let hosts: Vec<_> = joined[0].status.iter().flat_map(|status| &status.hosts).collect();
        ensure!(
            hosts.len() == 1 && hosts[0].changed > 0,
            "only the new host should be touched: {hosts:?}"
        );
        let old: Vec<String> = made
            .machines_of("shop")
            .iter()
            .filter_map(|one| one.metadata.name.clone())
            .collect();
        ensure!(
            !old.contains(&hosts[0].name),
            "{} was in the cluster before",
            hosts[0].name
        );

        world.scale_workers("shop", 1).await?;
        let shrunk = world
            .until("one worker less, and its machine Idle", |state| {
                state.is_ready("shop", 2) && state.count(MachinePhase::Idle) == 1
            })
            .await?;
        let reset = shrunk.runs_of("shop", Operation::Reset);
        ensure!(
            reset.iter().all(|run| run.spec.hosts.len() == 1),
            "only the released host should be reset"
        );
        for machine in shrunk
            .machines
            .iter()
            .filter(|one| one.phase() == Some(MachinePhase::Idle))
        {
            world
                .prove_clean(&machine.metadata.name.clone().unwrap_or_default())
                .await?;
        }

        // I9: what a paused cluster lacks is not made until it goes on.
        world
            .patch::<slipway_api::ClusterDeployment>("shop", &serde_json::json!({"spec": {"paused": true}}))
            .await?;
        world.scale_workers("shop", 2).await?;
        tokio::time::sleep(std::time::Duration::from_secs(8)).await;
        let paused = world.state().await?;
        let after = paused.runs_of("shop", Operation::ScaleOut).len();
        ensure!(
            after == joined.len(),
            "I9: a paused cluster started a run:\n{}",
            paused.describe()
        );
        ensure!(
            paused.runs.iter().all(|run| run.phase() != RunPhase::Running),
            "I9: a paused cluster has a run under way"
        );
        world.scale_workers("shop", 1).await?;
        world
            .patch::<slipway_api::ClusterDeployment>("shop", &serde_json::json!({"spec": {"paused": false}}))
            .await?;

        world.delete_cluster("shop").await
    })
}
