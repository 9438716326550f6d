//! The types that arguments have, and what is taken for them.

use serde_json::Value;

/// The type of a value as Python names it.
pub(in crate::actions) fn class(value: &Value) -> &'static str {
    match value {
        Value::Null => "<class 'NoneType'>",
        Value::Bool(_) => "<class 'bool'>",
        Value::Number(number) if number.is_f64() => "<class 'float'>",
        Value::Number(_) => "<class 'int'>",
        Value::String(_) => "<class 'str'>",
        Value::Array(_) => "<class 'list'>",
        Value::Object(_) => "<class 'dict'>",
    }
}

/// A value as Python prints it.
pub(super) fn text(value: &Value) -> String {
    slipway_language::to_text(&slipway_language::from_json(value.clone()))
}

fn repr(value: &Value) -> String {
    slipway_language::repr(&slipway_language::from_json(value.clone()))
}

/// Values with commas between them.
pub(super) fn joined(values: &[Value]) -> String {
    values.iter().map(text).collect::<Vec<String>>().join(", ")
}

/// The value as one of the wanted type.
///
/// # Errors
/// Why it is none.
pub(super) fn convert(value: &Value, wanted: &str) -> Result<Value, String> {
    match wanted {
        "str" | "path" => match value {
            Value::Null => Err(format!(
                "'{}' is not a string and conversion is not allowed",
                repr(value)
            )),
            Value::String(_) => Ok(value.clone()),
            other => Ok(Value::from(text(other))),
        },
        "int" => integer(value),
        "int()" => python_int(value),
        "float" => float(value),
        "bool" => boolean(value),
        "list" => match value {
            Value::Array(_) => Ok(value.clone()),
            Value::String(text) => Ok(text.split(',').map(Value::from).collect()),
            Value::Number(_) => Ok([Value::from(text(value))].into_iter().collect()),
            other => Err(format!("{} cannot be converted to a list", class(other))),
        },
        "dict" => mapping(value),
        "json" | "jsonarg" => match value {
            Value::String(text) => Ok(Value::from(text.trim())),
            Value::Array(_) | Value::Object(_) => Ok(Value::from(value.to_string())),
            other => Err(format!("{} cannot be converted to a json string", class(other))),
        },
        "bytes" => {
            size(value, false).ok_or_else(|| format!("{} cannot be converted to a Byte value", class(value)))
        }
        "bits" => {
            size(value, true).ok_or_else(|| format!("{} cannot be converted to a Bit value", class(value)))
        }
        // `raw`, and what only the program that reads the value knows.
        _ => Ok(value.clone()),
    }
}

fn integer(value: &Value) -> Result<Value, String> {
    let whole = match value {
        Value::Bool(value) => Some(i64::from(*value)),
        Value::Number(number) => number.as_i64().or_else(|| number.as_f64().and_then(whole)),
        Value::String(text) => {
            let text = text.trim();
            text.parse().ok().or_else(|| text.parse().ok().and_then(whole))
        }
        _ => None,
    };
    whole
        .map(Value::from)
        .ok_or_else(|| format!("\"{}\" cannot be converted to an int", repr(value)))
}

/// What Python's `int()` makes of a value: where the type of an option is that function itself.
#[expect(clippy::cast_possible_truncation, reason = "as the function does")]
fn python_int(value: &Value) -> Result<Value, String> {
    match value {
        Value::Number(number) if number.is_f64() => {
            Ok(Value::from(number.as_f64().unwrap_or_default() as i64))
        }
        Value::Number(_) => Ok(value.clone()),
        Value::Bool(value) => Ok(Value::from(i64::from(*value))),
        Value::String(text) => text
            .trim()
            .parse::<i64>()
            .map(Value::from)
            .map_err(|_| format!("invalid literal for int() with base 10: {}", repr(value))),
        other => Err(format!(
            "int() argument must be a string, a bytes-like object or a real number, not '{}'",
            class(other).trim_start_matches("<class '").trim_end_matches("'>")
        )),
    }
}

/// A number without a decimal part.
#[expect(clippy::cast_possible_truncation, reason = "checked by the comparison")]
fn whole(number: f64) -> Option<i64> {
    (number.fract() == 0.0 && number.abs() < 9e15).then_some(number as i64)
}

