//! Proving to an SSH server who one is: with keys, with an agent that holds them, with a password.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use russh::{
    MethodKind,
    client::{AuthResult, Handle, KeyboardInteractiveAuthResponse},
    keys::{
        PrivateKeyWithHashAlg, PublicKey,
        agent::{AgentIdentity, client::AgentClient},
        load_secret_key,
    },
};

use super::{ConnectionOptions, host_keys::home, ssh::ServerKeys};

/// The files of `~/.ssh` that are tried when no key is named.
const DEFAULT_KEYS: &[&str] = &["id_ed25519", "id_ecdsa", "id_rsa"];

/// Questions are answered so often at most: a server could ask without end.
const MOST_QUESTIONS: usize = 5;

/// What has been tried.
#[derive(Debug, Default)]
struct Tried {
    /// Keys that the host does not accept.
    refused: Vec<String>,
    /// Keys with a passphrase.
    locked: Vec<PathBuf>,
    /// What the host takes instead, as it said last.
    methods: Vec<MethodKind>,
}

impl Tried {
    /// Whether it worked.
    fn result(&mut self, result: &AuthResult) -> bool {
        if let AuthResult::Failure {
            remaining_methods, ..
        } = result
        {
            self.methods = remaining_methods.to_vec();
        }
        result.success()
    }
}

/// Logs in. The error says what was tried.
pub async fn authenticate(
    handle: &mut Handle<ServerKeys>,
    user: &str,
    address: &str,
    options: &ConnectionOptions,
) -> Result<(), String> {
    let mut tried = Tried::default();
    let lost = |error: russh::Error| {
        format!("{user}@{address}: the host ended the connection during authentication: {error}")
    };
    if !options.ssh.without_keys {
        if with_files(handle, user, options, &mut tried, &lost).await? {
            return Ok(());
        }
        if with_agent(handle, user, options, &mut tried).await {
            return Ok(());
        }
    }
    let Some(password) = &options.password else {
        return Err(format!(
            "{user}@{address}: Permission denied (publickey): {}",
            why_no_key(&tried)
        ));
    };
    if tried.methods.is_empty() {
        // Nothing was tried yet: it tells what it takes.
        let result = handle.authenticate_none(user).await.map_err(lost)?;
        if tried.result(&result) {
            return Ok(());
        }
    }
    if tried.methods.contains(&MethodKind::Password) {
        let result = handle.authenticate_password(user, password.0.as_str()).await;
        if tried.result(&result.map_err(lost)?) {
            return Ok(());
        }
    } else if tried.methods.contains(&MethodKind::KeyboardInteractive) {
        if with_questions(handle, user, &password.0).await.map_err(lost)? {
            return Ok(());
        }
    } else {
        let methods: Vec<&str> = tried.methods.iter().map(<&str>::from).collect();
        return Err(format!(
            "{user}@{address}: Permission denied ({}): the host takes no password",
            methods.join(",")
        ));
    }
    Err(format!(
        "{user}@{address}: Invalid/incorrect password: Permission denied, please try again."
    ))
}

fn why_no_key(tried: &Tried) -> String {
    if !tried.refused.is_empty() {
        return format!("the host does not accept the key {}", tried.refused.join(" or "));
    }
    if let Some(file) = tried.locked.first() {
        return format!(
            "the private key {} has a passphrase: add it to a running ssh-agent, or use a key without one",
            file.display()
        );
    }
    "there is no private key: name one with --private-key or ansible_ssh_private_key_file, or give a password with --ask-pass".to_owned()
}

/// The files with keys: those that are named, or the usual ones.
fn files(options: &ConnectionOptions) -> Vec<PathBuf> {
    let named: Vec<PathBuf> = options
        .private_key
        .iter()
        .chain(&options.ssh.identities)
        .cloned()
        .collect();
    if !named.is_empty() {
        return named;
    }
    DEFAULT_KEYS
        .iter()
        .map(|name| home().join(".ssh").join(name))
        .filter(|file| file.is_file())
        .collect()
}

