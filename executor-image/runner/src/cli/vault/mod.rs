//! `ansible-vault`: encrypts and decrypts files and values.

mod edit;
mod files;
mod strings;

use std::{
    io::{IsTerminal, Write},
    path::{Path, PathBuf},
    process::{Command, ExitCode, Stdio},
};

use slipway_vault::{VaultError, VaultKey, VaultSecrets, is_encrypted};

use super::{
    arguments::{EncryptArguments, VaultAction, VaultProgramArguments},
    passwords::VaultSources,
    refusal::{Refusal, exit},
    session, start,
};
use crate::{output::Printer, settings::Settings};

/// Runs the program.
pub fn main(arguments: &VaultProgramArguments, mut settings: Settings) -> ExitCode {
    settings.verbosity = settings
        .verbosity
        .saturating_add(arguments.action.common().verbose);
    let printer = Printer::bare(&settings);
    start::tell_settings(&settings, &printer);
    session::block_on(&settings, async {
        let vault = Vault {
            settings: &settings,
            printer: &printer,
        };
        match vault.run(&arguments.action).await {
            Ok(()) => 0,
            Err(refusal) => {
                printer.error(&refusal.message);
                refusal.exit_code
            }
        }
    })
}

/// What all actions need.
struct Vault<'a> {
    settings: &'a Settings,
    printer: &'a Printer,
}

