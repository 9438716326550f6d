//! The executor of a PlaybookRun: a Job with an inventory ConfigMap and a Secret, made from values alone.
//!
//! [`build`] is pure. Every object is immutable and has a name that follows from the run, so that making it twice makes
//! it once. What is secret stands in the Secret only; the ConfigMap may be read by whoever may read the run.

mod inventory;
mod job;
mod secrets;
mod variables;

use std::collections::BTreeMap;

use k8s_openapi::{
    api::{
        batch::v1::Job,
        core::v1::{ConfigMap, ResourceRequirements, Secret},
    },
    apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference},
};
use kube::Resource as _;
use slipway_api::{
    ClusterDeploymentSpec, Machine, Operation, PlaybookRun, Taint, labels, names, references::Endpoint,
};
use slipway_trust::{BootstrapToken, ClusterTrust};
use thiserror::Error;

/// Where the ConfigMap is mounted.
const INVENTORY_PATH: &str = "/etc/slipway/inventory";
/// Where the Secret is mounted.
const SECRET_PATH: &str = "/etc/slipway/secret";
/// Where the executor image holds its playbooks.
const PLAYBOOKS_PATH: &str = "/usr/share/slipway/playbooks";

const HOSTS_KEY: &str = "hosts.yml";
const VARIABLES_KEY: &str = "variables.yml";
const SECRETS_KEY: &str = "secrets.yml";
const KNOWN_HOSTS_KEY: &str = "known_hosts";

/// Name of the executor's only container.
pub const CONTAINER: &str = "runner";

/// All that an executor is made from.
#[derive(Debug)]
pub struct Inputs<'a> {
    /// The run that the executor is for.
    pub run: &'a PlaybookRun,
    /// The cluster of the run; none for a check of machines that nobody has claimed.
    pub cluster: Option<ClusterInputs<'a>>,
    /// The hosts of the run, in the order of the inventory.
    pub hosts: Vec<HostInputs<'a>>,
    /// Private SSH keys by the name of their Secret.
    pub ssh_keys: BTreeMap<String, String>,
    /// Image with runner and playbooks.
    pub image: &'a str,
    /// Requests and limits of the container.
    pub resources: Option<ResourceRequirements>,
}

/// What is wanted of the cluster.
#[derive(Debug)]
pub struct ClusterInputs<'a> {
    /// Name of the ClusterDeployment.
    pub name: &'a str,
    /// Uid of the ClusterDeployment: the owner in the fencing token of its hosts.
    pub uid: &'a str,
    /// Its spec.
    pub spec: &'a ClusterDeploymentSpec,
    /// Where its API server is reached.
    pub endpoint: Option<&'a Endpoint>,
    /// Its certificate authorities and keys.
    pub trust: Option<&'a ClusterTrust>,
    /// What lets new hosts join.
    pub bootstrap_token: Option<&'a BootstrapToken>,
}

/// One host of the run.
#[derive(Debug)]
pub struct HostInputs<'a> {
    /// The Machine.
    pub machine: &'a Machine,
    /// Claim epoch that the run was made for.
    pub epoch: i64,
    /// Whether it is the cluster's first control plane.
    pub first_control_plane: bool,
    /// Labels for its Node.
    pub labels: &'a BTreeMap<String, String>,
    /// Taints for its Node.
    pub taints: &'a [Taint],
}

/// The objects of an executor.
#[derive(Debug, Clone)]
pub struct Executor {
    /// Inventory and variables.
    pub config_map: ConfigMap,
    /// Secret variables, known hosts and SSH keys.
    pub secret: Secret,
    /// The Job.
    pub job: Job,
}

