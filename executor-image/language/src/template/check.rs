//! What can be said of templates when a playbook is loaded: syntax errors, and names of filters, tests and lookups
//! that do not exist, with the nearest that does.

use std::sync::Arc;

use minijinja::machinery::ast::{Call, CallArg, Expr};

use super::compile::{Kind, tree};
use super::error::TemplateError;
use super::options::TemplateOptions;
use super::templar::Templar;
use super::visit::{self, Visitor};
use super::{depth, environment, looks_like_template};
use crate::node::{Node, NodeKind};
use crate::plugins::{self, PluginKind, Plugins};
use crate::span::Span;

/// Names less like any known one than this (0 to 1) get no suggestion.
const LEAST_LIKENESS: f64 = 0.8;

/// A mistake found without running anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where the text stands that holds the mistake.
    pub span: Span,
    /// What is wrong.
    pub message: String,
    /// The filter, test or lookup that there is not: a role that is read later may have it.
    pub missing: Option<(PluginKind, String)>,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}: {}", self.span, self.message)
    }
}

/// Checks every template below a node.
pub(super) fn node(templar: &Templar, node: &Node) -> Vec<Problem> {
    match &node.kind {
        NodeKind::Str(text) if looks_like_template(text) => source(templar, &Kind::Text, text, &node.span),
        NodeKind::List(items) => items.iter().flat_map(|item| self::node(templar, item)).collect(),
        NodeKind::Map(entries) => entries
            .iter()
            .flat_map(|(_, value)| self::node(templar, value))
            .collect(),
        _ => Vec::new(),
    }
}

/// Checks the source of a template file.
pub(super) fn file(templar: &Templar, text: &str, name: &str) -> Vec<Problem> {
    let span = Span::start_of(name);
    match TemplateOptions::default().with_header(text, None) {
        Ok((options, text)) => source(templar, &Kind::File(Box::new(options)), text, &span),
        Err(error) => vec![Problem {
            span,
            message: error.message,
            missing: None,
        }],
    }
}

/// Checks a condition, or each of a list of conditions.
pub(super) fn condition(templar: &Templar, node: &Node) -> Vec<Problem> {
    match &node.kind {
        NodeKind::Str(text) if looks_like_template(text) => source(templar, &Kind::Text, text, &node.span),
        NodeKind::Str(text) if !text.is_empty() => source(templar, &Kind::Condition, text, &node.span),
        NodeKind::List(items) => items.iter().flat_map(|item| condition(templar, item)).collect(),
        _ => Vec::new(),
    }
}

fn source(templar: &Templar, kind: &Kind, text: &str, span: &Span) -> Vec<Problem> {
    let found = || {
        // Compiling here fills the cache, so that the first host does not wait for it.
        let program = templar.cache.program(kind, text)?;
        let mut names = Names {
            plugins: templar.plugins(),
            messages: Vec::new(),
        };
        depth::with_room(kind, program.source, || {
            visit::statement(&mut names, &tree(kind, program.source)?);
            Ok(())
        })?;
        Ok(names.messages)
    };
    let messages = found().unwrap_or_else(|error: TemplateError| vec![(error.message, None)]);
    messages
        .into_iter()
        .map(|(message, missing)| Problem {
            span: span.clone(),
            message,
            missing,
        })
        .collect()
}

/// Collects what is said about unknown names.
struct Names<'templar> {
    plugins: Option<&'templar Arc<dyn Plugins>>,
    messages: Vec<(String, Option<(PluginKind, String)>)>,
}

impl Names<'_> {
    fn name(&mut self, kind: PluginKind, name: &str, known: &[String]) {
        let is_plugin = || {
            self.plugins
                .is_some_and(|plugins| plugins.find(kind, name).is_some())
        };
        if !plugins::is_known(known, name) && !is_plugin() {
            let what = kind.word();
            let nearest = nearest(name, known)
                .map(|near| format!("; did you mean '{near}'?"))
                .unwrap_or_default();
            let message = format!("there is no {what} '{name}'{nearest}");
            if !self.messages.iter().any(|(known, _)| *known == message) {
                self.messages.push((message, Some((kind, name.to_owned()))));
            }
        }
    }

    /// `map('upper')`, `select('match', …)`, `selectattr('x', 'match', …)` name a filter or a test in an argument.
    fn named_by_argument(&mut self, filter: &str, arguments: &[CallArg<'_>]) {
        let at = |index: usize| arguments.get(index).and_then(constant_text);
        match filter {
            "map" => {
                if let Some(name) = at(0) {
                    self.name(PluginKind::Filter, &name, environment::filter_names());
                }
            }
            "select" | "reject" => {
                if let Some(name) = at(0) {
                    self.name(PluginKind::Test, &name, environment::test_names());
                }
            }
            "selectattr" | "rejectattr" => {
                if let Some(name) = at(1) {
                    self.name(PluginKind::Test, &name, environment::test_names());
                }
            }
            _ => {}
        }
    }
}

impl Visitor for Names<'_> {
    fn expression(&mut self, node: &Expr<'_>) {
        match node {
            Expr::Filter(node) => {
                self.name(PluginKind::Filter, node.name, environment::filter_names());
                self.named_by_argument(node.name, &node.args);
            }
            Expr::Test(node) => self.name(PluginKind::Test, node.name, environment::test_names()),
            _ => {}
        }
    }

    fn call(&mut self, node: &Call<'_>) {
        if let Expr::Var(function) = &node.expr
            && matches!(function.id, "lookup" | "query" | "q")
            && let Some(name) = node.args.first().and_then(constant_text)
        {
            self.name(PluginKind::Lookup, &name, environment::lookup_names());
        }
    }
}

fn constant_text(argument: &CallArg<'_>) -> Option<String> {
    match argument {
        CallArg::Pos(Expr::Const(constant)) => constant.value.as_str().map(str::to_owned),
        _ => None,
    }
}

/// The known name that is most like a mistyped one.
pub(crate) fn nearest<'names>(name: &str, known: &'names [String]) -> Option<&'names str> {
    known
        .iter()
        .map(|candidate| (strsim::jaro_winkler(name, candidate), candidate))
        .filter(|(likeness, _)| *likeness > LEAST_LIKENESS)
        .max_by(|left, right| left.0.total_cmp(&right.0))
        .map(|(_, candidate)| candidate.as_str())
}
