//! Whether this is a container, a virtual machine, or the host of such: by the signs that Ansible looks for, in its order.

use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;

use super::{Facts, read};
use crate::answer::answer;
use crate::context::Context;

/// What the firmware says of a machine, and what it then is. An entry that ends with `*` is the beginning of a longer text.
const FIRMWARE_SIGNS: [(&str, &[&str], &str); 12] = [
    ("product_name", &["KVM", "KVM Server", "Bochs", "AHV"], "kvm"),
    ("sys_vendor", &["oVirt"], "oVirt"),
    ("product_name", &["VMware*"], "VMware"),
    (
        "product_name",
        &["OpenStack Compute", "OpenStack Nova"],
        "openstack",
    ),
    ("bios_vendor", &["Xen"], "xen"),
    ("bios_vendor", &["innotek GmbH"], "virtualbox"),
    ("bios_vendor", &["Amazon EC2", "DigitalOcean", "Hetzner"], "kvm"),
    (
        "sys_vendor",
        &[
            "QEMU",
            "Amazon EC2",
            "DigitalOcean",
            "Google",
            "Scaleway",
            "Nutanix",
        ],
        "kvm",
    ),
    ("sys_vendor", &["KubeVirt"], "KubeVirt"),
    ("sys_vendor", &["Microsoft Corporation"], "VirtualPC"),
    (
        "sys_vendor",
        &["Parallels Software International Inc."],
        "parallels",
    ),
    ("sys_vendor", &["OpenStack Foundation"], "openstack"),
];

/// Kinds of containers that are told apart from others: whoever is one of them is also a `container`.
const CONTAINERS: [&str; 5] = ["docker", "lxc", "podman", "openvz", "containerd"];

pub(super) fn collect(_: &Context) -> Facts {
    let found = Host(PathBuf::from("/")).look();
    let (kind, role) = found.first.unwrap_or(("NA".to_owned(), "NA"));
    answer!({
        "virtualization_type": kind,
        "virtualization_role": role,
        "virtualization_tech_guest": found.guests,
        "virtualization_tech_host": found.hosts,
    })
}

/// What was found so far: the first sign decides what this host is, all of them are told.
#[derive(Debug, Default)]
struct Found {
    first: Option<(String, &'static str)>,
    guests: BTreeSet<String>,
    hosts: BTreeSet<String>,
}

impl Found {
    fn guest(&mut self, kind: &str) {
        self.guests.insert(kind.to_owned());
        self.first.get_or_insert_with(|| (kind.to_owned(), "guest"));
    }

    fn host(&mut self, kind: &str) {
        self.hosts.insert(kind.to_owned());
        self.first.get_or_insert_with(|| (kind.to_owned(), "host"));
    }
}

/// A host by its root directory.
struct Host(PathBuf);

impl Host {
    fn has(&self, path: &str) -> bool {
        self.0.join(path).exists()
    }

    fn read(&self, path: &str) -> Option<String> {
        read(self.0.join(path)).filter(|text| !text.is_empty())
    }

    fn look(&self) -> Found {
        let mut found = Found::default();
        self.look_for_containers(&mut found);
        self.look_for_virtual_machines(&mut found);
        self.look_for_modules(&mut found);
        found
    }

    fn look_for_containers(&self, found: &mut Found) {
        for line in self.read("proc/1/cgroup").unwrap_or_default().lines() {
            if in_docker(line) {
                found.guest("docker");
            }
            if line.contains("/lxc/") || line.contains("/machine.slice/machine-lxc") {
                found.guest("lxc");
            }
            if line.contains("/system.slice/containerd.service") {
                found.guest("containerd");
            }
        }
        // Only root may read it.
        let environment = std::fs::read(self.0.join("proc/1/environ")).unwrap_or_default();
        for variable in String::from_utf8_lossy(&environment).split('\0') {
            for kind in ["lxc", "podman"] {
                if variable.contains(&format!("container={kind}")) {
                    found.guest(kind);
                }
            }
            if variable
                .strip_prefix("container=")
                .is_some_and(|kind| !kind.is_empty())
            {
                found.guest("container");
            }
        }
        if self.has("proc/vz") && !self.has("proc/lve") {
            if self.has("proc/bc") {
                found.host("openvz");
            } else {
                found.guest("openvz");
            }
        }
        let told_by_systemd = self.read("run/systemd/container");
        if let Some(kind) = &told_by_systemd {
            found.guest(kind);
        }
        if self.has(".dockerenv") || self.has(".dockerinit") {
            found.guest("docker");
        }
        if told_by_systemd.is_some() || CONTAINERS.iter().any(|kind| found.guests.contains(*kind)) {
            found.guests.insert("container".to_owned());
        }
    }

