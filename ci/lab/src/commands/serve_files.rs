//! `slipway-lab serve-files`, which `up` starts inside the lab's network.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

/// Serve the files below a folder over HTTP
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The folder
    folder: PathBuf,
    /// Address and port to listen on
    #[arg(long)]
    listen: SocketAddr,
}

pub async fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    slipway_lab::files::serve(arguments.folder, arguments.listen).await?;
    Ok(ExitCode::SUCCESS)
}
