//! The entry point: renders nodes, texts, conditions and template files.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use minijinja::Value;

use super::check::{self, Problem};
use super::compile::Cache;
use super::conditions::{self, Verdict};
use super::context::Context;
use super::error::TemplateError;
use super::options::TemplateOptions;
use crate::node::Node;
use crate::scope::Scope;
use crate::span::Span;

/// Renders templates. Cheap to clone; clones share the cache of compiled templates, and threads may share one.
#[derive(Clone, Debug, Default)]
pub struct Templar {
    pub(super) cache: Arc<Cache>,
    pub(super) is_native: bool,
    watch: Option<Watch>,
}

/// Sees whether anything that is rendered comes from others than the playbook.
#[derive(Clone, Debug, Default)]
pub struct Watch(Arc<AtomicBool>);

impl Watch {
    /// Whether it does.
    pub fn saw_untrusted(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl Templar {
    /// The same templar, and whether what it renders from now on comes from others than the playbook.
    pub fn watched(&self) -> (Self, Watch) {
        let watch = Watch::default();
        let templar = Self {
            watch: Some(watch.clone()),
            ..self.clone()
        };
        (templar, watch)
    }

    /// Something that others than the playbook decide is being rendered.
    pub(crate) fn note_untrusted(&self) {
        if let Some(Watch(saw)) = &self.watch {
            saw.store(true, Ordering::Relaxed);
        }
    }

    /// A templar with an empty cache.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same templar with values that keep their types, as `jinja2_native = True` of ansible-core 2.18 gives them.
    #[must_use]
    pub fn native(&self, is_native: bool) -> Self {
        Self {
            is_native,
            ..self.clone()
        }
    }

    /// Renders every text of a node and finalises each as ansible-core 2.18 does. Keys are not templates.
    /// Values that are `omit` stay in place: see [`strip_omit`](crate::strip_omit).
    pub fn render(&self, node: &Node, scope: &Scope) -> Result<Value, TemplateError> {
        Context::new(self.clone(), scope.clone()).render(node)
    }

    /// Renders a text and finalises the outcome.
    pub fn render_text(&self, text: &str, span: &Span, scope: &Scope) -> Result<Value, TemplateError> {
        Context::new(self.clone(), scope.clone()).render_text(text, span)
    }

    /// Whether a condition (a bare expression, a boolean, or a list of these that all must hold) is true.
    pub fn condition(&self, node: &Node, scope: &Scope) -> Result<Verdict, TemplateError> {
        conditions::evaluate(&Context::new(self.clone(), scope.clone()), node)
    }

    /// Renders the source of a template file to text, as the `template` module does.
    /// `name` is the file for messages.
    pub fn template_file(
        &self,
        source: &str,
        name: &str,
        options: &TemplateOptions,
        scope: &Scope,
    ) -> Result<String, TemplateError> {
        Context::new(self.clone(), scope.clone()).render_file(source, name, options)
    }

    /// What is wrong with the templates of a node, as far as it can be told without variables.
    pub fn check(&self, node: &Node) -> Vec<Problem> {
        check::node(self, node)
    }

    /// What is wrong with the source of a template file, as far as it can be told without variables.
    pub fn check_file(&self, source: &str, name: &str) -> Vec<Problem> {
        check::file(self, source, name)
    }

    /// What is wrong with a condition, as far as it can be told without variables.
    pub fn check_condition(&self, node: &Node) -> Vec<Problem> {
        check::condition(self, node)
    }
}
