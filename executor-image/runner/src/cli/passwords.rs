//! Passwords: asked for on the terminal, read from a file, or printed by a program.

use std::{
    io::Read,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use slipway_language::VaultSecrets;

use super::{
    arguments::VaultArguments,
    refusal::{Refusal, exit},
};
use crate::{
    output::{Printer, prompt},
    settings::{Settings, expanded},
    transport::Password,
};

/// The answer to a question that is not shown.
fn ask(question: &str) -> Result<String, Refusal> {
    prompt::secret(question).map_err(|error| {
        let asked = question.trim_end_matches([':', ' ']);
        Refusal::new(
            exit::ERROR,
            format!("the question for a password ({asked}) had no answer: {error}"),
        )
    })
}

/// What a file holds, or what it prints if it may be run.
///
/// # Errors
/// When there is no such file, or its program fails.
fn from_file(path: &Path, what: &str, arguments: &[&str]) -> Result<Vec<u8>, Refusal> {
    let refused = |message: String| {
        let message = format!("the {what} file {} {message}", path.display());
        Refusal::new(exit::ERROR, message)
    };
    let metadata = std::fs::metadata(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => refused("was not found".to_owned()),
        _ => refused(format!("cannot be read: {error}")),
    })?;
    if metadata.is_dir() {
        return Err(refused("is a directory".to_owned()));
    }
    if metadata.permissions().mode() & 0o111 == 0 {
        return std::fs::read(path).map_err(|error| refused(format!("cannot be read: {error}")));
    }
    let output = Command::new(std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf()))
        .args(arguments)
        .stdin(Stdio::inherit())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| {
            refused(format!(
                "cannot be run: {error}. If it is no program, take away its permission to be run"
            ))
        })?;
    if !output.status.success() {
        return Err(refused(format!("is a program that failed: {}", output.status)));
    }
    Ok(output.stdout)
}

/// Passwords for logging in and for becoming another user, where no variable has one.
#[derive(Debug, Clone, Default)]
pub struct LoginPasswords {
    /// `-k`
    pub connection: Option<Password>,
    /// `-K`
    pub becomes: Option<Password>,
}

impl LoginPasswords {
    /// Asks for, or reads, what the settings ask for.
    ///
    /// # Errors
    /// A password that cannot be had.
    pub fn gather(settings: &Settings) -> Result<Self, Refusal> {
        let method = if settings.agnostic_become_prompt {
            "BECOME".to_owned()
        } else {
            settings.become_method.to_uppercase()
        };
        let mut passwords = Self::default();
        if settings.ask_pass {
            passwords.connection = Some(Password(ask("SSH password: ")?));
        } else if let Some(file) = &settings.connection_password_file {
            passwords.connection = Some(login_password(file)?);
        }
        if settings.become_ask_pass {
            let same = if settings.ask_pass {
                "[defaults to SSH password]"
            } else {
                ""
            };
            let answer = ask(&format!("{method} password{same}: "))?;
            passwords.becomes = match &passwords.connection {
                Some(connection) if settings.ask_pass && answer.is_empty() => Some(connection.clone()),
                _ => Some(Password(answer)),
            };
        } else if let Some(file) = &settings.become_password_file {
            passwords.becomes = Some(login_password(file)?);
        }
        Ok(passwords)
    }
}

/// A password from a file; `-` is standard input.
fn login_password(path: &Path) -> Result<Password, Refusal> {
    let mut content = Vec::new();
    if path == Path::new("-") {
        std::io::stdin()
            .read_to_end(&mut content)
            .map_err(|error| Refusal::new(exit::ERROR, format!("cannot read a password: {error}")))?;
    } else {
        content = from_file(&expanded(path), "password", &[])?;
    }
    let text = String::from_utf8_lossy(&content);
    let text = text.trim();
    if text.is_empty() {
        return Err(Refusal::new(
            exit::ERROR,
            format!("the password file {} holds no password", path.display()),
        ));
    }
    Ok(Password(text.to_owned()))
}

/// Where passwords of the vault come from.
#[derive(Debug, Clone, Default)]
pub struct VaultSources {
    /// Each `label@source`, or a source alone.
    pub ids: Vec<String>,
    /// Files of passwords without a label.
    pub files: Vec<PathBuf>,
    /// Whether one more is asked for.
    pub ask: bool,
    /// Whether passwords are new: those that are asked for are asked for twice.
    pub new: bool,
}

/// What a source says for "ask", as the old option asked.
const ASK_PLAINLY: &str = "prompt_ask_vault_pass";

impl VaultSources {
    /// Those that the command line and the settings name.
    pub fn given(arguments: &VaultArguments, settings: &Settings) -> Self {
        let ids = settings.vault_identity_list.iter().chain(&arguments.vault_id);
        let files = arguments
            .vault_password_file
            .iter()
            .chain(&settings.vault_password_file);
        Self {
            ids: ids.cloned().collect(),
            files: files.cloned().collect(),
            ask: arguments.ask_vault_pass || settings.ask_vault_pass,
            new: false,
        }
    }

