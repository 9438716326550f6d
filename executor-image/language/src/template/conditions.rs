//! Conditions: `when`, `changed_when`, `failed_when`, `until`, `assert`.

use std::sync::Arc;

use minijinja::value::ValueKind;

use super::context::Context;
use super::error::TemplateError;
use super::looks_like_template;
use crate::node::{Node, NodeKind};
use crate::value::python;

/// Whether a condition holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It does.
    True,
    /// It does not.
    False {
        /// The condition that was false, as it is written.
        condition: String,
    },
}

impl Verdict {
    /// Whether the condition holds.
    pub fn is_true(&self) -> bool {
        matches!(self, Self::True)
    }
}

/// Evaluates one condition or a list of them.
pub(super) fn evaluate(context: &Arc<Context>, node: &Node) -> Result<Verdict, TemplateError> {
    let conditions = match &node.kind {
        NodeKind::List(items) => &**items,
        _ => std::slice::from_ref(node),
    };
    for condition in conditions {
        if !holds(context, condition)? {
            return Ok(Verdict::False {
                condition: written(condition),
            });
        }
    }
    Ok(Verdict::True)
}

fn holds(context: &Arc<Context>, node: &Node) -> Result<bool, TemplateError> {
    match &node.kind {
        NodeKind::Null => Ok(true),
        NodeKind::Bool(value) => Ok(*value),
        NodeKind::Str(text) | NodeKind::Unsafe(text) if text.is_empty() => Ok(true),
        NodeKind::Str(text) | NodeKind::Unsafe(text) => expression(context, text, node),
        _ => expression(context, &written(node), node),
    }
    .map_err(|error| explain(error, node))
}

/// The truth of a bare expression; one with `{{ }}` is rendered first and the outcome evaluated.
fn expression(context: &Arc<Context>, text: &str, node: &Node) -> Result<bool, TemplateError> {
    if !looks_like_template(text) {
        return truth(context, text);
    }
    let (templar, watch) = context.templar.watched();
    let rendered = Context::new(templar, context.scope().clone()).render_text(text, &node.span)?;
    if rendered.kind() == ValueKind::Bool {
        return Ok(rendered.is_true());
    }
    let source = python::to_text(&rendered);
    if source.is_empty() {
        Ok(false)
    } else if watch.saw_untrusted() {
        // A host would decide what is evaluated.
        Err(TemplateError::new(
            "Conditional is marked as unsafe, and cannot be evaluated.",
        ))
    } else {
        truth(context, &source)
    }
}

fn truth(context: &Arc<Context>, source: &str) -> Result<bool, TemplateError> {
    super::undefined::is_true(&context.evaluate(source)?)
}

fn written(node: &Node) -> String {
    match node.as_str() {
        Some(text) => text.to_owned(),
        None => python::to_text(&super::lazy::plain(node)),
    }
}

fn explain(mut error: TemplateError, node: &Node) -> TemplateError {
    let condition = written(node);
    error.message = if error.undefined.is_some() {
        format!(
            "The conditional check '{condition}' failed. The error was: error while evaluating conditional ({condition}): {}",
            error.message
        )
    } else {
        format!(
            "The conditional check '{condition}' failed. The error was: {}",
            error.message
        )
    };
    error.at(&node.span)
}
