//! Tests of kinds of values, numbers, membership and truth.

use std::cmp::Ordering;

use minijinja::value::ValueKind;
use minijinja::{Error, Value};

use crate::filters::call::{Call, flag, items};
use crate::filters::{order, same};
use crate::template::undefined::defined;

pub(super) const TESTS: super::Table = &[
    ("all", |call| {
        Ok(call
            .items()?
            .iter()
            .map(defined)
            .collect::<Result<Vec<_>, _>>()?
            .into_iter()
            .all(Value::is_true))
    }),
    ("any", |call| {
        Ok(call
            .items()?
            .iter()
            .map(defined)
            .collect::<Result<Vec<_>, _>>()?
            .into_iter()
            .any(Value::is_true))
    }),
    ("contains", |call| {
        let wanted = argument(call)?;
        contains(call, &call.value()?, &wanted)
    }),
    ("falsy", |call| truthy(call).map(|truth| !truth)),
    ("isnan", is_nan),
    ("issubset", |call| subset(call, false)),
    ("issuperset", |call| subset(call, true)),
    ("nan", is_nan),
    ("subset", |call| subset(call, false)),
    ("superset", |call| subset(call, true)),
    ("truthy", truthy),
    // Of a variable that is written encrypted it is true: the template is rewritten so.
    ("vault_encrypted", |call| call.value().map(|_| false)),
];

pub(super) const JINJA_TESTS: super::Table = &[
    ("!=", |call| Ok(!same(&call.value()?, &argument(call)?))),
    ("<", |call| ordered(call, &[Ordering::Less])),
    ("<=", |call| ordered(call, &[Ordering::Less, Ordering::Equal])),
    ("==", |call| Ok(same(&call.value()?, &argument(call)?))),
    (">", |call| ordered(call, &[Ordering::Greater])),
    (">=", |call| ordered(call, &[Ordering::Greater, Ordering::Equal])),
    ("boolean", |call| {
        kind(call, |value| value.kind() == ValueKind::Bool)
    }),
    ("callable", |call| {
        kind(call, |value| value.kind() == ValueKind::Plain)
    }),
    ("defined", |call| Ok(!call.input()?.is_undefined())),
    ("divisibleby", |call| {
        let (number, divisor) = (call.value()?, argument(call)?);
        if let (ValueKind::Number, ValueKind::Number) = (number.kind(), divisor.kind())
            && (!number.is_integer() || !divisor.is_integer())
        {
            let divisor = f64::try_from(divisor)?;
            return if divisor == 0.0 {
                Err(call.error("division by zero"))
            } else {
                Ok(f64::try_from(number)? % divisor == 0.0)
            };
        }
        whole(call, &number)?
            .checked_rem(whole(call, &divisor)?)
            .map(|rest| rest == 0)
            .ok_or_else(|| call.error("division by zero"))
    }),
    ("eq", |call| Ok(same(&call.value()?, &argument(call)?))),
    ("equalto", |call| Ok(same(&call.value()?, &argument(call)?))),
    ("even", |call| rest_of_two(call).map(|rest| rest == 0.0)),
    ("false", |call| {
        kind(call, |value| value.kind() == ValueKind::Bool && !value.is_true())
    }),
    ("float", |call| {
        kind(call, |value| {
            value.kind() == ValueKind::Number && !value.is_integer()
        })
    }),
    ("ge", |call| ordered(call, &[Ordering::Greater, Ordering::Equal])),
    ("greaterthan", |call| ordered(call, &[Ordering::Greater])),
    ("gt", |call| ordered(call, &[Ordering::Greater])),
    ("in", |call| {
        let container = argument(call)?;
        contains(call, &container, &call.value()?)
    }),
    ("integer", |call| {
        kind(call, |value| {
            value.kind() == ValueKind::Number && value.is_integer()
        })
    }),
    ("iterable", iterable),
    ("le", |call| ordered(call, &[Ordering::Less, Ordering::Equal])),
    ("lessthan", |call| ordered(call, &[Ordering::Less])),
    ("lt", |call| ordered(call, &[Ordering::Less])),
    ("mapping", |call| {
        kind(call, |value| value.kind() == ValueKind::Map)
    }),
    ("ne", |call| Ok(!same(&call.value()?, &argument(call)?))),
    ("none", |call| kind(call, Value::is_none)),
    ("number", |call| {
        kind(call, |value| {
            matches!(value.kind(), ValueKind::Number | ValueKind::Bool)
        })
    }),
    ("odd", |call| {
        rest_of_two(call).map(|rest| (rest - 1.0).abs() < f64::EPSILON)
    }),
    ("sameas", |call| {
        let (left, right) = (call.input()?, argument(call)?);
        Ok(left.kind() == right.kind() && left.is_integer() == right.is_integer() && left == right)
    }),
    ("sequence", |call| {
        kind(call, |value| {
            matches!(
                value.kind(),
                ValueKind::String | ValueKind::Seq | ValueKind::Map | ValueKind::Bytes
            )
        })
    }),
    ("string", |call| {
        kind(call, |value| value.kind() == ValueKind::String)
    }),
    ("true", |call| {
        kind(call, |value| value.kind() == ValueKind::Bool && value.is_true())
    }),
    ("undefined", |call| Ok(call.input()?.is_undefined())),
];

