//! `sequence`: numbers as text, `start=1 end=9 stride=2 format=host%02d` or `1-9/2:host%02d`.

use minijinja::{Error, Value};

use super::{Lookup, failure};
use crate::arguments::parse_key_values;
use crate::filters::format_text;
use crate::value::python;

pub(super) const LOOKUPS: super::Table = &[("sequence", sequence)];

/// More numbers than this are refused: no playbook means it.
const MOST_NUMBERS: i64 = 1_000_000;

#[derive(Clone, Default)]
struct Fields {
    start: Option<String>,
    end: Option<String>,
    count: Option<String>,
    stride: Option<String>,
    format: Option<String>,
}

impl Fields {
    fn set(&mut self, name: &str, value: String) -> bool {
        let field = match name {
            "start" => &mut self.start,
            "end" => &mut self.end,
            "count" => &mut self.count,
            "stride" => &mut self.stride,
            "format" => &mut self.format,
            _ => return false,
        };
        *field = Some(value);
        true
    }
}

fn sequence(lookup: &Lookup<'_>) -> Result<Vec<Value>, Error> {
    let mut defaults = Fields::default();
    for name in ["start", "end", "count", "stride", "format"] {
        if let Some(value) = lookup.option(name)? {
            defaults.set(name, python::to_text(&value));
        }
    }
    let mut numbers = Vec::new();
    for term in &lookup.terms {
        let mut fields = defaults.clone();
        let text = python::to_text(term);
        if !short_form(&text, &mut fields) {
            let arguments = parse_key_values(&text).map_err(|error| failure(error.to_string()))?;
            for (name, value) in arguments.options {
                if !fields.set(&name, value) {
                    return Err(failure(format!(
                        "unrecognized arguments to with_sequence: ['{name}']"
                    )));
                }
            }
        }
        numbers.extend(generate(&fields)?);
    }
    Ok(numbers)
}

/// `[start-]end[/stride][:format]`
fn short_form(text: &str, fields: &mut Fields) -> bool {
    let (range, format) = text
        .split_once(':')
        .map_or((text, None), |(range, format)| (range, Some(format)));
    let (range, stride) = range
        .split_once('/')
        .map_or((range, None), |(range, stride)| (range, Some(stride)));
    let (start, end) = range
        .split_once('-')
        .map_or((None, range), |(start, end)| (Some(start), end));
    if !is_number(end)
        || start.is_some_and(|start| !is_number(start))
        || stride.is_some_and(|stride| !is_number(stride))
    {
        return false;
    }
    fields.end = Some(end.to_owned());
    fields.start = start.map(str::to_owned).or_else(|| fields.start.take());
    fields.stride = stride.map(str::to_owned).or_else(|| fields.stride.take());
    fields.format = format
        .filter(|format| !format.is_empty())
        .map(str::to_owned)
        .or_else(|| fields.format.take());
    true
}

/// Whether a part of the short form stands for a number. Letters of hexadecimal numbers will do, here: what is none is told later.
fn is_number(part: &str) -> bool {
    let digits = part.strip_prefix('0').unwrap_or(part);
    let digits = digits.strip_prefix(['x', 'X']).unwrap_or(digits);
    let are_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    are_digits(digits) || are_digits(part)
}

fn number(field: Option<&String>, name: &str) -> Result<Option<i64>, Error> {
    let Some(text) = field else { return Ok(None) };
    let (sign, digits) = text
        .strip_prefix('-')
        .map_or((1, text.as_str()), |digits| (-1, digits));
    let parsed = match digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        Some(hexadecimal) => i64::from_str_radix(hexadecimal, 16),
        None => digits.parse(),
    };
    parsed.map(|value| Some(sign * value)).map_err(|_| {
        failure(format!(
            "Invalid type for configuration option plugin_type: lookup plugin: sequence setting: {name} (from Direct): '{text}' is no integer"
        ))
    })
}

fn generate(fields: &Fields) -> Result<Vec<Value>, Error> {
    let start = number(fields.start.as_ref(), "start")?.unwrap_or(1);
    let stride = number(fields.stride.as_ref(), "stride")?.unwrap_or(1);
    let format = fields.format.as_deref().unwrap_or("%d");
    let end = match (
        number(fields.count.as_ref(), "count")?,
        number(fields.end.as_ref(), "end")?,
    ) {
        (None, None) => return Err(failure("must specify count or end in with_sequence")),
        (Some(_), Some(_)) => return Err(failure("can't specify both count and end in with_sequence")),
        (Some(0), None) => return Ok(Vec::new()),
        (Some(count), None) => start + count * stride - 1,
        (None, Some(end)) => end,
    };
    if stride > 0 && end < start {
        return Err(failure("to count backwards make stride negative"));
    }
    if stride < 0 && end > start {
        return Err(failure("to count forward don't make stride negative"));
    }
    if format.matches('%').count() != 1 {
        return Err(failure(format!("bad formatting string: {format}")));
    }
    if stride == 0 {
        return Ok(Vec::new());
    }
    if (end - start).abs() / stride.abs() > MOST_NUMBERS {
        return Err(failure(format!("more than {MOST_NUMBERS} numbers")));
    }
    let mut numbers = Vec::new();
    let mut current = start;
    while (stride > 0 && current <= end) || (stride < 0 && current >= end) {
        numbers.push(Value::from(format_text(format, &[Value::from(current)])?));
        current += stride;
    }
    Ok(numbers)
}
