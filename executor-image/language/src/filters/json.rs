//! JSON, written as Python's `json.dumps` writes it.

use std::fmt::Write as _;

use minijinja::value::ValueKind;
use minijinja::{Error, Value};

use super::call::{Call, flag, items};
use super::text::whole;
use crate::template::finalize_complete;
use crate::value::convert::entries;
use crate::value::json::{from_json, key_text};
use crate::value::python;

pub(super) const FILTERS: super::Table = &[
    ("from_json", read),
    ("to_json", |call| write(call, false)),
    ("to_nice_json", |call| write(call, true)),
];

/// Jinja's own: keys sorted, and no character that means something in HTML.
pub(super) const JINJA_FILTERS: super::Table = &[("tojson", |call| {
    let [indent] = call.bind(["indent"])?;
    let indent = match indent.filter(|indent| !indent.is_none()) {
        Some(indent) => Some(" ".repeat(usize::try_from(whole(call, Some(&indent), 0)?).unwrap_or(0))),
        None => None,
    };
    let item_separator = if indent.is_some() { "," } else { ", " }.to_owned();
    let style = Style {
        indent,
        item_separator,
        key_separator: ": ".into(),
        sort_keys: true,
        ascii_only: true,
    };
    let mut out = String::new();
    style.write(&mut out, &finalize_complete(&call.value()?)?, 0, call)?;
    let safe = out
        .replace('<', "\\u003c")
        .replace('>', "\\u003e")
        .replace('&', "\\u0026")
        .replace('\'', "\\u0027");
    Ok(Value::from(safe))
})];

struct Style {
    /// What one level is indented by; nothing for all on one line.
    indent: Option<String>,
    item_separator: String,
    key_separator: String,
    sort_keys: bool,
    ascii_only: bool,
}

fn write(call: &mut Call<'_, '_, '_>, nice: bool) -> Result<Value, Error> {
    // `to_nice_json` names its first two parameters; `to_json` has none.
    let [indent, sort_keys] = if nice {
        call.bind_some(["indent", "sort_keys"])?
    } else {
        [call.named("indent")?, call.named("sort_keys")?]
    };
    let indent = match indent {
        Some(value) if value.is_none() => None,
        Some(value) if value.as_str().is_some() => value.as_str().map(str::to_owned),
        Some(value) => Some(" ".repeat(usize::try_from(whole(call, Some(&value), 0)?).unwrap_or(0))),
        None => nice.then(|| "    ".to_owned()),
    };
    let separators = match call.named("separators")? {
        Some(pair) if !nice && !pair.is_none() => {
            let pair = items(&pair)?;
            let [item, key] = pair.as_slice() else {
                return Err(call.error("separators must be a pair"));
            };
            Some((python::to_text(item), python::to_text(key)))
        }
        _ => None,
    };
    let (item_separator, key_separator) = separators.unwrap_or_else(|| {
        let item = if indent.is_some() { "," } else { ", " };
        ((if nice { "," } else { item }).to_owned(), ": ".to_owned())
    });
    let style = Style {
        indent,
        item_separator,
        key_separator,
        sort_keys: flag(sort_keys.as_ref(), nice)?,
        ascii_only: flag(call.named("ensure_ascii")?.as_ref(), true)?,
    };
    for known in [
        "vault_to_text",
        "preprocess_unsafe",
        "allow_nan",
        "skipkeys",
        "check_circular",
    ] {
        call.named(known)?;
    }
    call.no_more_names()?;
    let value = finalize_complete(&call.value()?)?;
    let mut out = String::new();
    style.write(&mut out, &value, 0, call)?;
    Ok(Value::from_safe_string(out))
}

impl Style {
    fn write(
        &self,
        out: &mut String,
        value: &Value,
        depth: usize,
        call: &Call<'_, '_, '_>,
    ) -> Result<(), Error> {
        match value.kind() {
            ValueKind::Seq | ValueKind::Iterable => {
                let values = items(value)?;
                self.container(out, ('[', ']'), values.len(), depth, |out, index| {
                    self.write(out, &values[index], depth + 1, call)
                })
            }
            ValueKind::Map => {
                let mut pairs = entries(value);
                if self.sort_keys {
                    let mut keyed: Vec<(Value, Value)> = pairs
                        .into_iter()
                        .map(|(key, value)| (key.clone(), crate::value::convert::sequence(vec![key, value])))
                        .collect();
                    super::compare::sort_by_key(&mut keyed, false)?;
                    pairs = keyed
                        .into_iter()
                        .map(|(key, pair)| pair.get_item_by_index(1).map(|value| (key, value)))
                        .collect::<Result<_, _>>()?;
                }
                self.container(out, ('{', '}'), pairs.len(), depth, |out, index| {
                    let (key, value) = &pairs[index];
                    self.string(out, &key_text(key));
                    out.push_str(&self.key_separator);
                    self.write(out, value, depth + 1, call)
                })
            }
            ValueKind::None => {
                out.push_str("null");
                Ok(())
            }
            ValueKind::Bool => {
                out.push_str(if value.is_true() { "true" } else { "false" });
                Ok(())
            }
            ValueKind::Number => {
                out.push_str(&match python::to_text(value).as_str() {
                    "nan" => "NaN".to_owned(),
                    "inf" => "Infinity".to_owned(),
                    "-inf" => "-Infinity".to_owned(),
                    number => number.to_owned(),
                });
                Ok(())
            }
            ValueKind::String | ValueKind::Plain => {
                self.string(out, &python::to_text(value));
                Ok(())
            }
            _ => Err(call.error(format!(
                "Object of type {} is not JSON serializable",
                python::type_name(value)
            ))),
        }
    }

    fn container(
        &self,
        out: &mut String,
        (open, close): (char, char),
        count: usize,
        depth: usize,
        mut item: impl FnMut(&mut String, usize) -> Result<(), Error>,
    ) -> Result<(), Error> {
        out.push(open);
        let newline = |out: &mut String, depth: usize| {
            if let Some(indent) = &self.indent {
                out.push('\n');
                out.push_str(&indent.repeat(depth));
            }
        };
        for index in 0..count {
            if index > 0 {
                out.push_str(&self.item_separator);
            }
            newline(out, depth + 1);
            item(out, index)?;
        }
        if count > 0 {
            newline(out, depth);
        }
        out.push(close);
        Ok(())
    }

    fn string(&self, out: &mut String, text: &str) {
        out.push('"');
        for character in text.chars() {
            match character {
                '"' => out.push_str("\\\""),
                '\\' => out.push_str("\\\\"),
                '\n' => out.push_str("\\n"),
                '\r' => out.push_str("\\r"),
                '\t' => out.push_str("\\t"),
                '\u{8}' => out.push_str("\\b"),
                '\u{c}' => out.push_str("\\f"),
                _ if character < ' ' || (self.ascii_only && !character.is_ascii()) => {
                    let mut units = [0; 2];
                    for unit in character.encode_utf16(&mut units) {
                        // Writing to a String cannot fail.
                        let _ = write!(out, "\\u{unit:04x}");
                    }
                }
                _ => out.push(character),
            }
        }
        out.push('"');
    }
}

fn read(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    call.named("strict")?;
    call.no_more_names()?;
    let value = call.value()?;
    let Some(text) = value.as_str() else {
        return Err(call.error(format!(
            "the JSON object must be str, bytes or bytearray, not {}",
            python::type_name(&value)
        )));
    };
    serde_json::from_str(text)
        .map(from_json)
        .map_err(|error| call.error(format!("not JSON: {error}")))
}
