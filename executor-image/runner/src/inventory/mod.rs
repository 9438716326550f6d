//! Inventory: which hosts there are, their groups and their variables.
//!
//! [`load`] reads sources (INI, YAML, host lists, directories), [`pattern`] selects hosts, [`HostVariables`] stacks
//! the variables of a host in Ansible's order of precedence. Only `load` and `vars_files` touch the disk.

mod error;
mod ini;
mod literal;
pub mod load;
mod model;
pub mod pattern;
mod ranges;
mod vars_files;
mod yaml;

pub use error::InventoryError;
pub use literal::parse_literal;
pub use model::{Group, Host, Inventory};
pub use vars_files::{HostVariables, Layers, read_vars_file};

use std::sync::Arc;

use indexmap::IndexMap;
use slipway_language::Variable;

/// Variables of one source, in the order in which they are written.
pub type Vars = IndexMap<Arc<str>, Variable>;
