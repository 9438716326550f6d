//! Lookups: what `lookup('name', …)`, `query('name', …)` and `with_name` give.

use std::sync::Arc;

use minijinja::value::Kwargs;
use minijinja::{Error, Value};

use crate::template::TemplateError;
use crate::template::context::Context;
use crate::value::convert::{check, sequence};
use crate::value::python;

/// What a lookup is given.
pub(crate) struct Lookup<'call> {
    pub(crate) context: &'call Arc<Context>,
    pub(crate) terms: Vec<Value>,
    pub(crate) options: &'call Kwargs,
}

type Table = &'static [(&'static str, fn(&Lookup<'_>) -> Result<Vec<Value>, Error>)];

const TABLES: &[Table] = &[&[("env", environment)]];

/// Runs a lookup by name.
pub(crate) fn run(
    context: &Arc<Context>,
    name: &str,
    terms: Vec<Value>,
    options: &Kwargs,
) -> Result<Vec<Value>, Error> {
    let short = name.strip_prefix("ansible.builtin.").unwrap_or(name);
    let Some((_, lookup)) = TABLES
        .iter()
        .copied()
        .flatten()
        .find(|(known, _)| *known == short)
    else {
        return Err(TemplateError::new(format!("lookup plugin ({name}) not found")).into());
    };
    lookup(&Lookup {
        context,
        terms,
        options,
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
    let terms = terms.iter().cloned().map(check).collect::<Result<Vec<_>, _>>()?;
    let found = match run(context, name, terms, options) {
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
    options.assert_all_used()?;
    if as_list {
        return Ok(sequence(found));
    }
    if found.iter().all(|item| item.as_str().is_some()) {
        if found.is_empty() {
            return Ok(sequence(found));
        }
        return Ok(Value::from(
            found.iter().map(python::to_text).collect::<Vec<_>>().join(","),
        ));
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

fn environment(lookup: &Lookup<'_>) -> Result<Vec<Value>, Error> {
    let default = lookup
        .options
        .get::<Option<Value>>("default")?
        .unwrap_or_else(|| Value::from(""));
    let host = lookup.context.scope().host();
    Ok(lookup
        .terms
        .iter()
        .map(|term| {
            host.environment(&python::to_text(term))
                .map_or_else(|| default.clone(), Value::from)
        })
        .collect())
}
