//! Variables of another scope than the one that is rendered, such as those of another host: each text is rendered when it is asked for, and
//! only then; one that names something undefined stays as it is written.

use std::fmt;
use std::sync::Arc;

use minijinja::Value;
use minijinja::value::{Enumerator, Object, ObjectRepr};

use super::lazy::plain;
use super::templar::Templar;
use crate::node::{Node, NodeKind};
use crate::scope::Scope;

/// A list or a mapping of another scope.
struct Distant {
    node: Node,
    templar: Templar,
    scope: Scope,
}

/// A node of another scope as templates see it.
pub(crate) fn expose(node: &Node, templar: &Templar, scope: &Scope) -> Value {
    match &node.kind {
        NodeKind::List(_) | NodeKind::Map(_) => Value::from_object(Distant {
            node: node.clone(),
            templar: templar.clone(),
            scope: scope.clone(),
        }),
        _ => match templar.render_as_far_as_known(node, scope) {
            Ok(value) => value,
            // The template that asks fails with the same words.
            Err(error) => minijinja::Error::from(error).into(),
        },
    }
}

impl Distant {
    fn inner(&self, node: &Node) -> Value {
        expose(node, &self.templar, &self.scope)
    }
}

impl fmt::Debug for Distant {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.node.kind.fmt(formatter)
    }
}

impl Object for Distant {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        match self.node.kind {
            NodeKind::List(_) => ObjectRepr::Seq,
            _ => ObjectRepr::Map,
        }
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let found = if let Some(items) = self.node.as_list() {
            items.get(key.as_usize()?)?
        } else {
            let mut entries = self.node.entries().iter();
            &entries.find(|(name, _)| plain(name) == *key)?.1
        };
        Some(self.inner(found))
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        match &self.node.kind {
            NodeKind::List(items) => Enumerator::Seq(items.len()),
            _ => Enumerator::Values(self.node.entries().iter().map(|(key, _)| plain(key)).collect()),
        }
    }

    fn enumerator_len(self: &Arc<Self>) -> Option<usize> {
        match &self.node.kind {
            NodeKind::List(items) => Some(items.len()),
            _ => Some(self.node.entries().len()),
        }
    }
}
