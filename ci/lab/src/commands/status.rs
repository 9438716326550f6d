//! `slipway-lab status`

use std::process::ExitCode;

use slipway_lab::{Lab, MachineState};

/// Show the lab's machines: name, address, what each is doing
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// For programs: one JSON object
    #[arg(long)]
    json: bool,
}

pub async fn run(name: &str, arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let lab = Lab::open(name)?;
    let mut machines = Vec::new();
    for machine in lab.machines()? {
        let state: MachineState = machine.state().await?;
        machines.push((machine, state));
    }
    if arguments.json {
        let list: Vec<_> = machines
            .iter()
            .map(|(machine, state)| {
                serde_json::json!({
                    "name": machine.name(), "address": machine.address(), "state": state, "hostKey": machine.host_key(),
                })
            })
            .collect();
        let folders = lab.folders();
        let status = serde_json::json!({
            "name": name, "state": folders.root, "sshKey": folders.ssh_key(), "knownHosts": folders.known_hosts(), "machines": list,
        });
        println!("{}", serde_json::to_string_pretty(&status)?);
    } else {
        println!("{:<24} {:<14} STATE", "NAME", "ADDRESS");
        for (machine, state) in machines {
            println!("{:<24} {:<14} {state}", machine.name(), machine.address());
        }
    }
    Ok(ExitCode::SUCCESS)
}
