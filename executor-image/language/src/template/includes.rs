//! `{% include 'name' %}`: the file is searched as templates are, and sees the variables of the template that includes it.
//!
//! It becomes a call of a function. In a macro only what the macro names can be seen, so there the call names all that the template
//! assigns outside of macros.

use std::sync::Arc;

use indexmap::IndexMap;
use minijinja::machinery::Span;
use minijinja::machinery::ast::{Call, CallArg, Const, EmitExpr, Expr, Include, Map, Spanned, Stmt, Var};
use minijinja::value::ValueKind;
use minijinja::{Error, State, Value};

use super::context::Context;
use super::error::TemplateError;
use super::loading;
use super::options::TemplateOptions;
use crate::scope::Variable;
use crate::value::convert::entries;
use crate::value::python;

/// The function that stands for the statement.
pub(super) const INCLUDE: &str = "__include";

/// What a template assigns outside of macros, and whether we are in one.
#[derive(Clone, Default)]
pub(super) struct Assigned<'a> {
    names: Vec<&'a str>,
    in_macro: bool,
}

impl<'a> Assigned<'a> {
    /// What a template assigns.
    pub(super) fn by(tree: &Stmt<'a>) -> Self {
        let mut assigned = Self::default();
        assigned.note(std::slice::from_ref(tree));
        assigned
    }

    /// The same in a macro.
    pub(super) fn in_macro(&self) -> Self {
        Self {
            in_macro: true,
            ..self.clone()
        }
    }

    fn note(&mut self, statements: &[Stmt<'a>]) {
        for statement in statements {
            match statement {
                Stmt::Template(node) => self.note(&node.children),
                Stmt::IfCond(node) => {
                    self.note(&node.true_body);
                    self.note(&node.false_body);
                }
                Stmt::Set(node) => self.note_target(&node.target),
                Stmt::SetBlock(node) => self.note_target(&node.target),
                Stmt::Import(node) => self.note_target(&node.name),
                Stmt::FromImport(node) => {
                    for (name, alias) in &node.names {
                        self.note_target(alias.as_ref().unwrap_or(name));
                    }
                }
                Stmt::Macro(node) => self.names.push(node.name),
                _ => {}
            }
        }
    }

    fn note_target(&mut self, target: &Expr<'a>) {
        match target {
            Expr::Var(node) => self.names.push(node.id),
            Expr::Tuple(node) => node.items.iter().for_each(|item| self.note_target(item)),
            Expr::List(node) => node.items.iter().for_each(|item| self.note_target(item)),
            _ => {}
        }
    }

    /// The call that stands for an include of `name`, which is rewritten already.
    pub(super) fn include(&self, node: &Include<'a>, name: Expr<'a>, span: Span) -> Stmt<'a> {
        let constant = |value: Value| Expr::Const(Spanned::new(Const { value }, span));
        let variable = |id| Expr::Var(Spanned::new(Var { id }, span));
        let seen: &[&str] = if self.in_macro { &self.names } else { &[] };
        let seen = Map {
            keys: seen.iter().map(|name| constant(Value::from(*name))).collect(),
            values: seen.iter().map(|name| variable(name)).collect(),
        };
        let args = vec![
            CallArg::Pos(name),
            CallArg::Pos(constant(node.ignore_missing.into())),
            CallArg::Pos(Expr::Map(Spanned::new(seen, span))),
        ];
        let call = Call {
            expr: variable(INCLUDE),
            args,
        };
        let expr = Expr::Call(Spanned::new(call, span));
        Stmt::EmitExpr(Spanned::new(EmitExpr { expr }, span))
    }
}

/// The function; `seen` is what the including template assigns and its macro does not name.
#[expect(
    clippy::needless_pass_by_value,
    reason = "minijinja calls functions with values"
)]
pub(super) fn include(
    state: &mut State<'_, '_>,
    name: Value,
    ignore_missing: bool,
    seen: Value,
) -> Result<Value, Error> {
    let context = Context::of(state)?;
    let names: Vec<Value> = match name.kind() {
        ValueKind::Seq => name.try_iter()?.collect(),
        _ => vec![name],
    };
    let Some((name, source)) = loading::find(context.scope().host().as_ref(), &names)? else {
        if ignore_missing {
            return Ok(Value::from(""));
        }
        let wanted: Vec<String> = names.iter().map(python::to_text).collect();
        return Err(TemplateError::new(format!(
            "the template to include, '{}', is not found",
            wanted.join("', '")
        ))
        .into());
    };
    let mut locals: IndexMap<Arc<str>, Variable> = IndexMap::new();
    for (name, value) in entries(&seen) {
        if !value.is_undefined() {
            locals.insert(python::to_text(&name).into(), Variable::Data(value));
        }
    }
    for name in state.known_variables() {
        if let Some(value) = state.lookup(&name) {
            locals.insert(name.as_ref().into(), Variable::Data(value));
        }
    }
    let scope = context.scope().with(Arc::new(locals));
    let nested = Context::new(context.templar.textual(), scope);
    // Unlike the template itself, an included file loses its last newline (Jinja's `keep_trailing_newline` is off).
    let body = source.strip_suffix('\n').unwrap_or(&source);
    Ok(Value::from(nested.render_file(
        body,
        &name,
        &TemplateOptions::default(),
    )?))
}
