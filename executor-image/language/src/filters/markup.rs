//! Jinja's filters for markup and for people.

use minijinja::value::ValueKind;
use minijinja::{Error, Value};

use super::call::{Call, flag, items};
use super::text::whole;
use crate::template::undefined::defined;
use crate::value::convert::entries;
use crate::value::python;

pub(super) const JINJA_FILTERS: super::Table = &[
    ("e", escape),
    ("escape", escape),
    ("filesizeformat", file_size),
    ("forceescape", escape),
    ("pprint", pretty),
    ("striptags", strip_tags),
    ("wordwrap", word_wrap),
    ("xmlattr", attributes),
];

pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('>', "&gt;")
        .replace('<', "&lt;")
        .replace('\'', "&#39;")
        .replace('"', "&#34;")
}

fn escape(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let [] = call.bind([])?;
    Ok(Value::from(escaped(&call.text()?)))
}

fn file_size(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let [binary] = call.bind(["binary"])?;
    let is_binary = flag(binary.as_ref(), false)?;
    let value = call.value()?;
    let bytes = match value.kind() {
        ValueKind::Number => f64::try_from(value.clone())?,
        ValueKind::Bool => f64::from(u8::from(value.is_true())),
        _ => super::numbers::python_float(&python::to_text(&value))
            .ok_or_else(|| call.error(format!("could not convert string to float: {value:?}")))?,
    };
    let (base, names) = if is_binary {
        (1024.0, ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB", "YiB"])
    } else {
        (1000.0, ["kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB"])
    };
    if (bytes - 1.0).abs() < f64::EPSILON {
        return Ok(Value::from("1 Byte"));
    }
    if bytes < base {
        return Ok(Value::from(format!("{bytes:.0} Bytes")));
    }
    let mut unit = base;
    for (index, name) in names.iter().enumerate() {
        let next = unit * base;
        if bytes < next || index + 1 == names.len() {
            return Ok(Value::from(format!("{:.1} {name}", bytes / unit)));
        }
        unit = next;
    }
    Ok(Value::from(format!("{bytes:.0} Bytes")))
}

/// Python's `pformat` for what fits on one line.
fn pretty(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let [] = call.bind([])?;
    let value = crate::template::finalize_complete(&call.value()?)?;
    let shown = python::repr(&sorted(&value));
    if shown.chars().count() > 80 {
        return Err(call.error("the value is longer than a line: use to_nice_json or to_nice_yaml"));
    }
    Ok(Value::from(shown))
}

/// The value, keys of mappings in order.
fn sorted(value: &Value) -> Value {
    match value.kind() {
        ValueKind::Map => {
            let mut pairs: Vec<(Value, Value)> = entries(value)
                .into_iter()
                .map(|(key, value)| (key, sorted(&value)))
                .collect();
            pairs.sort_by(|(left, _), (right, _)| {
                super::order(left, right).unwrap_or_else(|_| python::repr(left).cmp(&python::repr(right)))
            });
            crate::value::convert::map(pairs)
        }
        ValueKind::Seq if !value.is_tuple() => {
            crate::value::convert::sequence(items(value).unwrap_or_default().iter().map(sorted).collect())
        }
        _ => value.clone(),
    }
}

fn strip_tags(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let [] = call.bind([])?;
    let mut text = call.text()?;
    for (start, end) in [("<!--", "-->"), ("<", ">")] {
        while let Some(open) = text.find(start) {
            let Some(close) = text[open..].find(end) else {
                break;
            };
            text.replace_range(open..open + close + end.len(), "");
        }
    }
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    Ok(Value::from(
        text.replace("&lt;", "<")
            .replace("&gt;", ">")
            .replace("&#39;", "'")
            .replace("&#34;", "\"")
            .replace("&quot;", "\"")
            .replace("&amp;", "&"),
    ))
}

/// Breaks lines at blanks so that none is longer than `width`, longer words inside if `break_long_words`.
fn word_wrap(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let [width, break_long, separator, on_hyphens] =
        call.bind(["width", "break_long_words", "wrapstring", "break_on_hyphens"])?;
    let width = usize::try_from(whole(call, width.as_ref(), 79)?)
        .ok()
        .filter(|width| *width > 0)
        .ok_or_else(|| call.error("invalid width (must be > 0)"))?;
    let break_long = flag(break_long.as_ref(), true)?;
    let on_hyphens = flag(on_hyphens.as_ref(), true)?;
    let separator = match separator {
        Some(separator) if !separator.is_none() => python::to_text(defined(&separator)?),
        _ => "\n".to_owned(),
    };
    let text = call.only_text()?;
    let lines: Vec<String> = text
        .lines()
        .map(|line| wrap(line, width, break_long, on_hyphens).join(&separator))
        .collect();
    Ok(Value::from(lines.join(&separator)))
}

/// Words and blanks as `textwrap` splits a line: after hyphens between letters, too.
fn chunks(line: &str, on_hyphens: bool) -> Vec<String> {
    let mut chunks: Vec<String> = Vec::new();
    let mut current = String::new();
    let letters: Vec<char> = line.chars().collect();
    for (index, letter) in letters.iter().enumerate() {
        let is_blank = letter.is_whitespace();
        if !current.is_empty() && current.chars().all(char::is_whitespace) != is_blank {
            chunks.push(std::mem::take(&mut current));
        }
        current.push(*letter);
        let between = |place: Option<usize>| {
            place
                .and_then(|place| letters.get(place))
                .is_some_and(|next| next.is_alphanumeric())
        };
        if on_hyphens && *letter == '-' && between(index.checked_sub(1)) && between(Some(index + 1)) {
            chunks.push(std::mem::take(&mut current));
        }
    }
    if !current.is_empty() {
        chunks.push(current);
    }
    chunks
}

fn wrap(line: &str, width: usize, break_long: bool, on_hyphens: bool) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut current = String::new();
    let mut length = 0;
    let mut pending: std::collections::VecDeque<String> = chunks(line, on_hyphens).into();
    while let Some(chunk) = pending.pop_front() {
        let is_blank = chunk.chars().all(char::is_whitespace);
        if is_blank && current.is_empty() && !lines.is_empty() {
            continue;
        }
        let size = chunk.chars().count();
        if length + size <= width {
            current.push_str(&chunk);
            length += size;
        } else if size > width && break_long {
            let room = width - length;
            let (head, tail): (String, String) = (
                chunk.chars().take(room).collect(),
                chunk.chars().skip(room).collect(),
            );
            current.push_str(&head);
            lines.push(current.trim_end().to_owned());
            (current, length) = (String::new(), 0);
            pending.push_front(tail);
        } else if current.is_empty() {
            lines.push(chunk);
        } else {
            lines.push(current.trim_end().to_owned());
            (current, length) = (String::new(), 0);
            pending.push_front(chunk);
        }
    }
    if !current.trim_end().is_empty() {
        lines.push(current.trim_end().to_owned());
    }
    lines
}

fn attributes(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let [auto_space] = call.bind(["autospace"])?;
    let value = call.value()?;
    if value.kind() != ValueKind::Map {
        return Err(call.error(format!(
            "'{}' object has no attribute 'items'",
            python::type_name(&value)
        )));
    }
    let mut shown = Vec::new();
    for (key, value) in entries(&value) {
        if value.is_none() || value.is_undefined() {
            continue;
        }
        let key = python::to_text(&key);
        if key.contains([' ', '\t', '\n', '/', '>', '=']) {
            return Err(call.error(format!("Invalid character in attribute name: '{key}'")));
        }
        shown.push(format!(
            "{}=\"{}\"",
            escaped(&key),
            escaped(&python::to_text(&value))
        ));
    }
    let text = shown.join(" ");
    let space = if flag(auto_space.as_ref(), true)? && !text.is_empty() {
        " "
    } else {
        ""
    };
    Ok(Value::from(format!("{space}{text}")))
}