/// Why no executor can be made.
#[derive(Debug, Error)]
pub enum BuildError {
    /// A part of it has no YAML form.
    #[error("cannot write {part} of run {run} as YAML")]
    Yaml {
        /// Which part.
        part: &'static str,
        /// Name of the run.
        run: String,
        /// Why.
        source: serde_yaml::Error,
    },
    /// A machine names a Secret that was not read.
    #[error(
        "machine {machine} names the Secret {secret} for its SSH key, which does not exist or has no key ssh-privatekey"
    )]
    NoKey {
        /// Name of the Machine.
        machine: String,
        /// Name of the Secret.
        secret: String,
    },
    /// The operation needs the cluster's keys.
    #[error("run {run} needs the certificate authorities of its cluster, and they do not exist yet")]
    NoTrust {
        /// Name of the run.
        run: String,
    },
    /// The operation needs an endpoint.
    #[error("run {run} needs the endpoint of its cluster, and it is not known yet")]
    NoEndpoint {
        /// Name of the run.
        run: String,
    },
}

/// Makes the objects of the executor.
///
/// # Errors
/// When something that the run needs is missing.
pub fn build(inputs: &Inputs<'_>) -> Result<Executor, BuildError> {
    let run = run_name(inputs);
    let hosts = inventory::hosts(inputs)?;
    let variables = variables::plain(inputs)?;
    let config_map = ConfigMap {
        metadata: metadata(inputs, names::inventory_config_map(run)),
        immutable: Some(true),
        data: Some(BTreeMap::from([
            (HOSTS_KEY.to_owned(), yaml(HOSTS_KEY, run, &hosts)?),
            (VARIABLES_KEY.to_owned(), yaml(VARIABLES_KEY, run, &variables)?),
        ])),
        ..ConfigMap::default()
    };
    let mut secret_data = BTreeMap::from([
        (
            SECRETS_KEY.to_owned(),
            yaml(SECRETS_KEY, run, &secrets::variables(inputs)?)?,
        ),
        (KNOWN_HOSTS_KEY.to_owned(), inventory::known_hosts(inputs)),
    ]);
    for (name, key) in &inputs.ssh_keys {
        secret_data.insert(inventory::key_file(name), key.clone());
    }
    let secret = Secret {
        metadata: metadata(inputs, names::executor_secret(run)),
        immutable: Some(true),
        string_data: Some(secret_data),
        ..Secret::default()
    };
    Ok(Executor {
        config_map,
        secret,
        job: job::build(inputs),
    })
}

fn run_name<'a>(inputs: &'a Inputs<'_>) -> &'a str {
    inputs.run.metadata.name.as_deref().unwrap_or_default()
}

/// Whether the operation puts Kubernetes on hosts, and so needs the cluster's keys and endpoint.
#[must_use]
pub const fn installs(operation: Operation) -> bool {
    matches!(
        operation,
        Operation::Install
            | Operation::ScaleOut
            | Operation::Upgrade
            | Operation::Reconfigure
            | Operation::RotateCertificates
    )
}

fn metadata(inputs: &Inputs<'_>, name: String) -> ObjectMeta {
    let run = &inputs.run.metadata;
    let mut labels = BTreeMap::from([
        (labels::RUN.to_owned(), run_name(inputs).to_owned()),
        (labels::RUN_UID.to_owned(), run.uid.clone().unwrap_or_default()),
        (
            labels::OPERATION.to_owned(),
            inputs.run.spec.operation.to_string(),
        ),
        (
            labels::MANAGED_BY.to_owned(),
            labels::MANAGED_BY_SLIPWAY.to_owned(),
        ),
    ]);
    if let Some(cluster) = &inputs.cluster {
        labels.insert(labels::CLUSTER.to_owned(), cluster.name.to_owned());
    }
    ObjectMeta {
        name: Some(name),
        namespace: run.namespace.clone(),
        labels: Some(labels),
        owner_references: Some(vec![OwnerReference {
            api_version: PlaybookRun::api_version(&()).into_owned(),
            kind: PlaybookRun::kind(&()).into_owned(),
            name: run_name(inputs).to_owned(),
            uid: run.uid.clone().unwrap_or_default(),
            controller: Some(true),
            block_owner_deletion: Some(true),
        }]),
        ..ObjectMeta::default()
    }
}

fn yaml(part: &'static str, run: &str, value: &serde_json::Value) -> Result<String, BuildError> {
    serde_yaml::to_string(value).map_err(|source| BuildError::Yaml {
        part,
        run: run.to_owned(),
        source,
    })
}

#[cfg(test)]
mod tests;