/// The one argument of a test.
fn argument(call: &Call<'_, '_, '_>) -> Result<Value, Error> {
    let [argument] = call.take(["other"])?;
    let argument = argument.ok_or_else(|| call.error("an argument is needed"))?;
    defined(&argument)?;
    Ok(argument)
}

fn kind(call: &Call<'_, '_, '_>, is_wanted: fn(&Value) -> bool) -> Result<bool, Error> {
    let [] = call.bind([])?;
    // Asking for the kind of an undefined value is no use of it.
    Ok(is_wanted(&call.input()?))
}

fn iterable(call: &mut Call<'_, '_, '_>) -> Result<bool, Error> {
    let [] = call.bind([])?;
    Ok(matches!(
        call.value()?.kind(),
        ValueKind::String | ValueKind::Seq | ValueKind::Map | ValueKind::Iterable | ValueKind::Bytes
    ))
}

fn ordered(call: &Call<'_, '_, '_>, wanted: &[Ordering]) -> Result<bool, Error> {
    Ok(wanted.contains(&order(&call.value()?, &argument(call)?)?))
}

fn whole(call: &Call<'_, '_, '_>, value: &Value) -> Result<i128, Error> {
    match value.kind() {
        ValueKind::Bool => Ok(i128::from(value.is_true())),
        ValueKind::Number if value.is_integer() => {
            i128::try_from(value.clone()).map_err(|_| call.error("the number is too large"))
        }
        _ => Err(call.error(format!(
            "a whole number is needed, not '{}'",
            crate::value::python::type_name(value)
        ))),
    }
}

/// What is left of a number divided by two: 0 or 1, or something between for a number with a fraction.
fn rest_of_two(call: &Call<'_, '_, '_>) -> Result<f64, Error> {
    let value = call.value()?;
    if value.kind() == ValueKind::Number && !value.is_integer() {
        return Ok(f64::try_from(value)?.rem_euclid(2.0));
    }
    Ok(if whole(call, &value)? % 2 == 0 { 0.0 } else { 1.0 })
}

/// Python's `in`.
fn contains(call: &Call<'_, '_, '_>, container: &Value, wanted: &Value) -> Result<bool, Error> {
    match (container.kind(), container.as_str()) {
        (_, Some(text)) => match wanted.as_str() {
            Some(wanted) => Ok(text.contains(wanted)),
            None => Err(call.error(format!(
                "'in <string>' requires string as left operand, not {}",
                crate::value::python::type_name(wanted)
            ))),
        },
        (ValueKind::Seq | ValueKind::Map | ValueKind::Iterable, _) => {
            Ok(items(container)?.iter().any(|item| same(item, wanted)))
        }
        _ => Err(call.error(format!(
            "argument of type '{}' is not iterable",
            crate::value::python::type_name(container)
        ))),
    }
}

fn subset(call: &Call<'_, '_, '_>, reverse: bool) -> Result<bool, Error> {
    let (left, right) = (call.items()?, items(&argument(call)?)?);
    let (small, large) = if reverse { (right, left) } else { (left, right) };
    Ok(small
        .iter()
        .all(|item| large.iter().any(|known| same(known, item))))
}

fn truthy(call: &mut Call<'_, '_, '_>) -> Result<bool, Error> {
    let [convert] = call.bind(["convert_bool"])?;
    let value = call.value()?;
    if flag(convert.as_ref(), false)? {
        let text = crate::value::python::to_text(&value).trim().to_lowercase();
        match text.as_str() {
            "y" | "yes" | "on" | "1" | "true" | "t" | "1.0" => return Ok(true),
            "n" | "no" | "off" | "0" | "false" | "f" | "0.0" => return Ok(false),
            _ => {}
        }
    }
    Ok(value.is_true())
}

fn is_nan(call: &mut Call<'_, '_, '_>) -> Result<bool, Error> {
    let value = call.value()?;
    Ok(value.kind() == ValueKind::Number && f64::try_from(value).is_ok_and(f64::is_nan))
}
