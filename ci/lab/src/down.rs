//! Taking a lab down completely, from whatever state it is in.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::cgroup::Hierarchies;
use crate::error::{Error, FileContext, Result};
use crate::lab::Lab;
use crate::machine::{Machine, remove_nspawn_folder};
use crate::network::Network;
use crate::process::{self, Process};
use crate::state::{self, Folders};
use crate::{kernel_parameters, mounts};

/// What of a lab is on this host.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Leftovers {
    /// Processes that the lab started, by id.
    pub processes: Vec<i32>,
    /// Mounts below its folder.
    pub mounts: Vec<PathBuf>,
    /// Loop devices of its machines' disks.
    pub loop_devices: Vec<PathBuf>,
    /// Its network namespaces.
    pub namespaces: Vec<String>,
    /// Its control groups.
    pub cgroups: Vec<PathBuf>,
    /// Its folder, if it is there.
    pub folder: Option<PathBuf>,
}

impl Leftovers {
    /// Looks for everything that a lab of this name may have left on this host.
    pub fn of(name: &str) -> Result<Self> {
        let folders = Folders::of(name);
        let hierarchies = Hierarchies::detect()?;
        let cgroup = format!("slipway-{name}");
        let mut processes = hierarchies.processes(&cgroup);
        processes.extend(service_processes(&folders)?.iter().map(|process| process.id));
        Ok(Self {
            processes,
            mounts: mounts::below(&folders.root)?,
            loop_devices: mounts::loop_devices(&folders.root),
            namespaces: Network::of(name).existing(),
            cgroups: hierarchies.existing(&cgroup),
            folder: folders.root.exists().then_some(folders.root),
        })
    }

    /// Whether nothing is there.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl Lab {
    /// Ends all processes of a lab, removes its mounts, namespaces, cgroups and folder. Works from any state, also on a lab
    /// that is half up or whose commands crashed, and on none at all. The cache stays.
    pub async fn down(name: &str) -> Result<()> {
        state::check_name(name, "lab")?;
        let folders = Folders::of(name);
        if folders.root.exists() {
            let _lock = folders.lock("lab").await?;
            if let Ok(lab) = Self::open(name) {
                // The machines' records hold their processes; those are ended first, all at once.
                let machines: Vec<Machine> = lab.machines()?;
                futures::future::join_all(machines.iter().map(Machine::kill)).await;
            }
            for service in service_processes(&folders)? {
                service.end(Duration::from_secs(3)).await;
            }
        }
        let hierarchies = Hierarchies::detect()?;
        let cgroup = format!("slipway-{name}");
        hierarchies.kill(&cgroup).await?;
        mounts::unmount_below(&folders.root).await?;
        tell_of_visitors(name);
        Network::of(name).remove().await?;
        hierarchies.remove(&cgroup).await?;
        for machine in machine_folders(&folders) {
            remove_nspawn_folder(name, &machine)?;
        }
        remove_folder(&folders.root)?;
        kernel_parameters::restore(&folders).await?;
        let left = Leftovers::of(name)?;
        if left.is_empty() {
            Ok(())
        } else {
            Err(Error::Leftover {
                lab: name.to_owned(),
                left: format!("{left:?}"),
            })
        }
    }
}

/// The lab's own daemons that run, by their records.
fn service_processes(folders: &Folders) -> Result<Vec<Process>> {
    let Ok(entries) = std::fs::read_dir(&folders.root) else {
        return Ok(Vec::new());
    };
    let records = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| has_extension(path, "process"));
    records
        .filter_map(|record| process::recorded(&record).transpose())
        .collect()
}

/// Names the processes that a person started with `slipway-lab run` and that still run: they are not the lab's to end.
fn tell_of_visitors(name: &str) {
    use std::os::unix::fs::MetadataExt;
    let Ok(namespace) = std::fs::metadata(Network::of(name).namespace_file()) else {
        return;
    };
    for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
        let inside =
            std::fs::metadata(entry.path().join("ns/net")).is_ok_and(|own| own.ino() == namespace.ino());
        if inside && entry.path() != Path::new("/proc").join(std::process::id().to_string()) {
            let command = std::fs::read_to_string(entry.path().join("comm")).unwrap_or_default();
            tracing::warn!(
                "process {} ({}) still runs in the lab's network, of which it now sees nothing",
                entry.file_name().display(),
                command.trim()
            );
        }
    }
}

/// Names of all machines, also of those that have no record.
fn machine_folders(folders: &Folders) -> Vec<String> {
    let entries = std::fs::read_dir(folders.machines())
        .into_iter()
        .flatten()
        .flatten();
    entries
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect()
}

fn has_extension(path: &Path, extension: &str) -> bool {
    path.extension().is_some_and(|found| found == extension)
}

fn remove_folder(folder: &Path) -> Result<()> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).file("remove the lab's folder", folder)
        }
        _ => Ok(()),
    }
}
