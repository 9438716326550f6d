//! PlaybookRun: one playbook run against named hosts of one cluster.

use std::fmt;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use slipway_report::RunOutcome;

use crate::{references::ObjectReference, schema};

/// One playbook run against named hosts of one cluster: the record of an operation, queued behind the cluster's
/// current run, never changed. The operator makes one for each step; an administrator may make one by hand for a
/// day-2 operation, giving `clusterRef.name`, `operation`, and where it is not to be every host, `hosts`.
#[derive(CustomResource, KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[kube(
    group = "slipway.io",
    version = "v1alpha1",
    kind = "PlaybookRun",
    namespaced,
    status = "PlaybookRunStatus",
    shortname = "pbr",
    category = "slipway",
    derive = "PartialEq",
    doc = "One playbook run against named hosts of one cluster: the record of an operation. Its spec never changes, but for cancel.",
    selectable = ".spec.clusterRef.name",
    selectable = ".status.phase",
    printcolumn(name = "Cluster", type_ = "string", json_path = ".spec.clusterRef.name"),
    printcolumn(name = "Operation", type_ = "string", json_path = ".spec.operation"),
    printcolumn(name = "Phase", type_ = "string", json_path = ".status.phase"),
    printcolumn(name = "Done", type_ = "integer", json_path = ".status.progress.tasksDone"),
    printcolumn(name = "Tasks", type_ = "integer", json_path = ".status.progress.tasksTotal"),
    printcolumn(name = "Task", type_ = "string", json_path = ".status.progress.task"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(name = "Attempt", type_ = "integer", priority = 1, json_path = ".spec.attempt"),
    printcolumn(name = "Result", type_ = "string", priority = 1, json_path = ".status.result.message"),
    validation = Rule::new("size(self.metadata.name) <= 63 && !self.metadata.name.contains('.')")
        .message("the name of a PlaybookRun is the name of its Job: at most 63 characters, no dots")
)]
#[x_kube(
    validation = Rule::new(
            "has(self.clusterRef) == has(oldSelf.clusterRef) && (!has(self.clusterRef) || self.clusterRef == oldSelf.clusterRef) && \
             self.operation == oldSelf.operation && \
             self.playbook == oldSelf.playbook && self.hosts == oldSelf.hosts && \
             self.inputsHash == oldSelf.inputsHash && self.attempt == oldSelf.attempt && self.limits == oldSelf.limits"
        )
        .message("a PlaybookRun is a record and may not be changed (cancel may): create another one"),
    validation = Rule::new("self.cancel || !oldSelf.cancel")
        .message("a cancelled run stays cancelled: create another one")
        .field_path(".cancel"),
    validation = Rule::new("has(self.clusterRef) || (has(self.hosts) && size(self.hosts) > 0)")
        .message("a run without clusterRef must name its hosts")
        .field_path(".hosts"),
    validation = Rule::new("self.operation != 'Custom' || size(self.playbook) > 0")
        .message("operation Custom needs playbook, the name of an entry playbook of the executor image")
        .field_path(".playbook")
)]
#[serde(rename_all = "camelCase")]
pub struct PlaybookRunSpec {
    /// The cluster that the hosts belong to. The uid, where given, is that of the ClusterDeployment. Left out in a run on
    /// machines that belong to no cluster: one that proves an idle machine clean, or resets a quarantined one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster_ref: Option<ObjectReference>,
    /// What is done.
    pub operation: Operation,
    /// Entry playbook in the executor image, without `.yml`. Empty: the one that belongs to `operation`.
    #[serde(default)]
    #[schemars(schema_with = "playbook_name")]
    pub playbook: String,
    /// The machines to play on; the run is limited to them. Empty: every machine of the cluster.
    #[serde(default)]
    #[schemars(length(max = 500), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["machine"]))]
    pub hosts: Vec<RunHost>,
    /// Hash of all that the run is made from (inventory, variables, image): the same hash is the same work.
    #[serde(default)]
    #[schemars(length(max = 64))]
    pub inputs_hash: String,
    /// Which try of the same work this is, from 1.
    #[serde(default = "schema::one")]
    #[schemars(range(min = 1))]
    pub attempt: i32,
    /// How much a run may take.
    #[serde(default)]
    pub limits: RunLimits,
    /// Stops the run at a task boundary. Cannot be taken back.
    #[serde(default)]
    pub cancel: bool,
}

fn playbook_name(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({
        "type": "string",
        "maxLength": 63,
        "pattern": "^([a-z0-9]([-a-z0-9]*[a-z0-9])?)?$",
    })
}

/// What a run does to its hosts.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Operation {
    /// Builds a cluster.
    Install,
    /// Adds machines to a cluster.
    ScaleOut,
    /// Takes machines out of a cluster.
    ScaleIn,
    /// Moves a cluster to another version of Kubernetes.
    Upgrade,
    /// Changes the configuration of components.
    Reconfigure,
    /// Renews certificates.
    RotateCertificates,
    /// Takes a snapshot of etcd.
    BackupEtcd,
    /// Brings etcd back from a snapshot.
    RestoreEtcd,
    /// Leaves hosts as they were found.
    Reset,
    /// Asks whether the cluster is healthy.
    Check,
    /// Asks whether hosts may be used.
    Preflight,
    /// Plays the playbook that the spec names.
    Custom,
}

