//! Python's `%` formatting of text.

use minijinja::formatting::{FormatStyle, format};
use minijinja::{Error, Value};

/// `'%s-%03d' % (a, b)`.
pub(crate) fn format_text(text: &str, arguments: &[Value]) -> Result<String, Error> {
    format(FormatStyle::Printf, text, arguments)
}
