//! Control groups of machines, on hosts with cgroup v1 hierarchies and on hosts with cgroup v2 only.
//!
//! A machine needs a subtree of its own: its systemd and its kubelet manage groups in it, and freezing or killing it
//! acts on the whole subtree. With version 2 one directory does, and systemd-nspawn delegates it. With version 1 each
//! hierarchy needs its directory, systemd-nspawn must be told to stay with version 1 (else the machine's systemd tracks
//! services in the unified hierarchy, where kubelet then cannot remove pods), and the machine mounts the
//! controllers itself, writable, before its systemd starts services.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::error::{FileContext, Result};

/// Kubelet and kube-proxy set kernel parameters: without this systemd-nspawn mounts /proc/sys read-only.
const WRITABLE_KERNEL_PARAMETERS: (&str, &str) = ("SYSTEMD_NSPAWN_API_VFS_WRITABLE", "yes");

/// The environment in which systemd-nspawn is started on a version 1 host.
const STAY_WITH_VERSION_1: &[(&str, &str)] = &[
    WRITABLE_KERNEL_PARAMETERS,
    ("SYSTEMD_NSPAWN_UNIFIED_HIERARCHY", "no"),
];

/// A unit inside a machine on a version 1 host. Each controller is mounted again because systemd-nspawn leaves them read-only.
const REMOUNT_UNIT: &str = "[Unit]
Description=Writable cgroup controllers for this machine
DefaultDependencies=no
Before=sysinit.target

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh -ec 'for controller in @controllers@; do \\
  umount /sys/fs/cgroup/$$controller 2>/dev/null || true; \\
  mkdir -p /sys/fs/cgroup/$$controller; \\
  mount -t cgroup -o rw,nosuid,nodev,noexec,$$controller cgroup /sys/fs/cgroup/$$controller; \\
done; mount --make-rshared /'

[Install]
WantedBy=sysinit.target
";

/// How this host arranges its control groups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Hierarchies {
    /// One hierarchy for each controller, with their mount points; `name=systemd` among them, and the empty unified
    /// hierarchy of a hybrid host: systemd-nspawn makes a machine's groups of `name=systemd` below its own group there.
    Version1(Vec<Hierarchy>),
    /// The unified hierarchy, mounted here.
    Version2(PathBuf),
}

/// One mounted hierarchy of version 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Hierarchy {
    /// `memory`, `cpu,cpuacct`, `name=systemd`, or nothing for the unified hierarchy beside them.
    pub(crate) controllers: String,
    /// Where it is mounted.
    pub(crate) mount: PathBuf,
}

impl Hierarchies {
    /// Looks at what is mounted on this host.
    pub(crate) fn detect() -> Result<Self> {
        let path = "/proc/self/mountinfo";
        Ok(Self::from_mounts(
            &std::fs::read_to_string(path).file("read", path)?,
        ))
    }

    fn from_mounts(mountinfo: &str) -> Self {
        const GENERAL_OPTIONS: &[&str] = &["rw", "ro", "xattr", "clone_children"];
        let is_controller =
            |option: &&str| !GENERAL_OPTIONS.contains(option) && !option.starts_with("release_agent=");
        let mut version1 = Vec::new();
        let mut version2 = None;
        for line in mountinfo.lines() {
            // See proc(5): the file system type follows the separator, super options come last.
            let Some((left, right)) = line.split_once(" - ") else {
                continue;
            };
            let Some(mount) = left
                .split(' ')
                .nth(4)
                .filter(|path| path.starts_with("/sys/fs/cgroup"))
            else {
                continue;
            };
            let mut right = right.split(' ');
            match (right.next(), right.nth(1)) {
                (Some("cgroup"), Some(options)) => {
                    let controllers: Vec<&str> = options.split(',').filter(is_controller).collect();
                    version1.push(Hierarchy {
                        controllers: controllers.join(","),
                        mount: mount.into(),
                    });
                }
                (Some("cgroup2"), _) => version2 = Some(PathBuf::from(mount)),
                _ => {}
            }
        }
        // A hybrid host has an empty unified hierarchy beside the controllers: version 1 is what counts there.
        if version1.is_empty() {
            return Self::Version2(version2.unwrap_or_else(|| "/sys/fs/cgroup".into()));
        }
        version1.extend(version2.map(|mount| Hierarchy {
            controllers: String::new(),
            mount,
        }));
        Self::Version1(version1)
    }

