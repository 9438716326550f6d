//! YAML as Ansible prints it.

use std::{path::Path, sync::Arc};

use serde_json::{Map, Value};
use slipway_language::{Layer, Scope, Span, Templar, Variable, VaultSecrets, from_json, to_text};

use crate::{engine::task_files, inventory::Vars};

/// A value as YAML in block style, keys sorted.
pub fn python_yaml(value: &Value) -> String {
    filtered(value, "to_yaml(default_flow_style=False)")
}

fn filtered(value: &Value, filter: &str) -> String {
    // The language writes YAML as PyYAML does; its filter is the way to it.
    let mut vars = Vars::new();
    vars.insert(Arc::from("shown"), Variable::Data(from_json(value.clone())));
    let scope = Scope::new(
        vec![Arc::new(vars) as Arc<dyn Layer>],
        task_files(Path::new("/"), &VaultSecrets::new()),
    );
    let template = format!("{{{{ shown | {filter} }}}}");
    match Templar::new().render_text(&template, &Span::start_of("output"), &scope) {
        Ok(text) => to_text(&text),
        Err(error) => format!("# cannot be shown as YAML: {error}\n"),
    }
}

/// A result as YAML below its line: indented, and text of several lines as it is. Where that may lose something, blanks at
/// the ends of lines go, for without that YAML could not write the text as it is.
pub fn result(value: &Value, lossy: bool) -> String {
    let mut lines = Vec::new();
    match value {
        Value::Object(map) if !map.is_empty() => mapping(map, lossy, 4, &mut lines),
        other => lines.push(format!(
            "    {}",
            filtered(other, "to_yaml(default_flow_style=False)").trim_end()
        )),
    }
    lines.join("\n")
}

fn mapping(map: &Map<String, Value>, lossy: bool, indent: usize, lines: &mut Vec<String>) {
    let mut entries: Vec<(&String, &Value)> = map.iter().collect();
    entries.sort_by_key(|(key, _)| *key);
    for (key, value) in entries {
        let key = scalar(&Value::from(key.as_str()));
        entry(&format!("{key}:"), value, lossy, indent, lines);
    }
}

/// `head value`, or `head` with what is below it.
fn entry(head: &str, value: &Value, lossy: bool, indent: usize, lines: &mut Vec<String>) {
    let margin = " ".repeat(indent);
    match value {
        Value::Object(map) if !map.is_empty() => {
            lines.push(format!("{margin}{head}"));
            mapping(map, lossy, indent + 4, lines);
        }
        Value::Array(items) if !items.is_empty() => {
            lines.push(format!("{margin}{head}"));
            sequence(items, lossy, indent, lines);
        }
        Value::String(text) if is_literal(text, lossy) => {
            literal(&format!("{margin}{head}"), text, indent + 4, lines);
        }
        other => {
            let text = scalar(other);
            let mut parts = text.lines();
            lines.push(format!("{margin}{head} {}", parts.next().unwrap_or_default()));
            lines.extend(parts.map(|part| format!("{margin}  {}", part.trim_start())));
        }
    }
}

fn sequence(items: &[Value], lossy: bool, indent: usize, lines: &mut Vec<String>) {
    let margin = " ".repeat(indent);
    for item in items {
        match item {
            // The first key stands behind the dash.
            Value::Object(map) if !map.is_empty() => {
                let first = lines.len();
                mapping(map, lossy, indent + 4, lines);
                if let Some(line) = lines.get_mut(first) {
                    *line = format!("{margin}-   {}", line.trim_start());
                }
            }
            Value::Array(inner) if !inner.is_empty() => {
                let first = lines.len();
                sequence(inner, lossy, indent + 4, lines);
                if let Some(line) = lines.get_mut(first) {
                    *line = format!("{margin}-   {}", line.trim_start());
                }
            }
            other => entry("-", other, lossy, indent, lines),
        }
    }
}

/// Whether a text is written as it is, over several lines.
fn is_literal(text: &str, lossy: bool) -> bool {
    lossy && text.trim_end().contains('\n') || lossy && text.ends_with('\n') && text.len() > 1
}

fn literal(head: &str, text: &str, indent: usize, lines: &mut Vec<String>) {
    let cleaned: Vec<String> = text
        .replace('\t', "    ")
        .lines()
        .map(|line| line.trim_end().to_owned())
        .collect();
    let body = cleaned.join("\n");
    let body = body.trim_end();
    let mark = if body.starts_with(' ') { "|4-" } else { "|-" };
    lines.push(format!("{head} {mark}"));
    let margin = " ".repeat(indent);
    for line in body.lines() {
        lines.push(if line.is_empty() {
            String::new()
        } else {
            format!("{margin}{line}")
        });
    }
}

fn scalar(value: &Value) -> String {
    let text = filtered(value, "to_yaml(default_flow_style=False, width=1000)");
    // A document that is a plain scalar ends with a line of dots.
    let text = text.trim_end();
    text.strip_suffix("...").unwrap_or(text).trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn yaml_is_in_block_style_with_sorted_keys() {
        let text = python_yaml(&json!({"b": ["x", 1], "a": {"c": null}}));
        assert_eq!(text, "a:\n  c: null\nb:\n- x\n- 1\n");
    }

    #[test]
    fn results_are_indented_and_long_texts_stay_as_they_are() {
        let value = json!({"cmd": ["echo", "foo"], "msg": "a \nb\n", "map": {"k": "0644"}, "none": [], "list": [{"a": 1, "b": 2}]});
        assert_eq!(
            result(&value, true),
            "    cmd:\n    - echo\n    - foo\n    list:\n    -   a: 1\n        b: 2\n    map:\n        k: '0644'\n    msg: |-\n        a\n        b\n    none: []"
        );
    }
}
