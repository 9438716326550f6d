//! Machine: one host, how it is reached, and who has claimed it.

use std::fmt;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    machine_set::MachineRole,
    playbook_run::{Operation, RunPhase},
    references::{NameReference, ObjectReference},
    schema,
};

/// One host: how it is reached, and which MachineSet has claimed it. An administrator creates a Machine for each host
/// of the pool; a pool is a namespace. From then on `claimRef` and `claimEpoch` belong to the operator.
#[derive(CustomResource, KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[kube(
    group = "slipway.io",
    version = "v1alpha1",
    kind = "Machine",
    namespaced,
    status = "MachineStatus",
    shortname = "mcn",
    category = "slipway",
    derive = "PartialEq",
    doc = "One host: how it is reached over SSH, which MachineSet has claimed it, and what state it is in. Machines and the ClusterDeployments that may use them live in one namespace.",
    selectable = ".spec.claimRef.clusterName",
    selectable = ".spec.claimRef.name",
    selectable = ".status.phase",
    printcolumn(name = "Address", type_ = "string", json_path = ".spec.address"),
    printcolumn(name = "Cluster", type_ = "string", json_path = ".spec.claimRef.clusterName"),
    printcolumn(name = "Role", type_ = "string", json_path = ".spec.claimRef.role"),
    printcolumn(name = "Phase", type_ = "string", json_path = ".status.phase"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(name = "Epoch", type_ = "integer", priority = 1, json_path = ".spec.claimEpoch"),
    printcolumn(name = "Cleaned", type_ = "integer", priority = 1, json_path = ".status.cleanedEpoch"),
    printcolumn(name = "OS", type_ = "string", priority = 1, json_path = ".status.facts.operatingSystem"),
    printcolumn(name = "Last run", type_ = "string", priority = 1, json_path = ".status.lastRun.name"),
    validation = Rule::new("size(self.metadata.name) <= 63")
        .message("the name of a Machine becomes the name and a label of its Node: at most 63 characters"),
    validation = Rule::new(
            "has(oldSelf.spec.claimRef) || !has(self.spec.claimRef) || \
             (has(self.status) && has(self.status.cleanedEpoch) && self.status.cleanedEpoch == self.spec.claimEpoch - 1)"
        )
        .message("a machine may be claimed only when it is clean: status.cleanedEpoch must be spec.claimEpoch from before the claim")
        .field_path(".spec.claimRef"),
    validation = Rule::new(
            "!has(oldSelf.spec.claimRef) || has(self.spec.claimRef) || self.spec.forceRelease || \
             (has(self.status) && has(self.status.cleanedEpoch) && self.status.cleanedEpoch == oldSelf.spec.claimEpoch)"
        )
        .message("a machine may be released only after it was reset: status.cleanedEpoch must be spec.claimEpoch, or set spec.forceRelease, which quarantines it")
        .field_path(".spec.claimRef")
)]
#[x_kube(
    validation = Rule::new("oldSelf.hasValue() || !has(self.claimRef)")
        .optional_old_self(true)
        .message("a Machine is created without claimRef: the operator claims it")
        .field_path(".claimRef"),
    validation = Rule::new("!has(oldSelf.claimRef) || !has(self.claimRef) || self.claimRef == oldSelf.claimRef")
        .message("a claim may appear or disappear, but never change: this machine is claimed already")
        .field_path(".claimRef"),
    validation = Rule::new("!has(self.claimRef) || self.claimRef.epoch == self.claimEpoch")
        .message("claimRef.epoch must be claimEpoch")
        .field_path(".claimRef"),
    validation = Rule::new(
            "self.claimEpoch == oldSelf.claimEpoch || \
             (self.claimEpoch == oldSelf.claimEpoch + 1 && !has(oldSelf.claimRef) && has(self.claimRef))"
        )
        .message("claimEpoch grows by exactly one with each new claim, and never otherwise")
        .field_path(".claimEpoch"),
    validation = Rule::new("has(oldSelf.claimRef) || !has(self.claimRef) || self.claimEpoch == oldSelf.claimEpoch + 1")
        .message("a new claim must raise claimEpoch by one")
        .field_path(".claimEpoch"),
    validation = Rule::new("has(oldSelf.claimRef) || !has(self.claimRef) || !(self.unschedulable || self.forceRelease)")
        .message("a machine that is unschedulable or was released by force may not be claimed")
        .field_path(".claimRef"),
    validation = Rule::new("!has(oldSelf.claimRef) || !has(self.claimRef) || self.address == oldSelf.address")
        .message("address may not be changed while the machine is claimed")
        .field_path(".address")
)]
#[serde(rename_all = "camelCase")]
pub struct MachineSpec {
    /// DNS name or IP address of the host. Its Node takes this address where it is an IP address.
    #[schemars(length(max = 253))]
    #[x_kube(validation = Rule::new(
            r"isIP(self) || self.matches('^[a-zA-Z0-9]([-a-zA-Z0-9]*[a-zA-Z0-9])?([.][a-zA-Z0-9]([-a-zA-Z0-9]*[a-zA-Z0-9])?)*$') && !self.matches('^[0-9.]+$')"
        )
        .message("address must be an IP address or a DNS name, such as 192.0.2.10 or host-1.example"))]
    pub address: String,
    /// How the host is reached.
    pub ssh: Ssh,
    /// Who has claimed this machine; absent while it is idle. Written by the operator only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claim_ref: Option<ClaimRef>,
    /// How often this machine was claimed. Grows by one with each claim and is the fencing token on the host: a run
    /// with an older epoch is refused there. Written by the operator only; who creates a Machine anew for a host that
    /// was claimed before gives the last epoch here.
    #[serde(default)]
    #[schemars(range(min = 0))]
    pub claim_epoch: i64,
    /// Takes the machine out of the pool, for maintenance: it is not claimed. A claimed machine keeps its cluster.
    #[serde(default)]
    pub unschedulable: bool,
    /// Breaks the glass: lets the operator release a machine that cannot be reset, because it is dead for example.
    /// The machine is then Quarantined; it returns to the pool once a reset has succeeded and this is false again.
    #[serde(default)]
    pub force_release: bool,
}

