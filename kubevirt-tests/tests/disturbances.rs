//! What may happen in the middle of it: pods that are killed, machines that die, a user who changes their mind.

use anyhow::{Result, ensure};
use serde_json::json;
use slipway_api::{MachinePhase, Operation, RunPhase};
use slipway_scenarios::{State, World, scenario};

/// Waits until the installation is in the middle of its tasks.
async fn in_the_middle(world: &World, cluster: &str) -> Result<State> {
    world
        .until("the installation is at its tasks", |state| {
            let runs = state.runs_of(cluster, Operation::Install);
            runs.iter().any(|run| {
                let progress = run.status.as_ref().and_then(|status| status.progress.as_ref());
                run.phase() == RunPhase::Running && progress.is_some_and(|progress| progress.tasks_done >= 12)
            })
        })
        .await
}

#[test]
fn the_operator_dies_during_an_installation_which_goes_on_with_the_same_job() -> Result<()> {
    scenario("operator-dies", 1, async |world| {
        world.machines_idle().await?;
        world.create_cluster("shop", 0, json!({})).await?;
        let before = in_the_middle(&world, "shop").await?;
        world.kill_operator().await?;
        let after = world
            .until("the cluster is Ready", |state| state.is_ready("shop", 1))
            .await?;
        ensure!(
            after.runs_of("shop", Operation::Install).len()
                == before.runs_of("shop", Operation::Install).len(),
            "a second run was made:\n{}",
            after.describe()
        );
        let jobs = |state: &State| -> Vec<_> {
            state
                .jobs
                .iter()
                .filter_map(|job| job.metadata.uid.clone())
                .collect::<std::collections::BTreeSet<_>>()
                .into_iter()
                .collect()
        };
        ensure!(jobs(&before) == jobs(&after), "a second Job was made");
        world.delete_cluster("shop").await
    })
}

#[test]
fn the_executor_dies_during_an_installation_and_another_one_finishes_it() -> Result<()> {
    scenario("executor-dies", 1, async |world| {
        world.machines_idle().await?;
        world.create_cluster("shop", 0, json!({})).await?;
        in_the_middle(&world, "shop").await?;
        let machine = world.machine(1);
        let programs = "stat -c '%n %i' /usr/local/bin/containerd 2>/dev/null; true";
        let mut before = String::new();
        while before.trim().is_empty() {
            let state = world.state().await?;
            ensure!(
                !state.is_ready("shop", 1),
                "the cluster was Ready before a program was seen"
            );
            before = world.provider.run(&machine, programs).await?;
        }
        ensure!(
            world.kill_executors("shop").await? == 1,
            "one executor should have been killed"
        );
        world
            .until("the cluster is Ready", |state| state.is_ready("shop", 1))
            .await?;
        let after = world.provider.run(&machine, programs).await?;
        ensure!(
            before == after,
            "what was installed was installed again: {before} became {after}"
        );
        world.delete_cluster("shop").await
    })
}