async fn with_files(
    handle: &mut Handle<ServerKeys>,
    user: &str,
    options: &ConnectionOptions,
    tried: &mut Tried,
    lost: &impl Fn(russh::Error) -> String,
) -> Result<bool, String> {
    for file in files(options) {
        let key = match load_secret_key(&file, None) {
            Ok(key) => key,
            Err(russh::keys::Error::KeyIsEncrypted) => {
                tried.locked.push(file);
                continue;
            }
            // A password may be all that is needed.
            Err(_) if options.password.is_some() => continue,
            Err(error) => {
                return Err(format!(
                    "the private key {} cannot be used: {error}",
                    file.display()
                ));
            }
        };
        let hash = if key.algorithm().is_rsa() {
            handle.best_supported_rsa_hash().await.ok().flatten().flatten()
        } else {
            None
        };
        let key = PrivateKeyWithHashAlg::new(Arc::new(key), hash);
        let result = handle.authenticate_publickey(user, key).await.map_err(lost)?;
        if tried.result(&result) {
            return Ok(true);
        }
        tried.refused.push(file.display().to_string());
    }
    Ok(false)
}

/// Keys of a running `ssh-agent`: those of files with a passphrase first.
async fn with_agent(
    handle: &mut Handle<ServerKeys>,
    user: &str,
    options: &ConnectionOptions,
    tried: &mut Tried,
) -> bool {
    let Ok(mut agent) = AgentClient::connect_env().await else {
        return false;
    };
    let Ok(identities) = agent.request_identities().await else {
        return false;
    };
    let named: Vec<PublicKey> = tried
        .locked
        .iter()
        .filter_map(|file| {
            let mut public = file.clone().into_os_string();
            public.push(".pub");
            PublicKey::read_openssh_file(Path::new(&public)).ok()
        })
        .collect();
    let is_named = |key: &PublicKey| named.iter().any(|known| known.key_data() == key.key_data());
    let mut keys: Vec<(PublicKey, String)> = identities
        .into_iter()
        .filter_map(|identity| match identity {
            AgentIdentity::PublicKey { key, comment } => Some((key, comment)),
            AgentIdentity::Certificate { .. } => None,
        })
        .filter(|(key, _)| !options.ssh.identities_only || is_named(key))
        .collect();
    keys.sort_by_key(|(key, _)| !is_named(key));
    for (key, comment) in keys {
        let hash = if key.algorithm().is_rsa() {
            handle.best_supported_rsa_hash().await.ok().flatten().flatten()
        } else {
            None
        };
        // An agent that does not sign is as good as a key that is not accepted.
        let result = handle
            .authenticate_publickey_with(user, key, hash, &mut agent)
            .await;
        if result.is_ok_and(|result| tried.result(&result)) {
            return true;
        }
        tried.refused.push(format!("{comment} of the ssh-agent"));
    }
    false
}

/// The server asks questions; the one whose answer is not shown is for the password.
async fn with_questions(
    handle: &mut Handle<ServerKeys>,
    user: &str,
    password: &str,
) -> Result<bool, russh::Error> {
    let mut said = handle.authenticate_keyboard_interactive_start(user, None).await?;
    for _ in 0..MOST_QUESTIONS {
        match said {
            KeyboardInteractiveAuthResponse::Success => return Ok(true),
            KeyboardInteractiveAuthResponse::Failure { .. } => return Ok(false),
            KeyboardInteractiveAuthResponse::InfoRequest { prompts, .. } => {
                let answers = prompts
                    .iter()
                    .map(|prompt| {
                        if prompt.echo {
                            String::new()
                        } else {
                            password.to_owned()
                        }
                    })
                    .collect();
                said = handle.authenticate_keyboard_interactive_respond(answers).await?;
            }
        }
    }
    Ok(false)
}
