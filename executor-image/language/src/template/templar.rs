//! The entry point: renders nodes, texts, conditions and template files.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use minijinja::Value;

use super::check::{self, Problem};
use super::compile::Cache;
use super::conditions::{self, Listener, NotBoolean, Rules, Verdict};
use super::context::Context;
use super::error::TemplateError;
use super::options::TemplateOptions;
use crate::node::Node;
use crate::plugins::Plugins;
use crate::scope::{Scope, Variable};
use crate::span::Span;

/// Renders templates. Cheap to clone; clones share the cache of compiled templates, and threads may share one.
#[derive(Clone, Debug, Default)]
pub struct Templar {
    pub(super) cache: Arc<Cache>,
    pub(crate) types: Types,
    pub(crate) undefined: Undefined,
    pub(super) conditions: Rules,
    watch: Option<Watch>,
    plugins: Option<Arc<dyn Plugins>>,
}

/// What becomes of the type of a template's value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Types {
    /// The value is made a text, and one that looks like a list or the like is read as that.
    #[default]
    Read,
    /// It is kept.
    Kept,
    /// A file is rendered to text; elsewhere types are kept, so that None is printed.
    KeptElsewhere,
}

/// What becomes of a template that names something undefined.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Undefined {
    /// It fails.
    #[default]
    Fails,
    /// It stays as it is written.
    Stays,
    /// It fails, but for the template of a variable, which stays as it is written.
    StaysInVariables,
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
    pub fn note_untrusted(&self) {
        if let Some(Watch(saw)) = &self.watch {
            saw.store(true, Ordering::Relaxed);
        }
    }

    /// The value of what is no template; that others decide it is noted.
    pub(crate) fn value_of(&self, variable: &Variable) -> Option<Value> {
        if variable.is_untrusted() {
            self.note_untrusted();
        }
        variable.value(self)
    }

    /// The same templar, with filters, tests and lookups that others carry out.
    #[must_use]
    pub fn with_plugins(&self, plugins: Arc<dyn Plugins>) -> Self {
        Self {
            plugins: Some(plugins),
            ..self.clone()
        }
    }

    /// Who carries out what is not built in.
    pub fn plugins(&self) -> Option<&Arc<dyn Plugins>> {
        self.plugins.as_ref()
    }

    /// A templar with an empty cache.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same templar with values that keep their types, as `jinja2_native = True` of ansible-core 2.18 gives them.
    #[must_use]
    pub fn native(&self, is_native: bool) -> Self {
        Self {
            types: if is_native { Types::Kept } else { Types::Read },
            ..self.clone()
        }
    }

    /// The same templar for what always becomes text: files of the `template` module.
    #[must_use]
    pub fn textual(&self) -> Self {
        Self {
            types: match self.types {
                Types::Read => Types::Read,
                Types::Kept | Types::KeptElsewhere => Types::KeptElsewhere,
            },
            ..self.clone()
        }
    }

    /// The same templar that takes conditions so, and tells `listener` of those that should be written differently.
    #[must_use]
    pub fn conditions(&self, not_boolean: NotBoolean, listener: Arc<dyn Listener>) -> Self {
        let conditions = Rules {
            not_boolean,
            listener: Some(listener),
        };
        Self {
            conditions,
            ..self.clone()
        }
    }

    /// The same templar with templates that stay as they are written where they name something undefined, as
    /// `error_on_undefined_vars = False` of ansible-core 2.18 leaves them.
    #[must_use]
    pub fn keep_undefined(&self, keeps_undefined: bool) -> Self {
        Self {
            undefined: if keeps_undefined {
                Undefined::Stays
            } else {
                Undefined::Fails
            },
            ..self.clone()
        }
    }

    /// The same templar for what must be defined whatever [`Self::keep_undefined`] says; variables that are named there are as it says.
    #[must_use]
    pub fn strict(&self) -> Self {
        Self {
            undefined: match self.undefined {
                Undefined::Fails => Undefined::Fails,
                Undefined::Stays | Undefined::StaysInVariables => Undefined::StaysInVariables,
            },
            ..self.clone()
        }
    }

    /// Who is told of what should be written differently.
    pub(super) fn listener(&self) -> Option<&dyn Listener> {
        self.conditions.listener.as_deref()
    }

    /// Whether the values of templates keep their types.
    pub(crate) fn is_native(&self) -> bool {
        self.types == Types::Kept
    }

    /// Renders every text of a node and finalises each as ansible-core 2.18 does. Keys are not templates.
    /// Values that are `omit` stay in place: see [`strip_omit`](crate::strip_omit).
    pub fn render(&self, node: &Node, scope: &Scope) -> Result<Value, TemplateError> {
        Context::new(self.clone(), scope.clone()).render(node)
    }

    /// The same, but a text that names something undefined stays as it is written.
    pub(crate) fn render_as_far_as_known(&self, node: &Node, scope: &Scope) -> Result<Value, TemplateError> {
        Context::new(self.clone(), scope.clone()).render_as_far_as_known(node)
    }

    /// Renders a text and finalises the outcome.
    pub fn render_text(&self, text: &str, span: &Span, scope: &Scope) -> Result<Value, TemplateError> {
        Context::new(self.clone(), scope.clone()).render_text(text, span)
    }

    /// Whether a condition (a bare expression, a boolean, or a list of these that all must hold) is true.
    pub fn condition(&self, node: &Node, scope: &Scope) -> Result<Verdict, TemplateError> {
        conditions::evaluate(&Context::new(self.clone(), scope.clone()), node, None)
    }

    /// The same for a condition of the task that begins at `near`, which messages name if the condition has no place.
    pub fn condition_near(&self, node: &Node, near: &Span, scope: &Scope) -> Result<Verdict, TemplateError> {
        conditions::evaluate(&Context::new(self.clone(), scope.clone()), node, Some(near))
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
