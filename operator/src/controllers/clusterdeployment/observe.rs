//! What there is of one ClusterDeployment.

use std::{collections::BTreeSet, sync::Arc};

use kube::ResourceExt;
use slipway_api::{Cluster, ClusterDeployment, Machine, MachineSet, PlaybookRun, labels};

use crate::runtime::Watches;

/// All objects that belong to one ClusterDeployment, as last seen.
#[derive(Clone, Debug)]
pub struct Observed {
    /// The ClusterDeployment itself.
    pub deployment: Arc<ClusterDeployment>,
    /// The Cluster of the same name.
    pub cluster: Option<Arc<Cluster>>,
    /// The MachineSets of this cluster.
    pub sets: Vec<Arc<MachineSet>>,
    /// The Machines that a set of this cluster has claimed.
    pub machines: Vec<Arc<Machine>>,
    /// The PlaybookRuns of this cluster.
    pub runs: Vec<Arc<PlaybookRun>>,
    /// Names of the Secrets labelled with this cluster.
    pub secrets: BTreeSet<String>,
}

/// Reads everything from the shared watches.
pub fn observe(deployment: Arc<ClusterDeployment>, watches: &Watches) -> Observed {
    let namespace = deployment.namespace().unwrap_or_default();
    let name = deployment.name_any();
    let mut sets = watches
        .machine_sets
        .in_namespace(&namespace, |set| set.spec.cluster_name == name);
    sets.sort_by_key(|set| set.name_any());
    let claimed_for_us = |machine: &Machine| {
        machine
            .spec
            .claim_ref
            .as_ref()
            .is_some_and(|claim| claim.cluster_name == name)
    };
    let mut machines = watches.machines.in_namespace(&namespace, claimed_for_us);
    machines.sort_by_key(|machine| machine.name_any());
    let runs = watches.playbook_runs.in_namespace(&namespace, |run| {
        run.spec
            .cluster_ref
            .as_ref()
            .is_some_and(|cluster| cluster.name == name)
    });
    let secrets = watches
        .secrets
        .in_namespace(&namespace, |secret| {
            secret.labels().get(labels::CLUSTER) == Some(&name)
        })
        .iter()
        .map(|secret| secret.name_any())
        .collect();
    Observed {
        cluster: watches.clusters.get(&namespace, &name),
        deployment,
        sets,
        machines,
        runs,
        secrets,
    }
}
