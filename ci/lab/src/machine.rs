//! One machine of the lab: a systemd container with its own network, disk, host key and power button.

mod boot;
mod disk;
mod kernel_modules;
mod power;
mod ssh;

pub(crate) use power::remove_nspawn_folder;

use std::net::Ipv4Addr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::cgroup::Hierarchies;
use crate::error::{Error, Result};
use crate::lab::Lab;
use crate::process;
use crate::state;

/// What is kept of a machine, in `machines/NAME/machine.json`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Record {
    /// Its place in the lab's network.
    pub(crate) index: u8,
    /// machine-id(5): the same at every boot.
    pub(crate) machine_id: String,
    /// Its SSH host key, in one line as in a `.pub` file without the comment.
    pub(crate) host_key: String,
    /// The read-only root below its own disk.
    pub(crate) base_root: PathBuf,
}

/// What a machine is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum MachineState {
    /// Powered on.
    Running,
    /// Powered on, and no process in it gets any time.
    Frozen,
    /// Powered on, with its network cable pulled.
    Partitioned,
    /// Powered off; its disk is kept.
    Stopped,
}

impl std::fmt::Display for MachineState {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.pad(match self {
            Self::Running => "running",
            Self::Frozen => "frozen",
            Self::Partitioned => "partitioned",
            Self::Stopped => "stopped",
        })
    }
}

/// A machine of a lab. Cheap to clone; everything it knows is in files, so any number of handles may exist.
#[derive(Debug, Clone)]
pub struct Machine {
    pub(crate) lab: Lab,
    pub(crate) name: String,
    pub(crate) record: Record,
}

impl Machine {
    /// Its name, which is also its hostname.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its address in the lab's network.
    pub fn address(&self) -> Ipv4Addr {
        crate::network::machine_address(self.record.index)
    }

    /// Its SSH host key (`ssh-ed25519 AAAA…`), known before its first boot.
    pub fn host_key(&self) -> &str {
        &self.record.host_key
    }

    /// What it wrote on its console since it was made.
    pub fn console_log(&self) -> PathBuf {
        self.folder().join("console.log")
    }

    /// What it is doing now.
    pub async fn state(&self) -> Result<MachineState> {
        if process::recorded(&self.process_record())?.is_none() {
            return Ok(MachineState::Stopped);
        }
        if Hierarchies::detect()?.is_frozen(&self.cgroup()) {
            return Ok(MachineState::Frozen);
        }
        let plugged = self.lab.network().cable_is_plugged(self.record.index).await;
        Ok(if plugged {
            MachineState::Running
        } else {
            MachineState::Partitioned
        })
    }

    pub(crate) fn load(lab: &Lab, name: &str) -> Result<Self> {
        let file = lab.folders().machine(name).join("machine.json");
        if state::check_name(name, "machine").is_err() || !file.exists() {
            return Err(Error::NoMachine {
                lab: lab.name().to_owned(),
                machine: name.to_owned(),
            });
        }
        Ok(Self {
            lab: lab.clone(),
            name: name.to_owned(),
            record: state::read_json(&file)?,
        })
    }

    fn folder(&self) -> PathBuf {
        self.lab.folders().machine(&self.name)
    }

    fn root(&self) -> PathBuf {
        self.folder().join("root")
    }

    fn process_record(&self) -> PathBuf {
        self.folder().join("process")
    }

    fn cgroup(&self) -> String {
        format!("{}/{}", self.lab.cgroup(), self.name)
    }

    /// Only one command at a time may change a machine's power.
    async fn lock(&self) -> Result<std::fs::File> {
        state::lock_file(self.folder().join("lock")).await
    }
}