/// How a host is reached over SSH.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[x_kube(
    validation = Rule::new("self.hostKeyPolicy != 'Pinned' || (has(self.hostKeys) && size(self.hostKeys) > 0)")
        .message("hostKeys is empty: give the host's public keys (`ssh-keyscan ADDRESS` prints them), or set hostKeyPolicy to TrustOnFirstUse")
        .field_path(".hostKeys")
)]
#[serde(rename_all = "camelCase")]
pub struct Ssh {
    /// TCP port of the SSH server.
    #[serde(default = "default_ssh_port")]
    #[schemars(range(min = 1, max = 65535))]
    pub port: i32,
    /// User to log in as: root, or a user who may run every command by sudo without a password.
    #[serde(default = "default_ssh_user")]
    #[schemars(length(min = 1, max = 32))]
    pub user: String,
    /// Secret of type `kubernetes.io/ssh-auth` in the same namespace, whose key `ssh-privatekey` holds the private key.
    pub key_secret_ref: NameReference,
    /// Public keys of the host, each as OpenSSH writes it: `ssh-ed25519 AAAA...`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8), inner(length(min = 1, max = 2048)))]
    pub host_keys: Vec<String>,
    /// `Pinned`: only a host that has one of `hostKeys` is talked to. `TrustOnFirstUse`: the first key that the host
    /// shows is accepted and written to `hostKeys`.
    #[serde(default)]
    pub host_key_policy: HostKeyPolicy,
}

fn default_ssh_port() -> i32 {
    22
}

fn default_ssh_user() -> String {
    "root".to_owned()
}

/// Which host keys are accepted.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HostKeyPolicy {
    /// Only the keys of the spec.
    #[default]
    Pinned,
    /// The keys of the spec, or where there is none, the first one seen.
    TrustOnFirstUse,
}

