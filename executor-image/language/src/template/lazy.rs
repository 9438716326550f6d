//! YAML lists and mappings as templates see them: each item is rendered when it is asked for, and only then.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, Weak};

use minijinja::Value;
use minijinja::value::{Enumerator, Object, ObjectRepr};

use super::context::Context;
use super::error::TemplateError;
use super::looks_like_template;
use crate::node::{Node, NodeKind};
use crate::value::convert::{map, sequence};

/// The value of a node as it is written, nothing rendered.
pub(crate) fn plain(node: &Node) -> Value {
    match &node.kind {
        NodeKind::Null => Value::from(()),
        NodeKind::Bool(value) => Value::from(*value),
        NodeKind::Int(value) => Value::from(*value),
        NodeKind::Float(value) => Value::from(*value),
        NodeKind::Str(text) | NodeKind::Unsafe(text) => Value::from(Arc::clone(text)),
        NodeKind::Vault(encrypted) => Value::from(Arc::clone(encrypted.text())),
        NodeKind::Bytes(bytes) => Value::from_bytes(bytes.to_vec()),
        NodeKind::List(items) => sequence(items.iter().map(plain).collect()),
        NodeKind::Map(entries) => map(entries.iter().map(|(key, value)| (plain(key), plain(value)))),
    }
}

/// A node that is no template text itself.
pub(super) fn expose(node: &Node, context: &Arc<Context>) -> Value {
    match &node.kind {
        NodeKind::List(items) => Value::from_object(LazyList {
            items: Arc::clone(items),
            cells: cells(items.len()),
            context: Arc::downgrade(context),
        }),
        NodeKind::Map(entries) => Value::from_object(LazyMap {
            entries: Arc::clone(entries),
            cells: cells(entries.len()),
            context: Arc::downgrade(context),
        }),
        NodeKind::Vault(encrypted) => match context.decrypt(encrypted, &node.span) {
            Ok(value) => value,
            Err(error) => minijinja::Error::from(error).into(),
        },
        _ => plain(node),
    }
}

/// A place for a rendered item.
#[derive(Debug, Default)]
struct Cell {
    value: OnceLock<Value>,
    is_active: AtomicBool,
}

fn cells(count: usize) -> Box<[Cell]> {
    (0..count).map(|_| Cell::default()).collect()
}

impl Cell {
    fn get(&self, name: &Node, node: &Node, context: &Weak<Context>) -> Value {
        if let Some(value) = self.value.get() {
            return value.clone();
        }
        // The context lives as long as the rendering it belongs to; values that outlive it are complete.
        let Some(context) = context.upgrade() else {
            return plain(node);
        };
        if node.is_unsafe() {
            context.templar.note_untrusted();
        }
        let value = match &node.kind {
            NodeKind::Str(text) if looks_like_template(text) => {
                let name: Arc<str> = crate::value::python::to_text(&plain(name)).into();
                if self.is_active.swap(true, Ordering::Relaxed) {
                    let message =
                        format!("recursive loop detected in template: '{name}' names itself: {text}");
                    return minijinja::Error::from(TemplateError::new(message).at(&node.span)).into();
                }
                let value = context.render_named(&name, text, &node.span);
                self.is_active.store(false, Ordering::Relaxed);
                value
            }
            _ => expose(node, &context),
        };
        self.value.get_or_init(|| value).clone()
    }
}

/// A mapping of a playbook.
struct LazyMap {
    entries: Arc<[(Node, Node)]>,
    cells: Box<[Cell]>,
    context: Weak<Context>,
}

// An item that names something undefined is handed out as nothing: minijinja then remembers where it was asked for.
impl LazyMap {
    fn at(&self, index: usize) -> Value {
        let (key, value) = &self.entries[index];
        self.cells[index].get(key, value, &self.context)
    }
}

impl fmt::Debug for LazyMap {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.entries.fmt(formatter)
    }
}

impl Object for LazyMap {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Map
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let index = self.entries.iter().position(|(name, _)| plain(name) == *key)?;
        Some(self.at(index)).filter(|value| !value.is_undefined())
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        let index = self
            .entries
            .iter()
            .position(|(name, _)| name.as_str() == Some(key))?;
        Some(self.at(index)).filter(|value| !value.is_undefined())
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(self.entries.iter().map(|(key, _)| plain(key)).collect())
    }

    fn enumerator_len(self: &Arc<Self>) -> Option<usize> {
        Some(self.entries.len())
    }
}

/// A list of a playbook.
struct LazyList {
    items: Arc<[Node]>,
    cells: Box<[Cell]>,
    context: Weak<Context>,
}

impl fmt::Debug for LazyList {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.items.fmt(formatter)
    }
}

impl Object for LazyList {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Seq
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let index = key.as_usize()?;
        let node = self.items.get(index)?;
        Some(self.cells[index].get(node, node, &self.context)).filter(|value| !value.is_undefined())
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Seq(self.items.len())
    }
}

/// The variable `vars`: everything there is.
#[derive(Debug)]
pub(super) struct AllVariables(Weak<Context>);

impl AllVariables {
    pub(super) fn new(context: &Arc<Context>) -> Self {
        Self(Arc::downgrade(context))
    }
}

impl Object for AllVariables {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Map
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let name = key.as_str()?;
        (name != "vars")
            .then(|| self.0.upgrade()?.lookup(name))
            .flatten()
            .filter(|value| !value.is_undefined())
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        let names = self
            .0
            .upgrade()
            .map(|context| context.scope().names())
            .unwrap_or_default();
        Enumerator::Values(names.into_iter().map(Value::from).collect())
    }
}
