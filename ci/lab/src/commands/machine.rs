//! `slipway-lab machine …`

use std::process::ExitCode;
use std::time::Instant;

use clap::Subcommand;
use futures::future::try_join_all;
use slipway_lab::{Lab, Machine};

use super::run::become_command;

/// Add, remove, disturb and reach machines
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Add machines and boot them, all at once
    Add(Names),
    /// Power off at once and remove the disk
    Rm(Names),
    /// Power off in good order; the disk is kept
    Stop(Names),
    /// Power on (after `stop` or `kill`: the same disk)
    Start(Names),
    /// Pull the plug: every process in it ends at once; the disk is kept
    Kill(Names),
    /// Let no process in it run: it hangs until `thaw`
    Freeze(Names),
    /// Undo `freeze`
    Thaw(Names),
    /// Pull the network cable: it runs, nobody reaches it, until `heal`
    Partition(Names),
    /// Undo `partition`
    Heal(Names),
    /// Log in as user `slipway`, or run a command there
    Ssh {
        /// The machine
        machine: String,
        /// A command to run instead of a shell
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        command: Vec<String>,
    },
    /// Print what it wrote on its console
    Logs {
        /// The machine
        machine: String,
    },
}

#[derive(Debug, clap::Args)]
pub struct Names {
    /// One or more machines
    #[arg(required = true)]
    machines: Vec<String>,
}

pub async fn run(lab: &Lab, command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Add(names) => {
            for machine in lab.machines_add(&names.machines).await? {
                println!("{} {}", machine.name(), machine.address());
            }
        }
        Command::Rm(names) => each(lab, &names, "removed", async |machine| machine.remove().await).await?,
        Command::Stop(names) => each(lab, &names, "stopped", async |machine| machine.stop().await).await?,
        Command::Start(names) => each(lab, &names, "started", async |machine| machine.start().await).await?,
        Command::Kill(names) => each(lab, &names, "killed", async |machine| machine.kill().await).await?,
        Command::Freeze(names) => each(lab, &names, "frozen", async |machine| machine.freeze()).await?,
        Command::Thaw(names) => each(lab, &names, "thawed", async |machine| machine.thaw()).await?,
        Command::Partition(names) => {
            each(lab, &names, "cut off", async |machine| machine.partition().await).await?;
        }
        Command::Heal(names) => each(lab, &names, "connected", async |machine| machine.heal().await).await?,
        Command::Ssh { machine, command } => {
            return become_command(&lab.machine(&machine)?.ssh_command(&command));
        }
        Command::Logs { machine } => {
            let mut log = std::fs::File::open(lab.machine(&machine)?.console_log())?;
            std::io::copy(&mut log, &mut std::io::stdout())?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Does one thing to all named machines at once. All are looked up before anything is done to one.
async fn each(
    lab: &Lab,
    names: &Names,
    done: &str,
    action: impl AsyncFn(&Machine) -> slipway_lab::Result<()>,
) -> anyhow::Result<()> {
    let machines = names
        .machines
        .iter()
        .map(|name| lab.machine(name))
        .collect::<slipway_lab::Result<Vec<_>>>()?;
    try_join_all(machines.iter().map(|machine| {
        let action = &action;
        async move {
            let start = Instant::now();
            action(machine).await?;
            println!(
                "{} {done} ({:.1} s)",
                machine.name(),
                start.elapsed().as_secs_f64()
            );
            Ok::<_, slipway_lab::Error>(())
        }
    }))
    .await?;
    Ok(())
}
