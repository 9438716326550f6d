//! The lab as a whole: bringing it up, finding it again, adding machines.

use std::collections::BTreeSet;
use std::os::fd::AsFd;
use std::path::Path;
use std::time::Instant;

use futures::future::try_join_all;
use serde::{Deserialize, Serialize};

pub use crate::down::Leftovers;
use crate::error::{Error, FileContext, Result};
use crate::machine::Machine;
use crate::network::{MAXIMUM_MACHINES, Network};
use crate::state::{self, Folders};
use crate::{base_root, command, kernel_parameters, services};

/// What a lab is brought up with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpOptions {
    /// The lab's name. Several labs may run side by side.
    pub name: String,
    /// Machines `machine-1` … `machine-N` that it has at least.
    pub machines: usize,
    /// Whether the registry and the file server run, with all that Kubernetes needs in them.
    pub services: bool,
}

impl UpOptions {
    /// A lab with its services and no machine.
    pub fn named(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            machines: 0,
            services: true,
        }
    }
}

/// Kept in `lab.json`: proof that a folder is a lab.
#[derive(Debug, Serialize, Deserialize)]
struct LabRecord {
    name: String,
    base_root: std::path::PathBuf,
}

/// A lab that is up. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Lab {
    name: String,
    folders: Folders,
}

impl Lab {
    /// Brings a lab up, or completes one that is up in part. Safe to call again.
    pub async fn up(options: &UpOptions) -> Result<Self> {
        state::check_name(&options.name, "lab")?;
        check_host()?;
        let lab = Self {
            name: options.name.clone(),
            folders: Folders::of(&options.name),
        };
        let base_root = base_root::ensure().await?;
        {
            let _lock = lab.folders.lock("lab").await?;
            kernel_parameters::remember(&lab.folders).await?;
            let record = LabRecord {
                name: lab.name.clone(),
                base_root,
            };
            state::write_json(&lab.folders.root.join("lab.json"), &record)?;
            state::create_folder(&lab.folders.machines())?;
            crate::mounts::share(&lab.folders.machines())?;
            lab.ensure_ssh_key().await?;
            lab.network().create().await?;
        }
        lab.write_known_hosts().await?;
        if options.services {
            services::ensure(&lab).await?;
        }
        let names: Vec<String> = (1..=options.machines)
            .map(|number| format!("machine-{number}"))
            .collect();
        lab.machines_add(&names).await?;
        Ok(lab)
    }

