//! The root of one rendering: finds variables by name, renders them when they are named, remembers them, and notices
//! loops. Everything that is rendered on the way shares one context.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use minijinja::State;
use minijinja::value::{Enumerator, Object, ObjectRepr, Value};

use super::compile::{self, Code, Kind, Program};
use super::error::TemplateError;
use super::escape::escape_backslashes;
use super::options::TemplateOptions;
use super::templar::{Templar, Undefined};
use super::{depth, environment, finalize, lazy, loading, looks_like_template, names};
use crate::node::{Encrypted, Node, NodeKind};
use crate::scope::{Scope, Variable};
use crate::span::Span;
use crate::value::convert::{map, sequence};
use crate::value::omit::omit;
use crate::value::python;

/// The name under which filters and functions find the context; no variable can have it.
const CONTEXT: &str = "\u{0}context";
/// Variables that name each other deeper than this are taken for a loop; each level costs stack.
const MAXIMUM_DEPTH: usize = 48;

pub(crate) struct Context {
    pub(crate) templar: Templar,
    pub(super) scope: Scope,
    progress: Mutex<Progress>,
}

#[derive(Default)]
struct Progress {
    /// What was rendered so far: within one rendering a variable has one value.
    values: HashMap<Arc<str>, Value>,
    /// What is being rendered, outermost first.
    active: Vec<Arc<str>>,
    /// Why a variable or key counts as undefined: its template names something undefined.
    causes: HashMap<Arc<str>, TemplateError>,
    /// What the last call of `undef` says.
    hint: Option<String>,
}

impl fmt::Debug for Context {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("variables")
    }
}

impl Context {
    pub(crate) fn new(templar: Templar, scope: Scope) -> Arc<Self> {
        Arc::new(Self {
            templar,
            scope,
            progress: Mutex::default(),
        })
    }

    /// The context of a template that is running.
    pub(crate) fn of(state: &State<'_, '_>) -> Result<Arc<Self>, minijinja::Error> {
        state
            .lookup(CONTEXT)
            .and_then(|value| value.downcast_object::<Self>())
            .ok_or_else(|| {
                minijinja::Error::new(
                    minijinja::ErrorKind::InvalidOperation,
                    "used outside of a template",
                )
            })
    }

    pub(crate) fn scope(&self) -> &Scope {
        &self.scope
    }

    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is to be said where the undefined value is used that a template is about to get.
    pub(super) fn note_hint(&self, hint: String) {
        self.progress().hint = Some(hint);
    }

    /// A node's value, complete: nothing in it is rendered later.
    pub(crate) fn render(self: &Arc<Self>, node: &Node) -> Result<Value, TemplateError> {
        self.render_texts(node, &|text, span| self.render_text(text, span))
    }

    /// A node's value; a text in it that names something undefined stays as it is written.
    pub(crate) fn render_as_far_as_known(self: &Arc<Self>, node: &Node) -> Result<Value, TemplateError> {
        self.render_texts(node, &|text, span| match self.render_text(text, span) {
            Err(error) if error.is_of_undefined => Ok(Value::from(text)),
            rendered => rendered,
        })
    }

    fn render_texts(
        &self,
        node: &Node,
        render: &dyn Fn(&str, &Span) -> Result<Value, TemplateError>,
    ) -> Result<Value, TemplateError> {
        match &node.kind {
            NodeKind::Str(text) => render(text, &node.span),
            NodeKind::List(items) => Ok(sequence(
                items
                    .iter()
                    .map(|item| self.render_texts(item, render))
                    .collect::<Result<_, _>>()?,
            )),
            NodeKind::Map(entries) => {
                let rendered = entries
                    .iter()
                    .map(|(key, value)| Ok((lazy::plain(key), self.render_texts(value, render)?)))
                    .collect::<Result<Vec<_>, TemplateError>>()?;
                Ok(map(rendered))
            }
            NodeKind::Vault(encrypted) => self.decrypt(encrypted, &node.span),
            NodeKind::Unsafe(_) => {
                self.templar.note_untrusted();
                Ok(lazy::plain(node))
            }
            _ => Ok(lazy::plain(node)),
        }
    }

