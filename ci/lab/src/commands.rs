//! The commands, one file each.

mod bench;
mod demo;
mod down;
mod floor;
mod inventory;
mod kubectl;
mod machine;
mod metadata;
mod operator;
mod run;
mod serve_files;
mod status;
mod up;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use slipway_lab::{Error, Lab};

/// A metadata cluster and machines on one host, real in every part: for demos, tests and benchmarks.
///
/// Machines are systemd containers with their own network, disk and power button. They reach each
/// other, the lab's image registry (10.77.0.1:5000) and its file server (http://10.77.0.1:8080),
/// and nothing outside.
///
/// A first tour:
///   slipway-lab up --machines 2
///   slipway-lab status
///   slipway-lab machine ssh machine-1
///   slipway-lab machine kill machine-1
///   slipway-lab machine start machine-1
///   slipway-lab down
///
/// Exit codes: 0 done, 1 failed, 2 wrong usage, 3 this host cannot run a lab, 4 no such lab or
/// machine, 5 not ready in time; `run`, `kubectl` and `machine ssh` exit as the command that they run.
#[derive(Debug, Parser)]
#[command(name = "slipway-lab", version, verbatim_doc_comment)]
pub struct Arguments {
    /// Which lab; several may run side by side
    #[arg(long, short, global = true, default_value = "lab", env = "SLIPWAY_LAB")]
    name: String,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Up(up::Arguments),
    /// Take the lab down: no process, mount, namespace, cgroup or file of it stays; the cache does
    ///
    /// Works from any state, also after a crash or a half-done `up`. Ends only what the lab itself started.
    Down,
    Status(status::Arguments),
    #[command(subcommand)]
    Machine(machine::Command),
    Run(run::Arguments),
    Inventory(inventory::Arguments),
    #[command(subcommand)]
    Metadata(metadata::Command),
    #[command(subcommand)]
    Operator(operator::Command),
    Kubectl(kubectl::Arguments),
    Demo(demo::Arguments),
    #[command(subcommand)]
    Bench(bench::Command),
    #[command(hide = true)]
    ServeFiles(serve_files::Arguments),
}

impl Arguments {
    /// Does what was asked.
    pub async fn run(self) -> anyhow::Result<ExitCode> {
        let name = self.name;
        match self.command {
            Command::Up(arguments) => up::run(&name, &arguments).await,
            Command::Down => down::run(&name).await,
            Command::Status(arguments) => status::run(&name, &arguments).await,
            Command::Machine(command) => machine::run(&Lab::open(&name)?, command).await,
            Command::Run(arguments) => run::run(&Lab::open(&name)?, &arguments),
            Command::Inventory(arguments) => inventory::run(&Lab::open(&name)?, arguments),
            Command::Metadata(command) => metadata::run(&Lab::open(&name)?, &command).await,
            Command::Operator(command) => operator::run(&Lab::open(&name)?, &command).await,
            Command::Kubectl(arguments) => kubectl::run(&Lab::open(&name)?, &arguments).await,
            Command::Demo(arguments) => demo::run(&name, &arguments).await,
            Command::Bench(command) => bench::run(&name, &command).await,
            Command::ServeFiles(arguments) => serve_files::run(arguments).await,
        }
    }
}

/// The exit code that tells a script what went wrong.
pub fn exit_code(error: &anyhow::Error) -> u8 {
    match error.downcast_ref::<Error>() {
        Some(Error::Name { .. }) => 2,
        Some(Error::Unsupported(_) | Error::Start { .. }) => 3,
        Some(Error::NoLab(_) | Error::NoMachine { .. }) => 4,
        Some(Error::Timeout { .. }) => 5,
        _ => 1,
    }
}
