//! The command lines: arguments, listings, signals, exit codes. One binary is several programs.

mod adhoc;
mod arguments;
mod completion;
mod config;
mod delegated;
mod extra_vars;
mod hosts;
mod inventory;
mod listening;
mod listing;
mod passwords;
mod playbook;
mod program;
mod refusal;
mod session;
mod signals;
mod start;
mod vault;
mod version;

use std::{ffi::OsString, io::Write as _, process::ExitCode};

use clap::{CommandFactory, FromArgMatches};

use crate::{actions, documentation, settings::Settings};

use arguments::{
    AdHocArguments, ConfigProgramArguments, InventoryProgramArguments, PlaybookArguments,
    VaultProgramArguments,
};
use program::Program;

/// The command lines, by the names of Ansible's programs.
fn commands() -> [(&'static str, clap::Command); 4] {
    [
        ("ansible", complete(AdHocArguments::command())),
        (
            "ansible-inventory",
            complete(InventoryProgramArguments::command()),
        ),
        ("ansible-playbook", complete(PlaybookArguments::command())),
        ("ansible-vault", complete(VaultProgramArguments::command())),
    ]
}

/// Runs the program that the command line asks for.
pub fn main() -> ExitCode {
    // `ssh` asks this program for a password, in the place of a person.
    if let Some(answered) = actions::answer_askpass() {
        return if answered {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        };
    }
    let (program, arguments) = match Program::choose(std::env::args_os().collect()) {
        Ok(chosen) => chosen,
        Err(missing) => return delegated::run(missing, std::env::args_os().collect()),
    };
    let settings = match Settings::load() {
        Ok(settings) => settings,
        Err(error) => {
            // Nothing can be printed as the settings say.
            eprintln!("ERROR! {error}");
            return ExitCode::from(5);
        }
    };
    // Asked for before anything else is missed.
    if arguments.iter().skip(1).any(|argument| argument == "--version") {
        version::print(&arguments, &settings);
        return ExitCode::SUCCESS;
    }
    match program {
        Program::Playbook => parsed(arguments, |arguments: PlaybookArguments| {
            playbook::main(arguments, settings)
        }),
        Program::AdHoc => parsed(arguments, |arguments: AdHocArguments| {
            adhoc::main(arguments, settings)
        }),
        Program::Inventory => {
            let given = arguments.clone();
            parsed(arguments, |arguments: InventoryProgramArguments| {
                if arguments.toml {
                    // Which TOML there is depends on the library that Python has for it.
                    return delegated::run("ansible-inventory", given);
                }
                inventory::main(&arguments, settings)
            })
        }
        Program::Vault => parsed(arguments, |arguments: VaultProgramArguments| {
            vault::main(&arguments, settings)
        }),
        Program::Config => parsed(arguments, |arguments: ConfigProgramArguments| {
            config::main(&arguments, settings)
        }),
        // It needs no settings.
        Program::Completion => completion::main(arguments),
        Program::Documentation => document(&arguments),
    }
}

/// Prints `docs/compatibility.md`, or with the argument `modules` the names that the list of Ansible's names is made from.
fn document(arguments: &[OsString]) -> ExitCode {
    if arguments.get(1).is_some_and(|argument| argument == "modules") {
        let names: Vec<&str> = documentation::modules().collect();
        // ok: nobody may be there to read; so below.
        let _ = writeln!(std::io::stdout(), "{}", names.join("\n"));
        return ExitCode::SUCCESS;
    }
    match documentation::page(&commands()) {
        Ok(page) => {
            let _ = write!(std::io::stdout(), "{page}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("ERROR! the list of Ansible's names: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Runs a program with its arguments; mistakes in them exit with 2, as those of Python's argument parser do.
fn parsed<Arguments: CommandFactory + FromArgMatches>(
    given: Vec<OsString>,
    run: impl FnOnce(Arguments) -> ExitCode,
) -> ExitCode {
    let parsed = complete(Arguments::command())
        .try_get_matches_from(given)
        .and_then(|matches| Arguments::from_arg_matches(&matches));
    match parsed {
        Ok(arguments) => run(arguments),
        Err(error) => {
            // ok: help goes to standard output, mistakes to standard error; nobody may be there to read.
            let _ = error.print();
            ExitCode::from(if error.use_stderr() { 2 } else { 0 })
        }
    }
}

/// A command line with what all programs have: `--version`, which is answered before anything is parsed, and where to read on.
fn complete(command: clap::Command) -> clap::Command {
    let version = clap::Arg::new("version")
        .long("version")
        .help_heading(None::<&str>)
        .action(clap::ArgAction::SetTrue)
        .help("Show the version, and where settings and modules are found");
    command.arg(version).after_help(
        "Settings are read from ansible.cfg and from ANSIBLE_* in the environment.\n\
         Completion for a shell: slipway-playbook completion bash|zsh|fish",
    )
}
