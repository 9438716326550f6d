//! Runs plays: who does which task when, with which variables, and what follows from the results.

mod arguments;
mod attempt;
mod background;
mod batch;
mod becoming;
mod connection;
mod cursor;
mod delegation;
mod executor;
mod fact_cache;
mod files;
mod free;
mod handlers;
mod host;
mod hostvars;
mod ignoring;
mod includes;
mod local;
mod loop_variables;
mod magic;
mod merged;
mod meta;
mod play;
mod prompts;
mod reach;
mod reserved;
mod restricted_facts;
mod result;
mod roster;
mod row;
mod run;
mod select;
mod settle;
mod ssh_arguments;
mod stop;
mod template_variables;
mod told;
mod variables;

pub(crate) use arguments::defaults;
pub(crate) use connection::Target;
pub(crate) use executor::ItemContext;
pub use host::{HostState, SharedVars};
pub use magic::ANSIBLE_VERSION;
pub use play::{PlayRun, scope_without_host};
pub use result::TaskResult;
pub use run::{Run, RunOptions, RunSummary};
pub use select::{selected_items, walk_tasks, with_tags};
pub use stop::Stop;
pub use template_variables::template_variables;

/// What is said of a handler that is notified and is not there.
pub(crate) fn unknown_handler(name: &str) -> String {
    format!(
        "The requested handler '{name}' was not found in either the main handlers list nor in the listening handlers list"
    )
}

/// Where a playbook finds files before any task runs.
pub fn task_files(
    playbook_directory: &std::path::Path,
    vault: &slipway_language::VaultSecrets,
) -> std::sync::Arc<dyn slipway_language::LookupHost> {
    files::TaskFiles::new(None, playbook_directory, vault, None)
}
