//! YAML 1.1 as PyYAML and Ansible read it, with the place of every value.

mod construct;
mod error;
pub mod scalar;

pub use construct::{Document, Warning, parse, parse_all};
pub use error::YamlError;
