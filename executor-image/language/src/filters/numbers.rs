//! Filters about numbers and truth.

use minijinja::value::ValueKind;
use minijinja::{Error, Value};

use super::call::Call;
use super::text::whole;
use crate::value::convert::sequence;
use crate::value::mersenne::Chance;
use crate::value::python;

pub(super) const FILTERS: super::Table = &[
    ("bool", boolean),
    ("log", logarithm),
    ("pow", power),
    ("random", random),
    ("root", root),
    ("shuffle", shuffle),
];
pub(super) const JINJA_FILTERS: super::Table = &[
    ("abs", absolute),
    ("float", float),
    ("int", integer),
    ("round", round),
];

fn boolean(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let [] = call.bind([])?;
    let value = call.value()?;
    Ok(match value.kind() {
        ValueKind::None | ValueKind::Bool => value,
        ValueKind::String => {
            let text = value.as_str().unwrap_or_default().to_lowercase();
            Value::from(matches!(text.as_str(), "yes" | "on" | "1" | "true"))
        }
        ValueKind::Number => {
            Value::from(f64::try_from(value).is_ok_and(|number| (number - 1.0).abs() < f64::EPSILON))
        }
        _ => Value::from(false),
    })
}

fn integer(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let [default, base] = call.bind(["default", "base"])?;
    let base = whole(call, base.as_ref(), 10)?;
    let value = call.value()?;
    let found = match value.kind() {
        ValueKind::Bool => Some(Value::from(i64::from(value.is_true()))),
        ValueKind::Number if value.is_integer() => Some(value.clone()),
        ValueKind::Number => f64::try_from(value.clone()).ok().and_then(truncated),
        ValueKind::String => {
            let text = value.as_str().unwrap_or_default();
            parse_integer(text, base).or_else(|| python_float(text).and_then(truncated))
        }
        _ => None,
    };
    Ok(found.or(default).unwrap_or_else(|| Value::from(0)))
}

#[expect(clippy::cast_possible_truncation, reason = "the range is checked before")]
fn truncated(number: f64) -> Option<Value> {
    if number.abs() < 9.0e18 {
        return Some(Value::from(number.trunc() as i64));
    }
    (number.is_finite() && number.abs() < 1.0e38).then(|| Value::from(number.trunc() as i128))
}

/// Python's `int(text, base)`.
fn parse_integer(text: &str, base: i64) -> Option<Value> {
    let text = text.trim();
    let (sign, digits) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let lower = digits.to_lowercase();
    let (radix, digits) = match (base, lower.get(..2)) {
        (0 | 16, Some("0x")) => (16, &lower[2..]),
        (0 | 8, Some("0o")) => (8, &lower[2..]),
        (0 | 2, Some("0b")) => (2, &lower[2..]),
        (0, _) if lower.len() > 1 && lower.starts_with('0') && !lower.trim_matches(['0', '_']).is_empty() => {
            return None;
        }
        (0, _) => (10, &*lower),
        (base, _) => (
            u32::try_from(base).ok().filter(|base| (2..=36).contains(base))?,
            &*lower,
        ),
    };
    if digits.is_empty()
        || digits.starts_with('_')
        || digits.ends_with('_')
        || digits.contains("__")
        || digits.starts_with(['+', '-'])
    {
        return None;
    }
    let magnitude = i128::from_str_radix(&digits.replace('_', ""), radix).ok()?;
    let number = magnitude * sign;
    Some(i64::try_from(number).map_or_else(|_| Value::from(number), Value::from))
}

/// Python's `float(text)`.
pub(super) fn python_float(text: &str) -> Option<f64> {
    let text = text.trim();
    let plain = text.trim_start_matches(['+', '-']).to_lowercase();
    if matches!(plain.as_str(), "inf" | "infinity" | "nan") {
        return text.to_lowercase().parse().ok();
    }
    if !plain.starts_with(|first: char| first.is_ascii_digit() || first == '.')
        || plain.ends_with('_')
        || plain.contains("__")
    {
        return None;
    }
    text.replace('_', "").parse().ok()
}

fn float(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let [default] = call.bind(["default"])?;
    let value = call.value()?;
    let found = match value.kind() {
        ValueKind::Bool => Some(f64::from(u8::from(value.is_true()))),
        ValueKind::Number => f64::try_from(value.clone()).ok(),
        ValueKind::String => python_float(value.as_str().unwrap_or_default()),
        _ => None,
    };
    Ok(found
        .map(Value::from)
        .or(default)
        .unwrap_or_else(|| Value::from(0.0)))
}

fn number(call: &Call<'_, '_, '_>, value: &Value) -> Result<f64, Error> {
    match value.kind() {
        ValueKind::Number => f64::try_from(value.clone()),
        ValueKind::Bool => Ok(f64::from(u8::from(value.is_true()))),
        _ => Err(call.wrong_type(format!(
            "{}() can only be used on numbers: must be real number, not {}",
            call.name,
            python::type_name(value)
        ))),
    }
}

