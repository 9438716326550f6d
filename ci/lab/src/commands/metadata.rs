//! `slipway-lab metadata …`

use std::process::ExitCode;
use std::time::Instant;

use clap::Subcommand;
use slipway_lab::Lab;

/// The metadata cluster, in which Slipway itself runs
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Build it on the lab machine `metadata`, with the project's own runner and playbooks
    ///
    /// Safe to run again: a cluster that is there is left as it is.
    Up,
}

pub async fn run(lab: &Lab, command: &Command) -> anyhow::Result<ExitCode> {
    let Command::Up = command;
    let start = Instant::now();
    let kubeconfig = lab.metadata_up().await?;
    println!(
        "the metadata cluster is ready ({:.1} s)",
        start.elapsed().as_secs_f64()
    );
    println!("  slipway-lab --name {} kubectl get nodes", lab.name());
    println!(
        "  kubeconfig (inside the lab's network): {}",
        kubeconfig.display()
    );
    Ok(ExitCode::SUCCESS)
}
