//! The messages in frames, all JSON.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The runner's first word.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// [`crate::PROTOCOL_VERSION`] of the runner.
    pub protocol: u32,
    /// The fencing token of this run, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fence: Option<Fence>,
    /// Seconds of silence after which the agent takes the runner for gone and ends. A runner that sets it sends a
    /// [`crate::FrameKind::Ping`] more often than that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub silence_seconds: Option<u64>,
}

/// A fencing token: an agent refuses a run whose epoch is older than one it has seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fence {
    /// Who owns the host in this epoch.
    pub owner: String,
    /// Grows by one with each new owner.
    pub epoch: u64,
    /// The run, for messages.
    pub run: String,
}

/// The agent's answer to [`Hello`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Welcome {
    /// [`crate::PROTOCOL_VERSION`] of the agent.
    pub protocol: u32,
    /// Name of the user that the agent runs as.
    pub user: String,
    /// Machine architecture as `uname -m` names it.
    pub architecture: String,
}

/// Why the agent does not serve this run; it ends after it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// A sentence for a person.
    pub message: String,
}

/// Carry out a module.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Call {
    /// Fully qualified name, `ansible.builtin.file`.
    pub module: String,
    /// Arguments by name, templated, `omit`ted ones left out. Free-form modules have their text in `_raw_params`.
    pub args: Map<String, Value>,
    /// Report what would change and change nothing.
    #[serde(default)]
    pub check: bool,
    /// Return a [`Diff`].
    #[serde(default)]
    pub diff: bool,
    /// Environment variables for what the module starts.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub environment: IndexMap<String, String>,
    /// Seconds after which the module is stopped and has failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<u64>,
    /// Carry it out as a job of its own that outlives the connection, for at most this many seconds: the answer is at once that it
    /// was started (`ansible_job_id`, `results_file`), and `async_status` tells the rest. The job's status file is in the
    /// directory that `ANSIBLE_ASYNC_DIR` in [`Call::environment`] names; `~/.ansible_async` without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub background: Option<u64>,
    /// Content stored before by [`PutBegin`], by argument name: `{"content_of_src": "<sha256>"}`. Modules that take a file of the
    /// runner's side (`copy`, `template`, `unarchive` without `remote_src`, `script`) find it under the key `src`.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub files: IndexMap<String, String>,
    /// The words that start the Python that the playbook names for this host, for modules that tell of it or use it; none if it is
    /// looked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub python: Vec<String>,
    /// How the module is started when it is not one of the agent's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub foreign: Option<Foreign>,
    /// Tell beside the result what the module was called with (`invocation`).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub tells_arguments: bool,
    /// The stream of an earlier call: this one begins when that one has ended. If it has failed ([`ModuleResult::has_failed`]), this
    /// one is not carried out, and a [`Refusal`] says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<u32>,
}

/// A module that somebody else has written: its program is among the [`Call::files`] as [`Foreign::PROGRAM`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Foreign {
    /// What it is and how it takes its arguments.
    pub style: ForeignStyle,
    /// The words that start its interpreter; none for Python that is looked for on the host, and for programs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub interpreter: Vec<String>,
}

impl Foreign {
    /// Key in [`Call::files`]: the program, or the archive with the Python module and what it imports.
    pub const PROGRAM: &'static str = "program";
    /// Key in [`Call::files`]: the archive with the Python code that all modules share, beneath that of the module.
    pub const COMMON: &'static str = "common";
}

/// The ways in which Ansible's modules take their arguments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ForeignStyle {
    /// A Python module with Ansible's library, by its name in the archive: `ansible.modules.kube`.
    Python(String),
    /// A file of JSON, named by its only argument.
    JsonFile,
    /// A file of `name=value` words, named by its only argument.
    WordsFile,
    /// JSON, written into its text in place of [`ForeignStyle::JSON_MARK`].
    JsonInside,
}

impl ForeignStyle {
    /// What stands in a module's text where it wants its arguments.
    pub const JSON_MARK: &'static str = "<<INCLUDE_ANSIBLE_MODULE_JSON_ARGS>>";
}

/// What a module answers: Ansible's result mapping (`changed`, `failed`, `msg`, `rc`, `stdout`, …) as one JSON object.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ModuleResult(pub Map<String, Value>);

/// Whether a result without `failed` is a failure: that of a command is if its exit code is not zero.
#[must_use]
pub fn is_bad_exit(result: &Map<String, Value>) -> bool {
    match result.get("rc") {
        Some(Value::Number(code)) => code.as_i64() != Some(0),
        _ => false,
    }
}

/// What changed in one thing, as Ansible's `diff` entries.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diff {
    /// Content or state before.
    #[serde(default)]
    pub before: Value,
    /// Content or state after.
    #[serde(default)]
    pub after: Value,
    /// Heading of the state before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before_header: Option<String>,
    /// Heading of the state after.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after_header: Option<String>,
}

/// Stop the call of this stream: its process group is killed and its result says so. One that still waits for the call before it
/// ([`Call::after`]) never begins.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cancel {
    /// Leave it alone if it has begun.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unless_begun: bool,
}

/// A file's content is offered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PutBegin {
    /// SHA-256 of the content, hexadecimal.
    pub sha256: String,
    /// Size of the content in bytes.
    pub size: u64,
    /// For one call only, which may take the file away: it is stored as `<sha256>-<stream>`, whether or not the content is there
    /// already, and does not outlive the call.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub for_one_call: bool,
}

impl PutBegin {
    /// The name under which the content is stored, for [`Call::files`].
    #[must_use]
    pub fn name(&self, stream: u32) -> String {
        if self.for_one_call {
            format!("{}-{stream}", self.sha256)
        } else {
            self.sha256.clone()
        }
    }
}

/// Answer to [`PutBegin`], and to the last chunk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PutStatus {
    /// Send the chunks.
    Wanted,
    /// The content is there.
    Stored,
    /// The content could not be stored: why, for a person.
    Failed(String),
}

impl ModuleResult {
    /// A failure with this message.
    #[must_use]
    pub fn failure(message: impl Into<String>) -> Self {
        let mut map = Map::new();
        map.insert("changed".to_owned(), Value::Bool(false));
        map.insert("failed".to_owned(), Value::Bool(true));
        map.insert("msg".to_owned(), Value::String(message.into()));
        Self(map)
    }

    /// Whether the module says that it changed something.
    #[must_use]
    pub fn changed(&self) -> bool {
        self.flag("changed")
    }

    /// Whether the module says that it failed.
    #[must_use]
    pub fn failed(&self) -> bool {
        self.flag("failed")
    }

    /// Whether the module has failed as far as it knows: by its word, or by a command's exit code.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        if self.0.contains_key("failed") {
            return self.failed();
        }
        is_bad_exit(&self.0)
    }

    fn flag(&self, key: &str) -> bool {
        self.0.get(key).and_then(Value::as_bool).unwrap_or(false)
    }
}
