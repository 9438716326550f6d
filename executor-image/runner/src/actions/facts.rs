//! `set_fact` and `gather_facts`

use std::sync::Arc;

use serde_json::{Value, json};
use slipway_language::{Node, NodeKind, Span, Variable, from_json};

use super::{ActionContext, Arguments, ResultMap, boolean, failure, map};
use crate::transport::TransportError;

pub(super) fn set_fact(context: &ActionContext<'_>, mut args: Arguments) -> ResultMap {
    let cacheable = boolean(&args, "cacheable").unwrap_or(false);
    args.shift_remove("cacheable");
    let receivers = context.item.fact_receivers();
    if args.is_empty() {
        return failure("No key/value pairs provided, at least one is required for this action to succeed");
    }
    // Ansible 2.18 turns these four words into booleans here, unless values keep their types.
    let converts = !context.item.play.run.options.settings.jinja2_native;
    for value in args.values_mut().filter(|_| converts) {
        if let Value::String(text) = value {
            match text.to_ascii_lowercase().as_str() {
                "true" | "yes" => *value = Value::Bool(true),
                "false" | "no" => *value = Value::Bool(false),
                _ => {}
            }
        }
    }
    for name in args.keys() {
        let valid = name.chars().enumerate().all(|(index, letter)| {
            letter == '_' || letter.is_alphabetic() || (index > 0 && letter.is_numeric())
        });
        if !valid || name.is_empty() {
            return failure(format!(
                "The variable name '{name}' is not valid. Variables must start with a letter or underscore character, and contain only letters, numbers and underscores."
            ));
        }
    }
    // The name of a fact may be a template: then no argument has it.
    let written = context.item.task.module().map(|module| &module.args);
    for (name, value) in &args {
        context.item.play.warn_if_reserved(name);
        // One of the four words is no text any more.
        let text = value.as_str().filter(|_| context.texts.contains(name));
        let variable = match (context.source(name), text) {
            // What is encrypted stays so until it is used.
            (Some(node), _) if matches!(node.kind, NodeKind::Vault(_)) => Variable::Template(node.clone()),
            (_, Some(text)) => {
                let text = slipway_language::Value::from_safe_string(text.to_owned());
                Variable::data(text, context.trusted)
            }
            (source, None) => fact(value, source.or(written).map(|node| &node.span), context.trusted),
        };
        for receiver in &receivers {
            receiver.set.set(Arc::from(name.as_str()), variable.clone());
        }
    }
    if cacheable {
        for receiver in &receivers {
            context.item.learn(receiver, &args);
        }
    }
    let mut result = map(json!({"changed": false}));
    result.insert("ansible_facts".to_owned(), Value::Object(args));
    result.insert("_ansible_facts_kept".to_owned(), Value::Bool(true));
    result
}

/// What a fact is from then on. As ansible-core 2.18 has it, a text that the playbook alone decides and that holds templates is one, which
/// is rendered when the fact is used; whatever others decide stays data.
fn fact(value: &Value, span: Option<&Span>, trusted: bool) -> Variable {
    let node = span.filter(|_| trusted).map(|span| Node::from_json(span, value));
    match node.filter(Node::has_templates) {
        Some(template) => Variable::Template(template),
        None => Variable::data(from_json(value.clone()), trusted),
    }
}

pub(super) async fn gather(
    context: &ActionContext<'_>,
    mut args: Arguments,
) -> Result<ResultMap, TransportError> {
    args.shift_remove("parallel");
    let mut result = context.call_instead("ansible.builtin.setup", args).await?;
    // The facts themselves are long; they are shown only to who asks for details.
    if !result.contains_key("failed") {
        result.insert("_ansible_verbose_override".to_owned(), Value::Bool(true));
        // Before the facts themselves are kept: the cache says so too.
        for receiver in context.item.fact_receivers() {
            receiver.set_gathered();
        }
    }
    Ok(result)
}
