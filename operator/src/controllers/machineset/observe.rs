//! What there is of one MachineSet and its pool.

use std::sync::Arc;

use kube::{Api, ResourceExt, api::ListParams};
use slipway_api::{ClusterDeployment, Machine, MachineSet};

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
    /// Whether the ClusterDeployment is being deleted.
    pub cluster_is_deleted: bool,
}

/// From the shared watches: quick, and perhaps a moment old.
pub fn seen(set: Arc<MachineSet>, watches: &Watches) -> Observed {
    let namespace = set.namespace().unwrap_or_default();
    let machines = watches.machines.in_namespace(&namespace, |_| true);
    let deployment = watches
        .cluster_deployments
        .get(&namespace, &set.spec.cluster_name);
    assembled(set, machines, deployment.as_deref())
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
    let deployment = context
        .watches
        .cluster_deployments
        .get(&namespace, &set.spec.cluster_name);
    Ok(Some(assembled(Arc::new(set), machines, deployment.as_deref())))
}

fn assembled(
    set: Arc<MachineSet>,
    mut machines: Vec<Arc<Machine>>,
    deployment: Option<&ClusterDeployment>,
) -> Observed {
    machines.sort_by_key(|machine| machine.name_any());
    Observed {
        set,
        machines,
        paused: deployment.is_some_and(|deployment| deployment.spec.paused),
        cluster_is_deleted: deployment
            .is_some_and(|deployment| deployment.metadata.deletion_timestamp.is_some()),
    }
}
