//! Filters that apply a filter or a test to each item.

use minijinja::value::Kwargs;
use minijinja::{Error, Value};

use super::call::Call;
use super::compare::attribute;
use crate::plugins;
use crate::template::undefined::is_true;
use crate::value::convert::{check, sequence};
use crate::value::python;

pub(super) const FILTERS: super::Table = &[
    ("map", map),
    ("reject", |call| select(call, false, false)),
    ("rejectattr", |call| select(call, false, true)),
    ("select", |call| select(call, true, false)),
    ("selectattr", |call| select(call, true, true)),
];

/// `map(attribute='a.b', default=…)` or `map('filter', arguments…)`.
fn map(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let mut arguments = call.rest(0)?;
    let items = some_items(call)?;
    if arguments.is_empty() {
        let path = call
            .named("attribute")?
            .ok_or_else(|| call.error("a filter or an attribute is needed"))?;
        let default = call.named("default")?;
        call.no_more_names()?;
        let mut mapped = Vec::with_capacity(items.len());
        for item in items {
            let value = attribute(&item, &path)?;
            mapped.push(match (value.is_undefined(), &default) {
                (true, Some(default)) => default.clone(),
                _ => value,
            });
        }
        return Ok(sequence(mapped));
    }
    let filter = python::to_text(&arguments.remove(0));
    let named = call.all_named()?;
    let mut mapped = Vec::with_capacity(items.len());
    for item in items {
        let given = given(item, &arguments, named.as_ref());
        mapped.push(check(plugins::filter(call.state, &filter, &given)?)?);
    }
    Ok(sequence(mapped))
}

/// The items; none of what counts as false, whatever it is.
fn some_items(call: &Call<'_, '_, '_>) -> Result<Vec<Value>, Error> {
    if call.value()?.is_true() {
        call.items()
    } else {
        Ok(Vec::new())
    }
}

/// Keeps the items (or those with an attribute) of which a test, or their own truth, is as wanted.
fn select(call: &mut Call<'_, '_, '_>, wanted: bool, by_attribute: bool) -> Result<Value, Error> {
    let mut arguments = call.rest(0)?;
    let items = some_items(call)?;
    let path = if by_attribute {
        if arguments.is_empty() {
            return Err(call.error("an attribute is needed"));
        }
        Some(arguments.remove(0))
    } else {
        None
    };
    let test = if arguments.is_empty() {
        None
    } else {
        Some(python::to_text(&arguments.remove(0)))
    };
    let named = call.all_named()?;
    let mut kept = Vec::new();
    for item in items {
        let subject = match &path {
            Some(path) => attribute(&item, path)?,
            None => item.clone(),
        };
        let holds = match &test {
            Some(test) => plugins::test(call.state, test, &given(subject, &arguments, named.as_ref()))?,
            None => is_true(&subject)?,
        };
        if holds == wanted {
            kept.push(item);
        }
    }
    Ok(sequence(kept))
}

/// The arguments of a filter or test for one item.
fn given(item: Value, arguments: &[Value], named: Option<&Value>) -> Vec<Value> {
    let mut given = vec![item];
    given.extend_from_slice(arguments);
    if let Some(named) = named {
        let pairs = crate::value::convert::entries(named);
        let named: Kwargs = pairs
            .into_iter()
            .map(|(name, value)| (python::to_text(&name), value))
            .collect();
        given.push(named.into());
    }
    given
}
