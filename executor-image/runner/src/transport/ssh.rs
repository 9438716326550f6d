//! SSH.

use std::{
    borrow::Cow,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures::future::BoxFuture;
use russh::{
    ChannelMsg, ChannelReadHalf, Disconnect,
    client::{self, AuthResult, Handle},
    keys::{PrivateKeyWithHashAlg, PublicKey, load_secret_key},
};
use tokio::sync::mpsc;

use super::{
    AgentBinary, Connection, ConnectionOptions, ExecOutput, Launch, Pipe, TransportError, bootstrap,
    connection::ErrorTail,
    host_keys::{Decision, KnownHosts, home},
};

/// An idle connection is probed this often; after three probes without an answer it is lost.
const KEEPALIVE: Duration = Duration::from_secs(15);

/// The files of `~/.ssh` that are tried when no key is named.
const DEFAULT_KEYS: &[&str] = &["id_ed25519", "id_ecdsa", "id_rsa"];

/// An authenticated SSH connection.
pub struct SshConnection {
    handle: Handle<ServerKeys>,
    agent: Arc<AgentBinary>,
}

impl std::fmt::Debug for SshConnection {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("SshConnection").finish_non_exhaustive()
    }
}

/// Decides about the server's key while the connection is made.
struct ServerKeys {
    options: ConnectionOptions,
    known: Arc<KnownHosts>,
    outcome: Arc<Mutex<Option<(Decision, PublicKey)>>>,
}

impl client::Handler for ServerKeys {
    type Error = russh::Error;

    async fn check_server_key(
        &mut self,
        offered: &russh::keys::PublicKeyOrCertificate,
    ) -> Result<bool, Self::Error> {
        let key = match offered {
            russh::keys::PublicKeyOrCertificate::PublicKey { key, .. } => key.clone(),
            russh::keys::PublicKeyOrCertificate::Certificate(certificate) => {
                PublicKey::from(certificate.public_key().clone())
            }
        };
        let options = &self.options;
        let decision = self
            .known
            .decide(&options.address, options.port, &key, options.host_key_checking);
        let accepted = !matches!(decision, Decision::Refused(_));
        *self.outcome.lock().unwrap_or_else(PoisonError::into_inner) = Some((decision, key));
        Ok(accepted)
    }
}

/// Connects and authenticates. Also returns the host's key if it was accepted for the first time, in OpenSSH's form.
pub async fn connect(
    options: &ConnectionOptions,
    known: &Arc<KnownHosts>,
    agent: &Arc<AgentBinary>,
    timeout: Duration,
) -> Result<(SshConnection, Option<String>), TransportError> {
    let failed = |reason: String| TransportError(format!("Failed to connect to the host via ssh: {reason}"));
    let place = format!("{} port {}", options.address, options.port);
    let mut config = client::Config {
        // Without it each small frame waits for the acknowledgement of the last one.
        nodelay: true,
        keepalive_interval: Some(KEEPALIVE),
        keepalive_max: 3,
        ..client::Config::default()
    };
    let algorithms = known.algorithms(&options.address, options.port);
    if !algorithms.is_empty() {
        let mut preferred = config.preferred.key.to_vec();
        preferred.sort_by_key(|algorithm| !algorithms.contains(algorithm));
        config.preferred.key = Cow::Owned(preferred);
    }
    let outcome = Arc::new(Mutex::new(None));
    let handler = ServerKeys {
        options: options.clone(),
        known: Arc::clone(known),
        outcome: Arc::clone(&outcome),
    };
    let address = (options.address.as_str(), options.port);
    let connecting = client::connect(Arc::new(config), address, handler);
    let connected = tokio::time::timeout(timeout, connecting).await.map_err(|_| {
        failed(format!(
            "connect to {place}: no answer in {} seconds",
            timeout.as_secs()
        ))
    })?;
    let decided = outcome.lock().unwrap_or_else(PoisonError::into_inner).take();
    let mut handle = match (connected, &decided) {
        (Ok(handle), _) => handle,
        (Err(_), Some((Decision::Refused(reason), _))) => return Err(failed(reason.clone())),
        (Err(russh::Error::IO(error)), _) => {
            return Err(failed(format!("connect to {place}: {}", io_reason(&error))));
        }
        (Err(error), _) => return Err(failed(format!("connect to {place}: {error}"))),
    };
    tokio::time::timeout(
        timeout.max(Duration::from_secs(30)),
        authenticate(&mut handle, options),
    )
    .await
    .map_err(|_| failed(format!("{place} did not finish the authentication")))?
    .map_err(failed)?;
    let learned = match decided {
        Some((Decision::Learned, key)) => key.to_openssh().ok(),
        _ => None,
    };
    let connection = SshConnection {
        handle,
        agent: Arc::clone(agent),
    };
    Ok((connection, learned))
}

