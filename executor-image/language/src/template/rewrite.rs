//! Changes the syntax tree where Ansible's Jinja means something else than minijinja.
//!
//! minijinja's tree cannot be changed in place, so it is copied. What changes:
//! - in `a.b.c` each step but the last may be undefined (`__chain` makes an undefined value one that can be asked for
//!   more); the whole then is undefined as a whole, so `default` and `is defined` see it and everything else fails;
//! - `%` also formats text, `-` also takes times apart; `<` and its like and `in` refuse kinds of values that Python refuses;
//! - `is vault_encrypted`, `unvault` and `type_debug` look at how the variable of that name is written;
//! - filters and tests that are not built in are left to plugins;
//! - `{% include %}` reads the file through the host ([`super::includes`]).

use minijinja::Value;
use minijinja::machinery::Span;
use minijinja::machinery::ast::{
    AutoEscape, BinOp, BinOpKind, Block, Call, CallArg, CallBlock, Compare, CompareOp, Const, Do, EmitExpr,
    EmitRaw, Expr, Extends, Filter, FilterBlock, ForLoop, FromImport, GetAttr, GetItem, IfCond, IfExpr,
    Import, List, Macro, Map, Set, SetBlock, Slice, Spanned, Stmt, Template, Test, Tuple, UnaryOp,
    UnaryOpKind, Var, WithBlock,
};

use super::environment;
use super::includes::Assigned;
use crate::plugins::{self, PluginKind};

/// Filters that only rewritten trees use.
pub(super) const CHAIN: &str = "__chain";
/// A filter or test that is not built in.
pub(super) const PLUGIN: &str = "__plugin";
pub(super) const REMAINDER: &str = "__remainder";
/// Refuses what an operator has made too large.
pub(super) const GROWN: &str = "__grown";
pub(super) const DIFFERENCE: &str = "__difference";
/// Renders what is lazy in the outcome of an expression; something undefined in it is an error that names it.
pub(super) const COMPLETE: &str = "__complete";
/// As [`COMPLETE`], but looks only at the outcome itself.
pub(super) const DEFINED: &str = "__defined";
/// Makes a literal list or mapping one that `append`, `update` and their like change.
pub(super) const MUTABLE: &str = "__mutable";
/// Lets no value pass that is too deep.
pub(super) const SHALLOW: &str = "__shallow";
/// What names and keys lead to, if it is written encrypted.
pub(super) const ENCRYPTED: &str = "__encrypted";
/// The test that asks how a variable is written, not what its value is.
const IS_ENCRYPTED: &[&str] = &["vault_encrypted", "ansible.builtin.vault_encrypted"];
/// Filters that take a variable as it is written if that is encrypted.
const TAKE_ENCRYPTED: &[&str] = &[
    "ansible.builtin.type_debug",
    "ansible.builtin.unvault",
    "type_debug",
    "unvault",
];
/// The argument by which a filter is told what its input is called.
pub(crate) const INPUT_NAME: &str = "__input_name";
/// The argument by which a filter is told the names and keys that lead to its input; none of them if a lookup gives it.
pub(crate) const INPUT_PATH: &str = "__input_path";

/// The rewritten template.
pub(super) fn template<'a>(tree: &Stmt<'a>) -> Stmt<'a> {
    statement(tree, &Assigned::by(tree))
}

