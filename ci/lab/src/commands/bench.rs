//! `slipway-lab bench`: times side by side on machines of one lab.

mod cluster;
mod measure;
mod runner;

use std::process::ExitCode;

use clap::Subcommand;

/// Times side by side, in one run on this host
#[derive(Debug, Subcommand)]
pub enum Command {
    /// A cluster of one control plane and one worker: install, run again, one worker more, reset
    ///
    /// By kubeadm typed by hand (the floor), by slipway-playbook, and by ansible-playbook (pipelining, ControlPersist, 20
    /// forks) with the same playbooks. Hosts have every program and image beforehand, for all three.
    Cluster,
    Runner(runner::Arguments),
}

pub async fn run(name: &str, command: &Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Cluster => cluster::run(name).await,
        Command::Runner(arguments) => runner::run(name, arguments).await,
    }
}
