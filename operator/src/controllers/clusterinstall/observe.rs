//! Reads what is there: everything comes from the shared watches.

use std::sync::Arc;

use slipway_api::{Cluster, ClusterDeployment, PlaybookRun};

use super::plan::Observed;
use crate::runtime::Context;

/// What is known of `cluster`; nothing where its ClusterDeployment is gone.
#[must_use]
pub fn observe(cluster: Arc<Cluster>, context: &Context) -> Option<Observed> {
    let namespace = cluster.metadata.namespace.clone()?;
    let name = cluster.metadata.name.clone()?;
    let watches = &context.watches;
    let deployment = watches.cluster_deployments.get(&namespace, &name)?;
    let sets = watches
        .machine_sets
        .in_namespace(&namespace, |set| set.spec.cluster_name == name);
    let machines = watches.machines.in_namespace(&namespace, |machine| {
        machine
            .spec
            .claim_ref
            .as_ref()
            .is_some_and(|claim| claim.cluster_name == name)
    });
    let pool = watches
        .machines
        .in_namespace(&namespace, |machine| machine.spec.claim_ref.is_none());
    let runs = watches
        .playbook_runs
        .in_namespace(&namespace, |run| is_of(run, &deployment));
    Some(Observed {
        now: context.now(),
        deployment,
        cluster,
        sets,
        machines,
        pool,
        runs,
    })
}

/// Whether `run` is one of the cluster's.
pub fn is_of(run: &PlaybookRun, deployment: &ClusterDeployment) -> bool {
    run.spec.cluster_ref.as_ref().is_some_and(|reference| {
        // A run of a former cluster of the same name is history of that one.
        Some(&reference.name) == deployment.metadata.name.as_ref()
            && (reference.uid.is_none() || reference.uid == deployment.metadata.uid)
    })
}