#[test]
fn a_machine_that_is_powered_off_is_named_by_the_run_and_taken_in_again() -> Result<()> {
    scenario("power-off", 2, async |world| {
        world.machines_idle().await?;
        world.create_cluster("shop", 1, json!({})).await?;
        let ready = world
            .until("the cluster is Ready", |state| state.is_ready("shop", 2))
            .await?;
        let worker = ready
            .machines
            .iter()
            .find(|one| {
                one.spec
                    .claim_ref
                    .as_ref()
                    .is_some_and(|claim| claim.name.contains("worker"))
            })
            .and_then(|one| one.metadata.name.clone())
            .unwrap_or_default();
        world.provider.power_off(&worker).await?;
        world
            .until("the machine is not Ready", |state| {
                state.phase_of(&worker) == Some(MachinePhase::NotReady)
            })
            .await?;

        // A day-2 run on it fails and says so.
        let run: slipway_api::PlaybookRun = serde_json::from_value(json!({
            "apiVersion": "slipway.io/v1alpha1", "kind": "PlaybookRun", "metadata": {"name": "look"},
            "spec": {"clusterRef": {"name": "shop"}, "operation": "Check", "hosts": [{"machine": worker}]},
        }))?;
        world
            .api()
            .create(&kube::api::PostParams::default(), &run)
            .await?;
        let failed = world
            .until("the run has failed", |state| {
                state.runs.iter().any(|run| {
                    run.metadata.name.as_deref() == Some("look") && run.phase() == RunPhase::Failed
                })
            })
            .await?;
        let told = failed
            .runs
            .iter()
            .find(|run| run.metadata.name.as_deref() == Some("look"));
        let told = told
            .and_then(|run| run.status.as_ref()?.result.as_ref()?.message.clone())
            .unwrap_or_default();
        ensure!(told.contains(&worker), "the run should name the machine: {told}");

        world.provider.start(&worker).await?;
        world
            .until("the machine is Ready again", |state| state.is_ready("shop", 2))
            .await?;
        world.delete_cluster("shop").await
    })
}

#[test]
fn the_network_of_a_machine_is_cut_during_an_installation_which_ends_well_once_it_is_back() -> Result<()> {
    scenario("network-cut", 1, async |world| {
        world.machines_idle().await?;
        world.create_cluster("shop", 0, json!({})).await?;
        in_the_middle(&world, "shop").await?;
        let machine = world.machine(1);
        world.provider.cut_network(&machine).await?;
        let failed = world
            .until("a run has failed", |state| {
                let runs = state.runs_of("shop", Operation::Install);
                runs.iter().any(|run| run.phase() == RunPhase::Failed)
            })
            .await?;
        let runs = failed.runs_of("shop", Operation::Install);
        let told = runs
            .iter()
            .find_map(|run| run.status.as_ref()?.result.as_ref()?.message.clone())
            .unwrap_or_default();
        ensure!(
            told.contains(&machine) && told.contains("not reached"),
            "the run should say that {machine} was not reached: {told}"
        );
        world.provider.restore_network(&machine).await?;
        world
            .until("the cluster is Ready", |state| state.is_ready("shop", 1))
            .await?;
        world.delete_cluster("shop").await
    })
}

#[test]
fn a_cluster_that_is_deleted_during_its_installation_leaves_clean_machines() -> Result<()> {
    scenario("deleted-early", 2, async |world| {
        world.machines_idle().await?;
        world.create_cluster("shop", 1, json!({})).await?;
        in_the_middle(&world, "shop").await?;
        world.delete_cluster("shop").await
    })
}

#[test]
fn a_cluster_waits_for_machines_and_goes_on_when_one_comes() -> Result<()> {
    scenario("too-few", 1, async |world| {
        world.machines_idle().await?;
        world.create_cluster("shop", 1, json!({})).await?;
        let waiting = world
            .until("a condition counts what is missing", |state| {
                let status = state
                    .deployment("shop")
                    .and_then(|one| one.status.clone())
                    .unwrap_or_default();
                slipway_api::conditions::get(&status.conditions, slipway_api::conditions::MACHINES_CLAIMED)
                    .is_some_and(|one| one.status == "False" && one.reason == "InsufficientIdleMachines")
            })
            .await?;
        let status = waiting
            .deployment("shop")
            .and_then(|one| one.status.clone())
            .unwrap_or_default();
        let told =
            slipway_api::conditions::get(&status.conditions, slipway_api::conditions::MACHINES_CLAIMED);
        let told = told.map(|one| one.message.clone()).unwrap_or_default();
        ensure!(told.contains('1'), "it should count the missing machine: {told}");

        let late = vec![world.machine(2)];
        for machine in world.provider.create(&late).await? {
            world.add_machine(&machine).await?;
        }
        world
            .until("the cluster is Ready with the late machine", |state| {
                state.is_ready("shop", 2)
            })
            .await?;
        world.delete_cluster("shop").await?;
        world.provider.destroy(&late[0]).await
    })
}
