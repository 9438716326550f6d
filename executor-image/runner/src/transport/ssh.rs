//! SSH.

use std::{
    borrow::Cow,
    path::PathBuf,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::Duration,
};

use futures::future::BoxFuture;
use russh::{
    ChannelMsg, ChannelReadHalf, Disconnect,
    client::{self, DisconnectReason, Handle},
    keys::PublicKey,
};
use tokio::sync::mpsc;

use super::{
    AgentBinary, Become, Connection, ConnectionOptions, ExecOutput, HostKeyChecking, Launch, Pipe,
    TransportError, authentication, bootstrap,
    connection::ErrorTail,
    host_keys::{Decision, KnownHosts},
    proxy,
};

/// An idle connection is probed this often; after three probes without an answer it is lost.
const KEEPALIVE: Duration = Duration::from_secs(15);

/// An authenticated SSH connection.
pub struct SshConnection {
    handle: Handle<ServerKeys>,
    /// The connections that this one goes through.
    jumps: Vec<Handle<ServerKeys>>,
    agent: Arc<AgentBinary>,
    end: End,
}

/// Why the connection, or one that it goes through, has ended, once it has.
type End = Arc<OnceLock<String>>;

impl std::fmt::Debug for SshConnection {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("SshConnection").finish_non_exhaustive()
    }
}

/// Decides about the server's key while the connection is made.
pub(super) struct ServerKeys {
    address: String,
    port: u16,
    checking: HostKeyChecking,
    files: Vec<PathBuf>,
    known: Arc<KnownHosts>,
    outcome: Arc<Mutex<Option<(Decision, PublicKey)>>>,
    end: End,
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
        let decision = self
            .known
            .decide(&self.files, (&self.address, self.port), &key, self.checking);
        let accepted = !matches!(decision, Decision::Refused(_));
        *self.outcome.lock().unwrap_or_else(PoisonError::into_inner) = Some((decision, key));
        Ok(accepted)
    }

    async fn disconnected(&mut self, reason: DisconnectReason<Self::Error>) -> Result<(), Self::Error> {
        let reason = match reason {
            DisconnectReason::ReceivedDisconnect(said) => format!("the host closed it: {}", said.message),
            DisconnectReason::Error(russh::Error::KeepaliveTimeout) => "the host does not answer".to_owned(),
            DisconnectReason::Error(russh::Error::IO(error)) => io_reason(&error),
            DisconnectReason::Error(russh::Error::Disconnect | russh::Error::HUP) => {
                "the host closed it".to_owned()
            }
            DisconnectReason::Error(error) => error.to_string(),
        };
        // ok: one that it goes through may have ended first.
        let _ = self.end.set(reason);
        Ok(())
    }
}

/// Connects and authenticates, through other hosts if need be. Also returns the host's key if it was accepted for the first
/// time, in OpenSSH's form.
pub async fn connect(
    options: &ConnectionOptions,
    known: &Arc<KnownHosts>,
    agent: &Arc<AgentBinary>,
) -> Result<(SshConnection, Option<String>), TransportError> {
    let way = Way {
        options,
        known,
        timeout: Duration::from_secs(options.timeout.max(1)),
        end: End::default(),
    };
    let mut jumps: Vec<Handle<ServerKeys>> = Vec::new();
    for jump in &options.ssh.jumps {
        let user = jump.user.clone().unwrap_or_else(own_name);
        let (handle, _) = way
            .hop(&user, &jump.address, jump.port.unwrap_or(22), jumps.last())
            .await
            .map_err(failed)?;
        jumps.push(handle);
    }
    let user = options
        .user
        .clone()
        .or_else(|| options.ssh.user.clone())
        .unwrap_or_else(own_name);
    let address = options.ssh.host_name.as_ref().unwrap_or(&options.address);
    let (handle, learned) = way
        .hop(&user, address, options.port, jumps.last())
        .await
        .map_err(failed)?;
    let connection = SshConnection {
        handle,
        jumps,
        agent: Arc::clone(agent),
        end: way.end,
    };
    Ok((connection, learned))
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn failed(reason: String) -> TransportError {
    TransportError::Unreachable(format!("Failed to connect to the host via ssh: {reason}"))
}

/// The login user where nothing names one.
fn own_name() -> String {
    std::env::var("USER").unwrap_or_else(|_| "root".to_owned())
}

/// What all hops to a host have in common.
struct Way<'a> {
    options: &'a ConnectionOptions,
    known: &'a Arc<KnownHosts>,
    timeout: Duration,
    end: End,
}

