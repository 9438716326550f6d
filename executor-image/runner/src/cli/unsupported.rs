//! Arguments and settings of Ansible that nothing here heeds yet: refused, or at least told.

use super::{
    arguments::{ConnectionArguments, PasswordArguments},
    refusal::{Refusal, exit},
};
use crate::{output::Printer, settings::Settings};

/// Refuses what was asked for and would not be done.
///
/// # Errors
/// The first argument that is not supported.
pub fn refuse(
    connection: &ConnectionArguments,
    passwords: &PasswordArguments,
    settings: &Settings,
) -> Result<(), Refusal> {
    let asked = [
        ("--ask-pass", passwords.ask_pass || settings.ask_pass),
        (
            "--connection-password-file",
            settings.connection_password_file.is_some(),
        ),
        (
            "--ask-become-pass",
            passwords.ask_become_pass || settings.become_ask_pass,
        ),
        ("--become-password-file", settings.become_password_file.is_some()),
        ("--ssh-common-args", connection.ssh_common_args.is_some()),
        ("--ssh-extra-args", connection.ssh_extra_args.is_some()),
    ];
    match asked.into_iter().find(|(_, is_asked)| *is_asked) {
        Some((name, _)) => Err(not_yet(name)),
        None => Ok(()),
    }
}

/// A refusal of an argument.
pub fn not_yet(argument: &str) -> Refusal {
    Refusal::new(exit::OPTIONS, format!("{argument} is not supported yet"))
}

/// Tells of settings that would change how hosts are reached.
pub fn warn(settings: &Settings, printer: &Printer) {
    for (name, value) in [
        ("ssh_common_args", &settings.ssh_common_args),
        ("ssh_extra_args", &settings.ssh_extra_args),
    ] {
        if !value.is_empty() {
            printer.warning(&format!(
                "the setting {name} is not heeded: no ssh program is run"
            ));
        }
    }
}
