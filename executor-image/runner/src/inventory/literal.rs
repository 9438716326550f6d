//! Values in INI inventories and in `key=value` extra variables: what Python calls a literal is one, the rest is text.

use std::sync::Arc;

use slipway_language::{Node, NodeKind, Span};

/// A value that is nested deeper is text: no inventory holds one, and each level costs stack.
const MAXIMUM_DEPTH: u32 = 100;

/// The node of an INI value.
pub fn parse_literal(text: &str, span: &Span) -> Node {
    let mut parser = Parser {
        text,
        position: 0,
        depth: 0,
        span,
    };
    let parsed = parser.value().filter(|_| {
        parser.blank();
        parser.rest().is_empty() || parser.rest().starts_with('#')
    });
    parsed.unwrap_or_else(|| Node {
        span: span.clone(),
        kind: NodeKind::Str(Arc::from(text)),
    })
}

struct Parser<'a> {
    text: &'a str,
    position: usize,
    depth: u32,
    span: &'a Span,
}

impl<'a> Parser<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.position..]
    }

    fn blank(&mut self) {
        let rest = self.rest();
        self.position += rest.len() - rest.trim_start().len();
    }

    fn take(&mut self, token: &str) -> bool {
        self.blank();
        let found = self.rest().starts_with(token);
        if found {
            self.position += token.len();
        }
        found
    }

    fn node(&self, kind: NodeKind) -> Node {
        Node {
            span: self.span.clone(),
            kind,
        }
    }

    fn value(&mut self) -> Option<Node> {
        self.blank();
        if self.depth == MAXIMUM_DEPTH {
            return None;
        }
        self.depth += 1;
        let value = match self.rest().chars().next()? {
            '[' => self.sequence("[", "]"),
            '(' => self.sequence("(", ")"),
            '{' => self.mapping(),
            '\'' | '"' => self.string(),
            _ => self.word(),
        };
        self.depth -= 1;
        value
    }

    fn sequence(&mut self, open: &str, close: &str) -> Option<Node> {
        self.take(open);
        let mut items = Vec::new();
        while !self.take(close) {
            items.push(self.value()?);
            if !self.take(",") {
                if self.take(close) {
                    break;
                }
                return None;
            }
        }
        Some(self.node(NodeKind::List(items.into())))
    }

    fn mapping(&mut self) -> Option<Node> {
        self.take("{");
        let mut entries = Vec::new();
        while !self.take("}") {
            let key = self.value()?;
            if !self.take(":") {
                return None;
            }
            entries.push((key, self.value()?));
            if !self.take(",") {
                if self.take("}") {
                    break;
                }
                return None;
            }
        }
        Some(self.node(NodeKind::Map(entries.into())))
    }

    fn string(&mut self) -> Option<Node> {
        let quote = self.rest().chars().next()?;
        let mut text = String::new();
        let mut characters = self.rest().char_indices().skip(1);
        while let Some((offset, character)) = characters.next() {
            if character == quote {
                self.position += offset + 1;
                return Some(self.node(NodeKind::Str(text.into())));
            }
            if character != '\\' {
                text.push(character);
                continue;
            }
            match characters.next()?.1 {
                'n' => text.push('\n'),
                't' => text.push('\t'),
                'r' => text.push('\r'),
                escaped @ ('\\' | '\'' | '"') => text.push(escaped),
                other => text.extend(['\\', other]),
            }
        }
        None
    }

    fn word(&mut self) -> Option<Node> {
        let rest = self.rest();
        let end = rest
            .find(|character: char| !(character.is_ascii_alphanumeric() || "+-._".contains(character)))
            .unwrap_or(rest.len());
        let word = &rest[..end];
        let kind = match word {
            "True" => NodeKind::Bool(true),
            "False" => NodeKind::Bool(false),
            "None" => NodeKind::Null,
            _ => number(word)?,
        };
        self.position += end;
        Some(self.node(kind))
    }
}

/// A Python number: no leading zeros, underscores between digits.
fn number(word: &str) -> Option<NodeKind> {
    let digits = word.strip_prefix(['+', '-']).unwrap_or(word);
    if digits.starts_with('_') || digits.ends_with('_') || digits.contains("__") || digits.is_empty() {
        return None;
    }
    let negative = word.starts_with('-');
    let plain = digits.replace('_', "");
    let signed = |value: i64| NodeKind::Int(if negative { -value } else { value });
    for (prefix, radix) in [("0x", 16), ("0o", 8), ("0b", 2)] {
        if let Some(body) = plain.strip_prefix(prefix) {
            return i64::from_str_radix(body, radix).ok().map(signed);
        }
    }
    if plain.bytes().all(|byte| byte.is_ascii_digit()) {
        let leading_zero =
            plain.len() > 1 && plain.starts_with('0') && plain.bytes().any(|byte| byte != b'0');
        return if leading_zero {
            None
        } else {
            plain.parse().ok().map(signed)
        };
    }
    if !plain.starts_with(|character: char| character.is_ascii_digit() || character == '.') {
        return None;
    }
    let value: f64 = plain.parse().ok()?;
    Some(NodeKind::Float(if negative { -value } else { value }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(text: &str) -> String {
        let span = Span {
            file: Arc::from("t"),
            line: 1,
            column: 1,
        };
        match parse_literal(text, &span).kind {
            NodeKind::Null => "null".to_owned(),
            NodeKind::Bool(value) => format!("bool {value}"),
            NodeKind::Int(value) => format!("int {value}"),
            NodeKind::Float(value) => format!("float {value}"),
            NodeKind::Str(value) | NodeKind::Unsafe(value) => format!("str {value}"),
            NodeKind::Vault(value) => format!("vault {}", value.text()),
            NodeKind::Bytes(value) => format!("bytes {value:?}"),
            NodeKind::List(items) => format!("list of {}", items.len()),
            NodeKind::Map(entries) => format!("map of {}", entries.len()),
        }
    }

    #[test]
    fn values_are_python_literals_or_text() {
        for (text, expected) in [
            ("10", "int 10"),
            ("-3", "int -3"),
            ("1_0", "int 10"),
            ("0644", "str 0644"),
            ("0x1F", "int 31"),
            ("1.5", "float 1.5"),
            ("True", "bool true"),
            ("yes", "str yes"),
            ("false", "str false"),
            ("None", "null"),
            ("[1, 'a',]", "list of 2"),
            ("{'a': 1}", "map of 1"),
            ("'quoted'", "str quoted"),
            ("1.2.3", "str 1.2.3"),
            ("10.0.0.1", "str 10.0.0.1"),
            ("10 # ten", "int 10"),
            ("{{ x }}", "str {{ x }}"),
            ("inf", "str inf"),
        ] {
            assert_eq!(kind(text), expected, "{text}");
        }
    }

    #[test]
    fn a_value_that_is_nested_without_end_is_text() {
        let deep = "[".repeat(100_000);
        assert_eq!(kind(&deep), format!("str {deep}"));
        assert_eq!(kind("[[[1], 2], 3]"), "list of 2");
    }
}
