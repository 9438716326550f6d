//! What there is of one Machine and around it.

use std::sync::Arc;

use kube::{Api, ResourceExt};
use slipway_api::{
    Cluster, ClusterDeployment, Machine, MachineRole, MachineSet, PlaybookRun,
    cluster_deployment::DeletionPolicy,
    conditions::{self, CONTROL_PLANE_INITIALIZED, DRAINED},
};

use super::drain::{self, Drain};
use crate::{
    controllers::machine_state::is_releasing,
    runtime::{Context, Doing, Error},
};

/// Who holds the claim of a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// The machine is not claimed.
    None,
    /// The MachineSet that claimed it is there.
    Present,
    /// The MachineSet that claimed it is gone.
    Gone,
}

/// A machine and what decides about it.
#[derive(Clone, Debug)]
pub struct Observed {
    /// The machine.
    pub machine: Arc<Machine>,
    /// Who holds its claim.
    pub owner: Owner,
    /// Whether the machine's Cluster is there, so that somebody else resets its machines.
    pub has_cluster: bool,
    /// What happens to the machines, if the ClusterDeployment is being deleted.
    pub deletion: Option<DeletionPolicy>,
    /// How far the machine is drained, if it is to be.
    pub drain: Option<Drain>,
    /// Runs on this machine that belong to no cluster, the newest first.
    pub runs: Vec<Arc<PlaybookRun>>,
}

/// Reads the shared watches; asks the API server before a claim counts as orphaned, and the business cluster while the
/// machine is drained.
pub async fn observe(machine: Arc<Machine>, context: &Context) -> Result<Observed, Error> {
    let namespace = machine.namespace().unwrap_or_default();
    let name = machine.name_any();
    let watches = &context.watches;
    let mut runs = watches.playbook_runs.in_namespace(&namespace, |run| {
        run.spec.cluster_ref.is_none() && run.spec.hosts.iter().any(|host| host.machine == name)
    });
    runs.sort_by_key(|run| std::cmp::Reverse((run.metadata.creation_timestamp.clone(), run.name_any())));
    let mut observed = Observed {
        owner: Owner::None,
        has_cluster: false,
        deletion: None,
        drain: None,
        runs,
        machine,
    };
    let Some(claim) = observed.machine.spec.claim_ref.clone() else {
        return Ok(observed);
    };
    let cluster = watches.clusters.get(&namespace, &claim.cluster_name);
    observed.owner = owner(&namespace, &claim.name, &claim.uid, context).await?;
    observed.has_cluster = cluster.is_some();
    if is_releasing(&observed.machine) {
        observed.deletion = deletion(&namespace, &claim.cluster_name, context).await?;
    }
    let is_drained = observed
        .machine
        .status
        .as_ref()
        .is_some_and(|status| conditions::is_true(&status.conditions, DRAINED));
    if is_releasing(&observed.machine) && !is_drained {
        observed.drain = Some(match &cluster {
            Some(cluster)
                if is_worth_draining(&observed, cluster) && claim.role != MachineRole::ControlPlane =>
            {
                drain::go_on(&observed.machine, &claim.cluster_name, context).await?
            }
            _ => Drain::Unneeded,
        });
    }
    Ok(observed)
}

/// A cluster that never ran, or goes as a whole, has nothing to move elsewhere.
fn is_worth_draining(observed: &Observed, cluster: &Cluster) -> bool {
    observed.deletion.is_none()
        && cluster.metadata.deletion_timestamp.is_none()
        && cluster
            .status
            .as_ref()
            .is_some_and(|status| conditions::is_true(&status.conditions, CONTROL_PLANE_INITIALIZED))
}

/// What happens to the machines of a cluster that is being deleted. The API server is asked: what was seen a moment ago
/// could take an orphaned cluster for one whose hosts are to be reset.
async fn deletion(
    namespace: &str,
    cluster: &str,
    context: &Context,
) -> Result<Option<DeletionPolicy>, Error> {
    let deployment = Api::<ClusterDeployment>::namespaced(context.client.0.clone(), namespace)
        .get_opt(cluster)
        .await
        .doing(|| format!("read ClusterDeployment {namespace}/{cluster}"))?;
    Ok(deployment
        .filter(|deployment| deployment.metadata.deletion_timestamp.is_some())
        .map(|deployment| deployment.spec.deletion_policy))
}

async fn owner(namespace: &str, name: &str, uid: &str, context: &Context) -> Result<Owner, Error> {
    let is_same = |set: &MachineSet| set.metadata.uid.as_deref() == Some(uid);
    if context
        .watches
        .machine_sets
        .get(namespace, name)
        .is_some_and(|set| is_same(&set))
    {
        return Ok(Owner::Present);
    }
    let set = Api::<MachineSet>::namespaced(context.client.0.clone(), namespace)
        .get_opt(name)
        .await
        .doing(|| format!("read MachineSet {namespace}/{name}"))?;
    Ok(if set.is_some_and(|set| is_same(&set)) {
        Owner::Present
    } else {
        Owner::Gone
    })
}
