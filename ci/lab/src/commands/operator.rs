//! `slipway-lab operator …`

use std::process::ExitCode;
use std::time::Instant;

use clap::Subcommand;
use slipway_lab::Lab;

/// Slipway itself, in the metadata cluster
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Build its images, push them to the lab's registry, and install its Helm chart
    ///
    /// Safe to run again: after a change of the sources it installs what is new.
    Up,
}

pub async fn run(lab: &Lab, command: &Command) -> anyhow::Result<ExitCode> {
    let Command::Up = command;
    let start = Instant::now();
    lab.operator_up().await?;
    println!("the operator is ready ({:.1} s)", start.elapsed().as_secs_f64());
    println!(
        "  slipway-lab --name {} kubectl get pods -n slipway-system",
        lab.name()
    );
    Ok(ExitCode::SUCCESS)
}
