//! What the metadata cluster says of the story at one moment.

use anyhow::Context;
use kube::api::ListParams;
use kube::{Api, Client, ResourceExt};
use slipway_api::{ClusterDeployment, Machine, MachinePhase, PlaybookRun};

/// All objects of one namespace that the story is about.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    /// By name.
    pub machines: Vec<Machine>,
    /// The oldest first.
    pub runs: Vec<PlaybookRun>,
    /// The one of the story.
    pub deployment: Option<ClusterDeployment>,
}

impl Snapshot {
    /// Asks for them.
    pub async fn take(client: &Client, namespace: &str, cluster: &str) -> anyhow::Result<Self> {
        let all = ListParams::default();
        let machines: Api<Machine> = Api::namespaced(client.clone(), namespace);
        let runs: Api<PlaybookRun> = Api::namespaced(client.clone(), namespace);
        let deployments: Api<ClusterDeployment> = Api::namespaced(client.clone(), namespace);
        let mut snapshot = Self {
            machines: machines.list(&all).await.context("list Machines")?.items,
            runs: runs.list(&all).await.context("list PlaybookRuns")?.items,
            deployment: deployments
                .get_opt(cluster)
                .await
                .context("get the ClusterDeployment")?,
        };
        snapshot
            .runs
            .sort_by_key(|run| (run.creation_timestamp(), run.name_any()));
        Ok(snapshot)
    }

    /// Whether every machine is in one of these phases.
    pub fn machines_are(&self, phases: &[MachinePhase]) -> bool {
        let are = |machine: &Machine| machine.phase().is_some_and(|phase| phases.contains(&phase));
        !self.machines.is_empty() && self.machines.iter().all(are)
    }

    /// How many machines are in a phase.
    pub fn count(&self, phase: MachinePhase) -> usize {
        self.machines
            .iter()
            .filter(|machine| machine.phase() == Some(phase))
            .count()
    }
}
