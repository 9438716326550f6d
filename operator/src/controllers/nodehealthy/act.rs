//! Writes what the plan says.

use k8s_openapi::api::core::v1::Node;
use kube::{
    Api, Client, ResourceExt,
    api::{Patch, PatchParams},
};
use serde_json::Value;

use super::{observe::Observed, plan::Plan};
use crate::runtime::{Context, Doing, Error, write};

/// Writes the statuses, tells what there is to tell, then patches Nodes.
pub async fn act(observed: &Observed, plan: Plan, context: &Context) -> Result<(), Error> {
    let client = &context.client;
    for change in &plan.machines {
        let machine = &*change.machine;
        write::status(client, machine, machine.status.as_ref(), &change.status).await?;
        if let Some(notice) = &change.notice {
            context.events.publish(machine, notice).await;
        }
    }
    let cluster = &*observed.cluster;
    write::status(client, cluster, cluster.status.as_ref(), &plan.cluster).await?;
    for notice in &plan.notices {
        context.events.publish(cluster, notice).await;
    }
    if let Some(business) = &observed.client.0 {
        for (node, patch) in &plan.nodes {
            self::patch(business, &cluster.name_any(), node, patch).await?;
        }
    }
    Ok(())
}

async fn patch(client: &Client, cluster: &str, node: &str, patch: &Value) -> Result<(), Error> {
    let nodes: Api<Node> = Api::all(client.clone());
    nodes
        .patch(node, &PatchParams::default(), &Patch::Merge(patch))
        .await
        .doing(|| format!("write labels and taints of Node {node} of cluster {cluster}"))
        .map(drop)
}
