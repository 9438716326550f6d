//! Python's methods of text, lists and mappings, as far as templates use them.

use minijinja::value::ValueKind;
use minijinja::{Error, ErrorKind, State, Value};

use crate::filters::WIDEST;
use crate::value::convert::sequence;

/// Calls a method. Methods that change their object are refused: values of a playbook do not change.
pub(super) fn call(
    state: &mut State<'_, '_>,
    value: &Value,
    name: &str,
    arguments: &[Value],
) -> Result<Value, Error> {
    if value.kind() == ValueKind::Undefined {
        return Err(super::undefined::undefined(value));
    }
    if matches!(
        (value.kind(), name),
        (
            ValueKind::Seq,
            "append" | "extend" | "insert" | "remove" | "pop" | "sort" | "reverse" | "clear"
        ) | (
            ValueKind::Map,
            "update" | "pop" | "popitem" | "setdefault" | "clear"
        )
    ) {
        return Err(Error::new(
            ErrorKind::InvalidOperation,
            format!(
                "'{name}' would change a value in place, which templates cannot: build a new one with `+`, `combine` or a filter"
            ),
        ));
    }
    if let Some(text) = value.as_str()
        && let Some(result) = text_method(text, name, arguments)?
    {
        return Ok(result);
    }
    if matches!(value.kind(), ValueKind::Seq | ValueKind::Map) && name == "copy" && arguments.is_empty() {
        return Ok(value.clone());
    }
    if value.kind() == ValueKind::Seq && name == "index" {
        let [wanted] = arguments else {
            return Err(usage("index", "one argument"));
        };
        let position = value.try_iter()?.position(|item| item == *wanted);
        return position
            .map(Value::from)
            .ok_or_else(|| Error::new(ErrorKind::InvalidOperation, format!("{wanted:?} is not in list")));
    }
    minijinja_contrib::pycompat::unknown_method_callback(state, value, name, arguments)
}

/// Methods of text that minijinja-contrib lacks.
fn text_method(text: &str, name: &str, arguments: &[Value]) -> Result<Option<Value>, Error> {
    let argument = |index: usize| {
        arguments
            .get(index)
            .and_then(|value: &Value| value.as_str().map(str::to_owned))
    };
    let width = || {
        arguments
            .first()
            .and_then(Value::as_usize)
            .filter(|width| *width <= WIDEST)
            .ok_or_else(|| usage(name, &format!("a width of at most {WIDEST}")))
            .map(|width| width.saturating_sub(text.chars().count()))
    };
    let fill = || argument(1).and_then(|fill| fill.chars().next()).unwrap_or(' ');
    let padding = |count: usize, fill: char| -> String { std::iter::repeat_n(fill, count).collect() };
    Ok(Some(match name {
        "removeprefix" => {
            let prefix = argument(0).ok_or_else(|| usage(name, "a text"))?;
            Value::from(text.strip_prefix(&prefix).unwrap_or(text))
        }
        "removesuffix" => {
            let suffix = argument(0).ok_or_else(|| usage(name, "a text"))?;
            Value::from(text.strip_suffix(&suffix).unwrap_or(text))
        }
        "zfill" => {
            let missing = width()?;
            let (sign, digits) = match text.strip_prefix(['-', '+']) {
                Some(rest) => text.split_at(text.len() - rest.len()),
                None => ("", text),
            };
            Value::from(format!("{sign}{}{digits}", padding(missing, '0')))
        }
        "ljust" => Value::from(format!("{text}{}", padding(width()?, fill()))),
        "rjust" => Value::from(format!("{}{text}", padding(width()?, fill()))),
        "center" => {
            let missing = width()?;
            let total = missing + text.chars().count();
            // Python puts the odd blank left if both the padding and the width are odd.
            let left = missing / 2 + (missing & total & 1);
            Value::from(format!(
                "{}{text}{}",
                padding(left, fill()),
                padding(missing - left, fill())
            ))
        }
        "partition" | "rpartition" => {
            let separator = argument(0).ok_or_else(|| usage(name, "a text"))?;
            let found = if name == "partition" {
                text.split_once(&*separator)
            } else {
                text.rsplit_once(&*separator)
            };
            let parts: [&str; 3] = match found {
                Some((before, after)) => [before, &separator, after],
                None if name == "partition" => [text, "", ""],
                None => ["", "", text],
            };
            Value::from(minijinja::value::Tuple::from(parts.map(Value::from)))
        }
        "rsplit" => {
            let limit = arguments
                .get(1)
                .and_then(Value::as_i64)
                .and_then(|limit| usize::try_from(limit).ok());
            let mut parts: Vec<&str> = match (argument(0), limit) {
                (Some(separator), Some(limit)) => text.rsplitn(limit + 1, &*separator).collect::<Vec<_>>(),
                (Some(separator), None) => text.rsplit(&*separator).collect(),
                (None, _) => text.split_whitespace().rev().collect(),
            };
            parts.reverse();
            sequence(parts.into_iter().map(Value::from).collect())
        }
        "swapcase" => Value::from(
            text.chars()
                .map(|letter| {
                    if letter.is_uppercase() {
                        letter.to_lowercase().to_string()
                    } else {
                        letter.to_uppercase().to_string()
                    }
                })
                .collect::<String>(),
        ),
        "casefold" => Value::from(text.to_lowercase()),
        "isspace" => Value::from(!text.is_empty() && text.chars().all(char::is_whitespace)),
        "isdecimal" => Value::from(!text.is_empty() && text.chars().all(|digit| digit.is_ascii_digit())),
        "index" => {
            let wanted = argument(0).ok_or_else(|| usage(name, "a text"))?;
            let found = text
                .find(&*wanted)
                .ok_or_else(|| Error::new(ErrorKind::InvalidOperation, "substring not found"))?;
            Value::from(text[..found].chars().count())
        }
        "expandtabs" => {
            let size = arguments
                .first()
                .and_then(Value::as_usize)
                .unwrap_or(8)
                .min(WIDEST);
            Value::from(expand_tabs(text, size))
        }
        "encode" => Value::from_bytes(text.as_bytes().to_vec()),
        _ => return Ok(None),
    }))
}

fn expand_tabs(text: &str, size: usize) -> String {
    let mut column = 0;
    let mut expanded = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\t' if size > 0 => {
                let blanks = size - column % size;
                expanded.extend(std::iter::repeat_n(' ', blanks));
                column += blanks;
            }
            '\t' => {}
            '\n' | '\r' => {
                expanded.push(character);
                column = 0;
            }
            _ => {
                expanded.push(character);
                column += 1;
            }
        }
    }
    expanded
}

fn usage(name: &str, expected: &str) -> Error {
    Error::new(
        ErrorKind::MissingArgument,
        format!("the method '{name}' needs {expected}"),
    )
}
