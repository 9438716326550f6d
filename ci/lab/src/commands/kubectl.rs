//! `slipway-lab kubectl`

use std::process::ExitCode;

use anyhow::ensure;
use slipway_lab::Lab;

use super::run::become_command;

/// Run kubectl against the metadata cluster
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// What kubectl takes
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

pub async fn run(lab: &Lab, arguments: &Arguments) -> anyhow::Result<ExitCode> {
    ensure!(
        lab.metadata_kubeconfig().exists(),
        "lab {} has no metadata cluster: build it with `slipway-lab metadata up`",
        lab.name()
    );
    become_command(&lab.kubectl(&arguments.arguments).await?)
}
