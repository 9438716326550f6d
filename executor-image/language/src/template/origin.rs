//! Where a text comes from, which the classes of Ansible's texts tell: `type_debug` shows them.

use std::sync::Arc;

use minijinja::Value;

use super::compile::{Code, Kind};
use super::context::{Context, is_only};
use super::looks_like_template;
use crate::node::NodeKind;
use crate::scope::Variable;

/// Where a text comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// It stands so in a YAML file.
    Written,
    /// A host or a lookup has said it, or `!unsafe` or `!vault` marks it.
    Others,
    /// The playbook's templates made it.
    Made,
}

impl Context {
    /// Where the text that names and keys lead to comes from.
    pub(crate) fn origin(self: &Arc<Self>, path: &[Value]) -> Origin {
        match self.written(path, 0) {
            Some(origin) => origin,
            None if self.is_decided_by_others(path) => Origin::Others,
            None => Origin::Made,
        }
    }

    /// The same as far as it can be told without rendering anything.
    fn written(&self, path: &[Value], depth: usize) -> Option<Origin> {
        let (name, keys) = path.split_first()?;
        let Variable::Template(node) = self.scope().variable(name.as_str()?)? else {
            return None;
        };
        match &node.at(keys)?.kind {
            NodeKind::Vault(_) | NodeKind::Unsafe(_) => Some(Origin::Others),
            NodeKind::Str(text) if !looks_like_template(text) => Some(Origin::Written),
            // What is but another variable is that one's text.
            NodeKind::Str(text) if depth < 10 => {
                let program = self.templar.cache.program(&Kind::Text, text).ok()?;
                match &program.code {
                    Code::Expression {
                        variable: Some(name), ..
                    } if is_only(text, name) => self.written(&[Value::from(*name)], depth + 1),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// Whether others than the playbook have a part in it.
    fn is_decided_by_others(&self, path: &[Value]) -> bool {
        let Some((name, keys)) = path.split_first() else {
            return false;
        };
        let (templar, watch) = self.templar.watched();
        // What this context has rendered already it would not render again.
        let fresh = Self::new(templar, self.scope().clone());
        let mut value = name.as_str().and_then(|name| fresh.lookup(name));
        for key in keys {
            value = value.and_then(|value| value.get_item(key).ok());
        }
        watch.saw_untrusted()
    }
}