fn statement<'a>(statement: &Stmt<'a>, assigned: &Assigned<'a>) -> Stmt<'a> {
    match statement {
        Stmt::Template(node) => Stmt::Template(spanned(node, |node| Template {
            children: body(&node.children, assigned),
        })),
        Stmt::EmitExpr(node) => Stmt::EmitExpr(spanned(node, |node| EmitExpr {
            expr: expression(&node.expr),
        })),
        Stmt::EmitRaw(node) => Stmt::EmitRaw(spanned(node, |node| EmitRaw { raw: node.raw })),
        Stmt::ForLoop(node) => Stmt::ForLoop(spanned(node, |node| ForLoop {
            target: target(&node.target),
            iter: expression(&node.iter),
            filter_expr: node.filter_expr.as_ref().map(expression),
            recursive: node.recursive,
            body: body(&node.body, assigned),
            else_body: body(&node.else_body, assigned),
        })),
        Stmt::IfCond(node) => Stmt::IfCond(spanned(node, |node| IfCond {
            expr: expression(&node.expr),
            true_body: body(&node.true_body, assigned),
            false_body: body(&node.false_body, assigned),
        })),
        Stmt::WithBlock(node) => Stmt::WithBlock(spanned(node, |node| WithBlock {
            assignments: node
                .assignments
                .iter()
                .map(|(to, from)| (target(to), expression(from)))
                .collect(),
            body: body(&node.body, assigned),
        })),
        Stmt::Set(node) => Stmt::Set(spanned(node, |node| Set {
            target: target(&node.target),
            expr: match node.target {
                Expr::GetAttr(_) => outcome(&node.expr, SHALLOW),
                _ => changeable(&node.expr),
            },
        })),
        Stmt::SetBlock(node) => Stmt::SetBlock(spanned(node, |node| SetBlock {
            target: target(&node.target),
            filter: node.filter.as_ref().map(expression),
            body: body(&node.body, assigned),
        })),
        Stmt::AutoEscape(node) => Stmt::AutoEscape(spanned(node, |node| AutoEscape {
            enabled: expression(&node.enabled),
            body: body(&node.body, assigned),
        })),
        Stmt::FilterBlock(node) => Stmt::FilterBlock(spanned(node, |node| FilterBlock {
            filter: expression(&node.filter),
            filter_span: node.filter_span,
            body: body(&node.body, assigned),
        })),
        Stmt::Block(node) => Stmt::Block(spanned(node, |node| Block {
            name: node.name,
            required: node.required,
            body: body(&node.body, assigned),
        })),
        Stmt::Import(node) => Stmt::Import(spanned(node, |node| Import {
            expr: expression(&node.expr),
            name: target(&node.name),
        })),
        Stmt::FromImport(node) => Stmt::FromImport(spanned(node, |node| FromImport {
            expr: expression(&node.expr),
            names: node
                .names
                .iter()
                .map(|(name, alias)| (target(name), alias.as_ref().map(target)))
                .collect(),
        })),
        Stmt::Extends(node) => Stmt::Extends(spanned(node, |node| Extends {
            name: expression(&node.name),
        })),
        Stmt::Include(node) => assigned.include(node, expression(&node.name), node.span()),
        Stmt::Macro(node) => Stmt::Macro(macro_declaration(node, assigned)),
        Stmt::CallBlock(node) => Stmt::CallBlock(spanned(node, |node| CallBlock {
            call: spanned(&node.call, call),
            call_expr_span: node.call_expr_span,
            macro_decl: macro_declaration(&node.macro_decl, assigned),
        })),
        Stmt::Continue(node) => Stmt::Continue(spanned(node, |_| minijinja::machinery::ast::Continue)),
        Stmt::Break(node) => Stmt::Break(spanned(node, |_| minijinja::machinery::ast::Break)),
        Stmt::Do(node) => Stmt::Do(spanned(node, |node| Do {
            call: spanned(&node.call, call),
        })),
    }
}

/// What is assigned: a literal list or mapping may be changed later (`{% set _ = list.append(1) %}`).
fn changeable<'a>(node: &Expr<'a>) -> Expr<'a> {
    match node {
        Expr::List(_) | Expr::Map(_) => filter(MUTABLE, expression(node), Vec::new(), node.span()),
        _ => expression(node),
    }
}

/// The rewritten expression of a template that is nothing else, with a filter around it.
pub(super) fn outcome<'a>(node: &Expr<'a>, name: &'static str) -> Expr<'a> {
    filter(name, expression(node), Vec::new(), node.span())
}