fn float(value: &Value) -> Result<Value, String> {
    let number = match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        Value::Bool(value) => Some(f64::from(u8::from(*value))),
        _ => None,
    };
    number
        .map(Value::from)
        .ok_or_else(|| format!("{} cannot be converted to a float", class(value)))
}

fn boolean(value: &Value) -> Result<Value, String> {
    const TRUE: &[&str] = &["y", "yes", "on", "1", "true", "t", "1.0"];
    const FALSE: &[&str] = &["n", "no", "off", "0", "false", "f", "0.0"];
    let wrong = || {
        format!(
            "The value '{}' is not a valid boolean.  Valid booleans include: {}",
            text(value),
            [TRUE, FALSE].concat().join(", ")
        )
    };
    match value {
        Value::Bool(_) => Ok(value.clone()),
        Value::String(_) | Value::Number(_) => {
            let word = text(value).trim().to_lowercase();
            if TRUE.contains(&word.as_str()) {
                Ok(Value::Bool(true))
            } else if FALSE.contains(&word.as_str()) {
                Ok(Value::Bool(false))
            } else {
                Err(wrong())
            }
        }
        other => Err(format!("{} cannot be converted to a bool", class(other))),
    }
}

fn mapping(value: &Value) -> Result<Value, String> {
    match value {
        Value::Object(_) => Ok(value.clone()),
        Value::String(text) if text.trim_start().starts_with('{') => {
            serde_json::from_str(text).map_err(|_| "unable to evaluate string as dictionary".to_owned())
        }
        Value::String(text) if text.contains('=') => {
            let parsed = slipway_language::arguments::parse_key_values(&text.replace(',', " "));
            let parsed = parsed.map_err(|error| error.to_string())?;
            Ok(Value::Object(
                parsed
                    .options
                    .into_iter()
                    .map(|(key, value)| (key, Value::from(value)))
                    .collect(),
            ))
        }
        Value::String(_) => Err("dictionary requested, could not parse JSON or key=value".to_owned()),
        other => Err(format!("{} cannot be converted to a dict", class(other))),
    }
}

/// `10G`, `1.5 MB`, `1Mb`: a number of bytes or bits.
fn size(value: &Value, bits: bool) -> Option<Value> {
    let text = match value {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    let end = text
        .find(|letter: char| !letter.is_ascii_digit() && letter != '.')
        .unwrap_or(text.len());
    let number: f64 = text[..end].parse().ok()?;
    let unit = text[end..].trim();
    let last = if bits { 'b' } else { 'B' };
    let scale = unit.chars().next().map(|letter| letter.to_ascii_uppercase());
    let exponent = match scale {
        None => 0,
        Some('B') if unit.len() == 1 => 0,
        Some(letter) => {
            let rest = &unit[1..];
            let known = rest.is_empty() || (rest.len() == 1 && rest.ends_with(last));
            i32::try_from("KMGTPEZY".find(letter).filter(|_| known)?).ok()? + 1
        }
    };
    #[expect(clippy::cast_possible_truncation, reason = "sizes are below 2^63")]
    let whole = (number * 1024_f64.powi(exponent)).round() as i64;
    Some(Value::from(whole))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_converted_as_ansible_converts_them() {
        let cases = [
            (json!("5"), "int", Some(json!(5))),
            (json!(5.0), "int", Some(json!(5))),
            (json!(5.5), "int", None),
            (json!("x"), "int", None),
            (json!(-5.9), "int()", Some(json!(-5))),
            (json!(" 7 "), "int()", Some(json!(7))),
            (json!("7.5"), "int()", None),
            (json!([7]), "int()", None),
            (json!(true), "str", Some(json!("True"))),
            (json!("yes"), "bool", Some(json!(true))),
            (json!("perhaps"), "bool", None),
            (json!("a,b"), "list", Some(json!(["a", "b"]))),
            (json!({}), "list", None),
            (json!("a=1 b=2"), "dict", Some(json!({"a": "1", "b": "2"}))),
            (json!("nothing"), "dict", None),
            (json!("2K"), "bytes", Some(json!(2048))),
            (json!("1Mb"), "bits", Some(json!(1_048_576))),
            (json!("foo"), "bits", None),
            (json!(null), "raw", Some(json!(null))),
        ];
        for (value, wanted, expected) in cases {
            assert_eq!(convert(&value, wanted).ok(), expected, "{value} as {wanted}");
        }
    }
}
