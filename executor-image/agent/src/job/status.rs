//! The status file of a job, as Ansible writes it: it begins as `started` and ends as the module's result.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::answer::{Answer, Failure, answer};
use crate::arguments::expand_path;
use crate::atomic_write::{Content, replace};

/// Where status files are without [`VARIABLE`].
const DIRECTORY: &str = "~/.ansible_async";
/// The environment variable that says where status files are.
const VARIABLE: &str = "ANSIBLE_ASYNC_DIR";

/// The directory of status files, for a call with this environment.
#[must_use]
pub fn directory(environment: &indexmap::IndexMap<String, String>) -> PathBuf {
    let directory = environment
        .get(VARIABLE)
        .filter(|directory| !directory.is_empty())
        .map_or(DIRECTORY, String::as_str);
    PathBuf::from(expand_path(directory, environment))
}

/// What is known of a job that runs.
#[must_use]
pub fn running(id: &str) -> Answer {
    answer!({"started": 1, "finished": 0, "ansible_job_id": id})
}

/// Writes a status file.
///
/// # Errors
/// When it cannot be written.
pub fn write(file: &Path, status: Answer) -> Result<(), Failure> {
    let text = Value::Object(status).to_string();
    replace(Content::Bytes(text.as_bytes()), file, false)
}
