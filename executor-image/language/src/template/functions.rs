//! Functions and methods that templates may call.
#![expect(
    clippy::needless_pass_by_value,
    reason = "minijinja calls functions with values"
)]

use minijinja::value::{Kwargs, Rest, ValueKind};
use minijinja::{Environment, Error, ErrorKind, State, Value};

use super::context::Context;
use super::error::TemplateError;
use super::includes;
use crate::filters::call::items;
use crate::lookups;
use crate::value::convert::{entries, map};
use crate::value::python;
use crate::value::time::{self, Moment};

/// Puts the functions into the environment.
pub(super) fn register(environment: &mut Environment<'static>) {
    environment.add_function("lookup", lookup);
    environment.add_function("query", query);
    environment.add_function("q", query);
    environment.add_function("now", now);
    environment.add_function("undef", undef);
    environment.add_function("dict", dictionary);
    environment.add_function("cycler", |items: Rest<Value>| {
        minijinja_contrib::globals::cycler(items.to_vec())
    });
    environment.add_function("joiner", minijinja_contrib::globals::joiner);
    environment.add_function(includes::INCLUDE, includes::include);
}

fn lookup(
    state: &mut State<'_, '_>,
    name: &str,
    terms: Rest<Value>,
    options: Kwargs,
) -> Result<Value, Error> {
    lookups::call(&Context::of(state)?, name, &terms, &options, false)
}

fn query(state: &mut State<'_, '_>, name: &str, terms: Rest<Value>, options: Kwargs) -> Result<Value, Error> {
    lookups::call(&Context::of(state)?, name, &terms, &options, true)
}

/// An undefined value; the hint says what is to be done where it is used.
fn undef(state: &mut State<'_, '_>, hint: Option<Value>, named: Kwargs) -> Result<Value, Error> {
    let hint = match hint {
        None => named.get::<Option<Value>>("hint")?,
        given => given,
    };
    named.assert_all_used()?;
    let hint = hint
        .filter(|hint| !hint.is_undefined() && !hint.is_none())
        .map(|hint| python::to_text(&hint))
        .filter(|hint| !hint.is_empty())
        .unwrap_or_else(|| "Mandatory variable has not been overridden".to_owned());
    Context::of(state)?.note_hint(hint);
    Ok(Value::UNDEFINED)
}

/// Python's `dict`: of a mapping or of pairs, and of named arguments.
fn dictionary(from: Option<Value>, named: Kwargs) -> Result<Value, Error> {
    let mut pairs = Vec::new();
    if let Some(from) = from {
        super::undefined::defined(&from)?;
        if from.kind() == ValueKind::Map {
            pairs = entries(&from);
        } else {
            for pair in items(&from)? {
                let [key, value] = <[Value; 2]>::try_from(items(&pair)?)
                    .map_err(|_| TemplateError::new("dict() needs a mapping or a list of pairs"))?;
                pairs.push((key, value));
            }
        }
    }
    for name in named.args() {
        pairs.push((Value::from(name), named.get::<Value>(name)?));
    }
    Ok(map(pairs))
}

/// `now(utc=False, fmt=None)`: the time, as text if there is a format.
fn now(
    state: &mut State<'_, '_>,
    utc: Option<bool>,
    fmt: Option<String>,
    options: Kwargs,
) -> Result<Value, Error> {
    Context::of(state)?.scope().host().looks_outside();
    let utc = options.get::<Option<bool>>("utc")?.or(utc).unwrap_or(false);
    let format = options.get::<Option<String>>("fmt")?.or(fmt);
    options.assert_all_used()?;
    let time = if utc {
        chrono::Utc::now().naive_utc()
    } else {
        chrono::Local::now().naive_local()
    };
    let moment = Moment::new(time, None);
    match format {
        Some(format) => moment.format(&format).map(Value::from),
        None => Ok(Value::from_object(moment)),
    }
}

/// A method of Python's `str`, `dict` or `list`.
pub(super) fn method(
    state: &mut State<'_, '_>,
    value: &Value,
    name: &str,
    arguments: &[Value],
) -> Result<Value, Error> {
    super::methods::call(state, value, name, arguments)
}

/// `%`: the remainder of numbers, or text formatted as `printf` does.
pub(super) fn remainder(left: Value, right: Value) -> Result<Value, Error> {
    super::undefined::defined(&left)?;
    super::undefined::defined(&right)?;
    if let Some(format) = left.as_str() {
        let arguments: Vec<Value> = if right.is_tuple() {
            right.try_iter()?.collect()
        } else {
            vec![right.clone()]
        };
        return crate::filters::format_text(format, &arguments).map(Value::from);
    }
    if is_integer(&left)
        && is_integer(&right)
        && let (Ok(left), Ok(right)) = (i128::try_from(left.clone()), i128::try_from(right.clone()))
    {
        if right == 0 {
            return Err(Error::new(ErrorKind::InvalidOperation, "integer modulo by zero"));
        }
        let result = left.rem_euclid(right);
        let floored = if right < 0 && result != 0 {
            result + right
        } else {
            result
        };
        return Ok(i64::try_from(floored).map_or_else(|_| Value::from(floored), Value::from));
    }
    match (f64::try_from(left.clone()), f64::try_from(right.clone())) {
        (Ok(left), Ok(right)) => {
            if right == 0.0 {
                return Err(Error::new(ErrorKind::InvalidOperation, "float modulo by zero"));
            }
            Ok(Value::from(left - right * (left / right).floor()))
        }
        _ => Err(Error::new(
            ErrorKind::InvalidOperation,
            format!(
                "unsupported operand type(s) for %: {} and {}",
                left.kind(),
                right.kind()
            ),
        )),
    }
}

/// `-`: of numbers, or of times.
pub(super) fn difference(left: Value, right: Value) -> Result<Value, Error> {
    super::undefined::defined(&left)?;
    super::undefined::defined(&right)?;
    if let Some(result) = time::subtract(&left, &right) {
        return result;
    }
    let unsupported = || {
        Error::new(
            ErrorKind::InvalidOperation,
            format!(
                "unsupported operand type(s) for -: '{}' and '{}'",
                python::type_name(&left),
                python::type_name(&right)
            ),
        )
    };
    let is_number = |value: &Value| matches!(value.kind(), ValueKind::Number | ValueKind::Bool);
    if !is_number(&left) || !is_number(&right) {
        return Err(unsupported());
    }
    if is_integer(&left) && is_integer(&right) {
        let whole = |value: &Value| match value.kind() {
            ValueKind::Bool => Some(i128::from(value.is_true())),
            _ => i128::try_from(value.clone()).ok(),
        };
        let result = whole(&left)
            .zip(whole(&right))
            .and_then(|(left, right)| left.checked_sub(right))
            .ok_or_else(unsupported)?;
        return Ok(i64::try_from(result).map_or_else(|_| Value::from(result), Value::from));
    }
    let float = |value: &Value| match value.kind() {
        ValueKind::Bool => f64::from(u8::from(value.is_true())),
        _ => f64::try_from(value.clone()).unwrap_or(f64::NAN),
    };
    Ok(Value::from(float(&left) - float(&right)))
}

fn is_integer(value: &Value) -> bool {
    value.is_integer() || value.kind() == ValueKind::Bool
}
