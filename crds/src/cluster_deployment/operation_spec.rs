//! The parts of a ClusterDeployment's spec that say how the cluster is made: artifacts, addons, strategy, executor, deletion.

use k8s_openapi::{api::core::v1::ResourceRequirements, apimachinery::pkg::util::intstr::IntOrString};
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{references::NameReference, schema};

/// Where hosts fetch files and images from. A mirror keeps the upstream address as its path.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Artifacts {
    /// Base URL of a mirror of files: `<filesURL>/dl.k8s.io/release/v1.35.4/bin/linux/amd64/kubeadm`, with a `.sha256`
    /// beside each file. Empty: upstream over https.
    #[serde(rename = "filesURL", default)]
    #[schemars(length(max = 1024))]
    #[x_kube(validation = Rule::new("self == '' || self.matches('^https?://[^/ ]+(/[^ ]*)?$')")
        .message("filesURL must be an http or https URL, such as http://mirror.example:8080"))]
    pub files_url: String,
    /// Registry that mirrors images, as `host:port`; plain http unless it starts with `https://`. Empty: upstream.
    #[serde(default)]
    #[schemars(length(max = 1024))]
    #[x_kube(validation = Rule::new("self == '' || self.matches('^(https?://)?[^/ ]+$')")
        .message("imageRegistry must be host:port, or https://host:port, with no path"))]
    pub image_registry: String,
}

/// Something that is installed in the cluster once it is available: handlebars templates of manifests.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[x_kube(
    validation = Rule::new("has(self.configMapRef) != has(self.bundled)")
        .message("an addon has either configMapRef or bundled")
)]
#[serde(rename_all = "camelCase")]
pub struct Addon {
    /// Name of the addon, unique in the cluster.
    #[schemars(length(min = 1, max = 63), regex(pattern = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"))]
    pub name: String,
    /// ConfigMap in the same namespace; each of its keys is a template of manifests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_map_ref: Option<NameReference>,
    /// Name of an addon that comes with the operator, such as `metrics-server`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63))]
    pub bundled: Option<String>,
    /// Values for the templates, which see them as `values`.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    #[schemars(schema_with = "schema::free_form")]
    pub values: Map<String, Value>,
    /// Names of addons that must be available first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), inner(length(min = 1, max = 63)))]
    pub depends_on: Vec<String>,
}

/// How changes are carried out, and what happens when one fails.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Strategy {
    /// How many workers may be out of service at a time for our doing: a number, or a percentage of them.
    #[serde(default = "default_max_unavailable")]
    #[x_kube(validation = Rule::new("string(self).matches('^([1-9][0-9]{0,3}|([1-9][0-9]?|100)%)$')")
        .message("maxUnavailable must be a number from 1, or a percentage from 1% to 100%"))]
    pub max_unavailable: IntOrString,
    /// How many hosts may fail in a run before it counts as failed.
    #[serde(default)]
    #[schemars(range(min = 0, max = 500))]
    pub max_failed_hosts: i32,
    /// What happens after a failed run.
    #[serde(default)]
    pub retry: Retry,
}

fn default_max_unavailable() -> IntOrString {
    IntOrString::Int(1)
}

impl Default for Strategy {
    fn default() -> Self {
        Self {
            max_unavailable: default_max_unavailable(),
            max_failed_hosts: 0,
            retry: Retry::default(),
        }
    }
}

/// What happens after a failed run. When the tries are used up, the cluster waits for a change of its spec or for a new
/// value of the annotation `slipway.io/retry`.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase", default)]
pub struct Retry {
    /// How often a failed operation is tried again.
    #[schemars(range(min = 0, max = 100))]
    pub limit: i32,
    /// Seconds before the first new try; doubled for each further one, up to an hour.
    #[schemars(range(min = 1, max = 3600))]
    pub backoff_seconds: i32,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            limit: 3,
            backoff_seconds: 60,
        }
    }
}

/// The Job that plays the playbooks.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Executor {
    /// Image with runner and playbooks; by default the one that the operator was installed with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 512))]
    pub image: Option<String>,
    /// Requests and limits of the container.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<ResourceRequirements>,
}

/// What happens to the machines of a cluster that is deleted.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DeletionPolicy {
    /// They are reset and return to the pool.
    #[default]
    Reset,
    /// They are left as they are, running; they are released by force and quarantined.
    Orphan,
}
