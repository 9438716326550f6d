//! A lab: a metadata cluster and machines on one host, real in every part.
//!
//! Machines are systemd containers with their own network namespace, disk, SSH host key and power button; a registry and a
//! file server beside them stand for a site's own mirrors. Everything a lab knows is in files under its state folder
//! ([`Folders`]), so the command line and any number of tests work on the same lab, and [`Lab::down`] works after a crash.
//!
//! ```no_run
//! # async fn example() -> slipway_lab::Result<()> {
//! use slipway_lab::{Lab, UpOptions};
//! let lab = Lab::up(&UpOptions::named("lab")).await?;
//! let machine = lab.machine_add("worker-1").await?;
//! println!("{}", machine.run("uname -n").await?);
//! machine.kill().await?;
//! machine.start().await?;
//! Lab::down("lab").await?;
//! # Ok(()) }
//! ```
//!
//! The lab's addresses exist only inside its network namespace. A program that talks to a machine by itself is started there
//! (`slipway-lab run -- PROGRAM`), or does so on threads that are there ([`Lab::runtime`], [`Lab::enter_thread`]);
//! [`Machine::run`] and the other methods here work from everywhere.

pub mod apiserver;
mod base_root;
mod cgroup;
mod command;
mod down;
mod error;
pub mod files;
mod group;
mod inventory;
mod kernel_parameters;
mod lab;
mod machine;
mod metadata;
mod mounts;
mod network;
mod operator;
mod player;
mod pool;
mod process;
mod progress;
mod services;
pub mod sources;
mod state;

pub use error::{Error, Result};
pub use group::Group;
pub use inventory::{ClusterFiles, ClusterOptions, kubelet_configuration};
pub use lab::{Lab, Leftovers, UpOptions};
pub use machine::{Machine, MachineState};
pub use metadata::METADATA;
pub use network::LAB_ADDRESS;
pub use player::Player;
pub use pool::SSH_KEY_SECRET;
pub use services::{FILES_URL, IMAGE_REGISTRY};
pub use state::{Folders, cache_folder};
