//! What the items of a loop are called, and how they are printed.

use std::sync::Arc;

use minijinja::Value;
use slipway_language::{Layer, Node, Part, Scope, Variable, from_json};

use super::{
    executor::ItemContext,
    result::{self, ResultMap},
};
use crate::{inventory::Vars, playbook::Loop};

/// The loop with the names of its variables known.
pub(super) fn named(base: &ItemContext<'_>, looping: &Loop, scope: &Scope) -> Loop {
    let mut named = looping.clone();
    let control = &mut named.control;
    for name in std::iter::once(&mut control.loop_var).chain(control.index_var.as_mut()) {
        let node = Node::text(base.task.span.clone(), name.as_ref());
        if node.has_templates()
            && let Ok(value) = base.play.run.templar.render(&node, scope)
        {
            *name = Arc::from(slipway_language::to_text(&value));
        }
    }
    named
}

/// What an item of a loop is called: `part` is the one at `index`, and `trusted` whether the playbook alone decides all of them.
pub(super) fn loop_variables(
    looping: &Loop,
    part: &Part,
    items: &[Value],
    index: usize,
    base: &ItemContext<'_>,
    scope: &Scope,
    trusted: bool,
) -> Vars {
    let mut vars = Vars::new();
    let mut set = |name: &str, value: Value| {
        vars.insert(Arc::from(name), Variable::data(value, trusted));
    };
    set("ansible_loop_var", Value::from(looping.control.loop_var.as_ref()));
    if let Some(name) = &looping.control.index_var {
        set(name, Value::from(index));
        set("ansible_index_var", Value::from(name.as_ref()));
    }
    if matches!(
        base.play.boolean(looping.control.extended.as_ref(), scope),
        Ok(Some(true))
    ) {
        let count = items.len();
        let mut extended = vec![
            ("index", Value::from(index + 1)),
            ("index0", Value::from(index)),
            ("first", Value::from(index == 0)),
            ("last", Value::from(index + 1 == count)),
            ("length", Value::from(count)),
            ("revindex", Value::from(count - index)),
            ("revindex0", Value::from(count - index - 1)),
        ];
        let all = base
            .play
            .boolean(looping.control.extended_allitems.as_ref(), scope);
        if !matches!(all, Ok(Some(false))) {
            extended.push(("allitems", items.iter().cloned().collect::<Value>()));
        }
        if let Some(next) = items.get(index + 1) {
            extended.push(("nextitem", next.clone()));
        }
        if let Some(before) = index.checked_sub(1).and_then(|before| items.get(before)) {
            extended.push(("previtem", before.clone()));
        }
        set("ansible_loop", Value::from_pairs(extended));
    }
    let item = match part.template(&looping.items.span) {
        Some(template) => Variable::Template(template),
        None => Variable::data(items[index].clone(), part.is_trusted()),
    };
    vars.insert(Arc::clone(&looping.control.loop_var), item);
    vars
}

/// The item as it is printed; a label may be made of what the item has just given.
pub(super) fn label(
    base: &ItemContext<'_>,
    looping: &Loop,
    item: &Value,
    scope: &Scope,
    result: &ResultMap,
) -> Result<String, String> {
    let Some(label) = &looping.control.label else {
        // An item that is a template is shown as what it gives.
        let shown = match scope.variable(&looping.control.loop_var) {
            Some(Variable::Template(node)) => base.play.run.templar.render(&node, scope).ok(),
            _ => None,
        };
        return Ok(slipway_language::to_text(shown.as_ref().unwrap_or(item)));
    };
    let mut vars = Vars::new();
    if let Some(register) = &base.task.register {
        let result = from_json(result::public(result));
        vars.insert(Arc::clone(register), Variable::Answer(result));
    }
    let scope = scope.with(Arc::new(vars) as Arc<dyn Layer>);
    match base.play.run.templar.render(label, &scope) {
        Ok(value) => Ok(slipway_language::to_text(&value)),
        Err(error) => Err(format!("Failed to template loop_control.label: {error}")),
    }
}
