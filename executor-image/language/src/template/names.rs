//! Finds what an undefined value is called in the source of its template.
//!
//! minijinja knows the last step only (`(...).port`), because rewriting put a filter between the steps.

use minijinja::machinery::ast::{Expr, Stmt};

use super::visit::{self, Visitor};

/// The whole of `(...).port`, as it stands in the template: `host.address.port`.
pub(super) fn whole(tree: &Stmt<'_>, shown: &str) -> Option<String> {
    let tail = shown.strip_prefix("(...)")?;
    let mut paths = Paths { tail, found: None };
    visit::statement(&mut paths, tree);
    paths.found
}

struct Paths<'tail> {
    tail: &'tail str,
    found: Option<String>,
}

impl Visitor for Paths<'_> {
    fn expression(&mut self, node: &Expr<'_>) {
        if self.found.is_some() || !matches!(node, Expr::GetAttr(_) | Expr::GetItem(_)) {
            return;
        }
        if let Some(path) = path(node)
            && path.ends_with(self.tail)
        {
            self.found = Some(path);
        }
    }
}

/// `a.b['c'][0]`; nothing if a step is neither a name nor a constant.
fn path(node: &Expr<'_>) -> Option<String> {
    match node {
        Expr::Var(node) => Some(node.id.to_owned()),
        Expr::GetAttr(node) => Some(format!("{}.{}", path(&node.expr)?, node.name)),
        Expr::GetItem(node) => {
            let key = match &node.subscript_expr {
                Expr::Const(key) => format!("{:?}", key.value),
                _ => "...".to_owned(),
            };
            Some(format!("{}[{key}]", path(&node.expr)?))
        }
        _ => None,
    }
}
