//! The program that the playbook runner starts on a host and that carries out modules there.
//!
//! It takes no arguments but `--version`: everything it does is asked for by frames on its input.

use std::process::ExitCode;

fn main() -> ExitCode {
    match std::env::args().nth(1).as_deref() {
        None => match slipway_agent::serve::serve_standard_streams() {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("slipway-agent: {error:#}");
                ExitCode::FAILURE
            }
        },
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
