//! Backslashes in playbooks.
//!
//! Inside `{{ }}` of a playbook's text a backslash in a quoted string is a backslash: `regex_replace('(a)', '\1')`.
//! Jinja would unescape it, so Ansible doubles it first. Statements (`{% %}`), conditions and template files are left alone.

use std::borrow::Cow;

use minijinja::machinery::{Token, tokenize};

use super::error::TemplateError;
use super::options::TemplateOptions;

/// The text with backslashes doubled in strings inside `{{ }}`.
pub(super) fn escape_backslashes(text: &str) -> Result<Cow<'_, str>, TemplateError> {
    if !text.contains('\\') || !text.contains("{{") {
        return Ok(Cow::Borrowed(text));
    }
    let mut escaped = String::with_capacity(text.len() + 8);
    let mut copied = 0;
    let mut in_variable = false;
    for token in tokenize(text, false, TemplateOptions::default().syntax()?) {
        let (token, span) = token?;
        match token {
            Token::VariableStart => in_variable = true,
            Token::VariableEnd => in_variable = false,
            Token::Str(_) | Token::String(_) if in_variable => {
                let (start, end) = (span.start_offset as usize, span.end_offset as usize);
                escaped.push_str(&text[copied..start]);
                escaped.push_str(&text[start..end].replace('\\', "\\\\"));
                copied = end;
            }
            _ => {}
        }
    }
    escaped.push_str(&text[copied..]);
    Ok(Cow::Owned(escaped))
}
