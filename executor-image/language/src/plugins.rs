//! Filters, tests and lookups that are none of this crate's: somebody else carries them out.

use std::fmt::Debug;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use minijinja::value::{Kwargs, Rest};
use minijinja::{Environment, Error, State, Value};

use crate::template::context::Context;
use crate::template::{TemplateError, environment, finalize_complete};

/// What a plugin is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PluginKind {
    /// `value | name`
    Filter,
    /// `value is name`
    Test,
    /// `lookup('name')`
    Lookup,
}

impl PluginKind {
    /// The word for it, which its folders begin with, too.
    pub fn word(self) -> &'static str {
        match self {
            Self::Filter => "filter",
            Self::Test => "test",
            Self::Lookup => "lookup",
        }
    }
}

/// Whoever carries out plugins.
pub trait Plugins: Send + Sync + Debug {
    /// The file that defines a plugin, if there is one of this name.
    fn find(&self, kind: PluginKind, name: &str) -> Option<PathBuf>;
    /// Whether there is one of this name, whichever file it is in. This may take Python's time: for names that nothing else knows.
    fn is_there(&self, kind: PluginKind, name: &str) -> bool;
    /// Those of this crate's whose place plugins take; none if none is.
    fn replaced(&self) -> Option<Arc<Replaced>> {
        None
    }
    /// Plugins of this folder can be used from now on: it has folders `filter_plugins` and the like.
    fn add_folder(&self, folder: &Path);
    /// Carries out a plugin.
    ///
    /// # Errors
    /// When it fails or cannot be carried out.
    fn call(&self, call: &PluginCall<'_>) -> Result<Value, TemplateError>;
}

/// Filters, tests and lookups of this crate whose place plugins of the same names take.
#[derive(Debug)]
pub struct Replaced {
    /// What templates run in.
    pub(crate) environment: Environment<'static>,
    lookups: Vec<String>,
}

impl Replaced {
    /// With plugins in the place of what has these names; none if there are no names.
    pub fn new(filters: Vec<String>, tests: Vec<String>, lookups: Vec<String>) -> Option<Self> {
        if filters.is_empty() && tests.is_empty() && lookups.is_empty() {
            return None;
        }
        let mut environment = environment::environment().clone();
        for name in filters {
            let own = name.clone();
            let filter = move |state: &mut State<'_, '_>, value: Value, rest: Rest<Value>, named: Kwargs| {
                let arguments: Vec<Value> = std::iter::once(value).chain(rest.0).collect();
                carry_out(&Context::of(state)?, PluginKind::Filter, &own, &arguments, &named)
            };
            environment.add_filter(name, filter);
        }
        for name in tests {
            let own = name.clone();
            let test = move |state: &mut State<'_, '_>, value: Value, rest: Rest<Value>, named: Kwargs| {
                let arguments: Vec<Value> = std::iter::once(value).chain(rest.0).collect();
                let answer = carry_out(&Context::of(state)?, PluginKind::Test, &own, &arguments, &named)?;
                Ok::<_, Error>(answer.is_true())
            };
            environment.add_test(name, test);
        }
        Some(Self { environment, lookups })
    }

    /// Whether a plugin takes the place of a lookup.
    pub(crate) fn has_lookup(&self, name: &str) -> bool {
        is_known(&self.lookups, name)
    }
}

/// A filter or test that a plugin carries out, with the arguments as they come.
fn called(
    state: &mut State<'_, '_>,
    kind: PluginKind,
    name: &str,
    arguments: &[Value],
) -> Result<Value, Error> {
    let (arguments, named): (Rest<Value>, Kwargs) = minijinja::value::from_args(arguments)?;
    carry_out(&Context::of(state)?, kind, name, &arguments.0, &named)
}

/// One use of a plugin.
#[derive(Debug)]
pub struct PluginCall<'call> {
    /// What it is for.
    pub kind: PluginKind,
    /// Its name.
    pub name: &'call str,
    /// What stands before the bar, and the positional arguments; of a lookup, the terms. Only the first may be undefined.
    pub arguments: Vec<Value>,
    /// Arguments by name.
    pub named: Vec<(String, Value)>,
    context: &'call Arc<Context>,
}

impl PluginCall<'_> {
    /// A variable that the template sees, rendered.
    ///
    /// # Errors
    /// When it cannot be rendered.
    pub fn variable(&self, name: &str) -> Result<Option<Value>, TemplateError> {
        self.context.scope().get_complete(&self.context.templar, name)
    }

    /// The names of all variables that the template sees.
    pub fn names(&self) -> Vec<Arc<str>> {
        self.context.scope().names()
    }

    /// The folder of the playbook.
    pub fn directory(&self) -> PathBuf {
        self.context.scope().host().directory()
    }
}

/// The filter that stands for plugins in rewritten trees: `value | __plugin('filter', 'name', …)`.
#[expect(clippy::needless_pass_by_value, reason = "the form of a filter")]
pub(crate) fn stand_in(
    state: &mut State<'_, '_>,
    value: Value,
    kind: &str,
    rest: Rest<Value>,
    named: Kwargs,
) -> Result<Value, Error> {
    let kind = if kind == PluginKind::Test.word() {
        PluginKind::Test
    } else {
        PluginKind::Filter
    };
    let mut rest = rest.0.into_iter();
    let name = rest.next().unwrap_or_default();
    let arguments: Vec<Value> = std::iter::once(value).chain(rest).collect();
    let name = name.as_str().unwrap_or_default();
    carry_out(&Context::of(state)?, kind, name, &arguments, &named)
}

/// A filter by its name: this crate's own, or a plugin.
pub(crate) fn filter(state: &mut State<'_, '_>, name: &str, arguments: &[Value]) -> Result<Value, Error> {
    if is_known(environment::filter_names(), name) {
        return state.apply_filter(name, arguments);
    }
    called(state, PluginKind::Filter, name, arguments)
}

/// A test by its name: this crate's own, or a plugin.
pub(crate) fn test(state: &mut State<'_, '_>, name: &str, arguments: &[Value]) -> Result<bool, Error> {
    if is_known(environment::test_names(), name) {
        return state.perform_test(name, arguments);
    }
    Ok(called(state, PluginKind::Test, name, arguments)?.is_true())
}

/// Whether a name is among those of this crate.
pub(crate) fn is_known(names: &[String], name: &str) -> bool {
    names.iter().any(|known| known == name)
}

/// Carries out a plugin; there is no such filter, test or lookup if there are no plugins.
pub(crate) fn carry_out(
    context: &Arc<Context>,
    kind: PluginKind,
    name: &str,
    arguments: &[Value],
    named: &Kwargs,
) -> Result<Value, Error> {
    let Some(plugins) = context.templar.plugins() else {
        return Err(TemplateError::new(format!("there is no {} '{name}'", kind.word())).into());
    };
    let mut complete = Vec::with_capacity(arguments.len());
    for (index, value) in arguments.iter().enumerate() {
        complete.push(if index == 0 && value.is_undefined() {
            value.clone()
        } else {
            finalize_complete(value)?
        });
    }
    let named = named
        .args()
        .map(|key| Ok((key.to_owned(), finalize_complete(&named.get::<Value>(key)?)?)))
        .collect::<Result<Vec<_>, Error>>()?;
    let call = PluginCall {
        kind,
        name,
        arguments: complete,
        named,
        context,
    };
    Ok(plugins.call(&call)?)
}
