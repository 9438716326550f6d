//! The parts of a ClusterDeployment's spec that say what the cluster is.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{
    machine_set::{MachineRole, Taint},
    schema,
};

/// One role of the cluster: becomes the MachineSet `<cluster>-<name>`.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[x_kube(
    validation = Rule::new("self.role == oldSelf.role")
        .message("the role of a machine set may not be changed: make another set")
        .field_path(".role"),
    validation = Rule::new("!(self.role in ['ControlPlane', 'Etcd']) || !has(self.replicas) || self.replicas in [1, 3, 5, 7]")
        .message("a ControlPlane or Etcd set has 1, 3, 5 or 7 machines: an even number of etcd members survives no more failures than one less")
        .field_path(".replicas")
)]
#[serde(rename_all = "camelCase")]
pub struct MachineSetTemplate {
    /// Name of the set, unique in the cluster.
    #[schemars(length(min = 1, max = 20), regex(pattern = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"))]
    pub name: String,
    /// What the machines of the set do: `ControlPlane`, `Worker`, `Etcd` or `LoadBalancer`.
    pub role: MachineRole,
    /// How many machines the set has. Left out, the count is left to `kubectl scale` or an autoscaler, and starts at 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 5000))]
    pub replicas: Option<i32>,
    /// Labels of the Machines that may be claimed; without it any idle Machine of the namespace may.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selector: Option<LabelSelector>,
    /// Labels of the set's Nodes.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "schema::labels")]
    pub labels: BTreeMap<String, String>,
    /// Taints of the set's Nodes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    pub taints: Vec<Taint>,
}

/// Where etcd runs and how it is backed up.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Etcd {
    /// `Stacked`: a member on each control plane. `External`: on the machines of the sets with role Etcd. May not be changed.
    #[serde(default)]
    #[x_kube(validation = Rule::new("self == oldSelf").message("etcd.topology may not be changed"))]
    pub topology: EtcdTopology,
    /// Regular snapshots; without it none are taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backup: Option<EtcdBackup>,
}

/// Where etcd runs.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EtcdTopology {
    /// A member on each control plane.
    #[default]
    Stacked,
    /// On machines of its own.
    External,
}

/// Regular snapshots of etcd.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct EtcdBackup {
    /// When a snapshot is taken, in cron's five fields and UTC: `0 */6 * * *`.
    #[schemars(length(min = 9, max = 64))]
    pub schedule: String,
    /// How many snapshots are kept.
    #[serde(default = "default_retain")]
    #[schemars(range(min = 1, max = 365))]
    pub retain: i32,
}

fn default_retain() -> i32 {
    28
}

/// Addresses of pods and services, and who connects them.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[x_kube(
    validation = Rule::new(
            "!isCIDR(self.podCIDR) || !isCIDR(self.serviceCIDR) || \
             !(cidr(self.podCIDR).containsCIDR(self.serviceCIDR) || cidr(self.serviceCIDR).containsCIDR(self.podCIDR))"
        )
        .message("podCIDR and serviceCIDR may not overlap"),
    validation = Rule::new(
            "!isCIDR(self.podCIDR) || !isCIDR(self.serviceCIDR) || \
             cidr(self.podCIDR).ip().family() == cidr(self.serviceCIDR).ip().family()"
        )
        .message("podCIDR and serviceCIDR must both be IPv4 or both IPv6")
)]
#[serde(rename_all = "camelCase")]
pub struct Network {
    /// Addresses of pods; each Node takes a part of it (a /24 of IPv4, a /64 of IPv6).
    #[serde(rename = "podCIDR", default = "default_pod_cidr")]
    #[schemars(length(max = 49))]
    #[x_kube(
        validation = Rule::new("isCIDR(self) && cidr(self) == cidr(self).masked()")
            .message("podCIDR must be a network in CIDR form whose host bits are zero, such as 10.244.0.0/16"),
        validation = Rule::new("!isCIDR(self) || cidr(self).prefixLength() <= (cidr(self).ip().family() == 4 ? 24 : 64)")
            .message("podCIDR is too small: each Node takes a /24 of IPv4 or a /64 of IPv6")
    )]
    pub pod_cidr: String,
    /// Addresses of services.
    #[serde(rename = "serviceCIDR", default = "default_service_cidr")]
    #[schemars(length(max = 49))]
    #[x_kube(
        validation = Rule::new("isCIDR(self) && cidr(self) == cidr(self).masked()")
            .message("serviceCIDR must be a network in CIDR form whose host bits are zero, such as 10.96.0.0/12")
    )]
    pub service_cidr: String,
    /// DNS domain of services.
    #[serde(default = "default_dns_domain")]
    #[schemars(
        length(min = 1, max = 200),
        regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$")
    )]
    pub dns_domain: String,
    /// What connects pods on different Nodes.
    #[serde(default)]
    pub plugin: NetworkPlugin,
}

fn default_pod_cidr() -> String {
    "10.244.0.0/16".to_owned()
}

fn default_service_cidr() -> String {
    "10.96.0.0/12".to_owned()
}

fn default_dns_domain() -> String {
    "cluster.local".to_owned()
}

impl Default for Network {
    fn default() -> Self {
        Self {
            pod_cidr: default_pod_cidr(),
            service_cidr: default_service_cidr(),
            dns_domain: default_dns_domain(),
            plugin: NetworkPlugin::default(),
        }
    }
}

/// What connects pods on different Nodes.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum NetworkPlugin {
    /// flannel, with VXLAN.
    #[default]
    Flannel,
}

impl NetworkPlugin {
    /// The name that the playbooks know it by.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Flannel => "flannel",
        }
    }
}

/// What stands before the API servers.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct LoadBalancer {
    /// `External`: `controlPlaneEndpoint` is looked after by somebody else. `Machines`: the machines of the set with
    /// role LoadBalancer.
    #[serde(rename = "type", default)]
    pub kind: LoadBalancerType,
}

/// Who balances connections to the API servers.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LoadBalancerType {
    /// Somebody else.
    #[default]
    External,
    /// Machines of the cluster.
    Machines,
}

/// What runs the containers.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum ContainerRuntime {
    /// containerd, with runc.
    #[default]
    Containerd,
}

impl ContainerRuntime {
    /// The name that the playbooks know it by.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Containerd => "containerd",
        }
    }
}

/// Configuration of the components of Kubernetes. Each is an object of the component's own configuration kind, without
/// `apiVersion` and `kind`, and is merged over what Slipway writes.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct ComponentConfig {
    /// Fields of `KubeletConfiguration` (kubelet.config.k8s.io/v1beta1).
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    #[schemars(schema_with = "schema::free_form")]
    pub kubelet: Map<String, Value>,
    /// Fields of `KubeProxyConfiguration` (kubeproxy.config.k8s.io/v1alpha1).
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    #[schemars(schema_with = "schema::free_form")]
    pub kube_proxy: Map<String, Value>,
    /// Fields of `apiServer` in kubeadm's `ClusterConfiguration` (kubeadm.k8s.io/v1beta4).
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    #[schemars(schema_with = "schema::free_form")]
    pub api_server: Map<String, Value>,
    /// Fields of `controllerManager` in kubeadm's `ClusterConfiguration` (kubeadm.k8s.io/v1beta4).
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    #[schemars(schema_with = "schema::free_form")]
    pub controller_manager: Map<String, Value>,
    /// Fields of `KubeSchedulerConfiguration` (kubescheduler.config.k8s.io/v1).
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    #[schemars(schema_with = "schema::free_form")]
    pub scheduler: Map<String, Value>,
}
