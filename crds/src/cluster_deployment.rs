//! ClusterDeployment: everything that is wanted of one business cluster.

mod cluster_spec;
mod operation_spec;

pub use cluster_spec::{
    ComponentConfig, ContainerRuntime, Etcd, EtcdBackup, EtcdTopology, LoadBalancer, LoadBalancerType,
    MachineSetTemplate, Network, NetworkPlugin,
};
pub use operation_spec::{Addon, Artifacts, DeletionPolicy, Executor, Retry, Strategy};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{cluster::ClusterPhase, machine_set::MachineRole, references::Endpoint, schema};

/// Everything that is wanted of one business cluster. Only `kubernetesVersion` and `machineSets` must be given.
#[derive(CustomResource, KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[kube(
    group = "slipway.io",
    version = "v1alpha1",
    kind = "ClusterDeployment",
    namespaced,
    status = "ClusterDeploymentStatus",
    shortname = "cld",
    category = "slipway",
    derive = "PartialEq",
    doc = "Everything that is wanted of one Kubernetes cluster on machines of this namespace. Only spec.kubernetesVersion and spec.machineSets must be given; everything else has a default.",
    printcolumn(name = "Version", type_ = "string", json_path = ".spec.kubernetesVersion"),
    printcolumn(name = "Phase", type_ = "string", json_path = ".status.phase"),
    printcolumn(name = "Machines", type_ = "integer", json_path = ".status.machines.desired"),
    printcolumn(name = "Ready", type_ = "integer", json_path = ".status.machines.ready"),
    printcolumn(name = "Endpoint", type_ = "string", json_path = ".status.endpoint.host"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(name = "Paused", type_ = "boolean", priority = 1, json_path = ".spec.paused"),
    printcolumn(
        name = "Message",
        type_ = "string",
        priority = 1,
        json_path = r#".status.conditions[?(@.type=="Ready")].message"#
    ),
    validation = Rule::new("size(self.metadata.name) <= 40 && !self.metadata.name.contains('.')")
        .message("the name of a ClusterDeployment has at most 40 characters and no dots: the names of its objects are made from it")
)]
#[x_kube(
    validation = Rule::new("self.network == oldSelf.network")
        .message("network may not be changed: the addresses are in every certificate and pod of the cluster")
        .field_path(".network"),
    validation = Rule::new(
            "!has(oldSelf.controlPlaneEndpoint) || \
             (has(self.controlPlaneEndpoint) && self.controlPlaneEndpoint == oldSelf.controlPlaneEndpoint)"
        )
        .message("controlPlaneEndpoint may not be changed once it is set: it is in every kubeconfig and certificate of the cluster"),
    validation = Rule::new("self.machineSets.exists_one(s, s.role == 'ControlPlane')")
        .message("machineSets needs exactly one entry with role ControlPlane")
        .field_path(".machineSets"),
    validation = Rule::new(
            "has(self.controlPlaneEndpoint) || \
             !self.machineSets.exists(s, s.role == 'ControlPlane' && has(s.replicas) && s.replicas > 1)"
        )
        .message("several control planes need controlPlaneEndpoint: an address that always leads to one that is up"),
    validation = Rule::new("(self.etcd.topology == 'External') == self.machineSets.exists(s, s.role == 'Etcd')")
        .message("etcd.topology External needs an entry of machineSets with role Etcd, and Stacked has none")
        .field_path(".etcd"),
    validation = Rule::new("self.loadBalancer.type != 'Machines' || self.machineSets.exists(s, s.role == 'LoadBalancer')")
        .message("loadBalancer.type Machines needs an entry of machineSets with role LoadBalancer")
        .field_path(".loadBalancer"),
    validation = Rule::new(
            "self.addons.all(a, !has(a.dependsOn) || a.dependsOn.all(d, d != a.name && self.addons.exists(o, o.name == d)))"
        )
        .message("dependsOn of an addon must name other addons of this cluster")
        .field_path(".addons")
)]
#[serde(rename_all = "camelCase")]
pub struct ClusterDeploymentSpec {
    /// Starts nothing new while true; what runs is finished.
    #[serde(default)]
    pub paused: bool,
    /// Version of Kubernetes, such as `v1.35.4`. It never goes down, and up by at most one minor version at a time.
    #[schemars(length(max = 32))]
    #[x_kube(
        validation = Rule::new(r"self.matches('^v[0-9]+[.][0-9]+[.][0-9]+$')")
            .message("kubernetesVersion is written vMAJOR.MINOR.PATCH, for example v1.35.4; v1.34.x and v1.35.x are supported"),
        validation = Rule::new(r"!self.matches('^v[0-9]+[.][0-9]+[.][0-9]+$') || self.matches('^v1[.](34|35)[.][0-9]+$')")
            .message("this version of Kubernetes is not supported; supported are v1.34.x and v1.35.x"),
        validation = Rule::new(
                r"!self.matches('^v1[.][0-9]{1,3}[.][0-9]{1,3}$') || !oldSelf.matches('^v1[.][0-9]{1,3}[.][0-9]{1,3}$') || int(self.split('.')[1]) * 1000 + int(self.split('.')[2]) >= int(oldSelf.split('.')[1]) * 1000 + int(oldSelf.split('.')[2])"
            )
            .message("kubernetesVersion may not go down: Kubernetes has no downgrade"),
        validation = Rule::new(
                r"!self.matches('^v1[.][0-9]{1,3}[.][0-9]{1,3}$') || !oldSelf.matches('^v1[.][0-9]{1,3}[.][0-9]{1,3}$') || int(self.split('.')[1]) <= int(oldSelf.split('.')[1]) + 1"
            )
            .message("kubernetesVersion may go up by one minor version at a time only")
    )]
    pub kubernetes_version: String,
    /// Where clients and workers reach the API servers: a virtual IP address, a load balancer, a DNS name. May be left
    /// out with one control plane, whose own address it then is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub control_plane_endpoint: Option<Endpoint>,
    /// The machines of the cluster, by role. Exactly one entry has the role ControlPlane.
    #[schemars(length(min = 1, max = 32), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub machine_sets: Vec<MachineSetTemplate>,
    /// Where etcd runs and how it is backed up.
    #[serde(default)]
    pub etcd: Etcd,
    /// Addresses of pods and services, and who connects them. May not be changed.
    #[serde(default)]
    pub network: Network,
    /// What stands before the API servers.
    #[serde(default)]
    pub load_balancer: LoadBalancer,
    /// What runs the containers.
    #[serde(default)]
    pub container_runtime: ContainerRuntime,
    /// Configuration of the components of Kubernetes, each merged over what Slipway writes.
    #[serde(default)]
    pub component_config: ComponentConfig,
    /// Where hosts fetch files and images from; by default from upstream.
    #[serde(default)]
    pub artifacts: Artifacts,
    /// What is installed in the cluster once it is available.
    #[serde(default)]
    #[schemars(length(max = 32), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub addons: Vec<Addon>,
    /// How changes are carried out, and what happens when one fails.
    #[serde(default)]
    pub strategy: Strategy,
    /// The Job that plays the playbooks.
    #[serde(default)]
    pub executor: Executor,
    /// What happens to the machines when this object is deleted.
    #[serde(default)]
    pub deletion_policy: DeletionPolicy,
}

/// What the operator has observed of a ClusterDeployment, summed up from its MachineSets and its Cluster.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct ClusterDeploymentStatus {
    /// `metadata.generation` that this status is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// The cluster's state in one word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<ClusterPhase>,
    /// Where the API server is reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<Endpoint>,
    /// Machines over all sets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub machines: Option<MachineCount>,
    /// `Supported`, `TrustReady`, `MachinesClaimed`, `Available`, `Ready`, `Paused`, `Deleting`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::conditions")]
    pub conditions: Vec<Condition>,
}

/// How many machines a cluster has.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct MachineCount {
    /// Wanted.
    pub desired: i32,
    /// Claimed.
    pub claimed: i32,
    /// Claimed, and their Node is Ready.
    pub ready: i32,
}

impl ClusterDeploymentSpec {
    /// The entry of `machineSets` with the role ControlPlane. The API server makes sure that there is exactly one.
    pub fn control_plane(&self) -> Option<&MachineSetTemplate> {
        self.machine_sets
            .iter()
            .find(|set| set.role == MachineRole::ControlPlane)
    }
}
