//! What the kernel allows this process: capabilities.

use super::{Facts, read};
use crate::answer::answer;
use crate::context::Context;
use crate::kept::{Kept, state_of_kernel};
use crate::process::{Process, find_program};

/// Whether capabilities are taken away (then they are enforced), and what is left, in the words of `capsh`.
pub(super) fn collect(context: &Context) -> Facts {
    match printed(context) {
        None => answer!({"system_capabilities_enforced": "N/A", "system_capabilities": "N/A"}),
        Some(text) => match current(&text) {
            None => answer!({"system_capabilities_enforced": "False", "system_capabilities": []}),
            Some(names) => answer!({"system_capabilities_enforced": "True", "system_capabilities": names}),
        },
    }
}

/// What `capsh` prints, if the host has it.
fn printed(context: &Context) -> Option<String> {
    let program = find_program("capsh".as_ref(), &context.environment)?;
    // It tells what it has itself, in words that changed from version to version: that follows from what this process has.
    let status = read("/proc/self/status").unwrap_or_default();
    let decisive: Vec<&str> = status
        .lines()
        .filter(|line| line.starts_with("Cap") || line.starts_with("Uid:") || line.starts_with("NoNewPrivs:"))
        .collect();
    let question = format!("--print {}", state_of_kernel(decisive.concat().as_bytes()));
    Kept::open().answer(
        &program,
        &question,
        |_| Vec::new(),
        || {
            let printed = Process::tool(context, "capsh").arg("--print").run().ok()?;
            (printed.code == 0).then_some(printed.stdout)
        },
    )
}

/// The capabilities of `Current: = cap_chown,cap_kill+ep`; nothing when there are all of them (`=ep`).
fn current(text: &str) -> Option<Vec<String>> {
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("Current:"))?
        .trim();
    if line == "=ep" {
        return None;
    }
    let (_, names) = line.split_once('=').unwrap_or(("", line));
    Some(names.split(',').map(|name| name.trim().to_owned()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_capabilities_are_none_that_are_enforced() {
        assert_eq!(current("Current: =ep\nBounding set =\n"), None);
        assert_eq!(
            current("Current: = cap_chown,cap_kill+ep\n"),
            Some(vec!["cap_chown".to_owned(), "cap_kill+ep".to_owned()])
        );
        assert_eq!(
            current("Current: =ep cap_sys_resource-ep\n"),
            Some(vec!["ep cap_sys_resource-ep".to_owned()])
        );
    }
}
