//! The arguments of `slipway-config`, as those of `ansible-config`.

use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};

/// Shows what is set, and where.
#[derive(Debug, Clone, Parser)]
#[command(
    name = "slipway-config",
    about = "Shows what is set, and where",
    disable_version_flag = true,
    infer_long_args = true,
    max_term_width = 100
)]
pub struct ConfigProgramArguments {
    /// What to show.
    #[command(subcommand)]
    pub action: ConfigAction,
}

/// What to show.
#[derive(Debug, Clone, Subcommand)]
#[command(disable_help_subcommand = true)]
pub enum ConfigAction {
    /// Show every setting with its value and where that is from
    Dump {
        /// Only those that are not left at their default.
        #[arg(long, alias = "changed-only")]
        only_changed: bool,
        /// The form of what is shown.
        #[arg(short, long, value_enum, default_value = "display")]
        format: DumpFormat,
        #[command(flatten)]
        common: ConfigCommonArguments,
    },
    /// Show what each setting means, its default, and how it is set
    List {
        /// The form of what is shown.
        #[arg(short, long, value_enum, default_value = "yaml")]
        format: ListFormat,
        #[command(flatten)]
        common: ConfigCommonArguments,
    },
    /// Show the configuration file
    View {
        #[command(flatten)]
        common: ConfigCommonArguments,
    },
}

/// What every action takes.
#[derive(Debug, Clone, Default, Args)]
pub struct ConfigCommonArguments {
    /// The configuration file, in the place of the one that is found.
    #[arg(short, long, value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// Say more; up to six times.
    #[arg(short, long, action = ArgAction::Count)]
    pub verbose: u8,
}

/// Forms of values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DumpFormat {
    /// A line for each.
    Display,
    /// JSON
    Json,
    /// YAML
    Yaml,
}

/// Forms of descriptions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ListFormat {
    /// JSON
    Json,
    /// YAML
    Yaml,
}

impl ConfigAction {
    /// What every action takes.
    pub fn common(&self) -> &ConfigCommonArguments {
        match self {
            Self::Dump { common, .. } | Self::List { common, .. } | Self::View { common } => common,
        }
    }
}
