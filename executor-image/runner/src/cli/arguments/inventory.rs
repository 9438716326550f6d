//! The arguments of `ansible-inventory`.

use std::path::PathBuf;

use clap::{ArgAction, Parser};

use super::{InventoryArguments, VaultArguments};

/// Shows the inventory.
#[derive(Debug, Clone, Parser)]
#[command(
    name = "slipway-inventory",
    about = "Shows hosts, groups and variables",
    disable_version_flag = true,
    infer_long_args = true,
    max_term_width = 100
)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub struct InventoryProgramArguments {
    /// With --graph: the group to begin with.
    #[arg(value_name = "GROUP")]
    pub group: Option<String>,

    #[command(flatten)]
    pub inventory: InventoryArguments,

    /// Show all hosts and groups.
    #[arg(long)]
    pub list: bool,

    /// Show the variables of one host.
    #[arg(long, value_name = "HOST")]
    pub host: Option<String>,

    /// Show groups and hosts as a tree.
    #[arg(long)]
    pub graph: bool,

    /// With --graph: show variables too.
    #[arg(long)]
    pub vars: bool,

    /// YAML instead of JSON.
    #[arg(short, long)]
    pub yaml: bool,

    /// TOML instead of JSON, by the ansible-core of this machine.
    #[arg(long)]
    pub toml: bool,

    /// With --list: keep variables at their groups, as an inventory would write them.
    #[arg(long)]
    pub export: bool,

    /// With --list: write to a file.
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,

    /// The directory that stands for a playbook's.
    #[arg(long, value_name = "DIRECTORY")]
    pub playbook_dir: Option<PathBuf>,

    /// Variables that win over all others: key=value, JSON or YAML, or @FILE; may be given several times.
    #[arg(short, long, value_name = "VARIABLES")]
    pub extra_vars: Vec<String>,

    /// Say more.
    #[arg(short, long, action = ArgAction::Count)]
    pub verbose: u8,

    #[command(flatten)]
    pub vault: VaultArguments,
}
