//! `community.general`: spans of time for people, `1h 30m`, as a number.

use minijinja::{Error, Value};

use super::call::Call;
use crate::value::python;

pub(super) const FILTERS: super::Table = &[
    ("to_days", |call| span(call, Some("d"))),
    ("to_hours", |call| span(call, Some("h"))),
    ("to_milliseconds", |call| span(call, Some("ms"))),
    ("to_minutes", |call| span(call, Some("m"))),
    ("to_months", |call| span(call, Some("mo"))),
    ("to_seconds", |call| span(call, Some("s"))),
    ("to_time_unit", |call| span(call, None)),
    ("to_weeks", |call| span(call, Some("w"))),
    ("to_years", |call| span(call, Some("y"))),
];

/// Milliseconds of a unit, in any of its names; days of a month and a year may be others.
fn milliseconds(unit: &str, month: f64, year: f64) -> Option<f64> {
    const DAY: f64 = 86_400_000.0;
    let short = match unit.trim_end_matches('s') {
        "" if unit == "s" => "s",
        other => other,
    };
    Some(match if unit == "ms" { "ms" } else { short } {
        "ms" | "msec" | "msecond" | "millisecond" => 1.0,
        "s" | "sec" | "second" => 1000.0,
        "m" | "min" | "minute" => 60_000.0,
        "h" | "hour" => 3_600_000.0,
        "d" | "day" => DAY,
        "w" | "week" => 7.0 * DAY,
        "mo" | "month" => month * DAY,
        "y" | "year" => year * DAY,
        _ => return None,
    })
}

fn span(call: &Call<'_, '_, '_>, unit: Option<&str>) -> Result<Value, Error> {
    let days = |name: &str, usual: f64| match call.named(name)? {
        Some(value) => f64::try_from(value),
        None => Ok(usual),
    };
    let (month, year) = (days("month", 30.0)?, days("year", 365.0)?);
    let unit = if let Some(unit) = unit {
        let [] = call.bind([])?;
        unit.to_owned()
    } else {
        let [unit] = call.bind(["unit"])?;
        unit.map_or_else(|| "ms".to_owned(), |unit| python::to_text(&unit))
    };
    let factor = milliseconds(&unit, month, year)
        .ok_or_else(|| call.error(format!("to_time_unit() got an unexpected unit: {unit}")))?;
    let text = call.text()?;
    let mut total = 0.0;
    for word in text.split_whitespace() {
        let digits_end = word
            .char_indices()
            .find(|(place, letter)| !(letter.is_ascii_digit() || (*place == 0 && *letter == '-')))
            .map_or(word.len(), |(place, _)| place);
        let (number, name) = word.split_at(digits_end);
        let parsed = number
            .parse::<f64>()
            .ok()
            .zip(milliseconds(name, month, year).filter(|_| !name.is_empty()));
        let Some((count, each)) = parsed else {
            return Err(call.error(format!(
                "to_time_unit() can not interpret following string: {text}"
            )));
        };
        total += count * each;
    }
    let rounded: f64 = format!("{:.12}", total / factor)
        .parse()
        .unwrap_or(total / factor);
    Ok(Value::from(rounded))
}
