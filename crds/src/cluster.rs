//! Cluster: what was done to and observed of one business cluster.

use std::fmt;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    cluster_deployment::ComponentConfig,
    playbook_run::{Operation, RunPhase},
    references::{Endpoint, NameReference, ObjectReference},
    schema,
};

/// Nothing is asked for here: what is wanted stands in the ClusterDeployment of the same name.
#[derive(CustomResource, KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[kube(
    group = "slipway.io",
    version = "v1alpha1",
    kind = "Cluster",
    namespaced,
    status = "ClusterStatus",
    shortname = "cls",
    category = "slipway",
    derive = "PartialEq",
    doc = "What was done to and observed of one business cluster. Made by the operator with the name of its ClusterDeployment; everything is in the status.",
    selectable = ".status.phase",
    printcolumn(name = "Phase", type_ = "string", json_path = ".status.phase"),
    printcolumn(name = "Endpoint", type_ = "string", json_path = ".status.endpoint.host"),
    printcolumn(name = "Version", type_ = "string", json_path = ".status.versions[0].version"),
    printcolumn(name = "Nodes", type_ = "integer", json_path = ".status.nodes.total"),
    printcolumn(name = "Ready", type_ = "integer", json_path = ".status.nodes.ready"),
    printcolumn(name = "Run", type_ = "string", json_path = ".status.currentRun.name"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(
        name = "Available",
        type_ = "string",
        priority = 1,
        json_path = r#".status.conditions[?(@.type=="Available")].status"#
    ),
    printcolumn(name = "Certificates", type_ = "date", priority = 1, json_path = ".status.certificates.earliestExpiry"),
    validation = Rule::new("size(self.metadata.name) <= 40 && !self.metadata.name.contains('.')")
        .message("the name of a Cluster has at most 40 characters and no dots: it is the name of its ClusterDeployment")
)]
#[serde(rename_all = "camelCase")]
pub struct ClusterSpec {}

/// What state a cluster is in.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ClusterPhase {
    /// Waits for machines.
    Pending,
    /// The first run builds it.
    Installing,
    /// It is available and as its spec asks for.
    Ready,
    /// It is available, and a run changes it.
    Updating,
    /// It is there, but something in it is not as it should be.
    Degraded,
    /// A run failed and is not tried again.
    Failed,
    /// It is being taken down.
    Deleting,
}

impl fmt::Display for ClusterPhase {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, formatter)
    }
}

/// What was done to and observed of one business cluster.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct ClusterStatus {
    /// `metadata.generation` of the ClusterDeployment that this status is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// The cluster's state in one word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<ClusterPhase>,
    /// Where the API server is reached. Never changes once it is set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<Endpoint>,
    /// Secret whose key `value` holds an administrator's kubeconfig.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kubeconfig_secret_ref: Option<NameReference>,
    /// Versions of the Nodes' kubelets, the most frequent first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8))]
    pub versions: Vec<VersionCount>,
    /// The run that is under way, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current_run: Option<CurrentRun>,
    /// The last runs, the newest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10))]
    pub history: Vec<FinishedRun>,
    /// Value of the annotation `slipway.io/retry` that was last acted upon.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub observed_retry: Option<String>,
    /// What the last run that installs the cluster was made from. Once the control plane is initialised, this is what the
    /// cluster is, and what later runs go on with where the spec asks for a change that is not supported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub installed: Option<Installed>,
    /// Nodes of the business cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nodes: Option<NodeCount>,
    /// Addons that are, or are to be, in the cluster.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub addons: Vec<AddonStatus>,
    /// Certificates of the cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificates: Option<Certificates>,
    /// `ControlPlaneInitialized`, `Available`, `EtcdHealthy`, `MachinesUpToDate`, `AddonsAvailable`, `RunFailed`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::conditions")]
    pub conditions: Vec<Condition>,
}

/// The part of a ClusterDeployment's spec that a cluster was installed with and that cannot simply be changed.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Installed {
    /// `spec.kubernetesVersion`.
    #[schemars(length(max = 32))]
    pub kubernetes_version: String,
    /// How many control planes.
    pub control_planes: i32,
    /// `spec.componentConfig`.
    #[serde(default)]
    pub component_config: ComponentConfig,
}

/// How many Nodes run a version.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct VersionCount {
    /// Version of the kubelet.
    #[schemars(length(max = 63))]
    pub version: String,
    /// Nodes that run it.
    pub nodes: i32,
}

/// The run that is under way.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct CurrentRun {
    /// Name of the PlaybookRun.
    #[schemars(length(max = 253))]
    pub name: String,
    /// Uid of the PlaybookRun.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub uid: Option<String>,
    /// What it does.
    pub operation: Operation,
    /// Hash of what it was made from.
    #[schemars(length(max = 64))]
    pub inputs_hash: String,
    /// Which try it is, from 1.
    pub attempt: i32,
}

/// A run that is over.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct FinishedRun {
    /// Name of the PlaybookRun.
    #[schemars(length(max = 253))]
    pub name: String,
    /// What it did.
    pub operation: Operation,
    /// Hash of what it was made from.
    #[schemars(length(max = 64))]
    pub inputs_hash: String,
    /// Which try it was, from 1.
    pub attempt: i32,
    /// How it ended.
    pub phase: RunPhase,
    /// How many hosts it was for.
    pub hosts: i32,
    /// When its executor began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Time>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Time>,
    /// Which host failed at which task, and what it answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 2048))]
    pub message: Option<String>,
}

/// Nodes of the business cluster.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct NodeCount {
    /// All Nodes.
    pub total: i32,
    /// Nodes that are Ready.
    pub ready: i32,
}

/// An addon in the cluster.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct AddonStatus {
    /// Name of the addon.
    #[schemars(length(min = 1, max = 63))]
    pub name: String,
    /// The addon's state in one word.
    pub phase: AddonPhase,
    /// Hash of the manifests that were applied last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub applied_hash: Option<String>,
    /// Objects that the addon has put into the cluster, so that they can be taken out again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256))]
    pub objects: Vec<AppliedObject>,
    /// What is the matter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 2048))]
    pub message: Option<String>,
}

/// What state an addon is in.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AddonPhase {
    /// Waits for the cluster, or for an addon that it depends on.
    Pending,
    /// Its manifests are applied.
    Applied,
    /// Its manifests could not be rendered or applied.
    Failed,
    /// It was taken out of the spec and its objects are being deleted.
    Removing,
}

impl fmt::Display for AddonPhase {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, formatter)
    }
}

/// An object in the business cluster.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[serde(rename_all = "camelCase")]
pub struct AppliedObject {
    /// Group and version of its kind.
    #[schemars(length(max = 253))]
    pub api_version: String,
    /// Its kind.
    #[schemars(length(max = 63))]
    pub kind: String,
    /// Its namespace; none for an object of the whole cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63))]
    pub namespace: Option<String>,
    /// Its name.
    #[schemars(length(max = 253))]
    pub name: String,
}

/// Certificates of the cluster.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Certificates {
    /// When the first of them expires: of the authorities and the kubeconfig that the operator made, and of the one that
    /// the API server shows, which stands for those that kubeadm made with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub earliest_expiry: Option<Time>,
}

impl Cluster {
    /// A reference to the Cluster's PlaybookRun that is under way, if any.
    pub fn current_run(&self) -> Option<ObjectReference> {
        let run = self.status.as_ref()?.current_run.as_ref()?;
        Some(ObjectReference {
            name: run.name.clone(),
            uid: run.uid.clone(),
        })
    }
}