    /// A decrypted text; it is no template. The error says where the encrypted text stands.
    pub(super) fn decrypt(&self, encrypted: &Encrypted, span: &Span) -> Result<Value, TemplateError> {
        // What is secret may hold braces: no text that it becomes a part of is taken for a template.
        self.templar.note_untrusted();
        let secrets = self.scope.host().vault();
        encrypted
            .decrypt(&secrets)
            .map(Value::from)
            .map_err(|error| TemplateError::new(format!("cannot decrypt a !vault value: {error}")).at(span))
    }

    /// A text's value.
    pub(crate) fn render_text(self: &Arc<Self>, text: &str, span: &Span) -> Result<Value, TemplateError> {
        if !looks_like_template(text) {
            return Ok(Value::from(text));
        }
        let run = || -> Result<Value, TemplateError> {
            let program = self.templar.cache.program(&Kind::Text, text)?;
            if let Code::Expression {
                variable: Some(name), ..
            } = &program.code
                && is_only(text, name)
                && let Some(value) = self.untemplated(name)
            {
                return Ok(value);
            }
            let value = self.run(&program)?;
            let value = if self.templar.is_native() {
                finalize::native(&value)
            } else {
                finalize::outcome(&value)
            };
            Ok(finalize::trailing_newlines(value, text))
        };
        match run() {
            Err(error) if error.is_of_undefined && self.keeps_undefined() => {
                Ok(Value::from(escape_backslashes(text)?.into_owned()))
            }
            other => other.map_err(|error| error.in_template(text).at(span)),
        }
    }

    /// Whether a template that names something undefined stays as it is written.
    fn keeps_undefined(&self) -> bool {
        match self.templar.undefined {
            Undefined::Fails => false,
            Undefined::Stays => true,
            Undefined::StaysInVariables => !self.progress().active.is_empty(),
        }
    }

    /// `{{ name }}` where the variable is a number, a boolean or null keeps its type.
    fn untemplated(&self, name: &str) -> Option<Value> {
        use minijinja::value::ValueKind;
        match self.variable(name)? {
            Variable::Template(node) => matches!(
                node.kind,
                NodeKind::Bool(_) | NodeKind::Int(_) | NodeKind::Float(_) | NodeKind::Null
            )
            .then(|| lazy::plain(&node)),
            other => other.value(&self.templar).filter(|value| {
                matches!(
                    value.kind(),
                    ValueKind::Bool | ValueKind::Number | ValueKind::None
                )
            }),
        }
    }

    /// What a text is that is `{{ name }}` of a number, a boolean or null, and nothing else: it keeps its type.
    pub(crate) fn single_variable(&self, text: &str) -> Option<Value> {
        let name = text.trim_end().strip_prefix("{{")?.strip_suffix("}}")?.trim();
        is_only(text, name).then(|| self.untemplated(name)).flatten()
    }

    /// The variable as it is stored.
    fn variable(&self, name: &str) -> Option<Variable> {
        let variable = self.scope.variable(name)?;
        if variable.is_untrusted() {
            self.templar.note_untrusted();
        }
        Some(variable)
    }

    /// What these names and keys lead to, if it is written as ansible-vault has encrypted it.
    pub(crate) fn encrypted(&self, path: &[Value]) -> Option<Encrypted> {
        let (name, keys) = path.split_first()?;
        let Variable::Template(node) = self.scope.variable(name.as_str()?)? else {
            return None;
        };
        match &node.at(keys)?.kind {
            NodeKind::Vault(encrypted) => Some(encrypted.clone()),
            _ => None,
        }
    }

    /// The value of an expression, complete but with its own type.
    pub(crate) fn evaluate(self: &Arc<Self>, expression: &str) -> Result<Value, TemplateError> {
        let program = self.templar.cache.program(&Kind::Condition, expression)?;
        self.run(&program)
    }

