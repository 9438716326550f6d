//! The modules, one file each.

mod alternatives;
mod apt;
mod apt_key;
mod apt_repository;
mod archive;
mod assemble;
mod async_status;
mod authorized_key;
mod blockinfile;
mod command;
mod copy;
mod cron;
mod deb822_repository;
mod debconf;
mod dnf;
mod dpkg_selections;
mod file;
mod find;
mod firewalld;
mod get_url;
mod getent;
mod git;
mod group;
mod hostname;
mod ini_file;
mod iptables;
mod known_hosts;
mod lineinfile;
mod modprobe;
mod mount;
mod openssh_keypair;
mod package;
mod package_facts;
mod ping;
mod pip;
mod raw;
mod replace;
mod rpm_key;
mod script;
mod seboolean;
mod selinux;
mod service;
mod service_facts;
mod setup;
mod shell;
mod slurp;
mod stat;
mod sysctl;
mod systemd_service;
mod sysvinit;
mod tempfile;
mod timezone;
mod unarchive;
mod uri;
mod user;
mod wait_for;
mod yum_repository;

use crate::answer::Outcome;
use crate::context::Context;

/// Carries out a module.
pub type Module = fn(&mut Context) -> Outcome;

/// The module of this full name, if it is carried out on hosts.
#[must_use]
pub fn find(name: &str) -> Option<Module> {
    MODULES
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, run)| *run)
}

/// Every module, by full name.
static MODULES: &[(&str, Module)] = &[
    ("ansible.builtin.apt", apt::run),
    ("ansible.builtin.apt_key", apt_key::run),
    ("ansible.builtin.apt_repository", apt_repository::run),
    ("ansible.builtin.assemble", assemble::run),
    ("ansible.builtin.async_status", async_status::run),
    ("ansible.builtin.blockinfile", blockinfile::run),
    ("ansible.builtin.command", command::run),
    ("ansible.builtin.copy", copy::run),
    ("ansible.builtin.deb822_repository", deb822_repository::run),
    ("ansible.builtin.debconf", debconf::run),
    ("ansible.builtin.dnf", dnf::run),
    ("ansible.builtin.dpkg_selections", dpkg_selections::run),
    ("ansible.builtin.file", file::run),
    ("ansible.builtin.find", find::run),
    ("ansible.builtin.get_url", get_url::run),
    ("ansible.builtin.git", git::run),
    ("ansible.builtin.group", group::run),
    ("ansible.builtin.known_hosts", known_hosts::run),
    ("ansible.builtin.lineinfile", lineinfile::run),
    ("ansible.builtin.package", package::run),
    ("ansible.builtin.package_facts", package_facts::run),
    ("ansible.builtin.ping", ping::run),
    ("ansible.builtin.pip", pip::run),
    ("ansible.builtin.raw", raw::run),
    ("ansible.builtin.replace", replace::run),
    ("ansible.builtin.rpm_key", rpm_key::run),
    ("ansible.builtin.script", script::run),
    ("ansible.builtin.service", service::run),
    ("ansible.builtin.setup", setup::run),
    ("ansible.builtin.shell", shell::run),
    ("ansible.builtin.slurp", slurp::run),
    ("ansible.builtin.stat", stat::run),
    ("ansible.builtin.systemd_service", systemd_service::run),
    ("ansible.builtin.tempfile", tempfile::run),
    // The runner renders; what is left is a copy.
    ("ansible.builtin.template", copy::run),
    ("ansible.builtin.unarchive", unarchive::run),
    ("ansible.builtin.uri", uri::run),
    ("ansible.builtin.user", user::run),
    ("ansible.builtin.wait_for", wait_for::run),
    ("ansible.builtin.yum_repository", yum_repository::run),
    ("ansible.posix.authorized_key", authorized_key::run),
    ("ansible.posix.mount", mount::run),
    ("ansible.posix.sysctl", sysctl::run),
    ("community.general.archive", archive::run),
    ("community.general.ini_file", ini_file::run),
    ("community.general.alternatives", alternatives::run),
    ("ansible.builtin.cron", cron::run),
    ("ansible.posix.firewalld", firewalld::run),
    ("ansible.builtin.getent", getent::run),
    ("ansible.builtin.hostname", hostname::run),
    ("ansible.builtin.iptables", iptables::run),
    ("community.crypto.openssh_keypair", openssh_keypair::run),
    ("ansible.posix.seboolean", seboolean::run),
    ("ansible.posix.selinux", selinux::run),
    ("ansible.builtin.service_facts", service_facts::run),
    ("ansible.builtin.sysvinit", sysvinit::run),
    ("community.general.timezone", timezone::run),
    ("community.general.modprobe", modprobe::run),
];

#[cfg(test)]
mod tests {
    use slipway_protocol::spec::{Side, modules};

    use super::*;

    /// Modules whose half on the host is other modules: `gather_facts` is `setup` with the play's arguments.
    const BY_OTHERS: [&str; 5] = [
        "ansible.builtin.fetch",
        "ansible.builtin.gather_facts",
        "ansible.builtin.reboot",
        "ansible.builtin.wait_for_connection",
        "ansible.posix.synchronize",
    ];

    #[test]
    fn every_module_of_the_table_that_runs_on_hosts_is_here() {
        for module in modules().filter(|module| module.side != Side::Runner) {
            let here = find(module.name).is_some() || BY_OTHERS.contains(&module.name);
            assert!(here, "{}", module.name);
        }
    }
}