impl Vault<'_> {
    async fn run(&self, action: &VaultAction) -> Result<(), Refusal> {
        let common = action.common();
        let mut sources = VaultSources::given(&common.vault, self.settings);
        match action {
            VaultAction::Encrypt {
                files,
                output,
                encrypt,
                ..
            } => {
                one_file_for_output(files, output.output.as_ref())?;
                let key = self.encrypting_key(&mut sources, encrypt)?;
                self.encrypt(files, output.output.as_deref(), &key)?;
                self.succeeded("Encryption");
            }
            VaultAction::EncryptString {
                strings,
                output,
                encrypt,
                ..
            } => {
                one_file_for_output(&strings.texts, output.output.as_ref())?;
                strings::check(strings)?;
                let key = self.encrypting_key(&mut sources, encrypt)?;
                let text = strings::encrypted(strings, |plain| self.sealed(&key, plain))?;
                let output = output.output.as_deref().unwrap_or(Path::new("-"));
                files::write(output, text.as_bytes(), files::Keep::Nothing)?;
                self.succeeded("Encryption");
            }
            VaultAction::Create {
                files,
                skip_tty_check,
                encrypt,
                ..
            } => {
                let key = self.encrypting_key(&mut sources, encrypt)?;
                let [file] = files.as_slice() else {
                    return Err(options(
                        "ansible-vault create can take only one filename argument",
                    ));
                };
                if !std::io::stdout().is_terminal() && !skip_tty_check {
                    return Err(options("not a tty, editor cannot be opened"));
                }
                self.create(file, &key).await?;
            }
            VaultAction::Decrypt { files, output, .. } => {
                one_file_for_output(files, output.output.as_ref())?;
                let secrets = self.secrets(&mut sources)?;
                self.decrypt(files, output.output.as_deref(), &secrets)?;
                self.succeeded("Decryption");
            }
            VaultAction::View { files, .. } => {
                let secrets = self.secrets(&mut sources)?;
                for file in files {
                    let plain = opened(file, &secrets)?.plain;
                    self.show(&plain);
                }
            }
            VaultAction::Edit { files, .. } => {
                let secrets = self.secrets(&mut sources)?;
                for file in files {
                    self.edit(&files::real_path(file), &secrets).await?;
                }
            }
            VaultAction::Rekey {
                files,
                new_vault_password_file,
                new_vault_id,
                encrypt,
                ..
            } => {
                let secrets = self.secrets(&mut sources)?;
                let new = VaultSources {
                    ids: self.new_ids(encrypt, new_vault_id.as_ref()),
                    files: new_vault_password_file
                        .iter()
                        .chain(&self.settings.vault_password_file)
                        .cloned()
                        .collect(),
                    ask: sources.ask && (common.vault.ask_vault_pass || self.settings.ask_vault_pass),
                    new: true,
                };
                let key = self.new_key(new, encrypt)?;
                for file in files {
                    let file = files::real_path(file);
                    let plain = opened(&file, &secrets)?.plain;
                    let text = self.sealed(&key, &plain)?;
                    files::write(&file, text.as_bytes(), files::Keep::Permissions)?;
                }
                self.printer.to_stderr("Rekey successful");
            }
        }
        Ok(())
    }

    /// The passwords for decrypting: asked for if none is named.
    fn secrets(&self, sources: &mut VaultSources) -> Result<VaultSecrets, Refusal> {
        sources.ask |= sources.ids.is_empty() && sources.files.is_empty();
        sources.gather(self.settings, self.printer)
    }

    /// The password that encrypts.
    fn encrypting_key(
        &self,
        sources: &mut VaultSources,
        encrypt: &EncryptArguments,
    ) -> Result<VaultKey, Refusal> {
        sources.new = true;
        let secrets = self.secrets(sources)?;
        let label = self.label(encrypt);
        if label.is_none() && secrets.ids().count() > 1 {
            let ids: Vec<&str> = secrets.ids().collect();
            return Err(options(&format!(
                "The vault-ids {} are available to encrypt. Specify the vault-id to encrypt with --encrypt-vault-id",
                ids.join(",")
            )));
        }
        key(&secrets, label)
    }

    /// The password that encrypts anew.
    fn new_key(&self, mut sources: VaultSources, encrypt: &EncryptArguments) -> Result<VaultKey, Refusal> {
        let secrets = self.secrets(&mut sources)?;
        key(&secrets, self.label(encrypt))
    }

    fn label<'a>(&'a self, encrypt: &'a EncryptArguments) -> Option<&'a str> {
        let given = encrypt
            .encrypt_vault_id
            .as_deref()
            .filter(|label| !label.is_empty());
        given.or(self.settings.vault_encrypt_identity.as_deref())
    }

    /// The new passwords: a label chooses among those of the settings too.
    fn new_ids(&self, encrypt: &EncryptArguments, new: Option<&String>) -> Vec<String> {
        let mut ids = Vec::new();
        if self.label(encrypt).is_some() {
            ids.extend(self.settings.vault_identity_list.iter().cloned());
        }
        ids.extend(new.cloned());
        ids
    }

    fn sealed(&self, key: &VaultKey, plain: &[u8]) -> Result<String, Refusal> {
        let text = match &self.settings.vault_encrypt_salt {
            Some(salt) => key.encrypt_with_salt(plain, salt.as_bytes()),
            None => key.encrypt(plain),
        };
        text.map_err(|error| Refusal::new(exit::ERROR, error))
    }

    fn encrypt(&self, files: &[PathBuf], output: Option<&Path>, key: &VaultKey) -> Result<(), Refusal> {
        self.tell_of_standard_input(files, "Reading plaintext input from stdin");
        for file in files_or_standard_input(files) {
            let file = files::real_path(&file);
            let plain = files::read(&file)?;
            if is_encrypted(&plain) {
                return Err(Refusal::new(
                    exit::ERROR,
                    format!("input is already encrypted: {}", file.display()),
                ));
            }
            let text = self.sealed(key, &plain)?;
            let keep = if output.is_some() {
                files::Keep::Nothing
            } else {
                files::Keep::NothingOfTheContent
            };
            files::write(output.unwrap_or(&file), text.as_bytes(), keep)?;
        }
        Ok(())
    }

    fn decrypt(
        &self,
        files: &[PathBuf],
        output: Option<&Path>,
        secrets: &VaultSecrets,
    ) -> Result<(), Refusal> {
        self.tell_of_standard_input(files, "Reading ciphertext input from stdin");
        for file in files_or_standard_input(files) {
            let file = files::real_path(&file);
            let plain = opened(&file, secrets)?.plain;
            files::write(output.unwrap_or(&file), &plain, files::Keep::Nothing)?;
        }
        Ok(())
    }

    async fn create(&self, file: &Path, key: &VaultKey) -> Result<(), Refusal> {
        if let Some(directory) = file
            .parent()
            .filter(|directory| !directory.as_os_str().is_empty())
            && !directory.exists()
        {
            self.printer
                .warning(&format!("{} does not exist, creating...", directory.display()));
            std::fs::create_dir_all(directory).map_err(|error| {
                Refusal::new(
                    exit::ERROR,
                    format!("cannot create {}: {error}", directory.display()),
                )
            })?;
        }
        if file.is_file() {
            return Err(Refusal::new(
                exit::ERROR,
                format!("{} exists, please use 'edit' instead", file.display()),
            ));
        }
        let plain = edit::edited(self.settings, file, b"").await?;
        let text = self.sealed(key, &plain)?;
        files::write(file, text.as_bytes(), files::Keep::Nothing)
    }

    async fn edit(&self, file: &Path, secrets: &VaultSecrets) -> Result<(), Refusal> {
        let before = opened(file, secrets)?;
        let after = edit::edited(self.settings, file, &before.plain).await?;
        if *after == *before.plain {
            return Ok(());
        }
        let text = self.sealed(&before.key, &after)?;
        files::write(file, text.as_bytes(), files::Keep::Permissions)
    }

    /// Shows a text: with the pager on a terminal.
    fn show(&self, plain: &[u8]) {
        if std::io::stdout().is_terminal() {
            let pager = Command::new("/bin/sh")
                .args(["-c", &self.settings.pager])
                .env(
                    "LESS",
                    std::env::var("LESS").unwrap_or_else(|_| "FRSX".to_owned()),
                )
                .stdin(Stdio::piped())
                .spawn();
            if let Ok(mut pager) = pager {
                // ok: a pager that was left early reads no more.
                if let Some(mut input) = pager.stdin.take() {
                    let _ = input.write_all(plain);
                }
                let _ = pager.wait();
                return;
            }
        }
        let mut output = std::io::stdout().lock();
        // ok: nobody may be there to read.
        let _ = output.write_all(plain);
        if !plain.ends_with(b"\n") {
            let _ = output.write_all(b"\n");
        }
        let _ = output.flush();
    }

    fn succeeded(&self, what: &str) {
        if std::io::stdout().is_terminal() {
            self.printer.to_stderr(&format!("{what} successful"));
        }
    }

    fn tell_of_standard_input(&self, files: &[PathBuf], text: &str) {
        if files.is_empty() && std::io::stdin().is_terminal() {
            self.printer.to_stderr(text);
        }
    }
}

