//! The one minijinja environment: filters, tests, functions and limits. It holds no variables and no state.

use std::sync::LazyLock;

use minijinja::value::ValueKind;
use minijinja::{AutoEscape, Environment, Output, State, UndefinedBehavior, Value};

use crate::value::vault::wrap;
use crate::value::{convert, python};

use super::compile::Printed;
use super::context::Context;
use super::templar::Types;
use super::{functions, growth, rewrite, undefined};
use crate::{filters, jinja_tests, lookups};

/// Steps that one template may take: a loop over a million items stays below, a few seconds are the end.
const FUEL: u64 = 20_000_000;

static ENVIRONMENT: LazyLock<Environment<'static>> = LazyLock::new(build);

/// The environment that all templates run in.
pub(crate) fn environment() -> &'static Environment<'static> {
    &ENVIRONMENT
}

fn build() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    // Debug mode makes undefined values remember the expression they come from.
    environment.set_debug(true);
    environment.set_fuel(Some(FUEL));
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    environment.set_formatter(print);
    environment.set_unknown_method_callback(functions::method);
    filters::register(&mut environment);
    jinja_tests::register(&mut environment);
    functions::register(&mut environment);
    environment.add_filter(rewrite::PLUGIN, crate::plugins::stand_in);
    environment.add_filter(rewrite::CHAIN, undefined::chain);
    environment.add_filter(rewrite::REMAINDER, functions::remainder);
    environment.add_filter(rewrite::DIFFERENCE, functions::difference);
    environment.add_filter(rewrite::GROWN, growth::grown);
    environment.add_filter(rewrite::SHALLOW, growth::shallow);
    environment.add_filter(rewrite::COMPLETE, complete);
    environment.add_filter(rewrite::MUTABLE, super::mutable::mutable);
    environment.add_filter(rewrite::ENCRYPTED, encrypted);
    environment.add_filter(rewrite::DEFINED, |value: Value| {
        undefined::defined(&value).cloned()
    });
    environment
}

/// The outcome of an expression, complete. That of an inline `if` without `else` prints nothing.
fn complete(state: &mut State<'_, '_>, value: Value) -> Result<Value, minijinja::Error> {
    if value.is_undefined() {
        return state.format(value).map(Value::from);
    }
    super::finalize::complete(&value)
}

/// What names and keys lead to, if it is written encrypted: it stays so. Else nothing.
fn encrypted(state: &mut State<'_, '_>, path: &Value) -> Result<Value, minijinja::Error> {
    let found = Context::of(state)?.encrypted(&convert::items(path));
    Ok(found.map_or(Value::from(()), |encrypted| wrap(encrypted.text().to_string())))
}

/// Prints a value as Python does; None prints nothing, unless values keep their types.
fn print(output: &mut Output<'_>, state: &mut State<'_, '_>, value: &Value) -> Result<(), minijinja::Error> {
    if let Some(text) = value.as_str() {
        state
            .get_or_insert_extension_with(Printed::default)
            .note(value, text)?;
        return output.write_str(text).map_err(minijinja::Error::from);
    }
    let is_nothing = match value.kind() {
        // Of an inline `if` without `else`: any other is an error before it comes here.
        ValueKind::Undefined => true,
        ValueKind::None => Context::of(state)?.templar.types == Types::Read,
        _ => false,
    };
    if is_nothing {
        return Ok(());
    }
    let value = super::finalize::complete(value)?;
    let text = python::to_text(&value);
    state
        .get_or_insert_extension_with(Printed::default)
        .note(&value, &text)?;
    output.write_str(&text).map_err(minijinja::Error::from)
}

/// All filters, for messages and checks at load time.
pub(crate) fn filter_names() -> &'static [String] {
    static NAMES: LazyLock<Vec<String>> = LazyLock::new(filters::names);
    &NAMES
}

/// All tests.
pub(crate) fn test_names() -> &'static [String] {
    static NAMES: LazyLock<Vec<String>> = LazyLock::new(jinja_tests::names);
    &NAMES
}

/// All lookups.
pub(crate) fn lookup_names() -> &'static [String] {
    static NAMES: LazyLock<Vec<String>> = LazyLock::new(lookups::names);
    &NAMES
}

/// All functions that templates may call. Those of the environment itself begin with an underscore.
pub(crate) fn function_names() -> Vec<String> {
    environment()
        .globals()
        .filter(|(name, _)| !name.starts_with('_'))
        .map(|(name, _)| name.to_owned())
        .collect()
}
