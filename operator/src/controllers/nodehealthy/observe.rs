//! What there is of one business cluster: its Nodes, and the Machines and sets that they belong to.

use std::{sync::Arc, time::Duration};

use k8s_openapi::{api::core::v1::Node, apimachinery::pkg::apis::meta::v1::Time};
use kube::{Api, Client, ResourceExt, api::ListParams};
use slipway_api::{Cluster, Machine, MachinePhase, MachineSet};

use super::{
    certificates::Expiries,
    etcd::{self, Etcd},
};
use crate::runtime::{Context, Doing, Error};

/// How long the list of Nodes may take.
const LIST_TIMEOUT: Duration = Duration::from_secs(10);

/// What the business cluster answered.
#[derive(Clone, Debug)]
pub enum Seen {
    /// Its Nodes.
    Nodes(Vec<Node>),
    /// Nothing; the text says how.
    Silent(String),
}

/// A cluster and its Nodes.
#[derive(Clone, Debug)]
pub struct Observed {
    /// The Cluster.
    pub cluster: Arc<Cluster>,
    /// Machines that the cluster has claimed.
    pub machines: Vec<Arc<Machine>>,
    /// Its MachineSets.
    pub sets: Vec<Arc<MachineSet>>,
    /// Its Nodes, or silence.
    pub seen: Seen,
    /// What its API server says of etcd.
    pub etcd: Etcd,
    /// When the first of its certificates expires, if that can be told now.
    pub earliest_expiry: Option<Time>,
    /// A client of it.
    pub client: ClusterClient,
}

/// A client that can be shown in a debug print; none in tests of plans.
#[derive(Clone, Default)]
pub struct ClusterClient(pub Option<Client>);

impl std::fmt::Debug for ClusterClient {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Client")
    }
}

/// Reads everything; nothing if there is no cluster to ask, since it is not installed yet or goes away.
pub async fn observe(
    cluster: Arc<Cluster>,
    expiries: &Expiries,
    context: &Context,
) -> Result<Option<Observed>, Error> {
    let namespace = cluster.namespace().unwrap_or_default();
    let name = cluster.name_any();
    let watches = &context.watches;
    let deployment = watches.cluster_deployments.get(&namespace, &name);
    let is_leaving = cluster.metadata.deletion_timestamp.is_some()
        || deployment.is_none_or(|deployment| deployment.metadata.deletion_timestamp.is_some());
    let machines = watches.machines.in_namespace(&namespace, |machine| {
        machine
            .spec
            .claim_ref
            .as_ref()
            .is_some_and(|claim| claim.cluster_name == name)
    });
    if is_leaving || !machines.iter().any(|machine| is_installed(machine)) {
        return Ok(None);
    }
    let Some(client) = context.business_client(&namespace, &name).await? else {
        return Ok(None);
    };
    let (seen, etcd) = tokio::join!(nodes(&client), etcd::ask(&client));
    let earliest_expiry = match seen {
        Seen::Nodes(_) => expiries.earliest(&cluster, context).await,
        Seen::Silent(_) => None,
    };
    Ok(Some(Observed {
        sets: watches
            .machine_sets
            .in_namespace(&namespace, |set| set.spec.cluster_name == name),
        seen,
        etcd,
        earliest_expiry,
        client: ClusterClient(Some(client)),
        machines,
        cluster,
    }))
}

/// Whether the machine may have a Node.
fn is_installed(machine: &Machine) -> bool {
    !matches!(machine.phase(), None | Some(MachinePhase::Claimed))
}

async fn nodes(client: &Client) -> Seen {
    let nodes: Api<Node> = Api::all(client.clone());
    let everything = ListParams::default();
    match tokio::time::timeout(LIST_TIMEOUT, nodes.list(&everything)).await {
        Ok(listed) => match listed.doing(|| "list the Nodes".to_owned()) {
            Ok(listed) => Seen::Nodes(listed.items),
            Err(error) => Seen::Silent(error.to_string()),
        },
        Err(_) => Seen::Silent(format!("no answer for {} seconds", LIST_TIMEOUT.as_secs())),
    }
}
