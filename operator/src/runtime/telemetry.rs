//! Logs, as text for a person or JSON for a collector.

use std::io::IsTerminal as _;

use tracing_subscriber::{EnvFilter, fmt, layer::SubscriberExt, util::SubscriberInitExt};

/// Form of the log.
#[derive(clap::ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// One line for each event, for a person.
    Text,
    /// One JSON object a line, for a log collector.
    Json,
}

/// Sends what is traced to standard error from now on. A filter that cannot be read is replaced by `info`, and said
/// so: a typing error there must not keep the operator from starting. A second call changes nothing.
pub fn start(format: LogFormat, filter: &str) {
    let (filter, problem) = match EnvFilter::try_new(filter) {
        Ok(filter) => (filter, None),
        Err(error) => (EnvFilter::new("info"), Some(error)),
    };
    let registry = tracing_subscriber::registry().with(filter);
    let layer = fmt::layer()
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    let started = match format {
        LogFormat::Text => registry.with(layer.with_target(false)).try_init(),
        LogFormat::Json => registry.with(layer.json().flatten_event(true)).try_init(),
    };
    if let (Ok(()), Some(error)) = (started, problem) {
        tracing::warn!("the log filter cannot be read, `info` is used instead: {error}");
    }
}