fn absolute(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let value = call.value()?;
    if value.kind() == ValueKind::Bool {
        return Ok(Value::from(i64::from(value.is_true())));
    }
    if value.is_integer() {
        let number = i128::try_from(value)?.unsigned_abs();
        return Ok(i64::try_from(number).map_or_else(|_| Value::from(number), Value::from));
    }
    number(call, &value).map(|number| Value::from(number.abs()))
}

fn round(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let [precision, method] = call.bind(["precision", "method"])?;
    let precision = i32::try_from(whole(call, precision.as_ref(), 0)?).unwrap_or(0);
    let value = match call.value()? {
        value if value.kind() == ValueKind::Bool => Value::from(i64::from(value.is_true())),
        value => value,
    };
    let exact = number(call, &value)?;
    let factor = 10_f64.powi(precision);
    match method
        .as_ref()
        .map_or_else(|| "common".to_owned(), python::to_text)
        .as_str()
    {
        "common" if value.is_integer() && precision >= 0 => Ok(value),
        // Formatting rounds the exact decimal value half to even, as Python's `round` does.
        "common" if precision >= 0 => {
            let digits = usize::try_from(precision).unwrap_or(0);
            Ok(Value::from(format!("{exact:.digits$}").parse().unwrap_or(exact)))
        }
        "common" => Ok(Value::from((exact * factor).round_ties_even() / factor)),
        "ceil" => Ok(Value::from((exact * factor).ceil() / factor)),
        "floor" => Ok(Value::from((exact * factor).floor() / factor)),
        _ => Err(call.error("method must be common, ceil or floor")),
    }
}

fn logarithm(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let [base] = call.bind(["base"])?;
    let value = number(call, &call.value()?)?;
    if value <= 0.0 {
        return Err(call.error("math domain error"));
    }
    let result = match base {
        None => value.ln(),
        Some(base) => match number(call, &base)? {
            10.0 => value.log10(),
            base => value.ln() / base.ln(),
        },
    };
    Ok(Value::from(result))
}

fn power(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let [exponent] = call.bind(["y"])?;
    let Some(exponent) = exponent else {
        return Err(call.error("an exponent is needed"));
    };
    Ok(Value::from(
        number(call, &call.value()?)?.powf(number(call, &exponent)?),
    ))
}

fn root(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let [base] = call.bind(["base"])?;
    let value = number(call, &call.value()?)?;
    let base = base.map_or(Ok(2.0), |base| number(call, &base))?;
    if value < 0.0 {
        return Err(call.error("can only be used on numbers: math domain error"));
    }
    Ok(Value::from(if (base - 2.0).abs() < f64::EPSILON {
        value.sqrt()
    } else {
        value.powf(1.0 / base)
    }))
}

/// A number below `end` or an item of a list, by chance. With a `seed` the choice is that of Python, and so of Ansible.
fn random(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let [start, step, seed] = call.bind(["start", "step", "seed"])?;
    let value = call.value()?;
    let mut chance = Chance::new(seed.as_ref());
    let given = |argument: &Option<Value>| argument.as_ref().filter(|value| value.is_true()).cloned();
    let (start, step) = (given(&start), given(&step));
    if value.is_integer() || value.kind() == ValueKind::Bool {
        let end = whole(call, Some(&value), 0)?;
        let start = whole(call, start.as_ref(), 0)?;
        let step = whole(call, step.as_ref(), 1)?;
        let count = (i128::from(end) - i128::from(start) + i128::from(step) - i128::from(step.signum()))
            .div_euclid(i128::from(step));
        let chosen = match u64::try_from(count) {
            Ok(count @ 1..) => chance.below(count),
            _ => return Err(call.error(format!("empty range in randrange({start}, {end}, {step})"))),
        };
        return Ok(Value::from(start + step * i64::try_from(chosen).unwrap_or(0)));
    }
    if matches!(value.kind(), ValueKind::None | ValueKind::Number) {
        return Err(call.verbatim("random can only be used on sequences and integers"));
    }
    if start.is_some() || step.is_some() {
        return Err(call.verbatim("start and step can only be used with integer values"));
    }
    if value.kind() == ValueKind::Map {
        return Err(call.error("an item of a dictionary cannot be chosen by place"));
    }
    let mut items = call.items()?;
    if items.is_empty() {
        return Err(call.error("cannot choose from an empty sequence"));
    }
    let chosen = chance.index(items.len());
    Ok(items.swap_remove(chosen))
}

/// A list in an order by chance; what is no list stays as it is.
fn shuffle(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let [seed] = call.bind(["seed"])?;
    let value = call.value()?;
    if matches!(
        value.kind(),
        ValueKind::None | ValueKind::Number | ValueKind::Bool
    ) {
        return Ok(value);
    }
    let mut items = call.items()?;
    Chance::new(seed.filter(Value::is_true).as_ref()).shuffle(&mut items);
    Ok(sequence(items))
}
