//! The program that the playbook runner starts on a host and that carries out modules there.
//!
//! It takes no arguments but `--version`: everything it does is asked for by frames on its input. `--job` is for itself: it starts
//! itself so for a call that outlives the connection, and what to do is on its input there too.

use std::process::ExitCode;

fn main() -> ExitCode {
    let end = |result: anyhow::Result<()>| match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("slipway-agent: {error:#}");
            ExitCode::FAILURE
        }
    };
    match std::env::args().nth(1).as_deref() {
        None => end(slipway_agent::serve::serve_standard_streams()),
        Some(slipway_agent::job::ARGUMENT) => end(slipway_agent::job::carry_out_from_standard_input()),
        Some("--version" | "-V") => {
            println!(
                "slipway-agent {} (protocol {})",
                env!("CARGO_PKG_VERSION"),
                slipway_protocol::PROTOCOL_VERSION
            );
            ExitCode::SUCCESS
        }
        Some(other) => {
            eprintln!(
                "slipway-agent: unknown argument {other:?}; the playbook runner starts it without arguments"
            );
            ExitCode::from(2)
        }
    }
}
