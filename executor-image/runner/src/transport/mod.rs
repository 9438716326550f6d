//! How the runner reaches hosts: connections, and the agents that run at their far end.
//!
//! A [`Connection`] starts programs on a host. [`AgentClient`] speaks the protocol with an agent over a [`Pipe`].
//! [`Hosts`] keeps one connection for each host and one agent for each user on it.

mod authentication;
mod batch;
mod r#become;
mod binary;
mod bootstrap;
mod client;
mod connection;
mod host_keys;
mod hosts;
mod local;
mod memory;
mod proxy;
mod ssh;
mod ssh_arguments;
mod ssh_config;

pub use batch::{Carrier, Carriers, Input};
pub use r#become::{Become, BecomeMethod, Password};
pub use binary::{AgentBinary, AgentBinaryError};
pub(crate) use bootstrap::quote;
pub use client::AgentClient;
pub use connection::{
    Connection, ConnectionKind, ConnectionOptions, ExecOutput, Launch, Pipe, PluginUse, TransportError,
};
pub use host_keys::HostKeyChecking;
pub use hosts::{Hosts, HostsOptions, LearnedKey};
pub use ssh_arguments::{Jump, SshArguments, SshArgumentsError};
pub use ssh_config::{Asked, SshConfig};
