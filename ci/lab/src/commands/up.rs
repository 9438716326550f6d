//! `slipway-lab up`

use std::process::ExitCode;
use std::time::Instant;

use slipway_lab::{FILES_URL, IMAGE_REGISTRY, Lab, UpOptions};

/// Bring the lab up, or complete one that is up in part
///
/// The first time, this builds the machines' root file system, Kubernetes' programs and their images into the cache
/// ($SLIPWAY_CACHE, default ~/.cache/slipway); after that it takes seconds. Safe to run again.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Machines that the lab has at least (machine-1, machine-2, …)
    #[arg(long, default_value_t = 0)]
    machines: usize,
    /// Only the network and machines: no image registry, no file server
    #[arg(long)]
    bare: bool,
}

pub async fn run(name: &str, arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let start = Instant::now();
    let options = UpOptions {
        name: name.to_owned(),
        machines: arguments.machines,
        services: !arguments.bare,
    };
    let lab = Lab::up(&options).await?;
    println!(
        "lab {name} is up ({:.1} s), state in {}",
        start.elapsed().as_secs_f64(),
        lab.folders().root.display()
    );
    if options.services {
        println!("  images {IMAGE_REGISTRY}   files {FILES_URL}");
    }
    for machine in lab.machines()? {
        println!("  {}  {}", machine.address(), machine.name());
    }
    Ok(ExitCode::SUCCESS)
}
