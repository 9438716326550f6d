//! The arguments of `ansible`.

use std::path::PathBuf;

use clap::Parser;

use super::{
    BecomeArguments, ConnectionArguments, InventoryArguments, PasswordArguments, RunArguments, VaultArguments,
};
use crate::settings::Settings;

/// Runs one task on hosts.
#[derive(Debug, Clone, Parser)]
#[command(
    name = "slipway-ansible",
    about = "Runs one task on hosts",
    disable_version_flag = true,
    infer_long_args = true,
    max_term_width = 100
)]
pub struct AdHocArguments {
    /// Which hosts.
    #[arg(value_name = "PATTERN")]
    pub pattern: String,

    /// The module.
    #[arg(short, long, value_name = "MODULE")]
    pub module_name: Option<String>,

    /// Its arguments: key=value, JSON, or a command.
    #[arg(
        short = 'a',
        long = "args",
        value_name = "ARGUMENTS",
        allow_hyphen_values = true
    )]
    pub module_args: Option<String>,

    /// One line for each result.
    #[arg(short, long)]
    pub one_line: bool,

    /// Let the task go on in the background, for at most so many seconds.
    #[arg(short = 'B', long, value_name = "SECONDS")]
    pub background: Option<u64>,

    /// With -B: seconds between looks at it.
    #[arg(short = 'P', long = "poll", value_name = "SECONDS")]
    pub poll_interval: Option<u64>,

    /// Seconds that the task may take.
    #[arg(long, value_name = "SECONDS")]
    pub task_timeout: Option<u64>,

    /// List the hosts, and run nothing.
    #[arg(long)]
    pub list_hosts: bool,

    /// The directory that stands for a playbook's.
    #[arg(long, value_name = "DIRECTORY")]
    pub playbook_dir: Option<PathBuf>,

    /// Write each result into a file of this directory.
    #[arg(short, long, value_name = "DIRECTORY")]
    pub tree: Option<PathBuf>,

    #[command(flatten)]
    pub inventory: InventoryArguments,

    #[command(flatten)]
    pub run: RunArguments,

    #[command(flatten)]
    pub connection: ConnectionArguments,

    #[command(flatten)]
    pub r#become: BecomeArguments,

    #[command(flatten)]
    pub passwords: PasswordArguments,

    #[command(flatten)]
    pub vault: VaultArguments,
}

impl AdHocArguments {
    /// Lays what is given over `settings`.
    pub fn lay_over(&self, settings: &mut Settings) {
        self.run.lay_over(settings);
        self.connection.lay_over(settings);
        self.r#become.lay_over(settings);
        self.passwords.lay_over(settings);
        if let Some(timeout) = self.task_timeout {
            settings.task_timeout = timeout;
        }
        if let Some(interval) = self.poll_interval {
            settings.poll_interval = interval;
        }
        if let Some(directory) = &self.playbook_dir {
            settings.playbook_dir = Some(directory.clone());
        }
    }
}
