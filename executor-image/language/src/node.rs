//! YAML as it was written: trusted source, each value with its place, strings possibly holding templates.

use std::fmt;
use std::sync::{Arc, OnceLock};

use slipway_vault::{VaultError, VaultSecrets};

use crate::span::Span;

/// A YAML value and where it stands. Cheap to clone.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Where the value begins.
    pub span: Span,
    /// The value.
    pub kind: NodeKind,
}

/// The value of a [`Node`].
#[derive(Clone, Debug, PartialEq)]
pub enum NodeKind {
    /// `~`, `null` or nothing.
    Null,
    /// `true`, `yes`, `on` and their opposites.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number with a decimal point.
    Float(f64),
    /// Text, which may hold templates.
    Str(Arc<str>),
    /// Text tagged `!unsafe`: never a template.
    Unsafe(Arc<str>),
    /// Text tagged `!vault`: decrypted when it is used, never a template.
    Vault(Encrypted),
    /// Bytes, tagged `!!binary`.
    Bytes(Arc<[u8]>),
    /// A sequence.
    List(Arc<[Node]>),
    /// A mapping, in the order of the source.
    Map(Arc<[(Node, Node)]>),
}

/// A text that ansible-vault encrypted. Cheap to clone; clones share what was decrypted.
#[derive(Clone)]
pub struct Encrypted {
    text: Arc<str>,
    plain: Arc<OnceLock<Arc<str>>>,
}

impl Encrypted {
    /// An encrypted text, `$ANSIBLE_VAULT;…` and the lines below.
    pub fn new(text: impl Into<Arc<str>>) -> Self {
        Self {
            text: text.into(),
            plain: Arc::default(),
        }
    }

    /// The text as it is written: encrypted.
    pub fn text(&self) -> &Arc<str> {
        &self.text
    }

    /// The decrypted text, made at the first use.
    pub fn decrypt(&self, secrets: &VaultSecrets) -> Result<Arc<str>, VaultError> {
        if let Some(plain) = self.plain.get() {
            return Ok(Arc::clone(plain));
        }
        let plain = secrets.decrypt(self.text.as_bytes())?;
        let plain = std::str::from_utf8(&plain)
            .map_err(|_| VaultError::Malformed("what is encrypted is not UTF-8 text"))?;
        Ok(Arc::clone(self.plain.get_or_init(|| plain.into())))
    }
}

impl PartialEq for Encrypted {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl fmt::Debug for Encrypted {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.text, formatter)
    }
}

impl Node {
    /// A node at a place.
    pub fn new(span: Span, kind: NodeKind) -> Self {
        Self { span, kind }
    }

    /// A text node, for callers that make YAML of something else (a command line, a free-form task).
    pub fn text(span: Span, text: impl Into<Arc<str>>) -> Self {
        Self::new(span, NodeKind::Str(text.into()))
    }

    /// JSON as if it had been written as YAML: its texts may be templates.
    pub fn from_json(span: &Span, json: &serde_json::Value) -> Self {
        use serde_json::Value as Json;
        let inner = |json| Self::from_json(span, json);
        let kind = match json {
            Json::Null => NodeKind::Null,
            Json::Bool(value) => NodeKind::Bool(*value),
            Json::Number(number) => number.as_i64().map_or_else(
                || NodeKind::Float(number.as_f64().unwrap_or(f64::NAN)),
                NodeKind::Int,
            ),
            Json::String(text) => NodeKind::Str(text.as_str().into()),
            Json::Array(items) => NodeKind::List(items.iter().map(inner).collect()),
            Json::Object(entries) => {
                let entry =
                    |(key, value): (&String, _)| (Self::text(span.clone(), key.as_str()), inner(value));
                NodeKind::Map(entries.iter().map(entry).collect())
            }
        };
        Self::new(span.clone(), kind)
    }

    /// The text of a string, safe or not.
    pub fn as_str(&self) -> Option<&str> {
        match &self.kind {
            NodeKind::Str(text) | NodeKind::Unsafe(text) => Some(text),
            _ => None,
        }
    }

    /// The items of a list.
    pub fn as_list(&self) -> Option<&[Self]> {
        match &self.kind {
            NodeKind::List(items) => Some(items),
            _ => None,
        }
    }

    /// The entries of a mapping in the order of the source; nothing for other kinds.
    pub fn entries(&self) -> &[(Self, Self)] {
        match &self.kind {
            NodeKind::Map(entries) => entries,
            _ => &[],
        }
    }

    /// The value under a text key of a mapping.
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.entries()
            .iter()
            .find(|(name, _)| name.as_str() == Some(key))
            .map(|(_, value)| value)
    }

    /// What these keys of mappings and places in lists lead to.
    pub(crate) fn at(&self, keys: &[minijinja::Value]) -> Option<&Self> {
        keys.iter()
            .try_fold(self, |node, key| match (key.as_str(), key.as_usize()) {
                (Some(name), _) => node.get(name),
                (None, Some(index)) => node.as_list()?.get(index),
                _ => None,
            })
    }

    /// Whether this is `null`.
    pub fn is_null(&self) -> bool {
        matches!(self.kind, NodeKind::Null)
    }

    /// What a person calls this kind of value: "a string", "a list", …
    pub fn type_name(&self) -> &'static str {
        match self.kind {
            NodeKind::Null => "nothing",
            NodeKind::Bool(_) => "a boolean",
            NodeKind::Int(_) => "an integer",
            NodeKind::Float(_) => "a number",
            NodeKind::Str(_) | NodeKind::Unsafe(_) => "a string",
            NodeKind::Vault(_) => "an encrypted string",
            NodeKind::Bytes(_) => "bytes",
            NodeKind::List(_) => "a list",
            NodeKind::Map(_) => "a mapping",
        }
    }

    /// Whether this is a text that `!unsafe` marks.
    pub fn is_unsafe(&self) -> bool {
        matches!(self.kind, NodeKind::Unsafe(_))
    }

    /// The same with each text marked as `!unsafe` marks it.
    pub(crate) fn marked_unsafe(self) -> Self {
        let kind = match self.kind {
            NodeKind::Str(text) => NodeKind::Unsafe(text),
            NodeKind::List(items) => NodeKind::List(items.iter().cloned().map(Self::marked_unsafe).collect()),
            NodeKind::Map(entries) => {
                let marked = entries.iter().cloned();
                NodeKind::Map(marked.map(|(key, value)| (key, value.marked_unsafe())).collect())
            }
            other => other,
        };
        Self::new(self.span, kind)
    }

    /// Whether any text below holds `{{`, `{%` or `{#`.
    pub fn has_templates(&self) -> bool {
        match &self.kind {
            NodeKind::Str(text) => crate::template::looks_like_template(text),
            NodeKind::List(items) => items.iter().any(Self::has_templates),
            NodeKind::Map(entries) => entries.iter().any(|(_, value)| value.has_templates()),
            _ => false,
        }
    }
}
