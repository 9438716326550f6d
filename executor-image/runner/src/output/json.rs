//! JSON as Python prints it: `, ` and `: ` between things, keys sorted, text not escaped to ASCII.

use serde_json::Value;

/// A value as JSON text; with `indent`, over several lines.
pub fn python_json(value: &Value, indent: Option<usize>) -> String {
    let mut text = String::new();
    write(value, indent, 0, &mut text);
    text
}

fn write(value: &Value, indent: Option<usize>, depth: usize, text: &mut String) {
    match value {
        Value::Array(items) if items.is_empty() => text.push_str("[]"),
        Value::Object(map) if map.is_empty() => text.push_str("{}"),
        Value::Array(items) => {
            text.push('[');
            for (index, item) in items.iter().enumerate() {
                separate(index, indent, depth + 1, text);
                write(item, indent, depth + 1, text);
            }
            end(indent, depth, text);
            text.push(']');
        }
        Value::Object(map) => {
            let mut entries: Vec<(&String, &Value)> = map.iter().collect();
            entries.sort_by_key(|(key, _)| *key);
            text.push('{');
            for (index, (key, item)) in entries.into_iter().enumerate() {
                separate(index, indent, depth + 1, text);
                text.push_str(&Value::String(key.clone()).to_string());
                text.push_str(": ");
                write(item, indent, depth + 1, text);
            }
            end(indent, depth, text);
            text.push('}');
        }
        scalar => text.push_str(&scalar.to_string()),
    }
}

fn separate(index: usize, indent: Option<usize>, depth: usize, text: &mut String) {
    match indent {
        Some(width) => {
            text.push_str(if index > 0 { ",\n" } else { "\n" });
            text.extend(std::iter::repeat_n(' ', width * depth));
        }
        None if index > 0 => text.push_str(", "),
        None => {}
    }
}

fn end(indent: Option<usize>, depth: usize, text: &mut String) {
    if let Some(width) = indent {
        text.push('\n');
        text.extend(std::iter::repeat_n(' ', width * depth));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn json_looks_as_pythons_does() {
        let value = json!({"b": [1, 2.0, null], "a": {"c": "ä\n"}, "e": []});
        assert_eq!(
            python_json(&value, None),
            r#"{"a": {"c": "ä\n"}, "b": [1, 2.0, null], "e": []}"#
        );
        assert_eq!(
            python_json(&json!({"a": [1]}), Some(4)),
            "{\n    \"a\": [\n        1\n    ]\n}"
        );
    }
}
