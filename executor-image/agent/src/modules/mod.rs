//! The modules, one file each.

mod command;
mod copy;
mod file;
mod ping;
mod raw;
mod script;
mod service;
mod setup;
mod shell;
mod slurp;
mod stat;
mod systemd_service;
mod tempfile;

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
    ("ansible.builtin.command", command::run),
    ("ansible.builtin.copy", copy::run),
    ("ansible.builtin.file", file::run),
    ("ansible.builtin.ping", ping::run),
    ("ansible.builtin.raw", raw::run),
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
];

#[cfg(test)]
mod tests {
    use slipway_protocol::spec::{Side, modules};

    use super::*;

    #[test]
    fn every_module_of_the_table_that_runs_on_hosts_is_here() {
        for module in modules().filter(|module| module.side != Side::Runner) {
            // `gather_facts` is `setup` with the play's arguments: the runner calls that.
            let here = find(module.name).is_some() || module.name == "ansible.builtin.gather_facts";
            assert!(here, "{}", module.name);
        }
    }
}
