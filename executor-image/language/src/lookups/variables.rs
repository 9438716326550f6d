//! Lookups of variables of the playbook and of the process.

use minijinja::{Error, Value};

use super::{Lookup, failure};
use crate::filters::regular::compile;
use crate::scope::Variable;
use crate::template::context::Context;
use crate::template::templar::Undefined;
use crate::template::{TemplateError, finalize_complete};
use crate::value::python;

pub(super) const LOOKUPS: super::Table = &[("env", environment), ("varnames", names), ("vars", variables)];

fn environment(lookup: &Lookup<'_>) -> Result<Vec<Value>, Error> {
    let default = lookup.option("default")?.unwrap_or_else(|| Value::from(""));
    let host = lookup.context.scope().host();
    let value = |term: &Value| {
        host.environment(&python::to_text(term))
            .map_or_else(|| default.clone(), Value::from)
    };
    Ok(lookup.terms.iter().map(value).collect())
}

/// The names of a setting given as a term.
fn identifier(term: &Value) -> Result<&str, Error> {
    term.as_str().ok_or_else(|| {
        failure(format!(
            "Invalid setting identifier, \"{}\" is not a string, it is a {}",
            python::to_text(term),
            python::type_name(term)
        ))
    })
}

fn variables(lookup: &Lookup<'_>) -> Result<Vec<Value>, Error> {
    let default = lookup.option("default")?.filter(|default| !default.is_none());
    let mut found = Vec::new();
    for term in &lookup.terms {
        let name = identifier(term)?;
        let value = match named(lookup, name) {
            Some(value) => finalize_complete(&value),
            None => Err(TemplateError {
                undefined: Some(name.to_owned()),
                is_of_undefined: true,
                ..TemplateError::new(format!("No variable found with this name: {name}"))
            }
            .into()),
        };
        match (value, &default) {
            (Ok(value), _) => found.push(value),
            (Err(error), Some(default)) if error.kind() == minijinja::ErrorKind::UndefinedError => {
                found.push(default.clone());
            }
            (Err(error), _) => return Err(error),
        }
    }
    Ok(found)
}

/// A variable, whose own template must be defined even where others stay as they are written.
fn named(lookup: &Lookup<'_>, name: &str) -> Option<Value> {
    let context = &lookup.context;
    match context.scope().variable(name) {
        Some(Variable::Template(node)) if context.templar.undefined != Undefined::Fails => {
            let strict = Context::new(context.templar.strict(), context.scope().clone());
            Some(
                strict
                    .render(&node)
                    .unwrap_or_else(|error| Error::from(error).into()),
            )
        }
        _ => context.lookup(name),
    }
}

fn names(lookup: &Lookup<'_>) -> Result<Vec<Value>, Error> {
    let known = lookup.context.scope().names();
    let mut found = Vec::new();
    for term in &lookup.terms {
        let text = identifier(term)?;
        let pattern = compile(text, false, false)
            .map_err(|error| failure(format!("Unable to use \"{text}\" as a search parameter: {error}")))?;
        for name in &known {
            if pattern
                .is_match(&**name)
                .map_err(|error| failure(error.to_string()))?
            {
                found.push(Value::from(&**name));
            }
        }
    }
    Ok(found)
}
