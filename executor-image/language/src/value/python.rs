//! How Python prints values: `str()` and `repr()`.

use std::fmt::Write as _;

use minijinja::Value;
use minijinja::value::ValueKind;

use super::convert::{entries, items};

/// Python's `str()`.
pub fn to_text(value: &Value) -> String {
    match value.as_str() {
        Some(text) => text.to_owned(),
        None if value.kind() == ValueKind::Plain => value.to_string(),
        None => repr(value),
    }
}

/// Python's `repr()`.
pub fn repr(value: &Value) -> String {
    let mut text = String::new();
    write_repr(&mut text, value);
    text
}

fn write_repr(out: &mut String, value: &Value) {
    match value.kind() {
        ValueKind::Undefined => out.push_str("AnsibleUndefined"),
        ValueKind::None => out.push_str("None"),
        ValueKind::Bool => out.push_str(if value.is_true() { "True" } else { "False" }),
        ValueKind::Number => write_number(out, value),
        ValueKind::String => write_string(out, value.as_str().unwrap_or_default()),
        ValueKind::Bytes => write_bytes(out, value.as_bytes().unwrap_or_default()),
        ValueKind::Seq | ValueKind::Iterable => write_sequence(out, value),
        ValueKind::Map => {
            out.push('{');
            for (index, (key, value)) in entries(value).iter().enumerate() {
                if index > 0 {
                    out.push_str(", ");
                }
                write_repr(out, key);
                out.push_str(": ");
                write_repr(out, value);
            }
            out.push('}');
        }
        _ => match super::vault::wrapped(value) {
            Some(text) => write_string(out, text),
            None => out.push_str(&super::time::repr(value).unwrap_or_else(|| value.to_string())),
        },
    }
}

fn write_sequence(out: &mut String, value: &Value) {
    let tuple = value.is_tuple();
    let values = items(value);
    out.push(if tuple { '(' } else { '[' });
    for (index, item) in values.iter().enumerate() {
        if index > 0 {
            out.push_str(", ");
        }
        write_repr(out, item);
    }
    if tuple && values.len() == 1 {
        out.push(',');
    }
    out.push(if tuple { ')' } else { ']' });
}

fn write_number(out: &mut String, value: &Value) {
    if value.is_integer() {
        out.push_str(&value.to_string());
    } else {
        out.push_str(&float(f64::try_from(value.clone()).unwrap_or(f64::NAN)));
    }
}

/// Python's `repr()` of a float: the shortest digits that read back the same; an exponent below -4 or from 16 on.
pub fn float(value: f64) -> String {
    if value.is_nan() {
        return "nan".into();
    }
    if value.is_infinite() {
        return if value > 0.0 { "inf" } else { "-inf" }.into();
    }
    let scientific = format!("{value:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..16).contains(&exponent) {
        let plain = format!("{value}");
        return if plain.contains('.') {
            plain
        } else {
            format!("{plain}.0")
        };
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.abs())
}

fn write_string(out: &mut String, text: &str) {
    let quote = if text.contains('\'') && !text.contains('"') {
        '"'
    } else {
        '\''
    };
    out.push(quote);
    for character in text.chars() {
        match character {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            _ if character == quote => {
                out.push('\\');
                out.push(quote);
            }
            _ if is_printable(character) => out.push(character),
            _ => {
                let code = u32::from(character);
                // Writing to a String cannot fail.
                let _ = match code {
                    0..=0xff => write!(out, "\\x{code:02x}"),
                    0x100..=0xffff => write!(out, "\\u{code:04x}"),
                    _ => write!(out, "\\U{code:08x}"),
                };
            }
        }
    }
    out.push(quote);
}

fn write_bytes(out: &mut String, bytes: &[u8]) {
    out.push_str("b'");
    for byte in bytes {
        match byte {
            b'\\' => out.push_str("\\\\"),
            b'\'' => out.push_str("\\'"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            0x20..=0x7e => out.push(char::from(*byte)),
            _ => {
                let _ = write!(out, "\\x{byte:02x}");
            }
        }
    }
    out.push('\'');
}

/// Python's `str.isprintable` for the characters that matter: controls, separators other than the space, formats and private use.
fn is_printable(character: char) -> bool {
    !(character.is_control()
        || matches!(character,
            '\u{a0}' | '\u{ad}' | '\u{1680}' | '\u{2000}'..='\u{200f}' | '\u{2028}'..='\u{202f}' | '\u{205f}'..='\u{206f}'
            | '\u{3000}' | '\u{feff}' | '\u{e000}'..='\u{f8ff}' | '\u{fff9}'..='\u{fffb}' | '\u{f0000}'..='\u{10ffff}'))
}

/// The name of a value's Python type, as Ansible's messages show it.
pub fn type_name(value: &Value) -> &'static str {
    match value.kind() {
        ValueKind::Undefined => "AnsibleUndefined",
        ValueKind::None => "NoneType",
        ValueKind::Bool => "bool",
        ValueKind::Number if value.is_integer() => "int",
        ValueKind::Number => "float",
        ValueKind::String => "str",
        ValueKind::Bytes => "bytes",
        ValueKind::Seq if value.is_tuple() => "tuple",
        ValueKind::Seq => "list",
        ValueKind::Map => "dict",
        ValueKind::Iterable => "generator",
        _ if super::vault::wrapped(value).is_some() => "AnsibleVaultEncryptedUnicode",
        _ => super::time::type_name(value).unwrap_or("object"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_print_as_python_prints_them() {
        for (json, expected) in [
            ("[1, \"a\", true, null]", "[1, 'a', True, None]"),
            ("{\"b\": 1.0, \"c\": []}", "{'b': 1.0, 'c': []}"),
            (
                "[\"it's\", \"say \\\"it's\\\"\", \"a\\\\b\\n\"]",
                r#"["it's", 'say "it\'s"', 'a\\b\n']"#,
            ),
            (
                "[1e16, 1e-5, 123456.5, 1e15]",
                "[1e+16, 1e-05, 123456.5, 1000000000000000.0]",
            ),
            ("[\"\\u0001\\u00e9\\u200b\"]", "['\\x01é\\u200b']"),
        ] {
            let value = super::super::json::from_json(serde_json::from_str(json).unwrap());
            assert_eq!(repr(&value), expected);
        }
    }
}