    /// The text of a template file.
    pub(crate) fn render_file(
        self: &Arc<Self>,
        source: &str,
        name: &str,
        options: &TemplateOptions,
    ) -> Result<String, TemplateError> {
        let newline = options.newline_sequence.clone();
        let text = python::to_text(&self.render_file_to_value(source, name, options)?);
        Ok(if newline == "\n" {
            text
        } else {
            text.replace("\r\n", "\n").replace('\n', &newline)
        })
    }

    /// What a template file gives before it becomes text: text already, unless values keep their types.
    pub(crate) fn render_file_to_value(
        self: &Arc<Self>,
        source: &str,
        name: &str,
        options: &TemplateOptions,
    ) -> Result<Value, TemplateError> {
        // A line of options is none of the template's.
        let header = u32::from(source.starts_with("#jinja2:"));
        let run = || {
            let (options, body) = options.with_header(source, self.templar.listener())?;
            let program = self.templar.cache.program(&Kind::File(Box::new(options)), body)?;
            match self.run(&program) {
                Err(error) if error.is_of_undefined && self.keeps_undefined() => Ok(Value::from(body)),
                Ok(value) if self.templar.is_native() => {
                    Ok(finalize::trailing_newlines(finalize::native(&value), source))
                }
                other => Ok(finalize::trailing_newlines(other?, source)),
            }
        };
        run().map_err(|error: TemplateError| {
            let line = error.line.map_or(1, |line| line + header);
            error.at(&Span::new(name, line, 1))
        })
    }

    fn run(self: &Arc<Self>, program: &Program) -> Result<Value, TemplateError> {
        let root = Value::from_dyn_object(Arc::clone(self));
        let replaced = self.templar.plugins().and_then(|plugins| plugins.replaced());
        let environment = replaced
            .as_ref()
            .map_or_else(|| environment::environment(), |replaced| &replaced.environment);
        let loading = program.loads.then(|| loading::environment(environment, self));
        let environment = loading.as_ref().unwrap_or(environment);
        compile::run(program, environment, root, self.templar.is_native())
            .map_err(|error| self.explain(error.into(), program))
    }

    /// Puts the whole name and the real cause into an error about an undefined variable.
    fn explain(self: &Arc<Self>, mut error: TemplateError, program: &Program) -> TemplateError {
        let Some(shown) = &error.undefined else {
            return error;
        };
        if error.is_nameless()
            && let Some(hint) = self.progress().hint.take()
        {
            error.message = hint;
            return error;
        }
        let whole = depth::with_room(&program.kind, program.source, || {
            Ok(names::whole(
                &compile::tree(&program.kind, program.source)?,
                shown,
            ))
        });
        if let Ok(Some(whole)) = whole {
            error.message = error.message.replace(shown.as_str(), &whole);
            error.undefined = Some(whole);
        }
        let progress = self.progress();
        let parts = error
            .undefined
            .as_deref()
            .unwrap_or_default()
            .split(['.', '[', ']', '\'', '"']);
        let cause = parts
            .filter(|part| !part.is_empty())
            .rev()
            .find_map(|part| progress.causes.get(part));
        let mut error = cause.cloned().unwrap_or(error);
        // What is undefined on the way may still get a default.
        if progress.active.is_empty() {
            drop(progress);
            let undefined = error.undefined.as_deref().unwrap_or_default();
            error.nearest = self.nearest(undefined);
            if let Some(lacking) = self.lacking(undefined)
                && !error.message.ends_with(&lacking)
            {
                error.message = format!("{}: {lacking}", error.message);
            }
        }
        error
    }

    /// What the last step of a path is missing in, in Jinja's words; nothing if the path does not get that far.
    fn lacking(self: &Arc<Self>, undefined: &str) -> Option<String> {
        let (owner, step) = names::last_step(undefined)?;
        let owner = self.evaluate(owner).ok().filter(|value| !value.is_undefined())?;
        let kind = match owner.kind() {
            minijinja::value::ValueKind::None => "None".to_owned(),
            _ => format!("{} object", python::type_name(&owner)),
        };
        Some(match step {
            names::Step::Attribute(name) => format!("'{kind}' has no attribute '{name}'"),
            names::Step::Element(index) => format!("{kind} has no element {index}"),
        })
    }

