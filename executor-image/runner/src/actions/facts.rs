//! `set_fact`

use std::sync::Arc;

use serde_json::{Value, json};
use slipway_language::{NodeKind, Part, Variable, from_json};

use super::{ActionContext, Arguments, ResultMap, boolean, failure, map};

/// The module whose arguments become variables.
pub(crate) const SET_FACT: &str = "ansible.builtin.set_fact";

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
        let fact = context.facts.get(name).filter(|_| !value.is_boolean());
        let span = context.source(name).or(written).map(|node| &node.span);
        let template = fact.zip(span).and_then(|(fact, span)| fact.template(span));
        let variable = match (context.source(name), template, fact) {
            // What is encrypted stays so until it is used.
            (Some(node), ..) if matches!(node.kind, NodeKind::Vault(_)) => Variable::Template(node.clone()),
            (_, Some(template), _) => Variable::Template(template),
            // What filters such as `to_json` made stays text whatever it looks like.
            (_, None, Some(Part::Whole { value, trusted })) if value.is_safe() => {
                Variable::data(value.clone(), *trusted)
            }
            (_, None, fact) => {
                let trusted = fact.map_or(context.trusted, Part::is_trusted);
                Variable::data(from_json(value.clone()), trusted)
            }
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
    result.insert(super::TRUSTED.to_owned(), Value::Bool(context.trusted));
    result
}
