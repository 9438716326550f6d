//! Text as Python writes it: Ansible's messages and results contain `repr` of values and Python's names of errors.

use serde_json::Value;

/// `[Errno 2] No such file or directory`, as Python prints an `OSError`; without the path, which messages name themselves.
#[must_use]
pub fn os_error(error: &std::io::Error) -> String {
    match error.raw_os_error() {
        Some(number) => format!("[Errno {number}] {}", error_text(error)),
        None => error.to_string(),
    }
}

/// `No such file or directory`: the system's text alone.
#[must_use]
pub fn error_text(error: &std::io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_owned()
}

/// `str(value)` of Python.
#[must_use]
pub fn display(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => repr(other),
    }
}

/// `repr(value)` of Python.
#[must_use]
pub fn repr(value: &Value) -> String {
    match value {
        Value::Null => "None".to_owned(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => repr_text(text),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(repr).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Object(fields) => {
            let fields: Vec<String> = fields
                .iter()
                .map(|(key, value)| format!("{}: {}", repr_text(key), repr(value)))
                .collect();
            format!("{{{}}}", fields.join(", "))
        }
    }
}

/// JSON with the spaces that Python's `json.dumps` puts.
#[must_use]
pub fn python_json(value: &Value) -> String {
    match value {
        Value::Object(fields) => {
            let fields: Vec<String> = fields
                .iter()
                .map(|(key, value)| format!("{}: {}", Value::from(key.as_str()), python_json(value)))
                .collect();
            format!("{{{}}}", fields.join(", "))
        }
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(python_json).collect();
            format!("[{}]", items.join(", "))
        }
        other => other.to_string(),
    }
}

/// `repr` of a `str`.
#[must_use]
pub fn repr_text(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') {
        '"'
    } else {
        '\''
    };
    let mut out = String::with_capacity(text.len() + 2);
    out.push(quote);
    for character in text.chars() {
        match character {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            character if character == quote => {
                out.push('\\');
                out.push(character);
            }
            character => out.push(character),
        }
    }
    out.push(quote);
    out
}

/// A text whose escapes (`\n`, `\t`, `\x41`, `\u0041`, `\101`) are the characters that they stand for in Python.
#[must_use]
pub fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find('\\') {
        out.push_str(&rest[..start]);
        let after = &rest[start + 1..];
        let (replacement, used) = escaped(after).unwrap_or_else(|| ("\\".to_owned(), 0));
        out.push_str(&replacement);
        rest = &after[used..];
    }
    out.push_str(rest);
    out
}

/// What the letters after a backslash stand for, and how many bytes of them belong to it.
fn escaped(after: &str) -> Option<(String, usize)> {
    let first = after.chars().next()?;
    let simple = match first {
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'a' => '\u{7}',
        'b' => '\u{8}',
        'f' => '\u{c}',
        'v' => '\u{b}',
        '\\' | '\'' | '"' => first,
        '\n' => return Some((String::new(), 1)),
        'x' | 'u' | 'U' => {
            let length = match first {
                'x' => 2,
                'u' => 4,
                _ => 8,
            };
            let code = u32::from_str_radix(after.get(1..=length)?, 16).ok()?;
            return Some((char::from_u32(code)?.to_string(), length + 1));
        }
        '0'..='7' => {
            let length = after
                .bytes()
                .take(3)
                .take_while(|digit| (b'0'..=b'7').contains(digit))
                .count();
            let code = u32::from_str_radix(&after[..length], 8).ok()?;
            return Some((char::from_u32(code)?.to_string(), length));
        }
        _ => return None,
    };
    Some((simple.to_string(), first.len_utf8()))
}

/// The lines of a text without their ends, as `str.splitlines` for the ends that commands print.
#[must_use]
pub fn split_lines(text: &str) -> Vec<&str> {
    let mut lines = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.find([
            '\n', '\r', '\u{b}', '\u{c}', '\u{1c}', '\u{1d}', '\u{1e}', '\u{85}', '\u{2028}', '\u{2029}',
        ]);
        let Some(end) = end else {
            lines.push(rest);
            break;
        };
        lines.push(&rest[..end]);
        let mut next = &rest[end..];
        next = next.strip_prefix("\r\n").unwrap_or_else(|| {
            let mut characters = next.chars();
            characters.next();
            characters.as_str()
        });
        rest = next;
    }
    lines
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_written_as_python_writes_them() {
        for (value, text) in [
            (json!(null), "None"),
            (json!(true), "True"),
            (json!([1, "a", false]), "[1, 'a', False]"),
            (json!({"a": "it's"}), "{'a': \"it's\"}"),
            (json!("a\nb\\"), "'a\\nb\\\\'"),
            (json!("'\""), "'\\'\"'"),
        ] {
            assert_eq!(repr(&value), text);
        }
    }

    #[test]
    fn escapes_are_the_characters_they_stand_for() {
        for (text, meant) in [
            ("a\\nb", "a\nb"),
            ("\\x41\\u00e9\\101", "A\u{e9}A"),
            ("\\\\n\\q\\", "\\n\\q\\"),
        ] {
            assert_eq!(unescape(text), meant);
        }
    }

    #[test]
    fn lines_end_where_python_ends_them() {
        assert_eq!(split_lines("a\nb\r\nc\rd"), ["a", "b", "c", "d"]);
        assert_eq!(split_lines("a\n"), ["a"]);
        assert_eq!(split_lines("\n\n"), ["", ""]);
        assert!(split_lines("").is_empty());
    }
}