    fn mounts(&self) -> Vec<&Path> {
        match self {
            Self::Version1(hierarchies) => hierarchies.iter().map(|h| h.mount.as_path()).collect(),
            Self::Version2(mount) => vec![mount],
        }
    }

    /// The directories of a group `path` (such as `slipway-lab/worker-1`), made if they are missing.
    pub(crate) fn create(&self, path: &str) -> Result<Vec<PathBuf>> {
        let mut directories = Vec::new();
        for mount in self.mounts() {
            let mut directory = mount.to_owned();
            for part in path.split('/') {
                if matches!(self, Self::Version2(_)) {
                    delegate_controllers(&directory)?;
                }
                let parent = directory.clone();
                directory.push(part);
                std::fs::create_dir_all(&directory).file("create the cgroup", &directory)?;
                inherit_cpuset(&parent, &directory)?;
            }
            directories.push(directory);
        }
        Ok(directories)
    }

    /// All processes in a group and below it.
    pub(crate) fn processes(&self, path: &str) -> Vec<i32> {
        let mut found = Vec::new();
        for mount in self.mounts() {
            for directory in walkdir::WalkDir::new(mount.join(path))
                .into_iter()
                .filter_map(std::result::Result::ok)
            {
                if directory.file_type().is_dir() {
                    let listed =
                        std::fs::read_to_string(directory.path().join("cgroup.procs")).unwrap_or_default();
                    found.extend(listed.lines().filter_map(|line| line.parse::<i32>().ok()));
                }
            }
        }
        found.sort_unstable();
        found.dedup();
        found
    }

    /// Ends every process in a group and below it, by force. Nothing else can be in a group that the lab made.
    pub(crate) async fn kill(&self, path: &str) -> Result<()> {
        for _ in 0..100 {
            // A frozen process does not die before it is thawed (version 1), and may have been frozen by itself inside.
            self.freeze(path, false)?;
            let processes: Vec<i32> = self
                .processes(path)
                .into_iter()
                .filter(|id| !is_zombie(*id))
                .collect();
            if processes.is_empty() {
                return Ok(());
            }
            for id in processes.into_iter().filter_map(rustix::process::Pid::from_raw) {
                // It may have ended since it was listed.
                let _ = rustix::process::kill_process(id, rustix::process::Signal::KILL);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    /// Stops every process in a group and below it where it is, or lets them go on. A group that is not there is left alone.
    pub(crate) fn freeze(&self, path: &str, frozen: bool) -> Result<()> {
        let (file, value) = match self {
            Self::Version1(hierarchies) => {
                let Some(freezer) = hierarchies
                    .iter()
                    .find(|h| h.controllers.split(',').any(|c| c == "freezer"))
                else {
                    return Ok(());
                };
                (
                    freezer.mount.join(path).join("freezer.state"),
                    if frozen { "FROZEN" } else { "THAWED" },
                )
            }
            Self::Version2(mount) => (
                mount.join(path).join("cgroup.freeze"),
                if frozen { "1" } else { "0" },
            ),
        };
        if file.exists() {
            std::fs::write(&file, value).file("write", &file)
        } else {
            Ok(())
        }
    }

    /// Whether a group is frozen.
    pub(crate) fn is_frozen(&self, path: &str) -> bool {
        self.mounts().iter().any(|mount| {
            let read = |name: &str| std::fs::read_to_string(mount.join(path).join(name)).unwrap_or_default();
            read("freezer.state").trim().starts_with("FR") || read("cgroup.freeze").trim() == "1"
        })
    }

    /// Removes a group and everything below it, deepest first, in every hierarchy. A group that is not there is fine.
    pub(crate) async fn remove(&self, path: &str) -> Result<()> {
        for mount in self.mounts() {
            let root = mount.join(path);
            for attempt in 0.. {
                let left = remove_below(&root);
                match left {
                    None => break,
                    // The kernel takes a moment to let go of a process that has just ended.
                    Some(_) if attempt < 100 => tokio::time::sleep(Duration::from_millis(20)).await,
                    Some(error) => return Err(error).file("remove the cgroup", &root),
                }
            }
        }
        Ok(())
    }

    /// What systemd-nspawn needs in its environment.
    pub(crate) fn environment(&self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Version1(_) => STAY_WITH_VERSION_1,
            Self::Version2(_) => &[WRITABLE_KERNEL_PARAMETERS],
        }
    }

    /// A unit that a machine needs in order to manage its groups, if any.
    pub(crate) fn guest_unit(&self) -> Option<String> {
        match self {
            Self::Version1(hierarchies) => {
                let controllers: Vec<&str> = hierarchies
                    .iter()
                    .map(|hierarchy| hierarchy.controllers.as_str())
                    .filter(|controllers| !controllers.is_empty() && !controllers.starts_with("name="))
                    .collect();
                Some(REMOUNT_UNIT.replace("@controllers@", &controllers.join(" ")))
            }
            Self::Version2(_) => None,
        }
    }

    /// Directories of groups whose first part is this one, for a report of what is left.
    pub(crate) fn existing(&self, path: &str) -> Vec<PathBuf> {
        self.mounts()
            .iter()
            .map(|mount| mount.join(path))
            .filter(|directory| directory.exists())
            .collect()
    }
}

/// Version 2: passes on all controllers of a group to the groups below it.
fn delegate_controllers(directory: &Path) -> Result<()> {
    let available = directory.join("cgroup.controllers");
    let controllers = std::fs::read_to_string(&available).file("read", &available)?;
    let file = directory.join("cgroup.subtree_control");
    for controller in controllers.split_whitespace() {
        // One that cannot be passed on (cpu, while there are real-time processes) is left out: kubelet names what it lacks.
        let _left_out = std::fs::write(&file, format!("+{controller}"));
    }
    Ok(())
}

/// Version 1: a new cpuset has no processors and refuses processes until it is given some.
fn inherit_cpuset(parent: &Path, directory: &Path) -> Result<()> {
    for name in ["cpuset.cpus", "cpuset.mems"] {
        let file = directory.join(name);
        let Ok(current) = std::fs::read_to_string(&file) else {
            continue;
        };
        if current.trim().is_empty() && directory.join("tasks").exists() {
            let from = parent.join(name);
            let value = std::fs::read_to_string(&from).file("read", &from)?;
            std::fs::write(&file, value.trim()).file("write", &file)?;
        }
    }
    Ok(())
}

fn is_zombie(id: i32) -> bool {
    std::fs::read_to_string(format!("/proc/{id}/stat"))
        .ok()
        .and_then(|stat| {
            stat.rsplit_once(')')
                .map(|(_, rest)| rest.trim_start().starts_with('Z'))
        })
        .unwrap_or(true)
}

/// Removes directories, deepest first; returns the last error if one is left.
fn remove_below(root: &Path) -> Option<std::io::Error> {
    let mut last = None;
    for entry in walkdir::WalkDir::new(root)
        .contents_first(true)
        .into_iter()
        .filter_map(std::result::Result::ok)
    {
        if entry.file_type().is_dir() {
            match std::fs::remove_dir(entry.path()) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => last = Some(error),
                _ => {}
            }
        }
    }
    last
}

#[cfg(test)]
mod tests {
    use super::*;

