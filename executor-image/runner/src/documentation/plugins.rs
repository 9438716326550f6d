//! Plugins that Ansible has in Python and that are written in Rust here.

use super::{Kind, Reference, list, remarks, table};
use crate::{
    inventory,
    output::callbacks,
    playbook::{self, Strategy},
};

/// Inventory plugins of ansible-core that it carries out itself.
const INVENTORY_IN_PYTHON: &[&str] = &["toml"];
/// Where facts may be kept.
const CACHES: &[&str] = &["memory", "jsonfile"];
/// What reads variables of hosts and groups.
const VARS: &[&str] = &["host_group_vars"];

pub fn section(reference: &Reference) -> String {
    let callbacks: Vec<&str> = callbacks::KNOWN.iter().map(|known| known.name).collect();
    let kinds: [(&str, Vec<&str>); 7] = [
        ("connection", playbook::plugins("connection").to_vec()),
        ("become", playbook::plugins("become_method").to_vec()),
        (
            "strategy",
            Strategy::NAMES.iter().map(|(name, _)| *name).collect(),
        ),
        ("callback", callbacks),
        ("inventory", [inventory::KINDS, INVENTORY_IN_PYTHON].concat()),
        ("cache", CACHES.to_vec()),
        ("vars", VARS.to_vec()),
    ];
    let rows = kinds.into_iter().map(|(kind, ours)| {
        let theirs = reference.plugins(kind);
        let missing = theirs.into_iter().filter(|name| !ours.contains(name));
        let missing = list(missing);
        let remarks: Vec<String> = remarks::of(Kind::Plugin)
            .filter(|remark| remark.name.split_once(' ').is_some_and(|(of, _)| of == kind))
            .map(|remark| {
                let (_, name) = remark.name.split_once(' ').unwrap_or_default();
                format!("`{name}`: {}", remark.text)
            })
            .collect();
        [kind.to_owned(), list(ours), missing, remarks.join("; ")]
    });
    format!(
        "## Plugins\n\n\
         Plugins of these kinds are written in Rust. Of those in Python, callbacks, connections, inventory plugins and plugins of variables can be added (as well as actions, filters, tests and lookups), other kinds cannot. *Not supported* lists those of ansible-core.\n\n{}",
        table(["kind", "supported", "not supported", "differs"], rows)
    )
}
