//! Templates: Jinja as Ansible 2.18 uses it, on minijinja's parser and virtual machine.
//!
//! The way of a template: [`escape`] doubles backslashes, minijinja parses it, [`rewrite`] changes the syntax tree where
//! Ansible's meaning differs, minijinja compiles and runs it with a [`context`] that renders variables when they are
//! named, and [`finalize`] turns the outcome into a value by the rules of 2.18.

mod check;
mod compile;
mod conditions;
pub(crate) mod context;
mod depth;
mod distant;
pub(crate) mod environment;
mod error;
mod escape;
mod finalize;
mod functions;
pub(crate) mod growth;
mod includes;
pub(crate) mod lazy;
mod line_comments;
mod loading;
mod methods;
mod mutable;
mod names;
mod options;
pub(crate) mod origin;
mod parts;
mod plus;
mod print;
mod refused;
pub(crate) mod rewrite;
pub(crate) mod templar;
mod tuples;
pub(crate) mod undefined;
mod visit;

pub use check::Problem;
pub use conditions::{Listener, NotBoolean, Verdict};
pub use error::TemplateError;
pub use options::TemplateOptions;
pub use parts::Part;
pub use templar::{Templar, Watch};

pub(crate) use distant::expose as expose_distant;
pub(crate) use finalize::{
    complete as finalize_complete, outcome as finalize_outcome, text as finalize_text,
};
pub(crate) use lazy::plain as plain_value;

/// Whether a text holds a beginning of Jinja syntax, so that rendering may change it.
pub fn looks_like_template(text: &str) -> bool {
    text.as_bytes()
        .windows(2)
        .any(|pair| pair[0] == b'{' && matches!(pair[1], b'{' | b'%' | b'#'))
}
