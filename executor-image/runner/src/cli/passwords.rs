//! Passwords: asked for on the terminal, read from a file, or printed by a program.

use std::{
    fs::File,
    io::{BufRead, BufReader, Write},
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Command, Stdio},
};

use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
use slipway_language::VaultSecrets;

use super::{
    arguments::VaultArguments,
    refusal::{Refusal, exit},
};
use crate::settings::Settings;

/// Asks for a password on the terminal, which does not show it.
///
/// # Errors
/// When there is no terminal.
pub fn ask(prompt: &str) -> Result<Vec<u8>, Refusal> {
    let refused = |error: &dyn std::fmt::Display| {
        Refusal::new(
            exit::ERROR,
            format!("a password is asked for ({prompt}), and there is no terminal to ask on: {error}"),
        )
    };
    let mut terminal = File::options()
        .read(true)
        .write(true)
        .open("/dev/tty")
        .map_err(|error| refused(&error))?;
    let shown = tcgetattr(&terminal).map_err(|error| refused(&error))?;
    let mut hidden = shown.clone();
    hidden.local_modes.remove(LocalModes::ECHO);
    write!(terminal, "{prompt}: ").map_err(|error| refused(&error))?;
    tcsetattr(&terminal, OptionalActions::Flush, &hidden).map_err(|error| refused(&error))?;
    let mut password = Vec::new();
    let read = BufReader::new(&terminal).read_until(b'\n', &mut password);
    // ok: a terminal that went away shows nothing anyway.
    let _ = tcsetattr(&terminal, OptionalActions::Flush, &shown);
    let _ = writeln!(terminal);
    read.map_err(|error| refused(&error))?;
    Ok(password.trim_ascii_end().to_vec())
}

/// A password from a file; one that may be run prints it. `label` is for programs that know several.
///
/// # Errors
/// When there is no such file, or its program fails.
pub fn from_file(path: &Path, label: Option<&str>) -> Result<Vec<u8>, Refusal> {
    let refused = |message: String| {
        let what = format!("the password file {} {message}", path.display());
        Refusal::new(exit::ERROR, what)
    };
    let metadata = std::fs::metadata(path).map_err(|error| refused(format!("cannot be read: {error}")))?;
    if metadata.permissions().mode() & 0o111 == 0 {
        return std::fs::read(path).map_err(|error| refused(format!("cannot be read: {error}")));
    }
    let mut command = Command::new(std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf()));
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    if let Some(label) = label.filter(|_| stem.ends_with("-client")) {
        command.args(["--vault-id", label]);
    }
    let output = command
        .stdin(Stdio::inherit())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| refused(format!("cannot be run: {error}")))?;
    if !output.status.success() {
        return Err(refused(format!("is a program that failed: {}", output.status)));
    }
    Ok(output.stdout)
}

/// The passwords of the vault that the command line and the settings name.
///
/// # Errors
/// A password that cannot be had.
pub fn vault(arguments: &VaultArguments, settings: &Settings) -> Result<VaultSecrets, Refusal> {
    let mut secrets = VaultSecrets::new();
    secrets.match_ids(settings.vault_id_match);
    let mut add = |id: &str, password: &[u8]| {
        secrets
            .add(id, password)
            .map_err(|error| Refusal::new(exit::ERROR, error))
    };
    let default = settings.vault_identity.as_str();
    for text in settings.vault_identity_list.iter().chain(&arguments.vault_id) {
        let (label, source) = text.split_once('@').unwrap_or((default, text));
        let label = if label.is_empty() { default } else { label };
        let password = if matches!(source, "prompt" | "prompt_ask_vault_pass") {
            ask(&format!("Vault password ({label})"))?
        } else {
            from_file(Path::new(source), Some(label))?
        };
        add(label, &password)?;
    }
    let files = arguments.vault_password_file.iter();
    for file in files.chain(&settings.vault_password_file) {
        add(default, &from_file(file, Some(default))?)?;
    }
    if arguments.ask_vault_pass || settings.ask_vault_pass {
        add(default, &ask("Vault password")?)?;
    }
    Ok(secrets)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Surroundings;

    #[test]
    fn passwords_of_the_vault_are_read_from_files_and_programs() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        std::fs::write(path("plain"), "one\n").unwrap();
        std::fs::write(path("ask-client"), "#!/bin/sh\necho two-$2\n").unwrap();
        std::fs::set_permissions(path("ask-client"), std::fs::Permissions::from_mode(0o700)).unwrap();
        assert_eq!(from_file(&path("ask-client"), Some("dev")).unwrap(), b"two-dev\n");
        let arguments = VaultArguments {
            vault_id: vec![format!("dev@{}", path("ask-client").display())],
            vault_password_file: vec![path("plain")],
            ..VaultArguments::default()
        };
        let settings = Settings::read(&Surroundings::default()).unwrap();
        let secrets = vault(&arguments, &settings).unwrap();
        assert_eq!(secrets.ids().collect::<Vec<&str>>(), ["dev", "default"]);
        let error = from_file(&path("nowhere"), None).unwrap_err().message;
        assert!(error.contains("nowhere"), "{error}");
    }
}
