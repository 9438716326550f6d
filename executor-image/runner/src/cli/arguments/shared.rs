//! Arguments that several programs take. Each group lays itself over the settings, which it wins over.

use std::path::PathBuf;

use clap::{ArgAction, Args};

use crate::settings::{Settings, expanded};

/// Which hosts there are, and which of them are meant.
#[derive(Debug, Clone, Default, Args)]
pub struct InventoryArguments {
    /// Inventory: a file, a directory, a program, or a list of hosts with a comma in it; may be given several times.
    #[arg(short, long, alias = "inventory-file", value_name = "INVENTORY")]
    pub inventory: Vec<String>,

    /// These hosts only: a pattern, or @FILE with a pattern a line.
    #[arg(short, long, value_name = "PATTERN")]
    pub limit: Option<String>,
}

impl InventoryArguments {
    /// The sources: those given, else those of the settings.
    pub fn sources(&self, settings: &Settings) -> Vec<String> {
        if self.inventory.is_empty() {
            let paths = settings.inventory.iter();
            return paths.map(|path| path.display().to_string()).collect();
        }
        self.inventory.clone()
    }
}

/// How hosts are reached.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Connection")]
pub struct ConnectionArguments {
    /// Log in as this user.
    #[arg(short, long, value_name = "USER")]
    pub user: Option<String>,

    /// How hosts are reached: ssh or local.
    #[arg(short, long, value_name = "CONNECTION")]
    pub connection: Option<String>,

    /// The private key for SSH.
    #[arg(long, alias = "key-file", value_name = "FILE")]
    pub private_key: Option<PathBuf>,

    /// The known-hosts file.
    #[arg(long, value_name = "FILE")]
    pub known_hosts: Option<PathBuf>,

    /// Seconds that a connection may take.
    #[arg(short = 'T', long, value_name = "SECONDS")]
    pub timeout: Option<u64>,

    /// Options of SSH, sftp and scp.
    #[arg(long, value_name = "ARGUMENTS", allow_hyphen_values = true)]
    pub ssh_common_args: Option<String>,

    /// Options of SSH alone.
    #[arg(long, value_name = "ARGUMENTS", allow_hyphen_values = true)]
    pub ssh_extra_args: Option<String>,

    /// Options of sftp, which is never run: taken and not used.
    #[arg(long, value_name = "ARGUMENTS", allow_hyphen_values = true)]
    pub sftp_extra_args: Option<String>,

    /// Options of scp, which is never run: taken and not used.
    #[arg(long, value_name = "ARGUMENTS", allow_hyphen_values = true)]
    pub scp_extra_args: Option<String>,
}

impl ConnectionArguments {
    /// Lays what is given over `settings`.
    pub fn lay_over(&self, settings: &mut Settings) {
        if let Some(connection) = &self.connection {
            settings.transport.clone_from(connection);
        }
        lay(&mut settings.remote_user, self.user.as_ref());
        lay(&mut settings.private_key_file, self.private_key.as_ref());
        if let Some(timeout) = self.timeout {
            settings.timeout = timeout;
        }
        for (given, setting) in [
            (&self.ssh_common_args, &mut settings.ssh_common_args),
            (&self.ssh_extra_args, &mut settings.ssh_extra_args),
        ] {
            if let Some(given) = given {
                setting.clone_from(given);
            }
        }
    }
}

fn lay<T: Clone>(setting: &mut Option<T>, given: Option<&T>) {
    if let Some(given) = given {
        *setting = Some(given.clone());
    }
}

/// As which user tasks run.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Becoming another user")]
pub struct BecomeArguments {
    /// Run tasks as another user.
    #[arg(short, long)]
    pub r#become: bool,

    /// The user that `--become` becomes.
    #[arg(long, value_name = "USER")]
    pub become_user: Option<String>,

    /// How it is become.
    #[arg(long, value_name = "METHOD")]
    pub become_method: Option<String>,
}