impl Way<'_> {
    /// One host further: directly, through a connection to the one before, or through a program.
    async fn hop(
        &self,
        user: &str,
        address: &str,
        port: u16,
        through: Option<&Handle<ServerKeys>>,
    ) -> Result<(Handle<ServerKeys>, Option<String>), String> {
        let ssh = &self.options.ssh;
        let place = format!("{address} port {port}");
        let outcome = Arc::new(Mutex::new(None));
        let handler = ServerKeys {
            address: address.to_owned(),
            port,
            checking: self.options.host_key_checking,
            files: ssh.known_hosts.clone(),
            known: Arc::clone(self.known),
            outcome: Arc::clone(&outcome),
            end: Arc::clone(&self.end),
        };
        let config = Arc::new(self.config(address, port));
        let is_direct = ssh.jumps.is_empty();
        let connecting = async {
            if let Some(through) = through {
                let channel = through
                    .channel_open_direct_tcpip(address, u32::from(port), "127.0.0.1", 0)
                    .await?;
                client::connect_stream(config, channel.into_stream(), handler).await
            } else if let Some(command) = ssh.proxy_command.as_ref().filter(|_| is_direct) {
                let stream = proxy::start(command, user, address, port).map_err(russh::Error::IO)?;
                client::connect_stream(config, stream, handler).await
            } else {
                client::connect(config, (address, port), handler).await
            }
        };
        let connected = tokio::time::timeout(self.timeout, connecting)
            .await
            .map_err(|_| {
                format!(
                    "connect to {place}: no answer in {} seconds",
                    self.timeout.as_secs()
                )
            })?;
        let decided = outcome.lock().unwrap_or_else(PoisonError::into_inner).take();
        let mut handle = match (connected, &decided) {
            (Ok(handle), _) => handle,
            (Err(_), Some((Decision::Refused(reason), _))) => return Err(reason.clone()),
            (Err(russh::Error::IO(error)), _) => {
                return Err(format!("connect to {place}: {}", io_reason(&error)));
            }
            (Err(error), _) => return Err(format!("connect to {place}: {error}")),
        };
        tokio::time::timeout(
            self.timeout.max(Duration::from_secs(30)),
            authentication::authenticate(&mut handle, user, address, self.options),
        )
        .await
        .map_err(|_| format!("{place} did not finish the authentication"))??;
        let learned = match decided {
            Some((Decision::Learned, key)) => key.to_openssh().ok(),
            _ => None,
        };
        Ok((handle, learned))
    }

    fn config(&self, address: &str, port: u16) -> client::Config {
        let ssh = &self.options.ssh;
        let mut config = client::Config {
            // Without it each small frame waits for the acknowledgement of the last one.
            nodelay: true,
            keepalive_interval: Some(ssh.alive_interval.map_or(KEEPALIVE, Duration::from_secs))
                .filter(|interval| !interval.is_zero()),
            keepalive_max: ssh.alive_count.unwrap_or(3),
            ..client::Config::default()
        };
        // Where the processor computes AES, it is much faster than ChaCha20 for large files.
        let mut ciphers = config.preferred.cipher.to_vec();
        ciphers.sort_by_key(|name| *name != russh::cipher::AES_256_GCM);
        config.preferred.cipher = Cow::Owned(ciphers);
        let algorithms = self.known.algorithms(&ssh.known_hosts, address, port);
        if !algorithms.is_empty() {
            let mut preferred = config.preferred.key.to_vec();
            preferred.sort_by_key(|algorithm| !algorithms.contains(algorithm));
            config.preferred.key = Cow::Owned(preferred);
        }
        config
    }
}

/// What a person calls the error, without "os error 111".
fn io_reason(error: &std::io::Error) -> String {
    if error.kind() == std::io::ErrorKind::UnexpectedEof {
        return "it was closed".to_owned();
    }
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_owned()
}

