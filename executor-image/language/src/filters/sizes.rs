//! Sizes for people: `10 MB` and the number of bytes.

use minijinja::value::ValueKind;
use minijinja::{Error, Value};

use super::call::{Call, flag};
use crate::value::python;

pub(super) const FILTERS: super::Table = &[
    ("human_readable", human_readable),
    ("human_to_bytes", human_to_bytes),
];

/// Units with the power of 1024 they stand for, and their long names.
const UNITS: [(char, i32, &str); 9] = [
    ('Y', 8, "yotta"),
    ('Z', 7, "zeta"),
    ('E', 6, "exa"),
    ('P', 5, "peta"),
    ('T', 4, "tera"),
    ('G', 3, "giga"),
    ('M', 2, "mega"),
    ('K', 1, "kilo"),
    ('B', 0, ""),
];

fn human_readable(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let [is_bits, unit] = call.bind(["isbits", "unit"])?;
    let is_bits = flag(is_bits.as_ref(), false)?;
    let unit = unit
        .filter(|unit| !unit.is_none())
        .map(|unit| python::to_text(&unit).to_uppercase());
    let value = call.value()?;
    let size = match value.kind() {
        ValueKind::Number => f64::try_from(value.clone())?,
        ValueKind::Bool => f64::from(u8::from(value.is_true())),
        _ => return Err(call.wrong_type(format!(
            "human_readable() failed on bad input: '>=' not supported between instances of '{}' and 'int'",
            python::type_name(&value)
        ))),
    };
    let chosen = UNITS.iter().find(|(letter, power, _)| match &unit {
        Some(unit) => *unit == letter.to_string(),
        None => size >= 1024_f64.powi(*power),
    });
    let (letter, power, _) = chosen.unwrap_or(&UNITS[8]);
    let base = if is_bits { "bits" } else { "Bytes" };
    let suffix = if *power == 0 {
        base.to_owned()
    } else {
        format!("{letter}{}", &base[..1])
    };
    Ok(Value::from(format!(
        "{:.2} {suffix}",
        size / 1024_f64.powi(*power)
    )))
}

fn human_to_bytes(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let [default_unit, is_bits] = call.bind(["default_unit", "isbits"])?;
    let is_bits = flag(is_bits.as_ref(), false)?;
    let text = call.text()?;
    let wrong = || {
        call.verbatim(format!(
            "human_to_bytes() can't interpret following string: {text}"
        ))
    };
    let trimmed = text.trim_end();
    let end = trimmed
        .find(|character: char| !(character.is_ascii_digit() || character == '.'))
        .unwrap_or(trimmed.len());
    let (digits, unit) = (&trimmed[..end], trimmed[end..].trim_start());
    if digits.is_empty()
        || digits.ends_with('.')
        || digits.matches('.').count() > 1
        || !unit.chars().all(|letter| letter.is_ascii_alphabetic())
    {
        return Err(wrong());
    }
    let number: f64 = digits.parse().map_err(|_| wrong())?;
    let default_unit = default_unit
        .filter(|unit| !unit.is_none())
        .map(|unit| python::to_text(&unit));
    let unit = if unit.is_empty() {
        default_unit.as_deref().unwrap_or_default()
    } else {
        unit
    };
    let Some(first) = unit.chars().next().map(|letter| letter.to_ascii_uppercase()) else {
        return Ok(rounded(number));
    };
    let (letter, power, name) = UNITS
        .iter()
        .find(|(letter, ..)| *letter == first)
        .ok_or_else(wrong)?;
    if unit.len() > 1 {
        let (kind, short) = if is_bits { ("bit", 'b') } else { ("byte", 'B') };
        let written = if *power == 0 {
            short.to_string()
        } else {
            format!("{letter}{short}")
        };
        if unit.to_lowercase() != format!("{name}{kind}") && unit != written {
            return Err(wrong());
        }
    }
    Ok(rounded(number * 1024_f64.powi(*power)))
}

#[expect(clippy::cast_possible_truncation, reason = "the range is checked before")]
fn rounded(number: f64) -> Value {
    let rounded = number.round_ties_even();
    if rounded.abs() < 9.0e18 {
        Value::from(rounded as i64)
    } else {
        Value::from(rounded as i128)
    }
}
