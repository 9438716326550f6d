//! What `modprobe` finds in a machine. A machine shares the host's kernel, so it also needs that kernel's index of modules.

use std::collections::BTreeSet;
use std::path::Path;

use crate::command::run;
use crate::error::{FileContext, Result};
use crate::state;

/// Modules that Kubernetes asks for, each with the file that exists when the kernel has it.
const PROOFS: &[(&str, &str)] = &[
    ("br_netfilter", "/proc/sys/net/bridge/bridge-nf-call-iptables"),
    ("nf_conntrack", "/proc/sys/net/netfilter/nf_conntrack_max"),
];

/// The host's index, if its distribution ships one for the running kernel.
pub(super) fn host_index() -> Option<std::path::PathBuf> {
    let folder = Path::new("/lib/modules").join(release());
    folder.exists().then_some(folder)
}

/// Where the host has no index (a kernel that came without a distribution), writes one of what the kernel shows to have
/// built in: `modprobe` then answers truthfully.
pub(super) async fn write_index(root: &Path) -> Result<()> {
    let folder = root.join("lib/modules").join(release());
    state::create_folder(&folder)?;
    if host_index().is_some() {
        return Ok(());
    }
    let mut names: BTreeSet<String> = BTreeSet::new();
    for entry in std::fs::read_dir("/sys/module")
        .file("list", "/sys/module")?
        .flatten()
    {
        names.insert(entry.file_name().to_string_lossy().into_owned());
    }
    let filesystems = std::fs::read_to_string("/proc/filesystems").file("read", "/proc/filesystems")?;
    names.extend(
        filesystems
            .lines()
            .filter_map(|line| line.split_whitespace().last())
            .map(str::to_owned),
    );
    names.extend(
        PROOFS
            .iter()
            .filter(|(_, proof)| Path::new(proof).exists())
            .map(|(name, _)| (*name).to_owned()),
    );
    let lines: Vec<String> = names.iter().map(|name| format!("kernel/{name}.ko\n")).collect();
    state::write(&folder.join("modules.builtin"), lines.concat())?;
    state::write(&folder.join("modules.order"), "")?;
    let root = root.display().to_string();
    run(&["chroot", &root, "depmod", &release()]).await?;
    Ok(())
}

fn release() -> String {
    rustix::system::uname().release().to_string_lossy().into_owned()
}
