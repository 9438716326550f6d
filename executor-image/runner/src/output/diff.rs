//! Differences as Ansible prints them.

use serde_json::{Map, Value};
use similar::TextDiff;

use super::{Color, python_json};

/// Puts a text in a colour.
type Paint<'a> = dyn Fn(&str, Color) -> String + 'a;

/// The text for the `diff` of a result: one entry or a list of them; with so many lines around each difference.
pub fn text(diff: &Value, context: usize, paint: &Paint<'_>) -> String {
    match diff {
        Value::Array(entries) => entries.iter().map(|entry| text(entry, context, paint)).collect(),
        Value::Object(entry) => one(entry, context, paint),
        _ => String::new(),
    }
}

fn one(entry: &Map<String, Value>, context: usize, paint: &Paint<'_>) -> String {
    let mut out = String::new();
    if entry.contains_key("dst_binary") {
        out.push_str("diff skipped: destination file appears to be binary\n");
    }
    if entry.contains_key("src_binary") {
        out.push_str("diff skipped: source file appears to be binary\n");
    }
    for (key, what) in [("dst_larger", "destination"), ("src_larger", "source")] {
        if let Some(size) = entry.get(key) {
            out += &[
                "diff skipped: ",
                what,
                " file size is greater than ",
                &size.to_string(),
                "\n",
            ]
            .concat();
        }
    }
    if let (Some(before), Some(after)) = (entry.get("before"), entry.get("after")) {
        out.push_str(&unified(entry, &side(before), &side(after), context, paint));
    }
    if let Some(prepared) = entry.get("prepared").and_then(Value::as_str) {
        out.push_str(prepared);
    }
    out
}

/// A side of the difference as text; structures as indented JSON.
fn side(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Object(_) => python_json(value, Some(4)) + "\n",
        other => other.to_string(),
    }
}

fn unified(
    entry: &Map<String, Value>,
    before: &str,
    after: &str,
    context: usize,
    paint: &Paint<'_>,
) -> String {
    let header = |key: &str, name: &str| match entry.get(key).and_then(Value::as_str) {
        Some(header) => format!("{name}: {header}"),
        None => name.to_owned(),
    };
    let diff = TextDiff::from_lines(before, after);
    let rendered = diff
        .unified_diff()
        .context_radius(context)
        .header(
            &header("before_header", "before"),
            &header("after_header", "after"),
        )
        .to_string();
    if rendered.is_empty() {
        return rendered;
    }
    let mut out = String::new();
    for line in rendered.split_inclusive('\n') {
        // similar marks a missing last newline as difflib's users do, with a backslash line of its own.
        let painted = match line.as_bytes().first() {
            Some(b'+') => paint(line, Color::DiffAdd),
            Some(b'-') => paint(line, Color::DiffRemove),
            Some(b'@') => paint(line, Color::DiffLines),
            _ => line.to_owned(),
        };
        out.push_str(&painted);
    }
    out.push('\n');
    out
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn differences_are_unified_with_headers() {
        let diff = json!({"before": "a\nb\n", "after": "a\nc\n", "before_header": "/etc/x", "after_header": "/tmp/y"});
        let shown = text(&diff, 3, &|text, _| text.to_owned());
        assert!(
            shown.starts_with("--- before: /etc/x\n+++ after: /tmp/y\n@@ -1,2 +1,2 @@\n a\n-b\n+c\n"),
            "{shown}"
        );
    }

    #[test]
    fn equal_sides_show_nothing() {
        assert_eq!(
            text(&json!([{"before": "a", "after": "a"}]), 3, &|text, _| text
                .to_owned()),
            ""
        );
    }
}