    /// The variable that is named most like one that there is not.
    fn nearest(&self, undefined: &str) -> Option<String> {
        let name = undefined
            .split(['.', '[', ' '])
            .next()
            .filter(|name| name.len() > 2)?;
        let names: Vec<String> = self.scope.names().iter().map(ToString::to_string).collect();
        if names.iter().any(|known| known == name) {
            return None;
        }
        super::check::nearest(name, &names).map(str::to_owned)
    }

    /// Renders `text`, which stands under `name`; something undefined in it makes the name undefined, no error yet.
    pub(super) fn render_named(self: &Arc<Self>, name: &Arc<str>, text: &str, span: &Span) -> Value {
        {
            let mut progress = self.progress();
            if progress.active.len() >= MAXIMUM_DEPTH {
                let shown = progress.active[..4].join(" -> ");
                let message = format!(
                    "recursive loop detected in template: {shown} -> … (deeper than {MAXIMUM_DEPTH})"
                );
                return minijinja::Error::from(TemplateError::new(message).at(span)).into();
            }
            progress.active.push(Arc::clone(name));
        }
        let outcome = self.render_text(text, span);
        let mut progress = self.progress();
        progress.active.pop();
        match outcome {
            Ok(value) => value,
            Err(mut error) if error.undefined.is_some() => {
                if !error.message.contains("{{") && !error.message.contains("{%") {
                    error.message = format!("{}: {}", text.trim_end(), error.message);
                }
                progress.causes.insert(Arc::clone(name), error);
                Value::UNDEFINED
            }
            Err(error) => minijinja::Error::from(error).into(),
        }
    }

    /// The variable as templates see it.
    pub(crate) fn lookup(self: &Arc<Self>, name: &str) -> Option<Value> {
        if let Some(known) = self.progress().values.get(name) {
            return Some(known.clone());
        }
        let value = match self.variable(name) {
            Some(other @ (Variable::Data(_) | Variable::Answer(_) | Variable::View(_))) => {
                return other.value(&self.templar);
            }
            Some(Variable::Template(node)) => match &node.kind {
                NodeKind::Str(text) if looks_like_template(text) => {
                    if let Some(error) = self.loop_through(name, &node.span) {
                        return Some(minijinja::Error::from(error).into());
                    }
                    self.render_named(&Arc::from(name), text, &node.span)
                }
                _ => lazy::expose(&node, self),
            },
            None if name == "omit" => return Some(omit()),
            None if name == "vars" => return Some(Value::from_object(lazy::AllVariables::new(self))),
            None => return None,
        };
        self.progress().values.insert(name.into(), value.clone());
        Some(value)
    }

    /// An error if the variable is being rendered already.
    fn loop_through(&self, name: &str, span: &Span) -> Option<TemplateError> {
        let progress = self.progress();
        let first = progress.active.iter().position(|active| &**active == name)?;
        let path: Vec<&str> = progress.active[first..]
            .iter()
            .map(|name| &**name)
            .chain([name])
            .collect();
        Some(
            TemplateError::new(format!(
                "recursive loop detected in template: {}",
                path.join(" -> ")
            ))
            .at(span),
        )
    }
}

/// Whether a text is `{{ name }}` and nothing else but perhaps a last newline.
pub(super) fn is_only(text: &str, name: &str) -> bool {
    let text = text.strip_suffix('\n').unwrap_or(text);
    text.strip_prefix("{{")
        .and_then(|rest| rest.strip_suffix("}}"))
        .is_some_and(|inner| inner.trim() == name)
}

impl Object for Context {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Map
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.get_value_by_str(key.as_str()?)
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        if key == CONTEXT {
            return Some(Value::from_dyn_object(Arc::clone(self)));
        }
        // Nothing rather than an undefined value: minijinja then remembers the name.
        self.lookup(key).filter(|value| !value.is_undefined())
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::NonEnumerable
    }
}
