//! What there is of one MachineSet and its pool.

use std::sync::Arc;

use kube::{Api, ResourceExt, api::ListParams};
use slipway_api::{Machine, MachineRole, MachineSet};

use crate::runtime::{Context, Doing, Error, Watches};

/// A set, the machines of its namespace, and whether its cluster may take more of them.
#[derive(Clone, Debug)]
pub struct Observed {
    /// The set.
    pub set: Arc<MachineSet>,
    /// Every Machine of the namespace, by name.
    pub machines: Vec<Arc<Machine>>,
    /// Whether `spec.paused` of the ClusterDeployment is set.
    pub paused: bool,
    /// Whether another set of the cluster is to have its machines first: workers without a control plane are of no use.
    pub control_plane_waits: bool,
    /// Whether the ClusterDeployment is being deleted.
    pub cluster_is_deleted: bool,
}

/// From the shared watches: quick, and perhaps a moment old.
pub fn seen(set: Arc<MachineSet>, watches: &Watches) -> Observed {
    let namespace = set.namespace().unwrap_or_default();
    let machines = watches.machines.in_namespace(&namespace, |_| true);
    assembled(set, machines, watches)
}

/// From the API server itself; nothing if the set is gone.
pub async fn asked(seen: &Observed, context: &Context) -> Result<Option<Observed>, Error> {
    let namespace = seen.set.namespace().unwrap_or_default();
    let name = seen.set.name_any();
    let sets: Api<MachineSet> = Api::namespaced(context.client.0.clone(), &namespace);
    let set = sets
        .get_opt(&name)
        .await
        .doing(|| format!("read MachineSet {namespace}/{name}"))?;
    let Some(set) = set.filter(|set| set.uid() == seen.set.uid()) else {
        return Ok(None);
    };
    let machines: Api<Machine> = Api::namespaced(context.client.0.clone(), &namespace);
    let machines = machines
        .list(&ListParams::default())
        .await
        .doing(|| format!("list the Machines of namespace {namespace}"))?
        .items
        .into_iter()
        .map(Arc::new)
        .collect();
    Ok(Some(assembled(Arc::new(set), machines, &context.watches)))
}

fn assembled(set: Arc<MachineSet>, mut machines: Vec<Arc<Machine>>, watches: &Watches) -> Observed {
    machines.sort_by_key(|machine| machine.name_any());
    let namespace = set.namespace().unwrap_or_default();
    let cluster = &set.spec.cluster_name;
    let deployment = watches.cluster_deployments.get(&namespace, cluster);
    let control_plane_waits = set.spec.role != MachineRole::ControlPlane
        && watches
            .machine_sets
            .in_namespace(&namespace, |other| {
                other.spec.cluster_name == *cluster && other.spec.role == MachineRole::ControlPlane
            })
            .iter()
            .any(|control_plane| has_too_few(control_plane, &machines));
    Observed {
        set,
        machines,
        control_plane_waits,
        paused: deployment
            .as_ref()
            .is_some_and(|deployment| deployment.spec.paused),
        cluster_is_deleted: deployment
            .is_some_and(|deployment| deployment.metadata.deletion_timestamp.is_some()),
    }
}

fn has_too_few(set: &MachineSet, machines: &[Arc<Machine>]) -> bool {
    let claimed = machines
        .iter()
        .filter(|machine| {
            machine.spec.claim_ref.as_ref().map(|claim| claim.uid.as_str()) == set.metadata.uid.as_deref()
        })
        .count();
    claimed < usize::try_from(set.spec.replicas.unwrap_or(1)).unwrap_or(0)
}
