//! The arguments of `ansible-vault`.

use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, Subcommand};

use super::VaultArguments;

/// Encrypts and decrypts files and values.
#[derive(Debug, Clone, Parser)]
#[command(
    name = "slipway-vault",
    about = "Encrypts and decrypts files and values",
    disable_version_flag = true,
    infer_long_args = true,
    max_term_width = 100
)]
pub struct VaultProgramArguments {
    /// What to do.
    #[command(subcommand)]
    pub action: VaultAction,
}

/// What to do.
#[derive(Debug, Clone, Subcommand)]
#[command(disable_help_subcommand = true)]
pub enum VaultAction {
    /// Write a new file in the editor, and encrypt it
    Create {
        /// The file.
        #[arg(value_name = "FILE")]
        files: Vec<PathBuf>,
        /// Open the editor even without a terminal.
        #[arg(long)]
        skip_tty_check: bool,
        #[command(flatten)]
        encrypt: EncryptArguments,
        #[command(flatten)]
        common: CommonArguments,
    },
    /// Decrypt files
    Decrypt {
        /// The files; standard input if none, or `-`.
        #[arg(value_name = "FILE")]
        files: Vec<PathBuf>,
        #[command(flatten)]
        output: OutputArguments,
        #[command(flatten)]
        common: CommonArguments,
    },
    /// Change encrypted files in the editor
    Edit {
        /// The files.
        #[arg(value_name = "FILE")]
        files: Vec<PathBuf>,
        #[command(flatten)]
        encrypt: EncryptArguments,
        #[command(flatten)]
        common: CommonArguments,
    },
    /// Show what is in encrypted files
    View {
        /// The files.
        #[arg(value_name = "FILE")]
        files: Vec<PathBuf>,
        #[command(flatten)]
        common: CommonArguments,
    },
    /// Encrypt files
    Encrypt {
        /// The files; standard input if none, or `-`.
        #[arg(value_name = "FILE")]
        files: Vec<PathBuf>,
        #[command(flatten)]
        output: OutputArguments,
        #[command(flatten)]
        encrypt: EncryptArguments,
        #[command(flatten)]
        common: CommonArguments,
    },
    /// Encrypt texts as values of YAML
    #[command(name = "encrypt_string")]
    EncryptString {
        #[command(flatten)]
        strings: StringArguments,
        #[command(flatten)]
        output: OutputArguments,
        #[command(flatten)]
        encrypt: EncryptArguments,
        #[command(flatten)]
        common: CommonArguments,
    },
    /// Encrypt encrypted files with another password
    Rekey {
        /// The files.
        #[arg(value_name = "FILE")]
        files: Vec<PathBuf>,
        /// File with the new password, or a program that prints it.
        #[arg(long, value_name = "FILE", conflicts_with = "new_vault_id")]
        new_vault_password_file: Option<PathBuf>,
        /// The new password as LABEL@SOURCE.
        #[arg(long, value_name = "LABEL@SOURCE")]
        new_vault_id: Option<String>,
        #[command(flatten)]
        encrypt: EncryptArguments,
        #[command(flatten)]
        common: CommonArguments,
    },
}

/// What every action takes.
#[derive(Debug, Clone, Default, Args)]
pub struct CommonArguments {
    /// Say more; up to six times.
    #[arg(short, long, action = ArgAction::Count)]
    pub verbose: u8,

    #[command(flatten)]
    pub vault: VaultArguments,
}

/// With which password something is encrypted.
#[derive(Debug, Clone, Default, Args)]
pub struct EncryptArguments {
    /// The label of the password that encrypts: needed if there are several.
    #[arg(long, value_name = "LABEL")]
    pub encrypt_vault_id: Option<String>,
}

/// Where the outcome goes.
#[derive(Debug, Clone, Default, Args)]
pub struct OutputArguments {
    /// Write to this file, `-` for standard output.
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// Which texts are encrypted.
#[derive(Debug, Clone, Default, Args)]
pub struct StringArguments {
    /// The texts; standard input if none, or `-`.
    #[arg(value_name = "TEXT")]
    pub texts: Vec<String>,

    /// Ask for a text.
    #[arg(short, long)]
    pub prompt: bool,

    /// With --prompt: show what is typed.
    #[arg(long)]
    pub show_input: bool,

    /// The name of a variable for a text, in the order of the texts; may be given several times.
    #[arg(short, long, value_name = "NAME")]
    pub name: Vec<String>,

    /// The name of the variable for the text of standard input.
    #[arg(long, value_name = "NAME")]
    pub stdin_name: Option<String>,
}

impl VaultAction {
    /// What every action takes.
    pub fn common(&self) -> &CommonArguments {
        match self {
            Self::Create { common, .. }
            | Self::Decrypt { common, .. }
            | Self::Edit { common, .. }
            | Self::View { common, .. }
            | Self::Encrypt { common, .. }
            | Self::EncryptString { common, .. }
            | Self::Rekey { common, .. } => common,
        }
    }
}