/// What a person calls the error, without "os error 111".
fn io_reason(error: &std::io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_owned()
}

async fn authenticate(handle: &mut Handle<ServerKeys>, options: &ConnectionOptions) -> Result<(), String> {
    let user = options
        .user
        .clone()
        .or_else(|| std::env::var("USER").ok())
        .unwrap_or_else(|| "root".to_owned());
    let files: Vec<PathBuf> = match &options.private_key {
        Some(file) => vec![file.clone()],
        None => DEFAULT_KEYS
            .iter()
            .map(|name| home().join(".ssh").join(name))
            .filter(|file| file.is_file())
            .collect(),
    };
    let mut tried = Vec::new();
    for file in files {
        let key = load_secret_key(&file, None).map_err(|error| match error {
            russh::keys::Error::KeyIsEncrypted => format!(
                "the private key {} has a passphrase: use a key without one",
                file.display()
            ),
            other => format!("the private key {} cannot be used: {other}", file.display()),
        })?;
        let hash = if key.algorithm().is_rsa() {
            handle.best_supported_rsa_hash().await.ok().flatten().flatten()
        } else {
            None
        };
        let key = PrivateKeyWithHashAlg::new(Arc::new(key), hash);
        match handle.authenticate_publickey(user.as_str(), key).await {
            Ok(AuthResult::Success) => return Ok(()),
            Ok(AuthResult::Failure { .. }) => tried.push(file.display().to_string()),
            Err(error) => {
                return Err(format!(
                    "{user}@{}: the host ended the connection during authentication: {error}",
                    options.address
                ));
            }
        }
    }
    let tried = if tried.is_empty() {
        "there is no private key: name one with --private-key or ansible_ssh_private_key_file".to_owned()
    } else {
        format!("the host does not accept the key {}", tried.join(" or "))
    };
    Err(format!(
        "{user}@{}: Permission denied (publickey): {tried}",
        options.address
    ))
}

impl Connection for SshConnection {
    fn start_agent(&self, launch: Launch) -> BoxFuture<'_, Result<Pipe, TransportError>> {
        Box::pin(async move {
            let command = bootstrap::command(&self.agent, &launch);
            let pipe = self.open(command).await?;
            bootstrap::follow(pipe, &self.agent, &launch).await
        })
    }

    fn execute(&self, command: String) -> BoxFuture<'_, Result<ExecOutput, TransportError>> {
        Box::pin(async move {
            let channel = self.handle.channel_open_session().await.map_err(lost)?;
            channel.exec(true, command).await.map_err(lost)?;
            // ok: the command reads no input; it may have ended already.
            let _ = channel.eof().await;
            let mut channel = channel;
            let mut output = ExecOutput {
                status: -1,
                ..ExecOutput::default()
            };
            while let Some(message) = channel.wait().await {
                match message {
                    ChannelMsg::Data { data } => output.stdout.extend_from_slice(&data),
                    ChannelMsg::ExtendedData { data, .. } => output.stderr.extend_from_slice(&data),
                    ChannelMsg::ExitStatus { exit_status } => output.status = i64::from(exit_status),
                    ChannelMsg::Close => break,
                    _ => {}
                }
            }
            Ok(output)
        })
    }

    fn remove_agent(&self) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            // ok: a host that cannot be reached any more keeps a file that harms nobody.
            let _ = self.execute(bootstrap::remove_command(&self.agent)).await;
        })
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            // ok: the connection ends either way.
            let _ = self.handle.disconnect(Disconnect::ByApplication, "", "en").await;
        })
    }
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn lost(error: russh::Error) -> TransportError {
    TransportError(format!("the ssh connection to the host was lost: {error}"))
}

impl SshConnection {
    async fn open(&self, command: String) -> Result<Pipe, TransportError> {
        let channel = self.handle.channel_open_session().await.map_err(lost)?;
        channel.exec(true, command).await.map_err(lost)?;
        let (reader, writer) = channel.split();
        let outgoing = Box::new(Box::pin(writer.make_writer()));
        let errors = ErrorTail::default();
        let (sender, incoming) = mpsc::channel(64);
        tokio::spawn(read_channel(reader, sender, errors.clone()));
        Ok(Pipe {
            incoming,
            outgoing,
            errors,
            guard: Box::new(writer),
        })
    }
}

async fn read_channel(mut reader: ChannelReadHalf, sender: mpsc::Sender<Vec<u8>>, errors: ErrorTail) {
    while let Some(message) = reader.wait().await {
        match message {
            ChannelMsg::Data { data } => {
                // ok: nobody listens any more; the channel is closed from the other half.
                let _ = sender.send(data.to_vec()).await;
            }
            ChannelMsg::ExtendedData { data, .. } => errors.push(&data),
            // Not at Eof: standard error and the exit status may come after it.
            ChannelMsg::Close => return,
            _ => {}
        }
    }
}
