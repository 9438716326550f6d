//! Inventory: which hosts there are, their groups and their variables.
//!
//! [`load`] reads sources (INI, YAML, host lists, programs, `constructed`, `generator`, directories), [`pattern`] selects
//! hosts, [`HostVariables`] stacks the variables of a host in Ansible's order of precedence.

mod change;
mod constructed;
mod error;
mod generator;
mod host_list;
mod ini;
mod literal;
mod load;
mod merge;
mod model;
mod names;
pub mod pattern;
mod python;
mod ranges;
mod script;
mod unreadable;
mod vars_files;
mod yaml;

pub use change::Change;
pub use error::InventoryError;
pub use literal::parse_literal;
pub use load::{Context, KINDS, Loaded, load, parse};
pub use merge::{merged, merged_maps};
pub use model::{Group, Host, Inventory};
pub use python::Stage;
pub use vars_files::{HostVariables, Layers, read_play_vars_file, read_vars_file};

use std::sync::Arc;

use indexmap::IndexMap;
use slipway_language::Variable;

/// Variables of one source, in the order in which they are written.
pub type Vars = IndexMap<Arc<str>, Variable>;
