//! Walks over every expression of a syntax tree.

use minijinja::machinery::ast::{Call, CallArg, Expr, Stmt};

/// What the walk calls.
pub(super) trait Visitor {
    /// Called for each statement before what is inside it.
    fn statement(&mut self, _: &Stmt<'_>) {}
    /// Called for each expression before what is inside it.
    fn expression(&mut self, _: &Expr<'_>) {}
    /// Called for each call of a function or method before what is inside it.
    fn call(&mut self, _: &Call<'_>) {}
}

/// Walks over a statement and all below it.
pub(super) fn statement(visitor: &mut impl Visitor, node: &Stmt<'_>) {
    visitor.statement(node);
    match node {
        Stmt::Template(node) => statements(visitor, &node.children),
        Stmt::EmitExpr(node) => expression(visitor, &node.expr),
        Stmt::EmitRaw(_) | Stmt::Continue(_) | Stmt::Break(_) => {}
        Stmt::ForLoop(node) => {
            expression(visitor, &node.iter);
            expressions(visitor, &node.filter_expr);
            statements(visitor, &node.body);
            statements(visitor, &node.else_body);
        }
        Stmt::IfCond(node) => {
            expression(visitor, &node.expr);
            statements(visitor, &node.true_body);
            statements(visitor, &node.false_body);
        }
        Stmt::WithBlock(node) => {
            expressions(visitor, node.assignments.iter().map(|(_, value)| value));
            statements(visitor, &node.body);
        }
        Stmt::Set(node) => expression(visitor, &node.expr),
        Stmt::SetBlock(node) => {
            expressions(visitor, &node.filter);
            statements(visitor, &node.body);
        }
        Stmt::AutoEscape(node) => {
            expression(visitor, &node.enabled);
            statements(visitor, &node.body);
        }
        Stmt::FilterBlock(node) => {
            expression(visitor, &node.filter);
            statements(visitor, &node.body);
        }
        Stmt::Block(node) => statements(visitor, &node.body),
        Stmt::Import(node) => expression(visitor, &node.expr),
        Stmt::FromImport(node) => expression(visitor, &node.expr),
        Stmt::Extends(node) => expression(visitor, &node.name),
        Stmt::Include(node) => expression(visitor, &node.name),
        Stmt::Macro(node) => {
            expressions(visitor, &node.defaults);
            statements(visitor, &node.body);
        }
        Stmt::CallBlock(node) => {
            call(visitor, &node.call);
            statements(visitor, &node.macro_decl.body);
        }
        Stmt::Do(node) => call(visitor, &node.call),
    }
}

fn statements(visitor: &mut impl Visitor, body: &[Stmt<'_>]) {
    for node in body {
        statement(visitor, node);
    }
}

fn expressions<'tree, 'source: 'tree>(
    visitor: &mut impl Visitor,
    nodes: impl IntoIterator<Item = &'tree Expr<'source>>,
) {
    for node in nodes {
        expression(visitor, node);
    }
}

fn expression(visitor: &mut impl Visitor, node: &Expr<'_>) {
    visitor.expression(node);
    match node {
        Expr::Var(_) | Expr::Const(_) => {}
        Expr::Slice(node) => {
            expression(visitor, &node.expr);
            expressions(
                visitor,
                [&node.start, &node.stop, &node.step].into_iter().flatten(),
            );
        }
        Expr::UnaryOp(node) => expression(visitor, &node.expr),
        Expr::BinOp(node) => expressions(visitor, [&node.left, &node.right]),
        Expr::Compare(node) => {
            expression(visitor, &node.expr);
            expressions(visitor, node.ops.iter().map(|step| &step.expr));
        }
        Expr::IfExpr(node) => {
            expressions(visitor, [&node.test_expr, &node.true_expr]);
            expressions(visitor, &node.false_expr);
        }
        Expr::Filter(node) => {
            expressions(visitor, &node.expr);
            arguments(visitor, &node.args);
        }
        Expr::Test(node) => {
            expression(visitor, &node.expr);
            arguments(visitor, &node.args);
        }
        Expr::GetAttr(node) => expression(visitor, &node.expr),
        Expr::GetItem(node) => expressions(visitor, [&node.expr, &node.subscript_expr]),
        Expr::Call(node) => call(visitor, node),
        Expr::List(node) => expressions(visitor, &node.items),
        Expr::Tuple(node) => expressions(visitor, &node.items),
        Expr::Map(node) => expressions(visitor, node.keys.iter().chain(&node.values)),
    }
}

fn call(visitor: &mut impl Visitor, node: &Call<'_>) {
    visitor.call(node);
    expression(visitor, &node.expr);
    arguments(visitor, &node.args);
}

fn arguments(visitor: &mut impl Visitor, arguments: &[CallArg<'_>]) {
    for argument in arguments {
        match argument {
            CallArg::Pos(value)
            | CallArg::Kwarg(_, value)
            | CallArg::PosSplat(value)
            | CallArg::KwargSplat(value) => {
                expression(visitor, value);
            }
        }
    }
}
