//! What the machine and its kernel are.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use serde_json::Value;

use super::{Facts, full_name::fully_qualified_name, read};
use crate::answer::answer;
use crate::context::Context;

pub(super) fn collect(context: &Context) -> Facts {
    let kernel = rustix::system::uname();
    let text = |part: &std::ffi::CStr| part.to_string_lossy().into_owned();
    let machine = text(kernel.machine());
    let node_name = text(kernel.nodename());
    let fqdn = fully_qualified_name(context, &node_name);
    let domain = fqdn.split_once('.').map_or("", |(_, domain)| domain);
    let architecture = match machine.as_str() {
        "i386" | "i486" | "i586" | "i686" => "i386",
        other => other,
    };
    let mut facts = answer!({
        "system": text(kernel.sysname()),
        "kernel": text(kernel.release()),
        "kernel_version": text(kernel.version()),
        "machine": machine,
        "architecture": architecture,
        "userspace_architecture": architecture,
        "userspace_bits": if cfg!(target_pointer_width = "64") { "64" } else { "32" },
        "nodename": node_name,
        "hostname": node_name.split('.').next().unwrap_or_default(),
        "fqdn": fqdn,
        "domain": domain,
    });
    let machine_id = read("/etc/machine-id").or_else(|| read("/var/lib/dbus/machine-id"));
    if let Some(id) = machine_id.filter(|id| !id.is_empty()) {
        facts.insert("machine_id".to_owned(), id.into());
    }
    facts
}

pub(super) fn chroot(_: &Context) -> Facts {
    let is_chroot = match (Path::new("/proc/1/root/.").metadata(), Path::new("/").metadata()) {
        (Ok(first), Ok(ours)) => (first.dev(), first.ino()) != (ours.dev(), ours.ino()),
        // Another user's process: the root of a file system has inode 2 (256 on btrfs, 128 on XFS).
        (Err(_), Ok(ours)) => !matches!(ours.ino(), 2 | 128 | 256),
        _ => false,
    };
    answer!({"is_chroot": Value::Bool(is_chroot)})
}