    /// The passwords. One that cannot be had is warned of as long as another can.
    ///
    /// # Errors
    /// When there is none, though some are named, or nobody answers.
    pub fn gather(&self, settings: &Settings, printer: &Printer) -> Result<VaultSecrets, Refusal> {
        let mut secrets = VaultSecrets::new();
        secrets.match_ids(settings.vault_id_match);
        let mut failure = None;
        let default = settings.vault_identity.as_str();
        let mut sources: Vec<(&str, &str)> = Vec::new();
        for text in &self.ids {
            if text.contains(';') {
                return Err(Refusal::new(
                    exit::OPTIONS,
                    format!("'{text}' is not a valid vault id: it must not contain ';'"),
                ));
            }
            let (label, source) = text.split_once('@').unwrap_or((default, text));
            sources.push((if label.is_empty() { default } else { label }, source));
        }
        let files: Vec<String> = self.files.iter().map(|file| file.display().to_string()).collect();
        sources.extend(files.iter().map(|file| (default, file.as_str())));
        if self.ask {
            sources.push((default, ASK_PLAINLY));
        }
        for (label, source) in sources {
            if matches!(source, "prompt" | ASK_PLAINLY) {
                let password = self.ask(label, source == ASK_PLAINLY)?;
                add(&mut secrets, label, password.as_bytes())?;
                continue;
            }
            // A password may itself be encrypted with one that was named before.
            let added = vault_password(Path::new(source), label).and_then(|content| {
                let password = secrets
                    .reveal(content.trim_ascii())
                    .map_err(|error| Refusal::new(exit::ERROR, format!("{source}: {error}")))?
                    .into_owned();
                add(&mut secrets, label, &password)
            });
            if let Err(refusal) = added {
                let failed = if Path::new(source).exists() {
                    "Error in vault password file loading"
                } else {
                    "Error getting vault password file"
                };
                printer.warning(&format!("{failed} ({label}): {}", refusal.message));
                failure = Some(refusal);
            }
        }
        match failure {
            Some(failure) if secrets.is_empty() => Err(failure),
            _ => Ok(secrets),
        }
    }

    fn ask(&self, label: &str, plainly: bool) -> Result<String, Refusal> {
        // Programs that answer wait for the plain words.
        let (old, new, again) = if plainly {
            let words = [
                "Vault password: ",
                "New Vault password: ",
                "Confirm New Vault password: ",
            ];
            <(String, String, String)>::from(words.map(str::to_owned))
        } else {
            let words = [
                "Vault password",
                "New vault password",
                "Confirm new vault password",
            ];
            words.map(|words| format!("{words} ({label}): ")).into()
        };
        if !self.new {
            return ask(&old);
        }
        let password = ask(&new)?;
        if ask(&again)? != password {
            return Err(Refusal::new(exit::ERROR, "Passwords do not match"));
        }
        Ok(password)
    }
}

fn add(secrets: &mut VaultSecrets, label: &str, password: &[u8]) -> Result<(), Refusal> {
    secrets
        .add(label, password)
        .map_err(|error| Refusal::new(exit::ERROR, error))
}

/// A password of the vault from a file; programs that know several are told which one.
fn vault_password(path: &Path, label: &str) -> Result<Vec<u8>, Refusal> {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let arguments: &[&str] = if stem.ends_with("-client") {
        &["--vault-id", label]
    } else {
        &[]
    };
    from_file(&expanded(path), "vault password", arguments)
}

/// The passwords of the vault that the command line and the settings name.
///
/// # Errors
/// A password that cannot be had.
pub fn vault(
    arguments: &VaultArguments,
    settings: &Settings,
    printer: &Printer,
) -> Result<VaultSecrets, Refusal> {
    VaultSources::given(arguments, settings).gather(settings, printer)
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
        assert_eq!(vault_password(&path("ask-client"), "dev").unwrap(), b"two-dev\n");
        let settings = Settings::read(&Surroundings::default()).unwrap();
        let printer = Printer::bare(&settings);
        let arguments = VaultArguments {
            vault_id: vec![format!("dev@{}", path("ask-client").display())],
            vault_password_file: vec![path("plain"), path("nowhere")],
            ..VaultArguments::default()
        };
        let secrets = vault(&arguments, &settings, &printer).unwrap();
        assert_eq!(secrets.ids().collect::<Vec<&str>>(), ["dev", "default"]);
        let alone = VaultArguments {
            vault_password_file: vec![path("nowhere")],
            ..VaultArguments::default()
        };
        let error = vault(&alone, &settings, &printer).unwrap_err().message;
        assert!(error.contains("nowhere was not found"), "{error}");
    }

    #[test]
    fn a_login_password_is_what_stands_between_the_blanks_of_its_file() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), " a b \n").unwrap();
        assert_eq!(login_password(file.path()).unwrap().0, "a b");
        std::fs::write(file.path(), "\n").unwrap();
        let error = login_password(file.path()).unwrap_err().message;
        assert!(error.contains("holds no password"), "{error}");
    }
}
