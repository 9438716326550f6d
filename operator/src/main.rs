//! `slipway-operator`: reads its arguments, sets up logs, and runs until it is told to stop.

use std::process::ExitCode;

use clap::Parser;
use slipway_operator::runtime::{self, args::Arguments, telemetry};

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    telemetry::start(arguments.log_format, &arguments.log_filter);
    match runtime::run_process(arguments).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("slipway-operator stops: {error:#}");
            ExitCode::FAILURE
        }
    }
}
