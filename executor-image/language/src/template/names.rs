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

/// The last step of a path.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step<'path> {
    /// `.name` or `['name']`
    Attribute(&'path str),
    /// `[3]`
    Element(&'path str),
}

/// What a path of names and constants leads to before its last step, and that step: `a.b` and `c` of `a.b['c']`.
pub(super) fn last_step(path: &str) -> Option<(&str, Step<'_>)> {
    // Nothing else is evaluated a second time.
    let plain = |character: char| character.is_alphanumeric() || "_.[]'\"- ".contains(character);
    if !path.chars().all(plain) || path.contains("...") {
        return None;
    }
    let Some(inside) = path.strip_suffix(']') else {
        let (owner, name) = path.rsplit_once('.')?;
        return Some((owner, Step::Attribute(name)));
    };
    let (owner, key) = inside.rsplit_once('[')?;
    let name = ['\'', '"']
        .iter()
        .find_map(|quote| key.strip_prefix(*quote)?.strip_suffix(*quote));
    match name {
        Some(name) => Some((owner, Step::Attribute(name))),
        None => key.parse::<i64>().ok().map(|_| (owner, Step::Element(key))),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_step_of_a_path_is_told_from_what_it_is_in() {
        for (path, expected) in [
            ("a.b.c", Some(("a.b", Step::Attribute("c")))),
            ("a['b'][\"c d\"]", Some(("a['b']", Step::Attribute("c d")))),
            ("a.b[-1]", Some(("a.b", Step::Element("-1")))),
            ("a", None),
            ("lookup('pipe', 'date').x", None),
            ("a[...].x", None),
            ("a[b]", None),
        ] {
            assert_eq!(last_step(path), expected, "{path}");
        }
    }
}
