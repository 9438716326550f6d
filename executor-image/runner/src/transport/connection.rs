//! What a connection is.

use std::{
    any::Any,
    fmt::{self, Debug},
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
};

use futures::future::BoxFuture;
use slipway_language::TemplateError;
use slipway_protocol::MAX_FRAME;
use thiserror::Error;
use tokio::{
    io::{AsyncWrite, AsyncWriteExt},
    sync::{Notify, mpsc},
};

use super::{Become, HostKeyChecking, Password, SshArguments};

/// Why a task does not reach its host as the user that it is for.
#[derive(Debug, Clone, Error)]
pub enum TransportError {
    /// The host cannot be reached or does not serve this run: it is unreachable, with this as the reason.
    #[error("{0}")]
    Unreachable(String),
    /// The host is reached, and does not make another user of the one that logged in: the task fails.
    #[error("{0}")]
    NotBecome(String),
    /// What reaches the host does not do what it is asked for: the task fails, with this as its message.
    #[error("{0}")]
    Failed(String),
    /// What the agent is to be told, of so many bytes, does not fit into a frame: the task fails.
    #[error("a message of {0} bytes to the host is more than the {MAX_FRAME} that it may have")]
    TooLarge(usize),
}

/// How a host is reached cannot be known.
impl From<TemplateError> for TransportError {
    fn from(error: TemplateError) -> Self {
        Self::Failed(error.to_string())
    }
}

/// Kinds of connections.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ConnectionKind {
    /// SSH.
    Ssh,
    /// The machine that the runner runs on.
    Local,
    /// No machine at all: every module answers `ok`.
    Memory,
    /// What somebody has written in Python.
    Plugin(Arc<PluginUse>),
}

/// A connection plugin written in Python, and what it is told.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct PluginUse {
    /// The plugin's name.
    pub name: String,
    /// The variables that it documents, with their values, for its process.
    pub variables: String,
    /// The shell that starts commands.
    pub executable: String,
}

impl fmt::Debug for PluginUse {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Some of the variables are passwords.
        write!(formatter, "PluginUse({:?})", self.name)
    }
}

/// Where and as whom to connect. Two hosts' tasks with equal options share a connection.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ConnectionOptions {
    /// How it is reached.
    pub kind: ConnectionKind,
    /// Name or address.
    pub address: String,
    /// TCP port.
    pub port: u16,
    /// Login user; the user that runs the runner if none.
    pub user: Option<String>,
    /// Private key file; the usual files of `~/.ssh` if none.
    pub private_key: Option<PathBuf>,
    /// What to do about the host's key.
    pub host_key_checking: HostKeyChecking,
    /// What the login user's password is, for hosts that accept no key.
    pub password: Option<Password>,
    /// Seconds that it may take to connect.
    pub timeout: u64,
    /// How often connecting is tried again.
    pub retries: u64,
    /// What arguments of the `ssh` program ask for besides.
    pub ssh: Arc<SshArguments>,
}

/// How to start the agent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Launch {
    /// The user that it runs as; the login user if none.
    pub r#become: Option<Become>,
}

/// The streams of a program that runs on a host.
pub struct Pipe {
    /// What it prints; closed when it ends.
    pub incoming: mpsc::Receiver<Vec<u8>>,
    /// What it reads.
    pub outgoing: Box<dyn AsyncWrite + Send + Unpin>,
    /// The end of what it printed to standard error, for messages.
    pub errors: ErrorTail,
    /// Held as long as the pipe is in use.
    pub guard: Box<dyn Any + Send>,
}

impl Pipe {
    /// Writes to the program. A write that fails is a program that stopped reading: what it says next is the better message.
    pub async fn say(&mut self, bytes: &[u8]) {
        if self.outgoing.write_all(bytes).await.is_ok() {
            // ok: as above.
            let _ = self.outgoing.flush().await;
        }
    }
}

/// The last few KiB of a standard error.
#[derive(Debug, Clone, Default)]
pub struct ErrorTail(Arc<Tail>);

#[derive(Debug, Default)]
struct Tail {
    bytes: Mutex<Vec<u8>>,
    /// What is known of the end of whatever wrote it.
    end: OnceLock<String>,
    grown: Notify,
}

impl ErrorTail {
    const LIMIT: usize = 4096;

    /// Adds output.
    pub fn push(&self, bytes: &[u8]) {
        let mut tail = self.lock();
        tail.extend_from_slice(bytes);
        let excess = tail.len().saturating_sub(Self::LIMIT);
        tail.drain(..excess);
        self.0.grown.notify_one();
    }

    /// Says how whatever wrote this has ended; the first to say it is right.
    pub fn ended(&self, how: String) {
        // ok: told already.
        let _ = self.0.end.set(how);
    }

    /// How whatever wrote this has ended, where that is known.
    pub fn end(&self) -> Option<&str> {
        self.0.end.get().map(String::as_str)
    }

    /// Forgets what was said.
    pub fn clear(&self) {
        self.lock().clear();
    }

    /// Waits until more is said.
    pub async fn grown(&self) {
        self.0.grown.notified().await;
    }

    /// The output as text.
    pub fn raw(&self) -> String {
        String::from_utf8_lossy(&self.lock()).into_owned()
    }

    /// The output as text, trimmed.
    pub fn text(&self) -> String {
        self.raw().trim().to_owned()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<u8>> {
        self.0.bytes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a command printed.
#[derive(Debug, Clone, Default)]
pub struct ExecOutput {
    /// Exit status; -1 if a signal ended it.
    pub status: i64,
    /// Standard output.
    pub stdout: Vec<u8>,
    /// Standard error.
    pub stderr: Vec<u8>,
}

/// An open connection to a host.
pub trait Connection: Send + Sync + Debug {
    /// Starts the agent, storing it on the host first if it is not there, and greets it.
    fn start_agent(&self, launch: Launch, greeting: Vec<u8>) -> BoxFuture<'_, Result<Pipe, TransportError>>;

    /// Runs a command through a shell without the agent (the module `raw`), as another user if need be.
    fn execute(
        &self,
        command: String,
        other: Option<Become>,
    ) -> BoxFuture<'_, Result<ExecOutput, TransportError>>;

    /// Removes the agent's file from the host, if this connection stored one.
    fn remove_agent(&self) -> BoxFuture<'_, ()>;

    /// Closes the connection.
    fn close(&self) -> BoxFuture<'_, ()>;

    /// Closes the connection because a playbook says so.
    fn reset(&self) -> BoxFuture<'_, ()> {
        self.close()
    }
}