impl Connection for SshConnection {
    fn start_agent(&self, launch: Launch, greeting: Vec<u8>) -> BoxFuture<'_, Result<Pipe, TransportError>> {
        Box::pin(async move {
            let command = bootstrap::command(&self.agent, &launch, &greeting)?;
            let pipe = self.open(command).await?;
            bootstrap::follow(pipe, &self.agent, &launch).await
        })
    }

    fn execute(
        &self,
        command: String,
        other: Option<Become>,
    ) -> BoxFuture<'_, Result<ExecOutput, TransportError>> {
        Box::pin(async move {
            let line = other
                .as_ref()
                .map_or_else(|| command.clone(), |other| other.command(&command));
            let mut channel = self.handle.channel_open_session().await.map_err(lost)?;
            channel.exec(true, line).await.map_err(lost)?;
            let mut dialogue = other.as_ref().map(Become::listen);
            if other.as_ref().is_none_or(|other| other.password.is_none()) {
                // ok: the command reads no input; it may have ended already.
                let _ = channel.eof().await;
            }
            let mut output = ExecOutput {
                status: -1,
                ..ExecOutput::default()
            };
            while let Some(message) = channel.wait().await {
                match message {
                    ChannelMsg::Data { data } => output.stdout.extend_from_slice(&data),
                    ChannelMsg::ExtendedData { data, .. } => {
                        output.stderr.extend_from_slice(&data);
                        let answer = match &mut dialogue {
                            Some(dialogue) => dialogue.heard(&String::from_utf8_lossy(&output.stderr))?,
                            None => None,
                        };
                        if let Some(answer) = answer {
                            // ok: a program that reads no more says why.
                            let _ = channel.data(answer.as_bytes()).await;
                            let _ = channel.eof().await;
                        }
                    }
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
            if let Ok(command) = bootstrap::remove_command(&self.agent) {
                // ok: a host that cannot be reached any more keeps a file that harms nobody.
                let _ = self.execute(command, None).await;
            }
        })
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            // ok: the connection ends either way.
            let _ = self.handle.disconnect(Disconnect::ByApplication, "", "en").await;
            for jump in self.jumps.iter().rev() {
                let _ = jump.disconnect(Disconnect::ByApplication, "", "en").await;
            }
        })
    }
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn lost(error: russh::Error) -> TransportError {
    TransportError::Unreachable(format!("the ssh connection to the host was lost: {error}"))
}

impl SshConnection {
    async fn open(&self, command: String) -> Result<Pipe, TransportError> {
        let channel = self.handle.channel_open_session().await.map_err(lost)?;
        channel.exec(true, command).await.map_err(lost)?;
        let (reader, writer) = channel.split();
        let outgoing = Box::new(Box::pin(writer.make_writer()));
        let errors = ErrorTail::default();
        let (sender, incoming) = mpsc::channel(64);
        tokio::spawn(read_channel(
            reader,
            sender,
            errors.clone(),
            Arc::clone(&self.end),
        ));
        Ok(Pipe {
            incoming,
            outgoing,
            errors,
            guard: Box::new(writer),
        })
    }
}

async fn read_channel(
    mut reader: ChannelReadHalf,
    sender: mpsc::Sender<Vec<u8>>,
    errors: ErrorTail,
    connection: End,
) {
    while let Some(message) = reader.wait().await {
        match message {
            ChannelMsg::Data { data } => {
                // ok: nobody listens any more; the channel is closed from the other half.
                let _ = sender.send(data.to_vec()).await;
            }
            ChannelMsg::ExtendedData { data, .. } => errors.push(&data),
            ChannelMsg::ExitStatus { exit_status } => {
                errors.ended(format!("the agent ended with exit code {exit_status}"));
            }
            ChannelMsg::ExitSignal { signal_name, .. } => {
                errors.ended(format!("the agent was killed by signal {signal_name:?}"));
            }
            // Not at Eof: standard error and the exit status may come after it.
            ChannelMsg::Close => return,
            _ => {}
        }
    }
    if let Some(reason) = connection.get() {
        errors.ended(reason.clone());
    }
}
