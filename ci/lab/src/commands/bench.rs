//! `slipway-lab bench`: Slipway's runner, Ansible, and kubeadm typed by hand, side by side on machines of one lab.

mod contender;
mod memory;

use std::process::ExitCode;
use std::time::Duration;

use clap::Subcommand;
use slipway_lab::{Lab, Player, UpOptions};

use super::floor::{self, Floor};
use contender::Measured;

/// Times side by side, in one run on this host
#[derive(Debug, Subcommand)]
pub enum Command {
    /// A cluster of one control plane and one worker: install, run again, one worker more, reset
    ///
    /// By kubeadm typed by hand (the floor), by slipway-playbook, and by ansible-playbook (pipelining, ControlPersist, 20
    /// forks) with the same playbooks. Hosts have every program and image beforehand, for all three.
    Cluster,
}

pub async fn run(name: &str, command: &Command) -> anyhow::Result<ExitCode> {
    let Command::Cluster = command;
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
            Some(floor.join),
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
        "\nBy hand: kubeadm init {}, kubeadm join {}, flannel and Ready {}, kubeadm reset of two hosts {}.",
        seconds(floor.init),
        seconds(floor.join),
        seconds(floor.ready),
        seconds(floor.reset)
    );
}
