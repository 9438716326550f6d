//! The metadata cluster: one lab machine on which the project's own playbooks built a cluster of one node.

use std::path::PathBuf;

use crate::command::{run, run_visibly};
use crate::error::Result;
use crate::inventory::ClusterOptions;
use crate::lab::Lab;
use crate::{progress, sources};

/// The machine and the cluster have one name.
pub const METADATA: &str = "metadata";

impl Lab {
    /// Builds the metadata cluster by `slipway-playbook playbooks/install.yml`, as a person would from the command line.
    /// Safe to run again. The playbook's output goes to this process's own standard output.
    pub async fn metadata_up(&self) -> Result<PathBuf> {
        self.machine_add(METADATA).await?;
        let files = self.cluster_files(&ClusterOptions {
            name: METADATA.to_owned(),
            control_plane: vec![METADATA.to_owned()],
            workers: vec![METADATA.to_owned()],
            kubernetes_version: None,
        })?;
        let runner = sources::workspace_program("slipway-playbook")?;
        let playbook = sources::project().join("playbooks/install.yml");
        let mut command = self.inside();
        command.extend(
            [
                &runner.display().to_string(),
                "-i",
                &files.inventory.display().to_string(),
                "--known-hosts",
                &self.folders().known_hosts().display().to_string(),
                &playbook.display().to_string(),
            ]
            .map(str::to_owned),
        );
        run_visibly(&command).await?;
        let wait = [
            "wait",
            "--for=condition=Ready",
            "nodes",
            "--all",
            "--timeout=120s",
        ]
        .map(str::to_owned);
        let wait = self.kubectl(&wait).await?;
        progress::during("waiting for the metadata cluster's node", run(&wait)).await?;
        Ok(files.kubeconfig)
    }

    /// The kubeconfig of the metadata cluster. It works inside the lab's network.
    pub fn metadata_kubeconfig(&self) -> PathBuf {
        self.folders().cluster(METADATA).join("kubeconfig")
    }

    /// The words of a `kubectl` command for the metadata cluster, to be run from anywhere on the host.
    pub async fn kubectl(&self, arguments: &[String]) -> Result<Vec<String>> {
        let program = sources::programs("kubernetes-1.35").await?.join("kubectl");
        let mut command = self.inside();
        command.push(program.display().to_string());
        command.push(format!("--kubeconfig={}", self.metadata_kubeconfig().display()));
        command.extend(arguments.iter().cloned());
        Ok(command)
    }
}
