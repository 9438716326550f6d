//! Python on this host.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};

use indexmap::IndexMap;

use crate::answer::Failure;
use crate::context::Context;
use crate::process::find_program;

/// Where Ansible looks for Python when it is not told, best first.
pub const CANDIDATES: [&str; 8] = [
    "python3.13",
    "python3.12",
    "python3.11",
    "python3.10",
    "python3.9",
    "python3.8",
    "/usr/bin/python3",
    "python3",
];

/// What was found; looked for again only while nothing was.
static FOUND: Mutex<Option<PathBuf>> = Mutex::new(None);

/// The Python that the playbook names for this host, or else the first one that works.
#[must_use]
pub fn of(context: &Context) -> Option<PathBuf> {
    match context.python.first() {
        Some(program) => find_program(
            expand(program, &context.environment).as_ref(),
            &context.environment,
        ),
        None => discover(&context.environment).ok(),
    }
}

/// The first Python that works.
///
/// # Errors
/// When there is none.
pub fn discover(environment: &IndexMap<String, String>) -> Result<PathBuf, Failure> {
    let mut found = FOUND.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(path) = &*found {
        return Ok(path.clone());
    }
    let path = CANDIDATES
        .iter()
        .filter_map(|name| find_program(name.as_ref(), environment))
        .find(works)
        .ok_or_else(|| {
            Failure::new(format!(
                "No Python interpreter was found on this host (looked for {}): install Python 3 there, or name it in ansible_python_interpreter",
                CANDIDATES.join(", ")
            ))
        })?;
    *found = Some(path.clone());
    Ok(path)
}

/// Whether it runs: wrappers of version managers are found for versions that are not installed.
fn works(path: &PathBuf) -> bool {
    Command::new(path)
        .args(["-c", ""])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// A word of a command as a shell would take it: `~` is the home of the user.
#[must_use]
pub fn expand(word: &str, environment: &IndexMap<String, String>) -> String {
    let home = || {
        environment
            .get("HOME")
            .cloned()
            .or_else(|| std::env::var("HOME").ok())
    };
    match word.strip_prefix("~/").zip(home()) {
        Some((rest, home)) => format!("{home}/{rest}"),
        None => word.to_owned(),
    }
}