/// Who has claimed a machine. Made once with the claim and never changed.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct ClaimRef {
    /// Uid of the MachineSet: a later set of the same name does not own this machine.
    #[schemars(length(min = 1, max = 64))]
    pub uid: String,
    /// Name of the MachineSet.
    #[schemars(length(min = 1, max = 63))]
    pub name: String,
    /// Name of the cluster that the MachineSet is a part of.
    #[schemars(length(min = 1, max = 40))]
    pub cluster_name: String,
    /// Role of the MachineSet.
    pub role: MachineRole,
    /// Which of the set's machines this is, from 0. Two machines never keep the same slot.
    #[schemars(range(min = 0))]
    pub slot: i32,
    /// `spec.claimEpoch` of this claim.
    #[schemars(range(min = 1))]
    pub epoch: i64,
}

/// What state a machine is in.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum MachinePhase {
    /// Clean and unclaimed: may be claimed.
    Idle,
    /// Claimed, and nothing was done on the host yet.
    Claimed,
    /// A run installs it.
    Deploying,
    /// Its run succeeded; its Node is not Ready yet.
    Deployed,
    /// Its Node is Ready.
    Ready,
    /// Its Node was Ready and is not now.
    NotReady,
    /// It leaves its cluster: drained, removed, reset.
    Releasing,
    /// Its last run failed.
    Failed,
    /// Unclaimed and not clean: it may not be claimed until a reset has succeeded.
    Quarantined,
    /// Unclaimed and `spec.unschedulable`.
    Maintenance,
}

impl fmt::Display for MachinePhase {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, formatter)
    }
}

/// What the operator has observed of a Machine.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct MachineStatus {
    /// `metadata.generation` that this status is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// The machine's state in one word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<MachinePhase>,
    /// The last claim epoch whose leftovers are known to be gone from the host. A machine may be claimed only where
    /// this is `spec.claimEpoch`, so a machine whose status was lost is not claimed until a reset has succeeded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cleaned_epoch: Option<i64>,
    /// The machine's Node in the business cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node_ref: Option<ObjectReference>,
    /// What is known of the host, as its Node reports it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub facts: Option<MachineFacts>,
    /// Programs on the host that Slipway looks after.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub components: Vec<Component>,
    /// The last PlaybookRun that had this machine among its hosts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_run: Option<LastRun>,
    /// `Reachable`, `Clean`, `NodeReady`, `Ready`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::conditions")]
    pub conditions: Vec<Condition>,
}

/// What is known of a host.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct MachineFacts {
    /// Operating system, such as `Debian GNU/Linux 12 (bookworm)`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operating_system: Option<String>,
    /// Release of the kernel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kernel: Option<String>,
    /// Architecture in Go's names, such as `amd64`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub architecture: Option<String>,
    /// Processors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpus: Option<i32>,
    /// Memory in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_bytes: Option<i64>,
    /// Machine id from the firmware, the same after a new installation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system_uuid: Option<String>,
}

/// A program on a host.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Component {
    /// Name, such as `kubelet`.
    #[schemars(length(min = 1, max = 63))]
    pub name: String,
    /// Version that runs.
    #[schemars(length(max = 63))]
    pub version: String,
}

/// The last PlaybookRun that touched a machine.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct LastRun {
    /// Name of the PlaybookRun.
    #[schemars(length(max = 253))]
    pub name: String,
    /// What it did.
    pub operation: Operation,
    /// How far it is, or how it ended.
    pub phase: RunPhase,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Time>,
    /// The task that failed on this machine and what it answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 2048))]
    pub message: Option<String>,
}

impl Machine {
    /// The phase last written, if any was.
    pub fn phase(&self) -> Option<MachinePhase> {
        self.status.as_ref().and_then(|status| status.phase)
    }

    /// Whether the leftovers of every claim so far are known to be gone from the host.
    pub fn is_clean(&self) -> bool {
        let cleaned = self.status.as_ref().and_then(|status| status.cleaned_epoch);
        cleaned == Some(self.spec.claim_epoch)
    }

    /// Whether the API server would accept a claim of this machine.
    pub fn is_claimable(&self) -> bool {
        self.spec.claim_ref.is_none()
            && !self.spec.unschedulable
            && !self.spec.force_release
            && self.metadata.deletion_timestamp.is_none()
            && self.is_clean()
    }
}
