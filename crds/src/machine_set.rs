//! MachineSet: one role of one cluster, how many machines it has and which ones may be taken.

use std::{collections::BTreeMap, fmt};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, LabelSelector};
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::schema;

/// One role of one cluster: how many machines, and which ones may be claimed for it. The operator makes a MachineSet
/// for each entry of `spec.machineSets` of a ClusterDeployment; only `replicas` is for people, and only where the
/// ClusterDeployment leaves it out (`kubectl scale machineset NAME --replicas N`).
#[derive(CustomResource, KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[kube(
    group = "slipway.io",
    version = "v1alpha1",
    kind = "MachineSet",
    namespaced,
    status = "MachineSetStatus",
    shortname = "mcs",
    category = "slipway",
    derive = "PartialEq",
    doc = "One role of one cluster: how many machines it has, and which ones may be claimed for it. Made by the operator from spec.machineSets of a ClusterDeployment.",
    scale(
        spec_replicas_path = ".spec.replicas",
        status_replicas_path = ".status.replicas",
        label_selector_path = ".status.selector"
    ),
    selectable = ".spec.clusterName",
    printcolumn(name = "Cluster", type_ = "string", json_path = ".spec.clusterName"),
    printcolumn(name = "Role", type_ = "string", json_path = ".spec.role"),
    printcolumn(name = "Desired", type_ = "integer", json_path = ".spec.replicas"),
    printcolumn(name = "Claimed", type_ = "integer", json_path = ".status.replicas"),
    printcolumn(name = "Ready", type_ = "integer", json_path = ".status.readyReplicas"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(
        name = "Message",
        type_ = "string",
        priority = 1,
        json_path = r#".status.conditions[?(@.type=="MachinesClaimed")].message"#
    ),
    validation = Rule::new("size(self.metadata.name) <= 63 && !self.metadata.name.contains('.')")
        .message("the name of a MachineSet is a label value on its machines: at most 63 characters, no dots")
)]
#[x_kube(
    validation = Rule::new("self.clusterName == oldSelf.clusterName")
        .message("clusterName may not be changed: a MachineSet belongs to one cluster for life")
        .field_path(".clusterName"),
    validation = Rule::new("self.role == oldSelf.role")
        .message("role may not be changed: make another MachineSet")
        .field_path(".role"),
    validation = Rule::new("!(self.role in ['ControlPlane', 'Etcd']) || self.replicas in [1, 3, 5, 7]")
        .message("a ControlPlane or Etcd set has 1, 3, 5 or 7 machines: an even number of etcd members survives no more failures than one less")
        .field_path(".replicas")
)]
#[serde(rename_all = "camelCase")]
pub struct MachineSetSpec {
    /// Name of the ClusterDeployment and Cluster that this set is a part of.
    #[schemars(length(min = 1, max = 40))]
    pub cluster_name: String,
    /// What the machines of this set do in the cluster.
    pub role: MachineRole,
    /// How many machines are wanted. Written by the ClusterDeployment, or where it gives no count, by `kubectl scale`
    /// or an autoscaler. 1 where nobody does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 5000), extend("default" = 1))]
    pub replicas: Option<i32>,
    /// Labels of the Machines that may be claimed; without it any idle Machine of the namespace may.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selector: Option<LabelSelector>,
    /// Labels of the Nodes in the business cluster.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "schema::labels")]
    pub labels: BTreeMap<String, String>,
    /// Taints of the Nodes in the business cluster.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    pub taints: Vec<Taint>,
}

/// What a machine does in its cluster.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum MachineRole {
    /// API server, controller manager, scheduler, and with a stacked topology an etcd member.
    ControlPlane,
    /// An etcd member and nothing else.
    Etcd,
    /// Runs workloads.
    Worker,
    /// Balances connections to the API servers.
    LoadBalancer,
}

impl MachineRole {
    /// Whether the machines of this role vote in etcd or run the control plane, so that their number must be odd.
    pub fn needs_odd_count(self) -> bool {
        matches!(self, Self::ControlPlane | Self::Etcd)
    }
}

impl fmt::Display for MachineRole {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, formatter)
    }
}

/// A taint of a Node: keeps pods away that do not tolerate it.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[serde(rename_all = "camelCase")]
pub struct Taint {
    /// Key, a qualified name such as `example.com/gpu`.
    #[schemars(length(min = 1, max = 317))]
    pub key: String,
    /// Value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63))]
    pub value: Option<String>,
    /// What happens to a pod that does not tolerate it: `NoSchedule`, `PreferNoSchedule` or `NoExecute`.
    pub effect: TaintEffect,
}

/// What a taint does to a pod that does not tolerate it.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TaintEffect {
    /// It is not scheduled there.
    NoSchedule,
    /// It is scheduled there only if there is no other place.
    PreferNoSchedule,
    /// It is not scheduled there, and evicted if it runs there.
    NoExecute,
}

impl fmt::Display for TaintEffect {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, formatter)
    }
}

impl MachineSetSpec {
    /// How many machines are wanted. The API server fills the field in; it is optional here so that the operator can
    /// apply a set without taking the count from whoever scales it.
    pub fn desired(&self) -> i32 {
        self.replicas.unwrap_or(1)
    }
}

/// A machine that is to fill a slot of a MachineSet.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "camelCase")]
pub struct Slot {
    /// Which of the set's machines this is, from 0.
    #[schemars(range(min = 0))]
    pub slot: i32,
    /// Name of the Machine.
    #[schemars(length(min = 1, max = 63))]
    pub machine: String,
}

/// What the operator has observed of a MachineSet.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct MachineSetStatus {
    /// `metadata.generation` that this status is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Machines claimed.
    #[serde(default)]
    pub replicas: i32,
    /// Machines whose Node is Ready.
    #[serde(default)]
    pub ready_replicas: i32,
    /// Label selector of the claimed Machines in text form, for the scale subresource.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 512))]
    pub selector: Option<String>,
    /// Which machine is to fill which slot: written before the machine is claimed, so that two operators never claim two
    /// machines for one slot. The claim itself stands in `spec.claimRef` of the Machine.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 5000), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["slot"]))]
    pub slots: Vec<Slot>,
    /// `MachinesClaimed`, `Ready`, `Deleting`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::conditions")]
    pub conditions: Vec<Condition>,
}
