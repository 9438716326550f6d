//! Everything that the metadata cluster holds of one scenario at one moment.

use anyhow::{Context, Result};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{ConfigMap, Pod, Secret};
use k8s_openapi::api::events::v1::Event;
use kube::api::ListParams;
use kube::{Api, Client, ResourceExt};
use serde::de::DeserializeOwned;
use slipway_api::{Cluster, ClusterDeployment, Machine, MachinePhase, MachineSet, Operation, PlaybookRun};

/// All objects of a scenario's namespace.
#[derive(Debug, Clone, Default)]
pub struct State {
    /// By name.
    pub machines: Vec<Machine>,
    /// By name.
    pub sets: Vec<MachineSet>,
    /// By name.
    pub deployments: Vec<ClusterDeployment>,
    /// By name.
    pub clusters: Vec<Cluster>,
    /// The oldest first.
    pub runs: Vec<PlaybookRun>,
    /// Executors.
    pub jobs: Vec<Job>,
    /// Of the executors.
    pub pods: Vec<Pod>,
    /// Inventories, and what Kubernetes itself puts into a namespace.
    pub config_maps: Vec<ConfigMap>,
    /// Secrets.
    pub secrets: Vec<Secret>,
    /// What a person was told.
    pub events: Vec<Event>,
}

impl State {
    /// Asks for them.
    pub async fn take(client: &Client, namespace: &str) -> Result<Self> {
        let mut runs: Vec<PlaybookRun> = list(client, namespace).await?;
        runs.sort_by_key(|run| (run.creation_timestamp(), run.name_any()));
        Ok(Self {
            machines: list(client, namespace).await?,
            sets: list(client, namespace).await?,
            deployments: list(client, namespace).await?,
            clusters: list(client, namespace).await?,
            runs,
            jobs: list(client, namespace).await?,
            pods: list(client, namespace).await?,
            config_maps: list(client, namespace).await?,
            secrets: list(client, namespace).await?,
            events: list(client, namespace).await?,
        })
    }

    /// How many machines are in a phase.
    pub fn count(&self, phase: MachinePhase) -> usize {
        self.machines
            .iter()
            .filter(|machine| machine.phase() == Some(phase))
            .count()
    }

    /// The phase of a machine.
    pub fn phase_of(&self, machine: &str) -> Option<MachinePhase> {
        self.machines
            .iter()
            .find(|one| one.name_any() == machine)?
            .phase()
    }

    /// The machines of a cluster, by name.
    pub fn machines_of(&self, cluster: &str) -> Vec<&Machine> {
        let claimed = |machine: &&Machine| {
            machine
                .spec
                .claim_ref
                .as_ref()
                .is_some_and(|claim| claim.cluster_name == cluster)
        };
        self.machines.iter().filter(claimed).collect()
    }

    /// The runs of a cluster that do this, the oldest first.
    pub fn runs_of(&self, cluster: &str, operation: Operation) -> Vec<&PlaybookRun> {
        let meant = |run: &&PlaybookRun| {
            run.spec.operation == operation
                && run
                    .spec
                    .cluster_ref
                    .as_ref()
                    .is_some_and(|reference| reference.name == cluster)
        };
        self.runs.iter().filter(meant).collect()
    }

    /// The ClusterDeployment of this name.
    pub fn deployment(&self, name: &str) -> Option<&ClusterDeployment> {
        self.deployments.iter().find(|one| one.name_any() == name)
    }

    /// Whether a cluster is as its spec asks for, with this many machines Ready.
    pub fn is_ready(&self, cluster: &str, machines: usize) -> bool {
        let all_ready = self
            .machines_of(cluster)
            .iter()
            .all(|one| one.phase() == Some(MachinePhase::Ready));
        self.machines_of(cluster).len() == machines
            && all_ready
            && self.deployment(cluster).is_some_and(|deployment| {
                let status = deployment.status.clone().unwrap_or_default();
                status.observed_generation == deployment.metadata.generation
                    && slipway_api::conditions::is_true(&status.conditions, slipway_api::conditions::READY)
            })
    }

    /// For a person who must find out what hangs: one line for each object that says something.
    pub fn describe(&self) -> String {
        let mut lines = Vec::new();
        for deployment in &self.deployments {
            for condition in deployment.status.iter().flat_map(|status| &status.conditions) {
                lines.push(format!(
                    "{}: {}={} {} {}",
                    deployment.name_any(),
                    condition.type_,
                    condition.status,
                    condition.reason,
                    condition.message
                ));
            }
        }
        for machine in &self.machines {
            lines.push(format!("{}: {:?}", machine.name_any(), machine.phase()));
        }
        for run in &self.runs {
            let status = run.status.clone().unwrap_or_default();
            let task = status.progress.map(|progress| progress.task).unwrap_or_default();
            let message = status
                .result
                .and_then(|result| result.message)
                .unwrap_or_default();
            lines.push(format!("{}: {} {task} {message}", run.name_any(), run.phase()));
        }
        lines.join("\n")
    }
}

async fn list<K>(client: &Client, namespace: &str) -> Result<Vec<K>>
where
    K: kube::Resource<DynamicType = (), Scope = k8s_openapi::NamespaceResourceScope>
        + Clone
        + std::fmt::Debug
        + DeserializeOwned,
{
    let api: Api<K> = Api::namespaced(client.clone(), namespace);
    Ok(api
        .list(&ListParams::default())
        .await
        .with_context(|| format!("list {}", K::plural(&())))?
        .items)
}
