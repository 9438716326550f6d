//! YAML 1.1 as PyYAML and Ansible read it, with the place of every value.

mod construct;
mod error;
mod flow;
pub mod scalar;

pub use construct::{Document, Warning, parse, parse_all};
pub use error::YamlError;

/// The documents of a text as values, in which nothing is a template.
///
/// # Errors
/// What is wrong with the text, and where.
pub fn values(text: &str, file: &str) -> Result<Vec<minijinja::Value>, YamlError> {
    Ok(parse_all(text, file)?
        .iter()
        .map(crate::template::plain_value)
        .collect())
}
