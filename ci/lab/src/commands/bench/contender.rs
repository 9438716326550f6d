//! A program that plays the playbooks, measured on machines of its own.

use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use slipway_lab::{ClusterFiles, ClusterOptions, Lab, Player};
use tokio::process::Command;

use super::memory;
use crate::commands::floor;

/// What it took.
#[derive(Debug, Clone, Copy)]
pub struct Measured {
    /// A cluster of one control plane and one worker.
    pub install: Duration,
    /// The same once more.
    pub again: Duration,
    /// One worker more.
    pub scale_out: Duration,
    /// All three hosts.
    pub reset: Duration,
    /// The most memory that the controller held during the installation.
    pub memory_bytes: u64,
}

impl Measured {
    /// Plays on three fresh machines, which are removed afterwards.
    pub async fn of(player: Player, lab: &Lab) -> anyhow::Result<Self> {
        let names: Vec<String> = (1..=3)
            .map(|number| format!("{}-{number}", player.name()))
            .collect();
        let machines = lab.machines_add(&names).await?;
        floor::prepare(lab, player.name(), &names).await?;
        let files = |workers: &[String]| {
            lab.cluster_files(&ClusterOptions {
                name: player.name().to_owned(),
                control_plane: names[..1].to_vec(),
                workers: workers.to_vec(),
                kubernetes_version: None,
            })
        };
        let two = files(&names[1..2])?;
        let (install, memory_bytes) = play(player, lab, &two, "install.yml", &[]).await?;
        let (again, _) = play(player, lab, &two, "install.yml", &[]).await?;
        let three = files(&names[1..])?;
        let limit = ["--limit", names[2].as_str()];
        let (scale_out, _) = play(player, lab, &three, "scale-out.yml", &limit).await?;
        let (reset, _) = play(player, lab, &three, "reset.yml", &[]).await?;
        for machine in machines {
            machine.remove().await?;
        }
        Ok(Self {
            install,
            again,
            scale_out,
            reset,
            memory_bytes,
        })
    }
}

/// Plays one playbook; how long it took, and the most memory that it held.
async fn play(
    player: Player,
    lab: &Lab,
    files: &ClusterFiles,
    entry: &str,
    arguments: &[&str],
) -> anyhow::Result<(Duration, u64)> {
    let mut words = lab.inside();
    words.extend(player.words(lab, &files.inventory, entry, arguments)?);
    let log = std::env::temp_dir().join(format!("slipway-bench-{}.log", player.name()));
    let output = std::fs::File::create(&log).with_context(|| format!("write {}", log.display()))?;
    let start = Instant::now();
    let mut child = Command::new(&words[0])
        .args(&words[1..])
        .stdin(Stdio::null())
        .stdout(output.try_clone()?)
        .stderr(output)
        .kill_on_drop(true)
        .spawn()
        .with_context(|| format!("start {}", words[0]))?;
    let id = child.id().context("the program ended before it began")?;
    let mut most = 0;
    let status = loop {
        tokio::select! {
            ended = child.wait() => break ended?,
            () = tokio::time::sleep(Duration::from_millis(250)) => most = most.max(memory::of_tree(id)),
        }
    };
    let took = start.elapsed();
    ensure!(
        status.success(),
        "{} {entry} failed ({status}), see {}",
        player.name(),
        log.display()
    );
    println!("{:<8} {entry:<14} {:.1} s", player.name(), took.as_secs_f64());
    Ok((took, most))
}
