//! The program that the playbook runner starts on a host and that carries out modules there.
//!
//! It takes no arguments but `--version` and `--verify`: everything it does is asked for by frames on its input. `--job` is for
//! itself: it starts itself so for a call that outlives the connection, and what to do is on its input there too.

use std::{path::Path, process::ExitCode};

use anyhow::{Context, ensure};
use slipway_agent::checksum::Algorithm;

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
        Some("--verify") => end(verify(std::env::args().nth(2).as_deref())),
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

/// Says `whole` if this program's file has the SHA-256 digest that is given in hex: a file that was cut short or mixed up says
/// something else, or cannot be run. It computes a digest several times as fast as `sha256sum` does on most hosts, and each
/// connection waits for it.
fn verify(expected: Option<&str>) -> anyhow::Result<()> {
    let expected = expected.context("--verify needs the digest of this program")?;
    let actual = Algorithm::Sha256
        .of_file(Path::new("/proc/self/exe"))
        .context("reading this program's file")?;
    ensure!(
        actual == expected,
        "this program's digest is {actual}, not {expected}"
    );
    println!("whole");
    Ok(())
}
