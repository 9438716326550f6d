//! `slipway-lab down`

use std::process::ExitCode;

use slipway_lab::{Lab, Leftovers};

pub async fn run(name: &str) -> anyhow::Result<ExitCode> {
    let was_there = !Leftovers::of(name)?.is_empty();
    Lab::down(name).await?;
    println!(
        "lab {name} {}",
        if was_there {
            "is down, nothing of it is left"
        } else {
            "was not up"
        }
    );
    Ok(ExitCode::SUCCESS)
}
