//! Conditions: `when`, `changed_when`, `failed_when`, `until`, `assert`.
//!
//! ansible-core 2.18 takes any value for a truth unless it is told not to, and says so where the value is no boolean.

use std::sync::Arc;

use minijinja::value::ValueKind;

use super::context::Context;
use super::error::TemplateError;
use super::looks_like_template;
use crate::node::{Node, NodeKind};
use crate::span::Span;
use crate::value::python;

/// Who is told of conditions that hold or do not, but should be written differently.
pub trait Listener: Send + Sync + std::fmt::Debug {
    /// A condition holds `{{ }}`.
    fn warning(&self, text: &str);
    /// A condition of this sort will be refused by a later version: the text, and the version.
    fn deprecated(&self, text: &str, version: &str);
    /// A file as messages name it.
    fn file(&self, name: &str) -> String {
        name.to_owned()
    }
}

/// What is said of conditions whose value is no boolean.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NotBoolean {
    /// A deprecation.
    #[default]
    Told,
    /// Nothing.
    Taken,
    /// They are errors.
    Refused,
}

/// How conditions are taken.
#[derive(Clone, Debug, Default)]
pub(super) struct Rules {
    pub(super) not_boolean: NotBoolean,
    pub(super) listener: Option<Arc<dyn Listener>>,
}

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

/// Evaluates one condition or a list of them. `near` is where the task begins.
pub(super) fn evaluate(
    context: &Arc<Context>,
    node: &Node,
    near: Option<&Span>,
) -> Result<Verdict, TemplateError> {
    let conditions = match &node.kind {
        NodeKind::List(items) => &**items,
        _ => std::slice::from_ref(node),
    };
    for condition in conditions {
        if !holds(context, condition, near)? {
            return Ok(Verdict::False {
                condition: written(condition),
            });
        }
    }
    Ok(Verdict::True)
}

fn holds(context: &Arc<Context>, node: &Node, near: Option<&Span>) -> Result<bool, TemplateError> {
    let approximate = near.map(Place::Near);
    match &node.kind {
        NodeKind::Null => Ok(true),
        NodeKind::Bool(value) => Ok(*value),
        NodeKind::Str(text) | NodeKind::Unsafe(text) if text.is_empty() => Ok(true),
        NodeKind::Str(text) | NodeKind::Unsafe(text) => {
            let exact = (!looks_like_template(text)).then_some(Place::At(&node.span));
            expression(context, text, node, exact.or(approximate))
        }
        _ => truth(context, &written(node), approximate),
    }
    .map_err(|error| explain(error, node))
}

/// Where a condition is from.
#[derive(Clone, Copy)]
enum Place<'a> {
    At(&'a Span),
    Near(&'a Span),
}

impl Place<'_> {
    fn said(self, listener: &dyn Listener) -> String {
        let (word, span) = match self {
            Self::At(span) => ("location", span),
            Self::Near(span) => ("approximate location", span),
        };
        format!(
            "{word} {} {}:{}",
            listener.file(&span.file),
            span.line,
            span.column
        )
    }
}

/// The truth of a bare expression; one with `{{ }}` is rendered first and the outcome evaluated.
fn expression(
    context: &Arc<Context>,
    text: &str,
    node: &Node,
    place: Option<Place<'_>>,
) -> Result<bool, TemplateError> {
    if !looks_like_template(text) {
        return truth(context, text, place);
    }
    if let Some(listener) = &context.templar.conditions.listener {
        listener.warning(&format!(
            "conditional statements should not include jinja2 templating delimiters such as {{{{ }}}} or {{% %}}. Found: {text}"
        ));
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
        truth(context, &source, place)
    }
}

/// The truth of an expression; `place` is where it is from, if that is known.
fn truth(context: &Arc<Context>, source: &str, place: Option<Place<'_>>) -> Result<bool, TemplateError> {
    let value = context.evaluate(source)?;
    let holds = super::undefined::is_true(&value)?;
    if value.kind() == ValueKind::Bool {
        return Ok(holds);
    }
    let kind = python::type_name(&value);
    let rules = &context.templar.conditions;
    match rules.not_boolean {
        NotBoolean::Taken => {}
        NotBoolean::Told => {
            if let Some(listener) = &rules.listener {
                let place = match place {
                    Some(place) => place.said(listener.as_ref()),
                    None => format!("unknown location (conditional: {source})"),
                };
                let result = if holds { "True" } else { "False" };
                let text = format!(
                    "Conditional result at {place} was of type '{kind}'. Conditional results should only be True or False. The result was interpreted as {result}."
                );
                listener.deprecated(&text, "2.19");
            }
        }
        NotBoolean::Refused => {
            return Err(TemplateError::new(format!(
                "Conditional result was of type '{kind}'. Conditional results must be True or False when `ALLOW_BROKEN_CONDITIONALS` is disabled, which is the default in Ansible Core >= 2.19."
            )));
        }
    }
    Ok(holds)
}

fn written(node: &Node) -> String {
    match node.as_str() {
        Some(text) => text.to_owned(),
        None => python::to_text(&super::lazy::plain(node)),
    }
}

fn explain(mut error: TemplateError, node: &Node) -> TemplateError {
    let condition = written(node);
    error.is_placed = true;
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
