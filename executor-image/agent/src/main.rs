//! The program that the playbook runner starts on a host and that carries out modules there.
//!
//! Everything it does is asked for by frames on its input; the first of them, the greeting, may be given with `--greeted` instead, in
//! hexadecimal digits: a runner far away then waits for one answer less. With `--batch` it
//! carries out what its input asks for and ends, for ways to a host that carry one command and its output. `--job` is for itself: it
//! starts itself so for a call that outlives the connection, and what to do is on its input there too.

use std::io::Write as _;
use std::process::ExitCode;

use anyhow::Context;

fn main() -> ExitCode {
    let end = |result: anyhow::Result<()>| match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("slipway-agent: {error:#}");
            ExitCode::FAILURE
        }
    };
    let mut arguments = std::env::args().skip(1);
    match arguments.next().as_deref() {
        None => end(slipway_agent::serve::serve_standard_streams(&[])),
        Some("--greeted") => end(greeted(&arguments.next().unwrap_or_default())),
        Some("--batch") => end(slipway_agent::serve::serve_batch()),
        Some(slipway_agent::job::ARGUMENT) => end(slipway_agent::job::carry_out_from_standard_input()),
        Some("--version" | "-V") => {
            // ok: nobody may be there to read.
            let _ = writeln!(
                std::io::stdout(),
                "slipway-agent {} (protocol {})",
                env!("CARGO_PKG_VERSION"),
                slipway_protocol::PROTOCOL_VERSION
            );
            ExitCode::SUCCESS
        }
        Some(other) => {
            eprintln!(
                "slipway-agent: unknown argument {other:?}; it is the playbook runner that starts this program"
            );
            ExitCode::from(2)
        }
    }
}

fn greeted(digits: &str) -> anyhow::Result<()> {
    let greeting = hex::decode(digits).context("reading the greeting after --greeted")?;
    slipway_agent::serve::serve_standard_streams(&greeting)
}