    fn look_for_virtual_machines(&self, found: &mut Found) {
        if self.has("proc/xen") {
            let capabilities = self.read("proc/xen/capabilities").unwrap_or_default();
            if capabilities.contains("control_d") {
                found.host("xen");
            } else {
                // It is what this host is, but Ansible does not list it.
                found.first.get_or_insert_with(|| ("xen".to_owned(), "guest"));
            }
        }
        let said: HashMap<&str, String> = ["bios_vendor", "product_family", "product_name", "sys_vendor"]
            .into_iter()
            .filter_map(|name| Some((name, self.read(&format!("sys/devices/virtual/dmi/id/{name}"))?)))
            .collect();
        let firmware = |name: &str| said.get(name).map_or("", String::as_str);
        if firmware("sys_vendor") == "Red Hat" {
            if firmware("product_family") == "RHV" {
                found.guest("RHV");
            } else if firmware("product_name") == "RHEV Hypervisor" {
                found.guest("RHEV");
            }
        }
        for (field, signs, kind) in FIRMWARE_SIGNS {
            let said = firmware(field);
            let is_sign = |sign: &&str| match sign.strip_suffix('*') {
                Some(beginning) => said.starts_with(beginning),
                None => said == *sign,
            };
            if signs.iter().any(is_sign) {
                found.guest(kind);
            }
        }
        if firmware("product_name").contains("BHYVE") {
            found.guest("bhyve");
        }
        for line in self.read("proc/cpuinfo").unwrap_or_default().lines() {
            let is = |key: &str, sign: &str| line.starts_with(key) && line.contains(sign);
            if is("model name", "QEMU Virtual CPU") {
                found.guest("kvm");
            } else if is("vendor_id", "User Mode Linux") || is("model name", "UML") {
                found.guest("uml");
            }
        }
    }

    fn look_for_modules(&self, found: &mut Found) {
        let text = self.read("proc/modules").unwrap_or_default();
        let modules: BTreeSet<&str> = text
            .lines()
            .filter_map(|line| line.split_whitespace().next())
            .collect();
        if modules.contains("kvm") {
            found.host("kvm");
        }
        if modules.contains("vboxdrv") {
            found.host("virtualbox");
        }
        if modules.contains("virtio") {
            found.hosts.insert("kvm".to_owned());
            found.first.get_or_insert_with(|| ("kvm".to_owned(), "guest"));
        }
        if self.has("dev/kvm") {
            found.host("kvm");
        }
    }
}

/// Whether a line of `/proc/1/cgroup` names a container of Docker: `/docker/…` or `/docker-0123abcd.scope`.
fn in_docker(line: &str) -> bool {
    line.match_indices("/docker").any(|(at, name)| {
        let rest = &line[at + name.len()..];
        let scope = rest.strip_prefix('-').and_then(|rest| rest.split_once(".scope"));
        rest.starts_with('/')
            || scope.is_some_and(|(id, _)| {
                !id.is_empty() && id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
            })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a host with these files is, and all that it is taken for.
    fn look(files: &[(&str, &str)]) -> (String, String) {
        let root = tempfile::tempdir().unwrap();
        for (path, content) in files {
            let path = root.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, content).unwrap();
        }
        let found = Host(root.path().to_owned()).look();
        let (kind, role) = found.first.unwrap_or(("NA".to_owned(), "NA"));
        let list = |names: BTreeSet<String>| names.into_iter().collect::<Vec<_>>().join(",");
        (
            format!("{kind} {role}"),
            format!("{} {}", list(found.guests), list(found.hosts)),
        )
    }

    #[test]
    fn the_first_sign_decides_and_all_are_told() {
        const VENDOR: &str = "sys/devices/virtual/dmi/id/sys_vendor";
        for (files, first, all) in [
            (&[][..], "NA NA", " "),
            (&[(VENDOR, "QEMU\n")], "kvm guest", "kvm "),
            (&[(VENDOR, "QEMU systems\n")], "NA NA", " "),
            (
                &[(
                    "sys/devices/virtual/dmi/id/product_name",
                    "VMware Virtual Platform\n",
                )],
                "VMware guest",
                "VMware ",
            ),
            (
                &[("run/systemd/container", "systemd-nspawn"), (VENDOR, "Google")],
                "systemd-nspawn guest",
                "container,kvm,systemd-nspawn ",
            ),
            (
                &[
                    ("proc/1/environ", "A=b\0container=systemd-nspawn\0"),
                    ("run/systemd/container", "systemd-nspawn"),
                ],
                "container guest",
                "container,systemd-nspawn ",
            ),
            (&[(".dockerenv", "")], "docker guest", "container,docker "),
            (
                &[("proc/1/cgroup", "0::/system.slice/docker-0af1.scope\n")],
                "docker guest",
                "container,docker ",
            ),
            (&[("proc/1/cgroup", "0::/docker-desktop.scope\n")], "NA NA", " "),
            (
                &[("proc/modules", "kvm 1 0 - Live 0x0\n"), (VENDOR, "KubeVirt")],
                "KubeVirt guest",
                "KubeVirt kvm",
            ),
            (&[("dev/kvm", "")], "kvm host", " kvm"),
            (
                &[("proc/modules", "virtio 1 0 - Live 0x0\n")],
                "kvm guest",
                " kvm",
            ),
            (&[("proc/xen/capabilities", "")], "xen guest", " "),
        ] {
            assert_eq!(look(files), (first.to_owned(), all.to_owned()), "{files:?}");
        }
    }
}
