//! Modules that other people have written: found by name in roles, beside playbooks, in collections and in the installed
//! ansible-core, packed with the library code they import, and run by the agent.

mod action_groups;
mod action_plugin;
mod catalog;
mod collections;
mod core;
mod dependencies;
mod error;
mod imports;
mod package;
mod rejected;
mod run;
mod style;
mod zip;

use slipway_protocol::spec::{ModuleSpec, Side};

pub use action_groups::ActionGroup;
pub use action_plugin::ActionPlugin;
pub use catalog::{Catalog, ForeignModule, Module, Preparation};
pub(crate) use collections::{Collections, split_name};
pub(crate) use core::{Core, HOW_TO_INSTALL, playbook_python};
pub use error::CatalogError;
pub(crate) use run::{named_interpreter, run};

/// What the table would say of a foreign module: it takes any argument.
pub static SPEC: ModuleSpec = ModuleSpec {
    name: "a foreign module",
    side: Side::Both,
    free_form: false,
    parameters: &[],
    any_parameter: true,
};

/// The same for one that takes text besides.
pub static FREE_FORM: ModuleSpec = ModuleSpec {
    free_form: true,
    ..SPEC
};
