//! What the parser takes and Jinja refuses: arguments that are given twice by name, and imports as something that is no name.

use minijinja::machinery::ast::{Call, CallArg, Expr, Stmt};

use super::error::TemplateError;
use super::visit::{self, Visitor};

/// Says what Jinja would refuse in a template that the parser took.
pub(super) fn refuse(tree: &Stmt<'_>) -> Result<(), TemplateError> {
    let mut refused = Refused(None);
    visit::statement(&mut refused, tree);
    refused
        .0
        .map_or(Ok(()), |message| Err(TemplateError::new(message)))
}

/// The first thing that Jinja refuses, in its words.
struct Refused(Option<String>);

impl Refused {
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
            self.0 = twice.map(|(_, name)| format!("keyword argument repeated: {name}"));
        }
    }
}

impl Visitor for Refused {
    fn statement(&mut self, node: &Stmt<'_>) {
        if let Stmt::Import(node) = node
            && !matches!(node.name, Expr::Var(_))
            && self.0.is_none()
        {
            // The generator of programs takes it for granted that this is a name.
            self.0 = Some("an import must be given a name, as in \"{% import 'file' as name %}\"".to_owned());
        }
    }

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

    fn problems(text: &str) -> Vec<String> {
        let found = Templar::new().check(&Node::text(Span::start_of("test"), text));
        found.into_iter().map(|problem| problem.message).collect()
    }

    #[test]
    fn an_import_as_something_that_is_no_name_is_told() {
        for text in [
            "{% import 'it' as a | upper %}",
            "{% import 'it' as a() %}",
            "{% if x %}{% import 'it' as 'a' %}{% endif %}",
        ] {
            let found = problems(text);
            assert!(
                found.len() == 1 && found[0].starts_with("an import must be given a name"),
                "{text}: {found:?}"
            );
        }
        assert_eq!(problems("{% import 'it' as a %}"), [""; 0]);
    }

    #[test]
    fn an_argument_given_twice_is_told() {
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
