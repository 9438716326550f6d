//! `slipway-lab run`

use std::os::unix::process::CommandExt;
use std::process::ExitCode;

use anyhow::Context;
use slipway_lab::Lab;

/// Run a command inside the lab's network, where the machines can be reached
///
/// Only the network differs: files, user and environment are the same. For example:
///   slipway-lab run -- curl http://10.77.0.1:8080/
///   slipway-lab run -- cargo test --offline -p slipway-scenarios
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Arguments {
    /// The command and its arguments
    #[arg(trailing_var_arg = true, required = true, allow_hyphen_values = true)]
    command: Vec<String>,
}

pub fn run(lab: &Lab, arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let mut words = lab.inside();
    words.extend(arguments.command.iter().cloned());
    become_command(&words)
}

/// Becomes another program: signals and the terminal are its own from here.
pub fn become_command(words: &[String]) -> anyhow::Result<ExitCode> {
    let (program, arguments) = words.split_first().context("no command given")?;
    let error = std::process::Command::new(program).args(arguments).exec();
    Err(error).with_context(|| format!("cannot start `{program}`"))
}
