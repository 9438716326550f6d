//! Tuples without parentheses where Jinja takes them and the parser does not: `{% for name in "a", "b" %}`, `{{ a, b }}`.

use minijinja::machinery::{Token, tokenize};

use super::compile::Kind;
use super::options::TemplateOptions;

/// Where a tuple may stand, and what has been seen of it.
struct Open {
    /// Its first token; none before it.
    start: Option<usize>,
    end: usize,
    commas: usize,
    /// Whether it is what a loop goes through, which a condition may follow.
    is_loop: bool,
}

impl Open {
    fn new(is_loop: bool) -> Self {
        Self {
            start: None,
            end: 0,
            commas: 0,
            is_loop,
        }
    }
}

/// The source with parentheses around such tuples; nothing if there are none.
pub(super) fn in_parentheses(kind: &Kind, source: &str) -> Option<String> {
    let syntax = match kind {
        Kind::Condition => return None,
        Kind::Text => TemplateOptions::default().syntax(),
        Kind::File(options) => options.syntax(),
    };
    let mut text = String::with_capacity(source.len() + 16);
    let (mut copied, mut found) = (0, false);
    let mut open: Option<Open> = None;
    let (mut depth, mut in_for) = (0_usize, false);
    let mut after_start = false;
    for token in tokenize(source, false, syntax.ok()?) {
        let (token, span) = token.ok()?;
        let starts_block = std::mem::replace(&mut after_start, matches!(token, Token::BlockStart));
        let ends = match &token {
            Token::BlockEnd | Token::VariableEnd => true,
            Token::Ident("if" | "recursive") => depth == 0 && open.as_ref().is_some_and(|open| open.is_loop),
            _ => false,
        };
        if ends {
            if let Some(Open {
                start: Some(start),
                end,
                commas: 1..,
                ..
            }) = open.take()
            {
                text.push_str(source.get(copied..start)?);
                text.push('(');
                text.push_str(source.get(start..end)?);
                text.push(')');
                (copied, found) = (end, true);
            }
            (depth, in_for) = (0, false);
            continue;
        }
        match &token {
            Token::VariableStart => {
                open = Some(Open::new(false));
                continue;
            }
            Token::Ident("for") if starts_block => in_for = true,
            Token::Ident("in") if in_for && open.is_none() => {
                open = Some(Open::new(true));
                continue;
            }
            Token::ParenOpen | Token::BracketOpen | Token::BraceOpen => depth += 1,
            Token::ParenClose | Token::BracketClose | Token::BraceClose => depth = depth.saturating_sub(1),
            _ => {}
        }
        if let Some(open) = &mut open {
            open.start.get_or_insert(span.start_offset as usize);
            open.end = span.end_offset as usize;
            open.commas += usize::from(depth == 0 && matches!(token, Token::Comma));
        }
    }
    text.push_str(source.get(copied..)?);
    found.then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tuples_get_their_parentheses() {
        for (source, expected) in [
            (
                r#"{% for a in "x", "y" %}{{ a }}{% endfor %}"#,
                Some(r#"{% for a in ("x", "y") %}{{ a }}{% endfor %}"#),
            ),
            (
                "{%- for a, b in x(1, 2), y if a -%}",
                Some("{%- for a, b in (x(1, 2), y) if a -%}"),
            ),
            ("{{ 1, 2 }}", Some("{{ (1, 2) }}")),
            ("{% for a in [1, 2] %}", None),
            ("{{ f(1, 2) }}, {% if a in b %}", None),
            ("{% set a, b = 1, 2 %}", None),
        ] {
            assert_eq!(
                in_parentheses(&Kind::Text, source).as_deref(),
                expected,
                "{source}"
            );
        }
    }
}
