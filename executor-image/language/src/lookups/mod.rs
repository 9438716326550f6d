//! Lookups: what `lookup('name', …)`, `query('name', …)` and `with_name` give.

mod files;
mod lists;
mod outside;
mod passwords;
mod sequences;
mod tables;
mod variables;

use std::sync::Arc;

use minijinja::value::{Kwargs, ValueKind};
use minijinja::{Error, Value};

use crate::filters::call::items;
use crate::plugins::{self, PluginKind};
use crate::scope::{FileKind, LookupHost};
use crate::template::TemplateError;
use crate::template::context::Context;
use crate::template::undefined::defined;
use crate::value::convert::{check, sequence};
use crate::value::python;

/// One use of a lookup.
pub(crate) struct Lookup<'call> {
    /// The short name, for messages.
    name: &'call str,
    pub(crate) context: &'call Arc<Context>,
    pub(crate) terms: Vec<Value>,
    pub(crate) options: &'call Kwargs,
    /// Where files are looked for that nothing else is said of.
    folder: FileKind,
}

impl Lookup<'_> {
    /// What reads files and asks the machine.
    fn host(&self) -> &Arc<dyn LookupHost> {
        self.context.scope().host()
    }

    /// An option given by name.
    fn option(&self, name: &str) -> Result<Option<Value>, Error> {
        if !self.options.has(name) {
            return Ok(None);
        }
        let value = check(self.options.get::<Value>(name)?)?;
        defined(&value)?;
        Ok(Some(value))
    }

    fn flag(&self, name: &str, default: bool) -> Result<bool, Error> {
        Ok(self.option(name)?.map_or(default, |value| is_yes(&value)))
    }
}

/// Whether an option says yes, in one of the words for it if it is a text.
fn is_yes(value: &Value) -> bool {
    value.as_str().map_or_else(|| value.is_true(), says_yes)
}

fn says_yes(text: &str) -> bool {
    matches!(
        text.to_lowercase().as_str(),
        "yes" | "on" | "true" | "1" | "y" | "t"
    )
}

/// Lookups of one file: the name and what it gives.
type Table = &'static [(&'static str, fn(&Lookup<'_>) -> Result<Vec<Value>, Error>)];

const TABLES: &[Table] = &[
    files::LOOKUPS,
    lists::LOOKUPS,
    outside::LOOKUPS,
    passwords::LOOKUPS,
    sequences::LOOKUPS,
    tables::LOOKUPS,
    variables::LOOKUPS,
];

/// An error of a lookup.
fn failure(message: impl Into<String>) -> Error {
    TemplateError::new(message).into()
}

/// Runs a lookup by name; `folder` is the one that the task it is for has its files in.
pub(crate) fn run(
    context: &Arc<Context>,
    name: &str,
    terms: Vec<Value>,
    options: &Kwargs,
    folder: FileKind,
) -> Result<Vec<Value>, Error> {
    let short = name.strip_prefix("ansible.builtin.").unwrap_or(name);
    let plugins = context.templar.plugins();
    let is_replaced = plugins
        .and_then(|plugins| plugins.replaced())
        .is_some_and(|replaced| replaced.has_lookup(name));
    let own = TABLES
        .iter()
        .copied()
        .flatten()
        .find(|(known, _)| *known == short && !is_replaced);
    let Some((_, lookup)) = own else {
        let found = plugins::carry_out(context, PluginKind::Lookup, name, &terms, options)?;
        return items(&found);
    };
    lookup(&Lookup {
        name: short,
        context,
        terms,
        options,
        folder,
    })
}

/// `lookup()` and `query()`: the second gives a list, the first a text of the items joined by commas.
pub(crate) fn call(
    context: &Arc<Context>,
    name: &str,
    terms: &[Value],
    options: &Kwargs,
    as_list: bool,
) -> Result<Value, Error> {
    let as_list = as_list || options.get::<Option<bool>>("wantlist")?.unwrap_or(false);
    let errors = options
        .get::<Option<String>>("errors")?
        .unwrap_or_else(|| "strict".into());
    let terms = terms
        .iter()
        .map(crate::template::finalize_complete)
        .collect::<Result<Vec<_>, _>>()?;
    context.templar.note_untrusted();
    let found = match run(context, name, terms, options, FileKind::Files) {
        Ok(found) => found,
        Err(_) if errors != "strict" => {
            return Ok(if as_list {
                sequence(Vec::new())
            } else {
                Value::from(())
            });
        }
        Err(error) => return Err(error),
    };
    if as_list || found.is_empty() {
        return Ok(sequence(found));
    }
    if found.iter().all(|item| item.kind() == ValueKind::String) {
        return Ok(match found.as_slice() {
            // Text that must stay text (`template` with `convert_data=False`) keeps its mark.
            [only] if only.is_safe() => only.clone(),
            _ => Value::from(found.iter().map(python::to_text).collect::<Vec<_>>().join(",")),
        });
    }
    Ok(if let [only] = found.as_slice() {
        only.clone()
    } else {
        sequence(found)
    })
}

/// The names of all lookups.
pub(crate) fn names() -> Vec<String> {
    TABLES
        .iter()
        .copied()
        .flatten()
        .flat_map(|(name, _)| [(*name).to_owned(), format!("ansible.builtin.{name}")])
        .collect()
}
