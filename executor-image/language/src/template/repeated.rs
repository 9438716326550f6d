//! Arguments that are given twice by name.

use minijinja::machinery::ast::{Call, CallArg, Expr, Stmt};

use super::error::TemplateError;
use super::visit::{self, Visitor};

/// Refuses a template that gives an argument twice, as Python does.
pub(super) fn refuse(tree: &Stmt<'_>) -> Result<(), TemplateError> {
    let mut repeated = Repeated(None);
    visit::statement(&mut repeated, tree);
    match repeated.0 {
        Some(name) => Err(TemplateError::new(format!("keyword argument repeated: {name}"))),
        None => Ok(()),
    }
}

/// The first name that is given twice.
struct Repeated(Option<String>);

impl Repeated {
    fn look(&mut self, arguments: &[CallArg<'_>]) {
        let names = || {
            arguments.iter().filter_map(|argument| match argument {
                CallArg::Kwarg(name, _) => Some(*name),
                _ => None,
            })
        };
        let twice = names()
            .enumerate()
            .find(|(index, name)| names().take(*index).any(|known| known == *name));
        if self.0.is_none() {
            self.0 = twice.map(|(_, name)| name.to_owned());
        }
    }
}

impl Visitor for Repeated {
    fn expression(&mut self, node: &Expr<'_>) {
        match node {
            Expr::Filter(node) => self.look(&node.args),
            Expr::Test(node) => self.look(&node.args),
            _ => {}
        }
    }

    fn call(&mut self, node: &Call<'_>) {
        self.look(&node.args);
    }
}

#[cfg(test)]
mod tests {
    use crate::Templar;
    use crate::node::Node;
    use crate::span::Span;

    #[test]
    fn an_argument_given_twice_is_told() {
        let problems = |text: &str| {
            let found = Templar::new().check(&Node::text(Span::start_of("test"), text));
            found
                .into_iter()
                .map(|problem| problem.message)
                .collect::<Vec<_>>()
        };
        for text in [
            "{{ lookup('vars', 'a', default=1, default=2) }}",
            "{{ [1] | join(d='', d='') }} text",
            "{% if a is version('1', strict=true, strict=true) %}{% endif %}",
        ] {
            let found = problems(text);
            assert!(
                found.len() == 1 && found[0].starts_with("keyword argument repeated: "),
                "{text}: {found:?}"
            );
        }
        assert_eq!(
            problems("{{ lookup('vars', 'a', default=lookup('vars', 'b', default=1)) }}"),
            [""; 0]
        );
    }
}
