//! `slipway-lab`: the command line of the lab. Everything it does is in the library.

mod commands;

use std::io::IsTerminal as _;
use std::process::ExitCode;

use clap::Parser;

#[tokio::main]
async fn main() -> ExitCode {
    end_when_nobody_reads();
    let arguments = commands::Arguments::parse();
    let filter =
        tracing_subscriber::EnvFilter::try_from_env("SLIPWAY_LAB_LOG").unwrap_or_else(|_| "info".into());
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false)
        .without_time()
        .init();
    match arguments.run().await {
        Ok(code) => code,
        Err(error) => {
            eprintln!("slipway-lab: {error:#}");
            ExitCode::from(commands::exit_code(&error))
        }
    }
}

/// The exit code of a program that is ended because nobody reads any more what it prints, as shells say it: 128 and SIGPIPE.
const NOBODY_READS: i32 = 141;

/// Rust ignores SIGPIPE and `println!` panics instead: `slipway-lab status | head -1` shall end as other programs do.
fn end_when_nobody_reads() {
    let told = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        let message = panic.payload_as_str().unwrap_or_default();
        if message.starts_with("failed printing to stdout") && message.contains("Broken pipe") {
            std::process::exit(NOBODY_READS);
        }
        told(panic);
    }));
}