/// The rewritten expression.
fn expression<'a>(node: &Expr<'a>) -> Expr<'a> {
    match node {
        Expr::Var(node) => Expr::Var(spanned(node, |node| Var { id: node.id })),
        Expr::Const(node) => Expr::Const(spanned(node, |node| Const {
            value: node.value.clone(),
        })),
        Expr::Slice(node) => Expr::Slice(spanned(node, |node| Slice {
            expr: expression(&node.expr),
            start: node.start.as_ref().map(expression),
            stop: node.stop.as_ref().map(expression),
            step: node.step.as_ref().map(expression),
        })),
        Expr::UnaryOp(node) => Expr::UnaryOp(spanned(node, |node| UnaryOp {
            op: match node.op {
                UnaryOpKind::Not => UnaryOpKind::Not,
                UnaryOpKind::Neg => UnaryOpKind::Neg,
            },
            expr: expression(&node.expr),
        })),
        Expr::BinOp(node) => binary(node),
        Expr::Compare(node) => Expr::Compare(spanned(node, |node| Compare {
            expr: expression(&node.expr),
            ops: node
                .ops
                .iter()
                .map(|step| CompareOp {
                    op: step.op,
                    expr: expression(&step.expr),
                })
                .collect(),
        })),
        Expr::IfExpr(node) => Expr::IfExpr(spanned(node, |node| IfExpr {
            test_expr: expression(&node.test_expr),
            true_expr: expression(&node.true_expr),
            false_expr: node.false_expr.as_ref().map(expression),
        })),
        Expr::Filter(node) if !plugins::is_known(environment::filter_names(), node.name) => {
            let span = node.span();
            let value = node.expr.as_ref().map(expression);
            plugin(PluginKind::Filter, node.name, value, &node.args, span)
        }
        Expr::Filter(node) => Expr::Filter(Spanned::new(
            Filter {
                name: node.name,
                expr: node.expr.as_ref().map(|input| {
                    let rewritten = expression(input);
                    match path(input).filter(|_| TAKE_ENCRYPTED.contains(&node.name)) {
                        Some(path) => encrypted_or(path, None, rewritten, node.span()),
                        None => rewritten,
                    }
                }),
                args: told_of_input(node, arguments(&node.args)),
            },
            node.span(),
        )),
        Expr::Test(node) if !plugins::is_known(environment::test_names(), node.name) => {
            let value = Some(expression(&node.expr));
            plugin(PluginKind::Test, node.name, value, &node.args, node.span())
        }
        Expr::Test(node) => {
            let rewritten = Expr::Test(spanned(node, |node| Test {
                name: node.name,
                expr: expression(&node.expr),
                args: arguments(&node.args),
            }));
            match path(&node.expr).filter(|_| IS_ENCRYPTED.contains(&node.name)) {
                Some(path) => encrypted_or(path, Some(true.into()), rewritten, node.span()),
                None => rewritten,
            }
        }
        Expr::GetAttr(node) => Expr::GetAttr(spanned(node, |node| GetAttr {
            expr: chained(&node.expr),
            name: node.name,
        })),
        Expr::GetItem(node) => Expr::GetItem(spanned(node, |node| GetItem {
            expr: chained(&node.expr),
            subscript_expr: expression(&node.subscript_expr),
        })),
        Expr::Call(node) => Expr::Call(spanned(node, call)),
        Expr::List(node) => Expr::List(spanned(node, |node| List {
            items: node.items.iter().map(expression).collect(),
        })),
        Expr::Tuple(node) => Expr::Tuple(spanned(node, |node| Tuple {
            items: node.items.iter().map(expression).collect(),
        })),
        Expr::Map(node) => Expr::Map(spanned(node, |node| Map {
            keys: node.keys.iter().map(expression).collect(),
            values: node.values.iter().map(expression).collect(),
        })),
    }
}

/// A filter or test that somebody else carries out.
fn plugin<'a>(
    kind: PluginKind,
    name: &str,
    value: Option<Expr<'a>>,
    given: &[CallArg<'a>],
    span: Span,
) -> Expr<'a> {
    let word = |text: &str| {
        let value = Value::from(text);
        CallArg::Pos(Expr::Const(Spanned::new(Const { value }, span)))
    };
    let mut args = vec![word(kind.word()), word(name)];
    args.extend(arguments(given));
    Expr::Filter(Spanned::new(
        Filter {
            name: PLUGIN,
            expr: value,
            args,
        },
        span,
    ))
}

/// If what names and keys lead to is written encrypted, another value, or else that text itself: it then is not decrypted.
fn encrypted_or(path: Vec<Value>, another: Option<Value>, otherwise: Expr<'_>, span: Span) -> Expr<'_> {
    let constant = |value: Value| Expr::Const(Spanned::new(Const { value }, span));
    let path = Value::from(path);
    let encrypted = || filter(ENCRYPTED, constant(path.clone()), Vec::new(), span);
    Expr::IfExpr(Spanned::new(
        IfExpr {
            test_expr: encrypted(),
            true_expr: another.map_or_else(encrypted, constant),
            false_expr: Some(otherwise),
        },
        span,
    ))
}

/// The names and keys of `a.b['c']`.
fn path(node: &Expr<'_>) -> Option<Vec<Value>> {
    let (inner, key) = match node {
        Expr::Var(node) => return Some(vec![Value::from(node.id)]),
        Expr::GetAttr(node) => (&node.expr, Value::from(node.name)),
        Expr::GetItem(node) => match &node.subscript_expr {
            Expr::Const(key) => (&node.expr, key.value.clone()),
            _ => return None,
        },
        _ => return None,
    };
    let mut path = path(inner)?;
    path.push(key);
    Some(path)
}

/// The inner part of `inner.name` or `inner[key]`.
fn chained<'a>(inner: &Expr<'a>) -> Expr<'a> {
    let rewritten = expression(inner);
    match inner {
        Expr::Const(_) | Expr::List(_) | Expr::Tuple(_) | Expr::Map(_) => rewritten,
        _ => filter(CHAIN, rewritten, Vec::new(), inner.span()),
    }
}

