//! The items of `loop` and of `with_<lookup>`.

use minijinja::Value;
use minijinja::value::{Kwargs, ValueKind};

use crate::lookups;
use crate::node::Node;
use crate::scope::{FileKind, Scope};
use crate::template::context::Context;
use crate::template::{Part, Templar, TemplateError};
use crate::value::convert::sequence;
use crate::value::python;

/// The items of `loop: …`, which must be a list; of those that are written one by one, each is trusted or not.
pub fn items(templar: &Templar, node: &Node, scope: &Scope) -> Result<Vec<Part>, TemplateError> {
    let (value, trusted) = match templar.render_parts(node, scope)? {
        Part::List(items) => return Ok(items),
        Part::Whole { value, trusted } => (value, trusted),
        part @ Part::Map(_) => (part.value(), false),
    };
    if value.kind() != ValueKind::Seq {
        return Err(TemplateError::new(format!(
            "Invalid data passed to 'loop', it requires a list, got this instead: {}. Hint: If you passed a list/dict of just one element, try adding wantlist=True to your lookup invocation or use q/query instead of lookup.",
            python::to_text(&value)
        ))
        .at(&node.span));
    }
    let part = |value| Part::Whole { value, trusted };
    Ok(value.try_iter()?.map(part).collect())
}

/// An item as a variable has it: whoever asks for a variable gets a list for a tuple.
pub fn as_variable(item: Value) -> Value {
    if !item.is_tuple() {
        return item;
    }
    let inner = item.try_iter().into_iter().flatten().map(as_variable);
    sequence(inner.collect())
}

/// Whether there is a `with_<name>`.
pub fn is_known(name: &str) -> bool {
    lookups::names().iter().any(|known| known == name)
}

/// The items of `with_<name>: …`, for example `with_items`, `with_dict`, `with_first_found`. A task of `template` or `include_vars` has
/// its files in another folder than others.
pub fn with(
    templar: &Templar,
    name: &str,
    node: &Node,
    scope: &Scope,
    action: &str,
) -> Result<Vec<Part>, TemplateError> {
    let context = Context::new(templar.strict(), scope.clone());
    let short = name.trim_start_matches("ansible.builtin.");
    // There is no file of a name that is not known.
    let value = if short == "first_found" {
        context.render_as_far_as_known(node)?
    } else {
        context.render(node)?
    };
    if value.kind() != ValueKind::Seq && matches!(short, "list" | "indexed_items") {
        return Err(TemplateError::new(format!("with_{short} expects a list")));
    }
    let terms = match value.kind() {
        ValueKind::Seq => value.try_iter()?.collect(),
        // `with_dict` takes the mapping, `with_items` and its like take the keys.
        ValueKind::Map if !matches!(short, "dict" | "first_found") => value.try_iter()?.collect(),
        _ => vec![value],
    };
    let folder = if action.contains("template") {
        FileKind::Templates
    } else if action.contains("var") {
        FileKind::Vars
    } else {
        FileKind::Files
    };
    let no_options: Kwargs = std::iter::empty::<(String, Value)>().collect();
    // What the lookup itself says is told as it is: playbooks compare it.
    let found = lookups::run(&context, name, terms, &no_options, folder)?;
    // What a lookup finds is not the playbook's word.
    let trusted = false;
    Ok(found
        .into_iter()
        .map(|value| Part::Whole { value, trusted })
        .collect())
}
