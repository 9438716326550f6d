//! Whether this is a container, a virtual machine, or the host of such.

use std::path::Path;

use super::{Facts, read};
use crate::answer::answer;
use crate::context::Context;

/// What the firmware says of a virtual machine's maker, and Ansible's name for it.
const FIRMWARE_SIGNS: [(&str, &str); 16] = [
    ("KVM", "kvm"),
    ("KubeVirt", "KubeVirt"),
    ("OpenStack Nova", "openstack"),
    ("OpenStack Compute", "openstack"),
    ("oVirt Node", "oVirt"),
    ("RHEV Hypervisor", "RHEV"),
    ("VMware", "VMware"),
    ("VirtualBox", "virtualbox"),
    ("HVM domU", "xen"),
    ("Xen", "xen"),
    ("Parallels", "parallels"),
    ("QEMU", "kvm"),
    ("Amazon EC2", "kvm"),
    ("DigitalOcean", "kvm"),
    ("Google", "kvm"),
    ("Bochs", "kvm"),
];

pub(super) fn collect(_: &Context) -> Facts {
    let mut guests: Vec<&str> = Vec::new();
    let mut hosts: Vec<&str> = Vec::new();
    if let Some(container) = container() {
        guests.push(container);
        guests.push("container");
    }
    if let Some(machine) = virtual_machine() {
        guests.push(machine);
    }
    let modules = read("/proc/modules").unwrap_or_default();
    let has_module = |name: &str| modules.lines().any(|line| line.starts_with(&format!("{name} ")));
    if Path::new("/dev/kvm").exists() || has_module("kvm") {
        hosts.push("kvm");
    }
    if has_module("vboxdrv") {
        hosts.push("virtualbox");
    }
    let (kind, role) = match (guests.first(), hosts.first()) {
        (Some(guest), _) => (*guest, "guest"),
        (None, Some(host)) => (*host, "host"),
        (None, None) => ("NA", "NA"),
    };
    guests.sort_unstable();
    answer!({
        "virtualization_type": kind,
        "virtualization_role": role,
        "virtualization_tech_guest": guests,
        "virtualization_tech_host": hosts,
    })
}

/// The kind of container that this is.
fn container() -> Option<&'static str> {
    if Path::new("/.dockerenv").exists() || Path::new("/.dockerinit").exists() {
        return Some("docker");
    }
    if Path::new("/run/.containerenv").exists() {
        return Some("podman");
    }
    // Only root may read the first process's environment; systemd writes what it found to a file.
    let environment = std::fs::read("/proc/1/environ").unwrap_or_default();
    let told = String::from_utf8_lossy(&environment)
        .split('\0')
        .find_map(|variable| variable.strip_prefix("container=").map(str::to_owned))
        .or_else(|| read("/run/systemd/container"))?;
    Some(match told.as_str() {
        "lxc" | "lxc-libvirt" => "lxc",
        "podman" => "podman",
        "docker" => "docker",
        "systemd-nspawn" => "systemd-nspawn",
        "wsl" => "wsl",
        _ => "container",
    })
}

/// The kind of virtual machine that this is.
fn virtual_machine() -> Option<&'static str> {
    let signs = ["product_name", "sys_vendor", "product_family", "bios_vendor"]
        .iter()
        .filter_map(|file| read(format!("/sys/class/dmi/id/{file}")));
    let text: Vec<String> = signs.collect();
    if text.iter().any(|sign| sign == "Virtual Machine")
        && text.iter().any(|sign| sign == "Microsoft Corporation")
    {
        return Some("VirtualPC");
    }
    if let Some((_, name)) = FIRMWARE_SIGNS
        .iter()
        .find(|(sign, _)| text.iter().any(|text| text.contains(sign)))
    {
        return Some(name);
    }
    let processor = read("/proc/cpuinfo").unwrap_or_default();
    processor.contains("QEMU Virtual CPU").then_some("kvm")
}
