//! Values of which each text is known to be the playbook's own or not: what a fact or an item of a loop keeps.
//!
//! As ansible-core 2.18 has it, a text that the playbook alone decides and that holds templates is one, which is rendered when the
//! variable is used; whatever others decide stays data.

use minijinja::Value;
use minijinja::value::ValueKind;

use super::templar::Templar;
use super::{TemplateError, lazy, looks_like_template};
use crate::node::{Node, NodeKind};
use crate::scope::Scope;
use crate::span::Span;
use crate::value::convert::{entries, items, map, sequence};
use crate::value::json::to_json;
use crate::value::omit::{is_omit, strip_omit};

/// A rendered value, taken apart as it is written.
#[derive(Clone, Debug)]
pub enum Part {
    /// What one text became, or what is no text.
    Whole {
        /// The value.
        value: Value,
        /// Whether the playbook alone decides it.
        trusted: bool,
    },
    /// A sequence of the playbook.
    List(Vec<Self>),
    /// A mapping of the playbook.
    Map(Vec<(Value, Self)>),
}

impl Templar {
    /// A node's value, text by text.
    pub fn render_parts(&self, node: &Node, scope: &Scope) -> Result<Part, TemplateError> {
        match &node.kind {
            NodeKind::List(items) => {
                let parts = items.iter().map(|item| self.render_parts(item, scope));
                Ok(Part::List(parts.collect::<Result<_, _>>()?))
            }
            NodeKind::Map(entries) => {
                let parts = entries
                    .iter()
                    .map(|(key, value)| Ok((lazy::plain(key), self.render_parts(value, scope)?)));
                Ok(Part::Map(parts.collect::<Result<_, TemplateError>>()?))
            }
            _ => {
                let (templar, watch) = self.watched();
                let value = templar.render(node, scope)?;
                let trusted = !watch.saw_untrusted();
                if !trusted {
                    self.note_untrusted();
                }
                Ok(Part::Whole { value, trusted })
            }
        }
    }
}

impl Part {
    /// The whole value.
    pub fn value(&self) -> Value {
        match self {
            Self::Whole { value, .. } => value.clone(),
            Self::List(parts) => sequence(parts.iter().map(Self::value).collect()),
            Self::Map(parts) => map(parts.iter().map(|(key, part)| (key.clone(), part.value()))),
        }
    }

    /// The template that a variable which keeps it is, if any of the playbook's own texts is one; `span` is where it is written.
    pub fn template(&self, span: &Span) -> Option<Node> {
        self.holds_templates().then(|| self.node(span))
    }

    /// Whether the playbook alone decides all of it.
    pub fn is_trusted(&self) -> bool {
        match self {
            Self::Whole { trusted, .. } => *trusted,
            Self::List(parts) => parts.iter().all(Self::is_trusted),
            Self::Map(parts) => parts.iter().all(|(_, part)| part.is_trusted()),
        }
    }

    fn holds_templates(&self) -> bool {
        match self {
            Self::Whole { value, trusted } => *trusted && holds_templates(value),
            Self::List(parts) => parts.iter().any(Self::holds_templates),
            Self::Map(parts) => parts.iter().any(|(_, part)| part.holds_templates()),
        }
    }

    fn is_omit(&self) -> bool {
        matches!(self, Self::Whole { value, .. } if is_omit(value))
    }

    fn node(&self, span: &Span) -> Node {
        let kind = match self {
            Self::Whole { value, trusted } => {
                let node = Node::from_json(span, &to_json(&strip_omit(value)));
                return if *trusted { node } else { node.marked_unsafe() };
            }
            Self::List(parts) => NodeKind::List(parts.iter().map(|part| part.node(span)).collect()),
            Self::Map(parts) => NodeKind::Map(
                parts
                    .iter()
                    .filter(|(_, part)| !part.is_omit())
                    .map(|(key, part)| (Node::from_json(span, &to_json(key)), part.node(span)))
                    .collect(),
            ),
        };
        Node::new(span.clone(), kind)
    }
}

/// Whether any text in a value holds a beginning of Jinja syntax. One that filters such as `to_json` made stays what it is.
fn holds_templates(value: &Value) -> bool {
    match value.kind() {
        ValueKind::String => !value.is_safe() && value.as_str().is_some_and(looks_like_template),
        ValueKind::Seq => items(value).iter().any(holds_templates),
        ValueKind::Map => entries(value).iter().any(|(_, value)| holds_templates(value)),
        _ => false,
    }
}
