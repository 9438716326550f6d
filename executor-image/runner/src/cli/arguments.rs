//! The arguments, named as `ansible-playbook` names them.

use std::path::PathBuf;

use clap::{ArgAction, Parser};

/// Runs Ansible playbooks.
#[derive(Debug, Clone, Parser)]
#[command(
    name = "slipway-playbook",
    version,
    about = "Runs Ansible playbooks",
    max_term_width = 100
)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub struct Arguments {
    /// Inventory: a file, a directory, or a list of hosts with a comma in it; may be given several times.
    #[arg(short, long, value_name = "INVENTORY", env = "ANSIBLE_INVENTORY")]
    pub inventory: Vec<String>,

    /// Run on these hosts only: a pattern, or @FILE with a pattern a line.
    #[arg(short, long, value_name = "PATTERN")]
    pub limit: Option<String>,

    /// Variables that win over all others: key=value, JSON or YAML, or @FILE; may be given several times.
    #[arg(short, long = "extra-vars", value_name = "VARIABLES")]
    pub extra_vars: Vec<String>,

    /// Run only tasks with one of these tags.
    #[arg(short, long, value_name = "TAGS", value_delimiter = ',')]
    pub tags: Vec<String>,

    /// Leave out tasks with one of these tags.
    #[arg(long, value_name = "TAGS", value_delimiter = ',')]
    pub skip_tags: Vec<String>,

    /// Change nothing, and say what would be changed.
    #[arg(short = 'C', long)]
    pub check: bool,

    /// Show the differences in files that are changed.
    #[arg(short = 'D', long)]
    pub diff: bool,

    /// How many hosts are worked on at once.
    #[arg(short, long, default_value_t = 50, env = "ANSIBLE_FORKS")]
    pub forks: usize,

    /// Say more; up to three times.
    #[arg(short, long, action = ArgAction::Count)]
    pub verbose: u8,

    /// Log in as this user.
    #[arg(short, long, value_name = "USER", env = "ANSIBLE_REMOTE_USER")]
    pub user: Option<String>,

    /// Run tasks as another user, by sudo.
    #[arg(short, long)]
    pub r#become: bool,

    /// The user that `--become` becomes.
    #[arg(long, value_name = "USER")]
    pub become_user: Option<String>,

    /// How hosts are reached: ssh or local.
    #[arg(short, long, value_name = "CONNECTION")]
    pub connection: Option<String>,

    /// The private key for SSH.
    #[arg(
        long,
        alias = "key-file",
        value_name = "FILE",
        env = "ANSIBLE_PRIVATE_KEY_FILE"
    )]
    pub private_key: Option<PathBuf>,

    /// The known-hosts file.
    #[arg(long, value_name = "FILE")]
    pub known_hosts: Option<PathBuf>,

    /// Seconds that a connection may take.
    #[arg(short = 'T', long, default_value_t = 10, env = "ANSIBLE_TIMEOUT")]
    pub timeout: u64,

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
    #[arg(long, env = "ANSIBLE_FORCE_HANDLERS")]
    pub force_handlers: bool,

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

    /// Playbooks, run in this order.
    #[arg(required = true, value_name = "PLAYBOOK")]
    pub playbooks: Vec<String>,
}
