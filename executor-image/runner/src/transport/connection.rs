//! What a connection is.

use std::{
    any::Any,
    fmt::Debug,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use futures::future::BoxFuture;
use thiserror::Error;
use tokio::{io::AsyncWrite, sync::mpsc};

use super::{HostKeyChecking, r#become::Become};

/// Why a host cannot be reached or does not serve this run: the host is unreachable, with this as the reason.
#[derive(Debug, Clone, Error)]
#[error("{0}")]
pub struct TransportError(pub String);

/// Kinds of connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ConnectionKind {
    /// SSH.
    Ssh,
    /// The machine that the runner runs on.
    Local,
    /// No machine at all: every module answers `ok`.
    Memory,
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

/// The last few KiB of a standard error.
#[derive(Debug, Clone, Default)]
pub struct ErrorTail(Arc<Mutex<Vec<u8>>>);

impl ErrorTail {
    const LIMIT: usize = 4096;

    /// Adds output.
    pub fn push(&self, bytes: &[u8]) {
        let mut tail = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tail.extend_from_slice(bytes);
        let excess = tail.len().saturating_sub(Self::LIMIT);
        tail.drain(..excess);
    }

    /// The output as text, trimmed.
    pub fn text(&self) -> String {
        let tail = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&tail).trim().to_owned()
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
    /// Starts the agent, storing it on the host first if it is not there.
    fn start_agent(&self, launch: Launch) -> BoxFuture<'_, Result<Pipe, TransportError>>;

    /// Runs a command through a shell without the agent (the module `raw`).
    fn execute(&self, command: String) -> BoxFuture<'_, Result<ExecOutput, TransportError>>;

    /// Removes the agent's file from the host, if this connection stored one.
    fn remove_agent(&self) -> BoxFuture<'_, ()>;

    /// Closes the connection.
    fn close(&self) -> BoxFuture<'_, ()>;
}
