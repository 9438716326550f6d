//! The arguments of `ansible-playbook`.

use std::path::PathBuf;

use clap::Parser;

use super::{
    BecomeArguments, ConnectionArguments, InventoryArguments, PasswordArguments, RunArguments, VaultArguments,
};
use crate::settings::Settings;

/// Runs Ansible playbooks.
#[derive(Debug, Clone, Parser)]
#[command(
    name = "slipway-playbook",
    about = "Runs Ansible playbooks",
    disable_version_flag = true,
    infer_long_args = true,
    max_term_width = 100
)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub struct PlaybookArguments {
    /// Playbooks, run in this order.
    #[arg(required = true, value_name = "PLAYBOOK", value_hint = clap::ValueHint::FilePath)]
    pub playbooks: Vec<String>,

    #[command(flatten)]
    pub inventory: InventoryArguments,

    #[command(flatten)]
    pub run: RunArguments,

    /// Run only tasks with one of these tags.
    #[arg(short, long, value_name = "TAGS", value_delimiter = ',')]
    pub tags: Vec<String>,

    /// Leave out tasks with one of these tags.
    #[arg(long, value_name = "TAGS", value_delimiter = ',')]
    pub skip_tags: Vec<String>,

    /// Load and check the playbooks, and run nothing.
    #[arg(long)]
    pub syntax_check: bool,

    /// List the hosts of each play, and run nothing.
    #[arg(long)]
    pub list_hosts: bool,

    /// List the tasks, and run nothing.
    #[arg(long)]
    pub list_tasks: bool,

    /// List the tags, and run nothing.
    #[arg(long)]
    pub list_tags: bool,

    /// Begin at the task of this name.
    #[arg(long, value_name = "NAME")]
    pub start_at_task: Option<String>,

    /// Run handlers even on hosts where a task failed.
    #[arg(long)]
    pub force_handlers: bool,

    /// Forget the facts that are kept of the hosts.
    #[arg(long)]
    pub flush_cache: bool,

    /// Ask before each task.
    #[arg(long)]
    pub step: bool,

    /// Write one JSON line for each event: to FILE, or among the output.
    #[arg(long, value_name = "FILE", num_args = 0..=1, require_equals = true)]
    #[expect(
        clippy::option_option,
        reason = "not given, given, given with a file: as the parser tells them apart"
    )]
    pub events: Option<Option<PathBuf>>,

    /// Write the result of the run as JSON.
    #[arg(long, value_name = "FILE")]
    pub result_file: Option<PathBuf>,

    /// Remove the agent from the hosts at the end.
    #[arg(long)]
    pub no_agent_cache: bool,

    #[command(flatten)]
    pub connection: ConnectionArguments,

    #[command(flatten)]
    pub r#become: BecomeArguments,

    #[command(flatten)]
    pub passwords: PasswordArguments,

    #[command(flatten)]
    pub vault: VaultArguments,
}

impl PlaybookArguments {
    /// Whether something is listed or checked, and nothing runs.
    pub fn is_listing(&self) -> bool {
        self.syntax_check || self.list_hosts || self.list_tasks || self.list_tags
    }

    /// Whether some tasks may be left out, or all.
    pub fn selects_tasks(&self, settings: &Settings) -> bool {
        self.list_hosts
            || self.list_tasks
            || self.list_tags
            || self.start_at_task.is_some()
            || !settings.run_tags.is_empty()
            || !settings.skip_tags.is_empty()
    }

    /// Lays what is given over `settings`.
    pub fn lay_over(&self, settings: &mut Settings) {
        self.run.lay_over(settings);
        self.connection.lay_over(settings);
        self.r#become.lay_over(settings);
        self.passwords.lay_over(settings);
        settings.force_handlers |= self.force_handlers;
        // Tags of the settings are always among those wanted.
        settings.run_tags.extend(self.tags.iter().cloned());
        settings.skip_tags.extend(self.skip_tags.iter().cloned());
    }
}
