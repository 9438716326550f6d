//! `slipway-lab bench cluster`: Slipway's runner, Ansible, and kubeadm typed by hand, side by side on machines of one lab.

use std::process::ExitCode;
use std::time::Duration;

use slipway_lab::{ClusterFiles, ClusterOptions, Lab, Player, UpOptions};

use super::measure::measure;
use crate::commands::floor::{self, Floor};

/// What it took.
#[derive(Debug, Clone, Copy)]
struct Measured {
    /// A cluster of one control plane and one worker.
    install: Duration,
    /// The same once more.
    again: Duration,
    /// One worker more.
    scale_out: Duration,
    /// All three hosts.
    reset: Duration,
    /// The most memory that the controller held during the installation.
    memory_bytes: u64,
}

impl Measured {
    /// Plays on three fresh machines, which are removed afterwards.
    async fn of(player: Player, lab: &Lab) -> anyhow::Result<Self> {
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
    let words = player.words(lab, &files.inventory, entry, arguments)?;
    let log = std::env::temp_dir().join(format!("slipway-bench-{}.log", player.name()));
    let measured = measure(lab, player.name(), &words, &log).await?;
    println!("{:<8} {entry:<14} {measured}", player.name());
    Ok((measured.wall, measured.memory_bytes))
}

/// Measures all three and prints the table.
pub async fn run(name: &str) -> anyhow::Result<ExitCode> {
    let lab = Lab::up(&UpOptions::named(name)).await?;
    let floor = floor::measure(&lab).await?;
    let mut measured = Vec::new();
    for player in [Player::Slipway, Player::Ansible] {
        measured.push(Measured::of(player, &lab).await?);
    }
    print(&floor, &measured);
    Lab::down(name).await?;
    Ok(ExitCode::SUCCESS)
}

/// A row: what, its floor, what Slipway took, what Ansible took, and the goal for Slipway.
type Row<'a> = (&'a str, Option<Duration>, fn(&Measured) -> Duration, &'a str);

fn print(floor: &Floor, measured: &[Measured]) {
    let rows: [Row<'_>; 4] = [
        (
            "install 1+1",
            Some(floor.cluster()),
            |times| times.install,
            "≤ 1.5 × by hand",
        ),
        ("second run, no change", None, |times| times.again, "≤ 5 s"),
        (
            "one worker more",
            Some(floor.worker()),
            |times| times.scale_out,
            "≤ 2 × by hand",
        ),
        (
            "reset of three hosts",
            Some(floor.reset),
            |times| times.reset,
            "≤ 10 s",
        ),
    ];
    let seconds = |time: Duration| format!("{:.1} s", time.as_secs_f64());
    println!(
        "\n{:<24}{:>10}{:>20}{:>20}   GOAL FOR SLIPWAY",
        "", "BY HAND", "slipway-playbook", "ansible-playbook"
    );
    for (what, by_hand, of, goal) in rows {
        print!(
            "{what:<24}{:>10}",
            by_hand.map_or_else(|| "-".to_owned(), seconds)
        );
        for times in measured {
            let ratio = by_hand.map_or_else(String::new, |floor| {
                format!(" ({:.2}×)", of(times).as_secs_f64() / floor.as_secs_f64())
            });
            print!("{:>20}", format!("{}{ratio}", seconds(of(times))));
        }
        println!("   {goal}");
    }
    print!("{:<24}{:>10}", "peak memory, install", "-");
    for times in measured {
        print!("{:>20}", format!("{} MB", times.memory_bytes / 1_000_000));
    }
    println!();
    println!(
        "\nBy hand: kubeadm init {}, kubeadm join right after it {}, flannel and Ready {}, another kubeadm join {} and Ready {}, kubeadm reset {}.",
        seconds(floor.init),
        seconds(floor.first_join),
        seconds(floor.ready),
        seconds(floor.join),
        seconds(floor.joined_ready),
        seconds(floor.reset)
    );
}
