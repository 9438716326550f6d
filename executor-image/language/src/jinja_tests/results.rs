//! Tests of a task's result.

use minijinja::value::ValueKind;
use minijinja::{Error, Value};

use crate::filters::call::{Call, items};
use crate::template::undefined::defined;
use crate::value::convert::check;

pub(super) const TESTS: super::Table = &[
    ("change", changed),
    ("changed", changed),
    ("failed", |call| is_set(call, "failed")),
    ("failure", |call| is_set(call, "failed")),
    ("finished", |call| state(call, "finished")),
    ("reachable", |call| {
        is_set(call, "unreachable").map(|unreachable| !unreachable)
    }),
    ("skip", |call| is_set(call, "skipped")),
    ("skipped", |call| is_set(call, "skipped")),
    ("started", |call| state(call, "started")),
    ("succeeded", |call| is_set(call, "failed").map(|failed| !failed)),
    ("success", |call| is_set(call, "failed").map(|failed| !failed)),
    ("successful", |call| is_set(call, "failed").map(|failed| !failed)),
    ("timedout", timed_out),
    ("unreachable", |call| is_set(call, "unreachable")),
];

/// The result, which must be a mapping.
fn result(call: &Call<'_, '_, '_>) -> Result<Value, Error> {
    let [] = call.bind([])?;
    let value = call.value()?;
    if value.kind() != ValueKind::Map {
        return Err(call.verbatim(format!("The '{}' test expects a dictionary", call.name)));
    }
    Ok(value)
}

fn field(result: &Value, name: &str) -> Result<Value, Error> {
    check(result.get_attr(name)?)
}

fn is_set(call: &Call<'_, '_, '_>, name: &str) -> Result<bool, Error> {
    Ok(field(&result(call)?, name)?.is_true())
}

fn changed(call: &mut Call<'_, '_, '_>) -> Result<bool, Error> {
    let result = result(call)?;
    let changed = field(&result, "changed")?;
    if !changed.is_undefined() {
        return Ok(changed.is_true());
    }
    let results = field(&result, "results")?;
    if results.kind() != ValueKind::Seq {
        return Ok(false);
    }
    for item in items(&results)? {
        if defined(&item)?.kind() == ValueKind::Map && field(&item, "changed")?.is_true() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The state of an asynchronous task; a task that is none counts as started and finished.
fn state(call: &Call<'_, '_, '_>, name: &str) -> Result<bool, Error> {
    let state = field(&result(call)?, name)?;
    Ok(state.is_undefined()
        || state.as_i64() == Some(1)
        || (state.kind() == ValueKind::Bool && state.is_true()))
}

fn timed_out(call: &mut Call<'_, '_, '_>) -> Result<bool, Error> {
    let state = field(&result(call)?, "timedout")?;
    Ok(state.kind() == ValueKind::Map && field(&state, "period")?.is_true())
}
