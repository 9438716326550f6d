//! Where machines come from.

use anyhow::Result;
use futures::future::BoxFuture;
use k8s_openapi::api::core::v1::Secret;
use serde_json::Value;
use slipway_api::Machine;

/// Where hosts fetch files and images from, and what their kubelets must be told, for one provider's machines.
#[derive(Debug, Clone)]
pub struct Artifacts {
    /// `spec.artifacts.filesURL`; empty for upstream.
    pub files_url: String,
    /// `spec.artifacts.imageRegistry`; empty for upstream.
    pub image_registry: String,
    /// `spec.componentConfig.kubelet`.
    pub kubelet: Value,
}

/// Makes, disturbs and destroys machines. Names are unique over all scenarios.
pub trait MachineProvider: Send + Sync {
    /// Makes machines, boots them, and waits until they answer SSH. What comes back is what an administrator would write for
    /// each: address, user, pinned host key, in the order of the names.
    fn create<'a>(&'a self, names: &'a [String]) -> BoxFuture<'a, Result<Vec<Machine>>>;

    /// Powers a machine off at once and removes it with its disk.
    fn destroy<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<()>>;

    /// Cuts a machine's power; its disk is kept.
    fn power_off<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<()>>;

    /// Boots a machine from its disk and waits until it answers SSH.
    fn start<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<()>>;

    /// Pulls a machine's network cable.
    fn cut_network<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<()>>;

    /// Plugs it in again.
    fn restore_network<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<()>>;

    /// Runs a shell command on a machine as its administrator, apart from Slipway, and returns what it printed.
    fn run<'a>(&'a self, name: &'a str, command: &'a str) -> BoxFuture<'a, Result<String>>;

    /// The Secret that the Machines name for their SSH key.
    fn ssh_key_secret(&self) -> Result<Secret>;

    /// Where the machines fetch files and images from.
    fn artifacts(&self) -> Artifacts;
}