    const HYBRID: &str = "\
25 20 0:22 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
26 25 0:23 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
27 25 0:24 / /sys/fs/cgroup/cpu,cpuacct rw,relatime - cgroup cgroup rw,cpu,cpuacct
28 25 0:25 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,xattr,name=systemd
29 25 0:26 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
";

    #[test]
    fn a_hybrid_host_counts_as_version_1() {
        let Hierarchies::Version1(found) = Hierarchies::from_mounts(HYBRID) else {
            panic!("version 1")
        };
        let controllers: Vec<&str> = found.iter().map(|h| h.controllers.as_str()).collect();
        assert_eq!(controllers, ["memory", "cpu,cpuacct", "name=systemd", ""]);
    }

    #[test]
    fn a_unified_host_counts_as_version_2_and_needs_no_unit() {
        let mounts = "30 20 0:26 / /sys/fs/cgroup rw,relatime - cgroup2 cgroup2 rw,nsdelegate\n";
        let found = Hierarchies::from_mounts(mounts);
        assert_eq!(found, Hierarchies::Version2("/sys/fs/cgroup".into()));
        assert_eq!(found.guest_unit(), None);
        assert_eq!(found.environment(), [WRITABLE_KERNEL_PARAMETERS]);
    }

    #[test]
    fn the_unit_mounts_every_controller_but_leaves_the_name_of_systemd() {
        let unit = Hierarchies::from_mounts(HYBRID).guest_unit().unwrap();
        assert!(
            unit.contains("for controller in memory cpu,cpuacct; do"),
            "{unit}"
        );
        assert!(!unit.contains("name=systemd"), "{unit}");
    }
}
