//! Facts about a host, named and valued as `ansible.builtin.setup` does.

mod capabilities;
mod devices;
mod distribution;
mod full_name;
mod hardware;
mod lvm;
mod mounts;
pub(crate) use distribution::family as family_of_distribution;
pub(crate) use full_name::fully_qualified_name;
pub(crate) use mounts::unescape;
pub(crate) use session::complaints_of_local_facts;
pub(crate) use software::package_manager_name;
mod network;
mod platform;
mod session;
mod software;
mod storage_names;
mod virtualization;

use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde_json::{Map, Value};

use crate::answer::Failure;
use crate::context::Context;

/// Facts by name, without the prefix `ansible_`.
type Facts = Map<String, Value>;

/// Collects the facts of one subset.
type Collector = fn(&Context) -> Facts;

/// The collectors by the subset's name, and whether they belong to the least set, `min`.
static COLLECTORS: &[(&str, bool, Collector)] = &[
    ("platform", true, platform::collect),
    ("distribution", true, distribution::collect),
    ("user", true, session::user),
    ("env", true, session::environment),
    ("date_time", true, session::date_time),
    ("cmdline", true, session::command_line),
    ("dns", true, session::dns),
    ("local", true, session::local),
    ("pkg_mgr", true, software::package_manager),
    ("service_mgr", true, software::service_manager),
    ("python", true, software::python),
    ("selinux", true, software::selinux),
    ("apparmor", true, software::apparmor),
    ("fips", true, software::fips),
    ("lsb", true, distribution::lsb),
    ("ssh_pub_keys", true, session::host_keys),
    ("caps", true, capabilities::collect),
    ("systemd", true, software::systemd),
    ("hardware", false, hardware::collect),
    ("mounts", false, mounts::collect),
    ("devices", false, devices::collect),
    ("lvm", false, lvm::collect),
    ("iscsi", false, storage_names::iscsi),
    ("nvme", false, storage_names::nvme),
    ("fibre_channel_wwn", false, storage_names::fibre_channel),
    ("network", false, network::collect),
    ("virtual", false, virtualization::collect),
    ("chroot", false, platform::chroot),
    ("loadavg", false, hardware::load_average),
];

/// Other names of subsets, as Ansible groups its collectors.
fn members(name: &str) -> Option<Vec<&'static str>> {
    let all = || COLLECTORS.iter().map(|(name, ..)| *name);
    Some(match name {
        "all" => all().collect(),
        "min" => COLLECTORS
            .iter()
            .filter(|(_, least, _)| *least)
            .map(|(name, ..)| *name)
            .collect(),
        "hardware" | "memory" | "processor" | "devices" => vec!["hardware", "mounts", "devices", "lvm"],
        "mounts" => vec!["mounts"],
        "network" | "interfaces" | "default_ipv4" | "default_ipv6" | "all_ipv4_addresses"
        | "all_ipv6_addresses" => {
            vec!["network"]
        }
        "virtual" | "virtualization_type" | "virtualization_role" => vec!["virtual"],
        "distribution_version" | "distribution_release" | "distribution_major_version" | "os_family" => {
            vec!["distribution"]
        }
        "architecture" | "kernel" | "machine" | "machine_id" | "system" | "hostname" | "fqdn" => {
            vec!["platform"]
        }
        "user_id" => vec!["user"],
        "is_chroot" => vec!["chroot"],
        // Collectors of Ansible that find nothing here or are not of this program: asked for, they add nothing.
        "ohai" | "facter" => Vec::new(),
        name => all().filter(|known| *known == name).collect::<Vec<_>>(),
    })
    .filter(|members| !members.is_empty() || matches!(name, "ohai" | "facter"))
}

/// The collectors that a `gather_subset` asks for: the least set and what is named, without what `!name` takes away. So
/// `!hardware` alone gives the least set; `all,!hardware` gives the rest too.
fn chosen(subset: &[String]) -> Result<Vec<&'static str>, Failure> {
    let bad = |name: &str| {
        Failure::new(format!(
            "Bad subset '{name}' given to Ansible. gather_subset options allowed: all, {}",
            COLLECTORS
                .iter()
                .map(|(name, ..)| *name)
                .collect::<Vec<_>>()
                .join(", ")
        ))
    };
    let all = members("all").unwrap_or_default();
    let least = members("min").unwrap_or_default();
    let mut added = least.clone();
    let mut removed: Vec<&str> = Vec::new();
    // Named one by one: nothing takes these away.
    let mut named: Vec<&str> = Vec::new();
    for name in subset
        .iter()
        .map(|name| name.trim())
        .filter(|name| !name.is_empty())
    {
        match name.strip_prefix('!') {
            Some("all") => removed.extend(all.iter().filter(|name| !least.contains(name))),
            // What is not known cannot be there.
            Some(name) => removed.extend(members(name).unwrap_or_default()),
            None if matches!(name, "all" | "min") => added.extend(members(name).unwrap_or_default()),
            None => named.extend(members(name).ok_or_else(|| bad(name))?),
        }
    }
    let is_chosen =
        |name: &&'static str| named.contains(name) || added.contains(name) && !removed.contains(name);
    Ok(all.into_iter().filter(is_chosen).collect())
}

/// Collects facts, named with the prefix `ansible_`.
///
/// # Errors
/// When a subset is unknown.
pub fn collect(context: &Context, subset: &[String]) -> Result<Map<String, Value>, Failure> {
    let chosen = chosen(subset)?;
    let mut facts = Map::new();
    for (name, _, collector) in COLLECTORS {
        if chosen.contains(name) {
            for (key, value) in collector(context) {
                facts.insert(format!("ansible_{key}"), value);
            }
        }
    }
    Ok(facts)
}

/// The most that is read of a file of facts, in bytes.
const LONGEST: u64 = 16 * 1024 * 1024;

/// A file's text without white space around it; nothing when it cannot be read.
fn read(path: impl AsRef<Path>) -> Option<String> {
    // Most are files of the kernel that hold a word and do not know their size: nobody asks for it.
    let mut text = String::with_capacity(512);
    let file = File::open(path).ok()?;
    file.take(LONGEST).read_to_string(&mut text).ok()?;
    Some(text.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choose(subset: &str) -> Vec<&'static str> {
        chosen(&subset.split(',').map(str::to_owned).collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn subsets_are_chosen_as_ansible_chooses_them() {
        assert_eq!(choose("all").len(), COLLECTORS.len());
        assert_eq!(choose("min"), choose("!all"));
        assert!(choose("!all").contains(&"distribution") && !choose("!all").contains(&"network"));
        assert!(choose("!all,!min").is_empty());
        assert_eq!(choose("!all,!min,network"), ["network"]);
        assert_eq!(choose("!hardware"), choose("min"));
        assert!(
            choose("all,!hardware").contains(&"network") && !choose("all,!hardware").contains(&"hardware")
        );
        assert_eq!(choose("!min,network"), ["network"]);
        assert!(choose("!unheard").contains(&"platform"));
        assert!(choose("network").contains(&"platform") && !choose("network").contains(&"virtual"));
        assert!(chosen(&["netwrok".to_owned()]).is_err());
    }
}
