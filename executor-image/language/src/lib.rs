//! Ansible's language without any input or output: YAML with source positions, templates, values, variables.
//!
//! Values and templates follow ansible-core 2.18, with `jinja2_native` and without.

pub mod arguments;
mod filters;
mod jinja_tests;
mod lookups;
pub mod loops;
pub mod names;
mod node;
mod plugins;
mod scope;
mod span;
pub mod template;
mod text_formats;
mod value;
pub mod yaml;

pub use minijinja::Value;

pub use filters::{encrypt_password, merge_facts};
pub use node::{Encrypted, Node, NodeKind};
pub use plugins::{PluginCall, PluginKind, Plugins, Replaced};
pub use scope::{CommandOutput, FileKind, Layer, LookupHost, PathType, Scope, UrlRequest, Variable, View};
pub use slipway_vault::{VaultError, VaultSecrets};
pub use span::Span;
pub use template::{
    Listener, NotBoolean, Part, Problem, Templar, TemplateError, TemplateOptions, Verdict, Watch,
    looks_like_template,
};
pub use text_formats::encoding::Encoding;
pub use value::json::{from_json, to_json};
pub use value::omit::{is_omit, omit, strip_omit};
pub use value::python::{repr, to_text};
pub use value::time::{format_local, local_time};