    /// Finds a lab that is up.
    pub fn open(name: &str) -> Result<Self> {
        state::check_name(name, "lab")?;
        let lab = Self {
            name: name.to_owned(),
            folders: Folders::of(name),
        };
        if lab.folders.root.join("lab.json").exists() && lab.network().namespace_file().exists() {
            Ok(lab)
        } else {
            Err(Error::NoLab(name.to_owned()))
        }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where its state is.
    pub fn folders(&self) -> &Folders {
        &self.folders
    }

    /// The words that put a command into the lab's network namespace, to be followed by the command.
    pub fn inside(&self) -> Vec<String> {
        vec![
            "nsenter".to_owned(),
            format!("--net={}", self.network().namespace_file().display()),
            "--".to_owned(),
        ]
    }

    /// Runs a command inside the lab's network namespace to its end and returns what it printed.
    pub async fn run<S: AsRef<str>>(&self, words: &[S]) -> Result<String> {
        let mut all = self.inside();
        all.extend(words.iter().map(|word| word.as_ref().to_owned()));
        command::run(&all).await
    }

    /// Moves the calling thread into the lab's network: sockets that it opens from then on reach the machines.
    ///
    /// For programs that talk to a machine or to the metadata cluster by themselves. With a runtime of several threads, give it
    /// to `on_thread_start`, or use [`Lab::runtime`].
    pub fn enter_thread(&self) -> Result<()> {
        let path = self.network().namespace_file();
        let namespace = std::fs::File::open(&path).file("open the lab's network", &path)?;
        let kind = Some(rustix::thread::LinkNameSpaceType::Network);
        rustix::thread::move_into_link_name_space(namespace.as_fd(), kind)
            .file("enter the lab's network", &path)
    }

    /// A tokio runtime all of whose threads are in the lab's network.
    pub fn runtime(&self) -> Result<tokio::runtime::Runtime> {
        let lab = self.clone();
        let enter = move || {
            if let Err(error) = lab.enter_thread() {
                tracing::error!("{error}: this thread reaches no machine");
            }
        };
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .on_thread_start(enter)
            .build();
        runtime.map_err(|source| Error::Start {
            program: "a runtime in the lab's network".to_owned(),
            source,
            hint: "the system is short of threads",
        })
    }

    /// A machine by its name.
    pub fn machine(&self, name: &str) -> Result<Machine> {
        Machine::load(self, name)
    }

    /// All machines, by address.
    pub fn machines(&self) -> Result<Vec<Machine>> {
        let mut machines = Vec::new();
        for name in self.machine_names()? {
            // One that is just being made or removed has no record.
            if let Ok(machine) = Machine::load(self, &name) {
                machines.push(machine);
            }
        }
        machines.sort_by_key(|machine: &Machine| machine.record.index);
        Ok(machines)
    }

    /// Adds a machine, boots it, and waits until it answers SSH. One that exists is started if it is off.
    pub async fn machine_add(&self, name: &str) -> Result<Machine> {
        let mut added = self.machines_add(&[name.to_owned()]).await?;
        added.pop().ok_or_else(|| Error::NoMachine {
            lab: self.name.clone(),
            machine: name.to_owned(),
        })
    }

    /// Adds several machines at once. The result is in the order of the names.
    pub async fn machines_add(&self, names: &[String]) -> Result<Vec<Machine>> {
        for name in names {
            state::check_name(name, "machine")?;
        }
        let machines = {
            let _lock = self.folders.lock("lab").await?;
            let mut machines = Vec::new();
            for name in names {
                machines.push(self.find_or_create(name).await?);
            }
            machines
        };
        self.write_known_hosts().await?;
        try_join_all(machines.iter().map(|machine| async {
            let start = Instant::now();
            machine.start().await?;
            tracing::info!(
                "machine {} answers at {} ({:.1} s)",
                machine.name(),
                machine.address(),
                start.elapsed().as_secs_f64()
            );
            Ok::<_, Error>(())
        }))
        .await?;
        Ok(machines)
    }

    async fn find_or_create(&self, name: &str) -> Result<Machine> {
        match Machine::load(self, name) {
            Err(Error::NoMachine { .. }) => {
                let record: LabRecord = state::read_json(&self.folders.root.join("lab.json"))?;
                let folder = self.folders.machine(name);
                if folder.exists() {
                    // Left by a creation that was interrupted before its record was written.
                    crate::mounts::unmount_below(&folder).await?;
                    std::fs::remove_dir_all(&folder).file("remove the half-made machine", &folder)?;
                }
                Machine::create(self, name, self.free_index()?, &record.base_root).await
            }
            found => found,
        }
    }

    fn free_index(&self) -> Result<u8> {
        let used: BTreeSet<u8> = self
            .machines()?
            .iter()
            .map(|machine| machine.record.index)
            .collect();
        (1..=MAXIMUM_MACHINES)
            .find(|index| !used.contains(index))
            .ok_or_else(|| Error::Full(self.name.clone()))
    }

    pub(crate) fn machine_names(&self) -> Result<Vec<String>> {
        let folder = self.folders.machines();
        if !folder.exists() {
            return Ok(Vec::new());
        }
        let entries = std::fs::read_dir(&folder).file("list", &folder)?;
        Ok(entries
            .flatten()
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .collect())
    }

    /// Writes the host keys of all machines, by address and by name.
    pub(crate) async fn write_known_hosts(&self) -> Result<()> {
        let _lock = self.folders.lock("known-hosts").await?;
        let machines = self.machines()?;
        let lines = machines.iter().map(|machine| {
            format!(
                "{},{} {}\n",
                machine.address(),
                machine.name(),
                machine.host_key()
            )
        });
        let text = lines.collect::<Vec<_>>().concat();
        let file = self.folders.known_hosts();
        let partial = file.with_extension("partial");
        state::write(&partial, text)?;
        std::fs::rename(&partial, &file).file("write", &file)
    }

    async fn ensure_ssh_key(&self) -> Result<()> {
        let key = self.folders.ssh_key();
        if key.with_extension("pub").exists() {
            return Ok(());
        }
        let _half_written = std::fs::remove_file(&key);
        command::make_ssh_key(&key, &self.name).await
    }

    pub(crate) fn network(&self) -> Network {
        Network::of(&self.name)
    }

    /// The control group of everything in the lab.
    pub(crate) fn cgroup(&self) -> String {
        format!("slipway-{}", self.name)
    }
}

/// Names what a lab needs and this host does not have.
fn check_host() -> Result<()> {
    if !rustix::process::geteuid().is_root() {
        return Err(Error::Unsupported(
            "a lab makes namespaces, mounts and cgroups, which needs root".to_owned(),
        ));
    }
    let programs = [
        "systemd-nspawn",
        "mmdebstrap",
        "ip",
        "nsenter",
        "ssh",
        "ssh-keygen",
        "mkfs.ext4",
        "mount",
        "setsid",
        "apt-get",
        "chroot",
    ];
    let missing: Vec<&str> = programs
        .into_iter()
        .filter(|program| which::which(program).is_err())
        .collect();
    if !missing.is_empty() {
        return Err(Error::Unsupported(format!(
            "missing: {}; install the packages listed in ci/lab/apt-packages.txt",
            missing.join(", ")
        )));
    }
    let overlay = std::fs::read_to_string("/proc/filesystems").is_ok_and(|text| text.contains("overlay"));
    if !overlay && !Path::new("/sys/module/overlay").exists() {
        return Err(Error::Unsupported(
            "the kernel has no overlay file system: run `modprobe overlay`".to_owned(),
        ));
    }
    Ok(())
}