impl Operation {
    /// Name of the entry playbook, without `.yml`; empty for [`Operation::Custom`].
    pub fn playbook(self) -> &'static str {
        match self {
            Self::Install => "install",
            Self::ScaleOut => "scale-out",
            Self::ScaleIn => "scale-in",
            Self::Upgrade => "upgrade",
            Self::Reconfigure => "reconfigure",
            Self::RotateCertificates => "rotate-certificates",
            Self::BackupEtcd => "backup-etcd",
            Self::RestoreEtcd => "restore-etcd",
            Self::Reset => "reset",
            Self::Check => "check",
            Self::Preflight => "preflight",
            Self::Custom => "",
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, formatter)
    }
}

/// One host of a run.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct RunHost {
    /// Name of the Machine.
    #[schemars(length(min = 1, max = 63))]
    pub machine: String,
    /// The Machine's claim epoch that this run was made for: the host refuses the run where a later claim was there.
    /// Left out in a run made by hand: the epoch of the claim as it is when the run starts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<i64>,
}

/// How much a run may take.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase", default)]
pub struct RunLimits {
    /// Hosts worked on at the same time.
    #[schemars(range(min = 1, max = 500))]
    pub forks: i32,
    /// Seconds after which the executor is stopped.
    #[schemars(range(min = 60, max = 86400))]
    pub deadline_seconds: i64,
}

impl Default for RunLimits {
    fn default() -> Self {
        Self {
            forks: 50,
            deadline_seconds: 7200,
        }
    }
}

/// How far a run is.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RunPhase {
    /// Queued behind another run, or waiting for its executor.
    Pending,
    /// The executor works.
    Running,
    /// Every host did every task.
    Succeeded,
    /// A host failed or was unreachable, or the executor could not do its work.
    Failed,
    /// It was cancelled.
    Cancelled,
}

impl RunPhase {
    /// Whether the run is over.
    pub fn is_finished(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Cancelled)
    }
}

impl fmt::Display for RunPhase {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, formatter)
    }
}

/// What the operator has observed of a run.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct PlaybookRunStatus {
    /// `metadata.generation` that this status is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// How far the run is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<RunPhase>,
    /// The Job that carries the run out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job_ref: Option<ObjectReference>,
    /// When the executor began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Time>,
    /// When the run ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Time>,
    /// The task that runs now, and how many are done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress: Option<RunProgress>,
    /// Each host's part, those that failed first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 500), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub hosts: Vec<RunHostStatus>,
    /// How the run ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<RunResultStatus>,
    /// `JobCreated`, `Succeeded`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::conditions")]
    pub conditions: Vec<Condition>,
}

/// How far the playbook is.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct RunProgress {
    /// Tasks finished, over all plays.
    pub tasks_done: i32,
    /// Tasks known of so far.
    pub tasks_total: i32,
    /// The task that runs now.
    #[serde(default)]
    #[schemars(length(max = 512))]
    pub task: String,
    /// When this was reported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Time>,
}

/// A host's part in a run: its line of the recap.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct RunHostStatus {
    /// Name of the Machine.
    #[schemars(length(min = 1, max = 63))]
    pub name: String,
    /// Tasks that ended well, changed ones included.
    #[serde(default)]
    pub ok: i32,
    /// Tasks that changed something.
    #[serde(default)]
    pub changed: i32,
    /// Tasks that failed.
    #[serde(default)]
    pub failed: i32,
    /// Times the host could not be reached.
    #[serde(default)]
    pub unreachable: i32,
    /// Tasks that were skipped.
    #[serde(default)]
    pub skipped: i32,
    /// The task that failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 512))]
    pub task: Option<String>,
    /// What the task or the host answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 2048))]
    pub message: Option<String>,
}

/// How a run ended.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct RunResultStatus {
    /// The end in one word.
    pub code: RunCode,
    /// Exit code of the runner, where it came to exit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
    /// For a person: which host, which task, what it answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 4096))]
    pub message: Option<String>,
    /// Hosts that the result had no room for.
    #[serde(default)]
    pub hosts_omitted: i32,
}

/// How a run ended, in one word.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RunCode {
    /// Every host did every task.
    Succeeded,
    /// A task failed on a host.
    TaskFailed,
    /// A host could not be reached.
    Unreachable,
    /// It was cancelled.
    Cancelled,
    /// The playbook or its inputs are wrong: another try does not help.
    Invalid,
    /// It took longer than it may.
    DeadlineExceeded,
    /// The executor could not run, or went away without a result.
    ExecutorFailed,
}

impl RunCode {
    /// Whether another try of the same work may succeed.
    pub fn is_retriable(self) -> bool {
        !matches!(self, Self::Succeeded | Self::Cancelled | Self::Invalid)
    }
}

impl fmt::Display for RunCode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, formatter)
    }
}

impl From<RunOutcome> for RunCode {
    fn from(outcome: RunOutcome) -> Self {
        match outcome {
            RunOutcome::Succeeded => Self::Succeeded,
            RunOutcome::Failed => Self::TaskFailed,
            RunOutcome::Unreachable => Self::Unreachable,
            RunOutcome::Cancelled => Self::Cancelled,
            RunOutcome::Invalid => Self::Invalid,
        }
    }
}

impl PlaybookRunSpec {
    /// Name of the entry playbook that this run plays, without `.yml`.
    pub fn entry_playbook(&self) -> &str {
        if self.playbook.is_empty() {
            self.operation.playbook()
        } else {
            &self.playbook
        }
    }
}

impl PlaybookRun {
    /// How far the run is; a run without a status waits.
    pub fn phase(&self) -> RunPhase {
        self.status
            .as_ref()
            .and_then(|status| status.phase)
            .unwrap_or(RunPhase::Pending)
    }
}
