//! The sign `+` of a number, which Jinja takes and the parser does not: `{{ [-1, +1] }}`.

use minijinja::machinery::{Token, tokenize};

use super::compile::Kind;
use super::options::TemplateOptions;

/// Words after which a value comes.
const BEFORE_VALUES: &[&str] = &["and", "or", "not", "in", "is", "if", "elif", "else"];

/// The source without such signs; nothing if there are none.
pub(super) fn without_signs(kind: &Kind, source: &str) -> Option<String> {
    let (is_expression, syntax) = match kind {
        Kind::Condition => (true, TemplateOptions::default().syntax()),
        Kind::Text => (false, TemplateOptions::default().syntax()),
        Kind::File(options) => (false, options.syntax()),
    };
    let mut text = String::with_capacity(source.len());
    let mut copied = 0;
    let mut follows_value = false;
    for token in tokenize(source, is_expression, syntax.ok()?) {
        let (token, span) = token.ok()?;
        if matches!(token, Token::Plus) && !follows_value {
            text.push_str(source.get(copied..span.start_offset as usize)?);
            // What stands behind it stays where it is.
            text.push(' ');
            copied = span.end_offset as usize;
            continue;
        }
        follows_value = match &token {
            Token::Ident(word) => !BEFORE_VALUES.contains(word),
            Token::Str(_)
            | Token::String(_)
            | Token::Int(_)
            | Token::Int128(_)
            | Token::Float(_)
            | Token::ParenClose
            | Token::BracketClose
            | Token::BraceClose => true,
            _ => false,
        };
    }
    text.push_str(source.get(copied..)?);
    (copied > 0).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_signs_are_taken_out() {
        for (kind, source, expected) in [
            (
                Kind::Text,
                "{{ [-2, +2, 1 + 2] }} + 1",
                Some("{{ [-2,  2, 1 + 2] }} + 1"),
            ),
            (
                Kind::Text,
                "{{ a + +b }}{{ (a)+b }}",
                Some("{{ a +  b }}{{ (a)+b }}"),
            ),
            (
                Kind::Text,
                "{% if +a == 'x' + 'y' %}",
                Some("{% if  a == 'x' + 'y' %}"),
            ),
            (Kind::Condition, "a == +1 or +b", Some("a ==  1 or  b")),
            (Kind::Text, "{{ a + b }} {{ a[1]+1 }} +", None),
        ] {
            assert_eq!(without_signs(&kind, source).as_deref(), expected, "{source}");
        }
    }
}
