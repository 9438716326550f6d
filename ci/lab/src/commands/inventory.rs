//! `slipway-lab inventory`

use std::process::ExitCode;

use slipway_lab::{ClusterOptions, Lab};

/// Print an Ansible inventory of machines that shall become a cluster
///
/// It holds everything that the playbooks need: addresses, groups, the lab's mirrors, and the cluster's certificate
/// authorities and bootstrap token, made the first time and the same from then on. It is secret. For example:
///   slipway-lab inventory --control-plane machine-1 --worker machine-2 > hosts.yml
///   slipway-lab run -- slipway-playbook -i hosts.yml --known-hosts "$(slipway-lab status --json | jq -r .knownHosts)" \
///     playbooks/install.yml
///   slipway-lab run -- ansible-playbook -i hosts.yml playbooks/install.yml
/// The administrator's kubeconfig of that cluster is in the lab's state folder, at clusters/NAME/kubeconfig.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Arguments {
    /// Machines of the control plane, the first to start first
    #[arg(long, value_name = "MACHINE", value_delimiter = ',', required = true)]
    control_plane: Vec<String>,
    /// Workers; a machine named in both groups takes any pod
    #[arg(long, value_name = "MACHINE", value_delimiter = ',')]
    worker: Vec<String>,
    /// The cluster's name
    #[arg(long, default_value = "kubernetes")]
    cluster: String,
    /// Such as v1.35.4 [default: that of the playbooks]
    #[arg(long, value_name = "VERSION")]
    kubernetes_version: Option<String>,
}

pub fn run(lab: &Lab, arguments: Arguments) -> anyhow::Result<ExitCode> {
    let files = lab.cluster_files(&ClusterOptions {
        name: arguments.cluster,
        control_plane: arguments.control_plane,
        workers: arguments.worker,
        kubernetes_version: arguments.kubernetes_version,
    })?;
    print!("{}", std::fs::read_to_string(&files.inventory)?);
    Ok(ExitCode::SUCCESS)
}
