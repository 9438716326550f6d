//! A machine's disk: a file system of its own in a sparse file, with its changes over the shared base root.
//!
//! Of its own, so that kubelet judges this disk and not how full the host's is, and so that filling it fills only it.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::{Machine, Record, kernel_modules};
use crate::cgroup::Hierarchies;
use crate::command::make_ssh_key;
use crate::error::{FileContext, Result};
use crate::lab::Lab;
use crate::network::{LAB_ADDRESS, machine_address};
use crate::{mounts, state};

/// What a machine sees as the size of its disk, in bytes (the file takes what is really written).
const DISK_SIZE: u64 = 40 << 30;
/// Folders whose programs need a real file system below them, not an overlay: containerd's overlays, kubelet's mounts, etcd's
/// fsync.
const REAL_FOLDERS: &[(&str, &str)] = &[
    ("containerd", "/var/lib/containerd"),
    ("kubelet", "/var/lib/kubelet"),
    ("etcd", "/var/lib/etcd"),
];

impl Machine {
    /// Makes a new machine's record, host key and empty disk. It is not booted.
    pub(crate) async fn create(lab: &Lab, name: &str, index: u8, base_root: &Path) -> Result<Self> {
        let folder = lab.folders().machine(name);
        for part in ["disk", "root"] {
            state::create_folder(&folder.join(part))?;
        }
        mounts::make_file_system(&folder.join("disk.img"), DISK_SIZE).await?;
        let key = folder.join("host-key");
        make_ssh_key(&key, name).await?;
        let public = std::fs::read_to_string(key.with_extension("pub")).file("read", &key)?;
        let host_key = public.split_whitespace().take(2).collect::<Vec<_>>().join(" ");
        let random = "/proc/sys/kernel/random/uuid";
        let machine_id = std::fs::read_to_string(random)
            .file("read", random)?
            .trim()
            .replace('-', "");
        let record = Record {
            index,
            machine_id,
            host_key,
            base_root: base_root.to_owned(),
        };
        let machine = Self {
            lab: lab.clone(),
            name: name.to_owned(),
            record,
        };
        machine.mount().await?;
        let written = machine.fill().await;
        machine.unmount().await?;
        written?;
        state::write_json(&folder.join("machine.json"), &machine.record)?;
        Ok(machine)
    }

    async fn fill(&self) -> Result<()> {
        self.write_identity()?;
        kernel_modules::write_index(&self.root()).await
    }

    /// Puts the disk together where systemd-nspawn finds it.
    pub(super) async fn mount(&self) -> Result<()> {
        let folder = self.folder();
        let disk = folder.join("disk");
        mounts::file_system(&folder.join("disk.img"), &disk).await?;
        let parts = REAL_FOLDERS.iter().map(|(part, _)| *part);
        for part in parts.chain(["upper", "work"]) {
            state::create_folder(&disk.join(part))?;
        }
        mounts::overlay(
            &self.record.base_root,
            &disk.join("upper"),
            &disk.join("work"),
            &self.root(),
        )
    }

    pub(super) async fn unmount(&self) -> Result<()> {
        mounts::unmount_below(&self.folder()).await
    }

    /// Host folders and where the machine sees them.
    pub(super) fn binds(&self) -> Vec<(PathBuf, &'static str)> {
        let disk = self.folder().join("disk");
        REAL_FOLDERS
            .iter()
            .map(|(part, inside)| (disk.join(part), *inside))
            .collect()
    }

    /// What makes this machine itself, written once so that a reboot keeps whatever was changed since.
    fn write_identity(&self) -> Result<()> {
        let root = self.root();
        let (name, address) = (&self.name, machine_address(self.record.index));
        state::write(&root.join("etc/hostname"), format!("{name}\n"))?;
        state::write(
            &root.join("etc/machine-id"),
            format!("{}\n", self.record.machine_id),
        )?;
        let hosts =
            format!("127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n{address} {name}\n");
        state::write(&root.join("etc/hosts"), hosts)?;
        // Nothing answers there, and the refusal comes at once: a look-up fails instead of waiting for a time-out.
        state::write(
            &root.join("etc/resolv.conf"),
            format!("nameserver {LAB_ADDRESS}\n"),
        )?;

        let private = root.join("etc/ssh/ssh_host_ed25519_key");
        let key = self.folder().join("host-key");
        state::write_secret(&private, std::fs::read(&key).file("read", &key)?)?;
        state::write(
            &private.with_extension("pub"),
            format!("{} {name}\n", self.record.host_key),
        )?;

        let authorized = root.join("home/slipway/.ssh/authorized_keys");
        let lab_key = self.lab.folders().ssh_key().with_extension("pub");
        state::write(&authorized, std::fs::read(&lab_key).file("read", &lab_key)?)?;
        std::fs::set_permissions(&authorized, Permissions::from_mode(0o600)).file("protect", &authorized)?;
        std::os::unix::fs::chown(&authorized, Some(1000), Some(1000))
            .file("give to its user", &authorized)?;

        if let Some(unit) = Hierarchies::detect()?.guest_unit() {
            let units = root.join("etc/systemd/system");
            state::write(&units.join("lab-cgroups.service"), unit)?;
            let wanted = units.join("sysinit.target.wants");
            state::create_folder(&wanted)?;
            let link = wanted.join("lab-cgroups.service");
            std::os::unix::fs::symlink("../lab-cgroups.service", &link).file("enable", &link)?;
        }
        Ok(())
    }
}
