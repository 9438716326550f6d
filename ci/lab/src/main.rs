//! `slipway-lab`: the command line of the lab. Everything it does is in the library.

mod commands;

use std::io::IsTerminal as _;
use std::process::ExitCode;

use clap::Parser;

#[tokio::main]
async fn main() -> ExitCode {
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