fn binary<'a>(node: &Spanned<BinOp<'a>>) -> Expr<'a> {
    let (left, right) = (expression(&node.left), expression(&node.right));
    match node.op {
        BinOpKind::Rem => filter(REMAINDER, left, vec![CallArg::Pos(right)], node.span()),
        BinOpKind::Sub => filter(DIFFERENCE, left, vec![CallArg::Pos(right)], node.span()),
        BinOpKind::Lt => test("lt", left, right, node.span()),
        BinOpKind::Lte => test("le", left, right, node.span()),
        BinOpKind::Gt => test("gt", left, right, node.span()),
        BinOpKind::Gte => test("ge", left, right, node.span()),
        BinOpKind::In => test("in", left, right, node.span()),
        op => {
            let made = Expr::BinOp(Spanned::new(BinOp { op, left, right }, node.span()));
            match op {
                BinOpKind::Add | BinOpKind::Concat | BinOpKind::Mul => {
                    filter(GROWN, made, Vec::new(), node.span())
                }
                _ => made,
            }
        }
    }
}

fn filter<'a>(name: &'static str, value: Expr<'a>, args: Vec<CallArg<'a>>, span: Span) -> Expr<'a> {
    Expr::Filter(Spanned::new(
        Filter {
            name,
            expr: Some(value),
            args,
        },
        span,
    ))
}

/// The arguments of a filter. `mandatory` is told what its input is called, as Python's undefined values know their name, and
/// `type_debug` where its input is from, as Ansible's texts know it.
fn told_of_input<'a>(node: &Spanned<Filter<'a>>, mut args: Vec<CallArg<'a>>) -> Vec<CallArg<'a>> {
    let told = match (node.name, &node.expr) {
        ("mandatory" | "ansible.builtin.mandatory", Some(Expr::Var(input))) => {
            Some((INPUT_NAME, Value::from(input.id)))
        }
        ("mandatory" | "ansible.builtin.mandatory", Some(Expr::GetAttr(input))) => {
            Some((INPUT_NAME, Value::from(input.name)))
        }
        ("type_debug" | "ansible.builtin.type_debug", Some(input)) => {
            let of_lookup = matches!(input, Expr::Call(call) if matches!(&call.expr, Expr::Var(name) if name.id == "lookup"));
            let path = if of_lookup { Some(Vec::new()) } else { path(input) };
            path.map(|path| (INPUT_PATH, Value::from(path)))
        }
        _ => None,
    };
    if let Some((name, value)) = told {
        let value = Expr::Const(Spanned::new(Const { value }, node.span()));
        args.push(CallArg::Kwarg(name, value));
    }
    args
}

fn test<'a>(name: &'static str, left: Expr<'a>, right: Expr<'a>, span: Span) -> Expr<'a> {
    Expr::Test(Spanned::new(
        Test {
            name,
            expr: left,
            args: vec![CallArg::Pos(right)],
        },
        span,
    ))
}

/// A call; the object of a method call is not chained, so that calling a method of something undefined fails.
fn call<'a>(node: &Call<'a>) -> Call<'a> {
    let callee = match &node.expr {
        Expr::GetAttr(method) => Expr::GetAttr(spanned(method, |method| GetAttr {
            expr: expression(&method.expr),
            name: method.name,
        })),
        other => expression(other),
    };
    Call {
        expr: callee,
        args: arguments(&node.args),
    }
}

fn arguments<'a>(arguments: &[CallArg<'a>]) -> Vec<CallArg<'a>> {
    arguments
        .iter()
        .map(|argument| match argument {
            CallArg::Pos(value) => CallArg::Pos(expression(value)),
            CallArg::Kwarg(name, value) => CallArg::Kwarg(name, expression(value)),
            CallArg::PosSplat(value) => CallArg::PosSplat(expression(value)),
            CallArg::KwargSplat(value) => CallArg::KwargSplat(expression(value)),
        })
        .collect()
}

/// What is assigned to: copied without change.
fn target<'a>(node: &Expr<'a>) -> Expr<'a> {
    match node {
        Expr::Tuple(node) => Expr::Tuple(spanned(node, |node| Tuple {
            items: node.items.iter().map(target).collect(),
        })),
        Expr::List(node) => Expr::List(spanned(node, |node| List {
            items: node.items.iter().map(target).collect(),
        })),
        Expr::GetAttr(node) => Expr::GetAttr(spanned(node, |node| GetAttr {
            expr: target(&node.expr),
            name: node.name,
        })),
        other => expression(other),
    }
}

fn macro_declaration<'a>(node: &Spanned<Macro<'a>>, assigned: &Assigned<'a>) -> Spanned<Macro<'a>> {
    spanned(node, |node| Macro {
        name: node.name,
        args: node.args.iter().map(target).collect(),
        defaults: node.defaults.iter().map(expression).collect(),
        body: body(&node.body, &assigned.in_macro()),
    })
}

fn body<'a>(statements: &[Stmt<'a>], assigned: &Assigned<'a>) -> Vec<Stmt<'a>> {
    statements.iter().map(|node| statement(node, assigned)).collect()
}

fn spanned<A, B>(node: &Spanned<A>, change: impl FnOnce(&A) -> B) -> Spanned<B> {
    Spanned::new(change(node), node.span())
}
