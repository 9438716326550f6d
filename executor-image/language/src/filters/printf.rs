//! Python's `%` formatting of text.

use minijinja::formatting::FormatStyle;
use minijinja::value::ValueKind;
use minijinja::{Error, ErrorKind, Value};

use super::WIDEST;
use crate::value::python;

/// `'%s-%03d' % (a, b)`.
pub(crate) fn format_text(text: &str, arguments: &[Value]) -> Result<String, Error> {
    let is_named = matches!(arguments, [only] if only.kind() == ValueKind::Map);
    if !is_named && arguments.len() > conversions(text) {
        return Err(Error::new(
            ErrorKind::InvalidOperation,
            "not all arguments converted during string formatting",
        ));
    }
    // A width may stand in the text or, for `*`, among the arguments.
    let too_wide = |width: Option<u64>| width.is_none_or(|width| width > WIDEST as u64);
    let is_too_wide = widths(text).any(|digits| too_wide(digits.parse().ok()))
        || (text.contains('*')
            && arguments
                .iter()
                .filter_map(Value::as_i64)
                .any(|width| too_wide(Some(width.unsigned_abs()))));
    if is_too_wide {
        return Err(Error::new(
            ErrorKind::InvalidOperation,
            format!("a width in the format is more than {WIDEST}"),
        ));
    }
    let (text, arguments) = with_representations(text, arguments);
    minijinja::formatting::format(FormatStyle::Printf, &text, &arguments)
}

/// `%r` is `%s` of how Python writes the value; only of arguments by their place.
fn with_representations<'text>(
    text: &'text str,
    arguments: &[Value],
) -> (std::borrow::Cow<'text, str>, Vec<Value>) {
    let mut arguments = arguments.to_vec();
    if !text.contains('r') {
        return (text.into(), arguments);
    }
    let mut written = String::with_capacity(text.len());
    let mut rest = text;
    let mut place = 0;
    while let Some(percent) = rest.find('%') {
        let after = &rest[percent + 1..];
        let end = after
            .find(|letter: char| letter.is_ascii_alphabetic() || matches!(letter, '%' | '('))
            .unwrap_or(after.len());
        place += after[..end].matches('*').count();
        let letter = after[end..].chars().next();
        written.push_str(&rest[..percent + 1 + end]);
        rest = &after[end..];
        if let (Some('r'), Some(argument)) = (letter, arguments.get_mut(place)) {
            *argument = Value::from(python::repr(argument));
            written.push('s');
            rest = &rest[1..];
        } else if let Some(letter) = letter {
            written.push(letter);
            rest = &rest[letter.len_utf8()..];
        }
        if !matches!(letter, Some('%' | '(')) {
            place += 1;
        }
    }
    written.push_str(rest);
    (written.into(), arguments)
}

/// The numbers between a `%` and the letter of its conversion.
fn widths(text: &str) -> impl Iterator<Item = &str> {
    text.split('%').skip(1).flat_map(|after| {
        let end = after
            .find(|letter: char| letter.is_ascii_alphabetic())
            .unwrap_or(after.len());
        after[..end]
            .split(|letter: char| !letter.is_ascii_digit())
            .filter(|digits| !digits.is_empty())
    })
}

/// How many arguments a format takes.
fn conversions(text: &str) -> usize {
    let mut count = 0;
    let mut rest = text;
    while let Some(place) = rest.find('%') {
        rest = &rest[place + 1..];
        let end = rest
            .find(|letter: char| letter.is_ascii_alphabetic() || letter == '%')
            .unwrap_or(rest.len());
        count += rest[..end].matches('*').count();
        if !rest[end..].starts_with('%') {
            count += 1;
        }
        rest = rest.get(end + 1..).unwrap_or_default();
    }
    count
}
