//! The metadata cluster: one lab machine on which the project's own playbooks built a cluster of one node.

use std::path::{Path, PathBuf};

use crate::command::{run, run_visibly};
use crate::error::{Error, FileContext, Result};
use crate::inventory::ClusterOptions;
use crate::lab::Lab;
use crate::player::Player;
use crate::{progress, sources, state};

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
        let mut command = self.inside();
        command.extend(Player::Slipway.words(self, &files.inventory, "install.yml", &[])?);
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
        self.kubectl_with(&self.metadata_kubeconfig(), arguments).await
    }

    /// The words of a `kubectl` command for any cluster of the lab, to be run from anywhere on the host.
    pub async fn kubectl_with(&self, kubeconfig: &Path, arguments: &[String]) -> Result<Vec<String>> {
        let program = sources::programs("kubernetes-1.35").await?.join("kubectl");
        let mut command = self.inside();
        command.push(program.display().to_string());
        command.push(format!("--kubeconfig={}", kubeconfig.display()));
        command.extend(arguments.iter().cloned());
        Ok(command)
    }

    /// Keeps the kubeconfig of a cluster with the lab's other files, and says where. Only root may read it.
    pub fn save_kubeconfig(&self, cluster: &str, kubeconfig: &[u8]) -> Result<PathBuf> {
        state::check_name(cluster, "cluster")?;
        let folder = self.folders().cluster(cluster);
        state::create_folder(&folder)?;
        let file = folder.join("kubeconfig");
        state::write_secret(&file, kubeconfig)?;
        Ok(file)
    }

    /// A client of a cluster of the lab, by the text of its kubeconfig. Its connections are made by the calling program: they
    /// reach the cluster from threads in the lab's network ([`Lab::runtime`]).
    pub async fn client(&self, kubeconfig: &str) -> Result<kube::Client> {
        let failed = |source: Box<dyn std::error::Error + Send + Sync>| Error::Kubernetes {
            action: "make a client of a cluster in the lab",
            source,
        };
        let kubeconfig =
            kube::config::Kubeconfig::from_yaml(kubeconfig).map_err(|error| failed(error.into()))?;
        let options = kube::config::KubeConfigOptions::default();
        let config = kube::Config::from_custom_kubeconfig(kubeconfig, &options)
            .await
            .map_err(|error| failed(error.into()))?;
        kube::Client::try_from(config).map_err(|error| failed(error.into()))
    }

    /// A client of the metadata cluster; see [`Lab::client`].
    pub async fn metadata_client(&self) -> Result<kube::Client> {
        let path = self.metadata_kubeconfig();
        let text = std::fs::read_to_string(&path).file("read the kubeconfig", &path)?;
        self.client(&text).await
    }
}
