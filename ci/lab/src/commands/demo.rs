//! `slipway-lab demo`: Slipway's whole job, for real, in front of a person.

mod screen;
mod snapshot;
mod story;
mod times;
mod workload;

use std::process::ExitCode;

use anyhow::Context;
use slipway_lab::{Lab, UpOptions};

use super::floor;
use times::Times;

/// Machines of the pool.
const MACHINES: usize = 3;

/// Show the whole job: a cluster is built, grown and deleted on machines of a lab
///
/// A metadata cluster comes up, the operator runs in it, idle machines wait. A ClusterDeployment makes a cluster of them, runs
/// pods in it, adds a worker, and deletes it; the machines are idle and clean again. At the end the lab is taken down.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Leave the lab up at the end, to look around
    #[arg(long)]
    keep: bool,
    /// Leave out the measurement of kubeadm typed by hand, which the times are compared with
    #[arg(long)]
    no_floor: bool,
}

pub async fn run(name: &str, arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let told = tokio::select! {
        told = tell(name, arguments) => told,
        _ = tokio::signal::ctrl_c() => Err(anyhow::anyhow!("interrupted")),
    };
    if arguments.keep {
        screen::say(&format!(
            "The lab stays up. Look around, then: slipway-lab --name {name} down"
        ));
    } else {
        screen::heading("The lab is taken down");
        Lab::down(name).await.context("take the lab down")?;
    }
    told?;
    Ok(ExitCode::SUCCESS)
}

async fn tell(name: &str, arguments: &Arguments) -> anyhow::Result<()> {
    let mut times = Times::default();
    screen::heading("A lab comes up: image registry, file server, three bare machines");
    let options = UpOptions {
        name: name.to_owned(),
        machines: MACHINES,
        services: true,
    };
    let lab = times
        .step("lab: registry, file server, machines", Lab::up(&options))
        .await?;

    screen::heading("The metadata cluster: slipway-playbook plays install.yml on one more machine");
    times.step("metadata cluster", lab.metadata_up()).await?;

    screen::heading("The operator: its image in the registry, its Helm chart in the metadata cluster");
    times.step("operator", lab.operator_up()).await?;

    let (lab, mut times) = story::tell(lab, times).await?;
    if !arguments.no_floor {
        screen::heading("For comparison: kubeadm typed by hand on three fresh machines");
        let floor = floor::measure(&lab)
            .await
            .context("measure kubeadm typed by hand")?;
        times.compare(&floor);
    }
    screen::heading("Times");
    times.print();
    Ok(())
}
