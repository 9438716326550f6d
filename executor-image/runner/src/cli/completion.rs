//! `completion`: what a shell needs to complete the command lines of the programs.

use std::{
    ffi::OsString,
    io::{self, Write},
    process::ExitCode,
};

use clap::{CommandFactory, Parser, ValueEnum};
use clap_complete::{Shell, generate};

use super::{
    arguments::{
        AdHocArguments, ConfigProgramArguments, InventoryProgramArguments, PlaybookArguments,
        VaultProgramArguments,
    },
    program::Program,
};

/// Shells that are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Known {
    Bash,
    Zsh,
    Fish,
}

impl From<Known> for Shell {
    fn from(shell: Known) -> Self {
        match shell {
            Known::Bash => Self::Bash,
            Known::Zsh => Self::Zsh,
            Known::Fish => Self::Fish,
        }
    }
}

/// The programs by our names for them.
const OWN_NAMES: [&str; 5] = [
    "slipway-playbook",
    "slipway-ansible",
    "slipway-inventory",
    "slipway-vault",
    "slipway-config",
];

/// Prints what a shell needs to complete the command lines of the programs.
#[derive(Debug, Parser)]
#[command(
    name = "slipway-playbook completion",
    about = "Prints what a shell needs to complete command lines",
    after_help = "For bash: source <(slipway-playbook completion bash)\n\
                  For zsh, after compinit: source <(slipway-playbook completion zsh)\n\
                  For fish: slipway-playbook completion fish | source"
)]
struct CompletionArguments {
    /// The shell.
    shell: Known,

    /// The names that the programs are called by; ours if none.
    #[arg(value_name = "NAME")]
    names: Vec<String>,
}

/// Runs the program.
pub fn main(arguments: Vec<OsString>) -> ExitCode {
    let arguments = match CompletionArguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(error) => {
            // ok: nobody may be there to read.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { 2 } else { 0 });
        }
    };
    let mut names: Vec<&str> = arguments.names.iter().map(String::as_str).collect();
    if names.is_empty() {
        names.extend(OWN_NAMES);
    }
    let mut text = Vec::new();
    for name in names {
        let Some(mut command) = command(name) else {
            eprintln!(
                "ERROR! there is no program {name}: names are {}",
                Program::names().join(", ")
            );
            return ExitCode::from(2);
        };
        generate(Shell::from(arguments.shell), &mut command, name, &mut text);
    }
    // ok: nobody may be there to read.
    let _ = io::stdout().write_all(&text);
    ExitCode::SUCCESS
}

/// The command line of the program of this name.
fn command(name: &str) -> Option<clap::Command> {
    let command = match Program::named(name)? {
        Program::Playbook => PlaybookArguments::command(),
        Program::AdHoc => AdHocArguments::command(),
        Program::Inventory => InventoryProgramArguments::command(),
        Program::Vault => VaultProgramArguments::command(),
        Program::Config => ConfigProgramArguments::command(),
        Program::Completion | Program::Documentation => return None,
    };
    Some(super::complete(command))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_has_a_command_line_with_the_options_of_its_program() {
        for (name, option) in [
            ("slipway-playbook", "--list-tasks"),
            ("ansible-playbook", "--ask-become-pass"),
            ("slipway-ansible", "--module-name"),
            ("slipway-inventory", "--graph"),
            ("slipway-vault", "--encrypt-vault-id"),
            ("slipway-config", "--only-changed"),
        ] {
            for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
                let mut text = Vec::new();
                generate(shell, &mut command(name).unwrap(), name, &mut text);
                let text = String::from_utf8(text).unwrap();
                let option = if shell == Shell::Fish {
                    option.trim_start_matches('-')
                } else {
                    option
                };
                assert!(text.contains(name) && text.contains(option), "{name} {shell}");
            }
        }
        assert!(command("completion").is_none() && command("nothing").is_none());
    }
}