fn options(message: &str) -> Refusal {
    Refusal::new(exit::OPTIONS, message)
}

fn one_file_for_output<T>(inputs: &[T], output: Option<&PathBuf>) -> Result<(), Refusal> {
    if output.is_some() && inputs.len() > 1 {
        return Err(options(
            "At most one input file may be used with the --output option",
        ));
    }
    Ok(())
}

fn files_or_standard_input(files: &[PathBuf]) -> Vec<PathBuf> {
    if files.is_empty() {
        vec![PathBuf::from("-")]
    } else {
        files.to_vec()
    }
}

/// The password with a label; without one, the first.
fn key(secrets: &VaultSecrets, label: Option<&str>) -> Result<VaultKey, Refusal> {
    let ids: Vec<&str> = secrets.ids().collect();
    let id = label.or(ids.first().copied()).unwrap_or_default();
    secrets.key(id).map_err(|error| {
        let message = match (error, label) {
            (VaultError::UnknownId(_), Some(label)) => format!(
                "Did not find a match for --encrypt-vault-id={label} in the known vault-ids ['{}']",
                ids.join("', '")
            ),
            (error, _) => error.to_string(),
        };
        Refusal::new(exit::ERROR, message)
    })
}

/// What is in an encrypted file.
fn opened(file: &Path, secrets: &VaultSecrets) -> Result<slipway_vault::Opened, Refusal> {
    let text = files::read(file)?;
    if !is_encrypted(&text) {
        return Err(Refusal::new(
            exit::ERROR,
            format!("input is not vault encrypted data: {}", file.display()),
        ));
    }
    secrets
        .open(&text)
        .map_err(|error| Refusal::new(exit::ERROR, format!("{}: {error}", file.display())))
}
