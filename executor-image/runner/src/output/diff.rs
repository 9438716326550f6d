//! Differences as Ansible prints them.

use serde_json::{Map, Value};
use similar::TextDiff;

use super::{Color, python_json};

/// The text for the `diff` of a result: one entry or a list of them.
pub fn text(diff: &Value, colored: bool) -> String {
    match diff {
        Value::Array(entries) => entries.iter().map(|entry| text(entry, colored)).collect(),
        Value::Object(entry) => one(entry, colored),
        _ => String::new(),
    }
}

fn one(entry: &Map<String, Value>, colored: bool) -> String {
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
        out.push_str(&unified(entry, &side(before), &side(after), colored));
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

fn unified(entry: &Map<String, Value>, before: &str, after: &str, colored: bool) -> String {
    let header = |key: &str, name: &str| match entry.get(key).and_then(Value::as_str) {
        Some(header) => format!("{name}: {header}"),
        None => name.to_owned(),
    };
    let diff = TextDiff::from_lines(before, after);
    let rendered = diff
        .unified_diff()
        .context_radius(3)
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
            Some(b'+') => Color::Ok.paint(line, colored),
            Some(b'-') => Color::Error.paint(line, colored),
            Some(b'@') => Color::Skip.paint(line, colored),
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
        let shown = text(&diff, false);
        assert!(
            shown.starts_with("--- before: /etc/x\n+++ after: /tmp/y\n@@ -1,2 +1,2 @@\n a\n-b\n+c\n"),
            "{shown}"
        );
    }

    #[test]
    fn equal_sides_show_nothing() {
        assert_eq!(text(&json!([{"before": "a", "after": "a"}]), false), "");
    }
}