impl BecomeArguments {
    /// Lays what is given over `settings`.
    pub fn lay_over(&self, settings: &mut Settings) {
        settings.becomes |= self.r#become;
        lay(&mut settings.become_user, self.become_user.as_ref());
        if let Some(method) = &self.become_method {
            settings.become_method.clone_from(method);
        }
    }
}

/// Passwords for logging in and for becoming another user.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Passwords")]
pub struct PasswordArguments {
    /// Ask for the password to log in with.
    #[arg(short = 'k', long, conflicts_with = "connection_password_file")]
    pub ask_pass: bool,

    /// File with the password to log in with, or a program that prints it.
    #[arg(long, alias = "conn-pass-file", value_name = "FILE")]
    pub connection_password_file: Option<PathBuf>,

    /// Ask for the password to become another user with.
    #[arg(short = 'K', long, conflicts_with = "become_password_file")]
    pub ask_become_pass: bool,

    /// File with the password to become another user with, or a program that prints it.
    #[arg(long, alias = "become-pass-file", value_name = "FILE")]
    pub become_password_file: Option<PathBuf>,
}

impl PasswordArguments {
    /// Lays what is given over `settings`. What is given of one password is all that counts for it.
    pub fn lay_over(&self, settings: &mut Settings) {
        if self.ask_pass || self.connection_password_file.is_some() {
            settings.ask_pass = self.ask_pass;
            settings
                .connection_password_file
                .clone_from(&self.connection_password_file);
        }
        if self.ask_become_pass || self.become_password_file.is_some() {
            settings.become_ask_pass = self.ask_become_pass;
            settings
                .become_password_file
                .clone_from(&self.become_password_file);
        }
    }
}

/// Passwords of the vault.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Vault")]
pub struct VaultArguments {
    /// A password of the vault as LABEL@SOURCE; the source is a file, a program, or `prompt`; may be given several times.
    #[arg(long, value_name = "LABEL@SOURCE")]
    pub vault_id: Vec<String>,

    /// Ask for the password of the vault.
    #[arg(
        short = 'J',
        long = "ask-vault-pass",
        alias = "ask-vault-password",
        conflicts_with = "vault_password_file"
    )]
    pub ask_vault_pass: bool,

    /// File with a password of the vault, or a program that prints it; may be given several times.
    #[arg(long, alias = "vault-pass-file", value_name = "FILE")]
    pub vault_password_file: Vec<PathBuf>,
}

/// What tasks may do, with which variables.
#[derive(Debug, Clone, Default, Args)]
pub struct RunArguments {
    /// Variables that win over all others: key=value, JSON or YAML, or @FILE; may be given several times.
    #[arg(short, long, value_name = "VARIABLES")]
    pub extra_vars: Vec<String>,

    /// Change nothing, and say what would be changed.
    #[arg(short = 'C', long)]
    pub check: bool,

    /// Show the differences in files that are changed.
    #[arg(short = 'D', long)]
    pub diff: bool,

    /// How many hosts are worked on at once.
    #[arg(short, long, value_name = "NUMBER")]
    pub forks: Option<usize>,

    /// Directories with modules, before those of the settings; may be given several times.
    #[arg(short = 'M', long, value_name = "PATHS", value_delimiter = ':')]
    pub module_path: Vec<PathBuf>,

    /// Say more; up to six times.
    #[arg(short, long, action = ArgAction::Count)]
    pub verbose: u8,
}

impl RunArguments {
    /// Lays what is given over `settings`.
    pub fn lay_over(&self, settings: &mut Settings) {
        settings.diff_always |= self.diff;
        if let Some(forks) = self.forks {
            settings.forks = forks;
        }
        settings.verbosity = settings.verbosity.saturating_add(self.verbose);
        settings
            .library
            .splice(0..0, self.module_path.iter().map(|path| expanded(path)));
    }
}
