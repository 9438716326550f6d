//! Errors that show the line, point at the column, and say what is usually meant.

use std::fmt;
use std::path::Path;

use crate::span::Span;

/// YAML that cannot be read. `Display` shows place, message, the source line with a caret, and a hint.
#[derive(Clone, Debug, thiserror::Error)]
pub struct YamlError {
    /// Where reading stopped.
    pub span: Span,
    /// What is wrong.
    pub message: String,
    /// What to do, where the mistake is a usual one.
    pub hint: Option<String>,
    /// The line of the source.
    pub source_line: String,
}

impl YamlError {
    /// An error at a place of `text`; the hint is found from the line and its neighbour above.
    pub(super) fn new(text: &str, mut span: Span, message: impl Into<String>) -> Self {
        let mut message = message.into();
        // The parser names the value that the tab ends, which is on a line before.
        if message.ends_with("found a tab")
            && let Some(line) = line_with_tab(text, span.line)
        {
            span.line = line;
            span.column = 1;
            "a tab in the indentation".clone_into(&mut message);
        }
        let index = usize::try_from(span.line.saturating_sub(1)).unwrap_or(0);
        let source_line = text.lines().nth(index).unwrap_or_default().to_owned();
        let previous = index
            .checked_sub(1)
            .and_then(|above| text.lines().nth(above))
            .unwrap_or_default();
        let hint = hint(&source_line, previous).or_else(|| indentation(text, index, &message));
        Self {
            span,
            message,
            hint,
            source_line,
        }
    }

    /// Says what a reader of JSON says of it too, if the file is to be JSON.
    pub(super) fn of_file(self, file: &str, text: &str) -> Self {
        let is_json = Path::new(file)
            .extension()
            .is_some_and(|extension| extension.eq_ignore_ascii_case("json"));
        match serde_json::from_str::<serde_json::Value>(text) {
            Err(error) if is_json => self.with_hint(format!("JSON: {error}")),
            _ => self,
        }
    }

    pub(super) fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for YamlError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.span, self.message)?;
        if !self.source_line.is_empty() {
            let width = usize::try_from(self.span.column.saturating_sub(1)).unwrap_or(0);
            // Tabs are kept so that the caret stands under its character.
            let indent: String = self
                .source_line
                .chars()
                .chain(std::iter::repeat(' '))
                .take(width)
                .map(|character| if character == '\t' { '\t' } else { ' ' })
                .collect();
            write!(formatter, "\n    {}\n    {indent}^", self.source_line)?;
        }
        if let Some(hint) = &self.hint {
            write!(formatter, "\n{hint}")?;
        }
        Ok(())
    }
}

/// The first line from one on whose indentation holds a tab.
fn line_with_tab(text: &str, from: u32) -> Option<u32> {
    let has_tab = |line: &str| line[..line.len() - line.trim_start().len()].contains('\t');
    (1_u32..)
        .zip(text.lines())
        .find_map(|(number, line)| (number >= from && has_tab(line)).then_some(number))
}

/// How a line is indented that begins where no line above does.
fn indentation(text: &str, index: usize, message: &str) -> Option<String> {
    if !message.contains("while parsing a block") {
        return None;
    }
    let indent = |line: &str| line.len() - line.trim_start_matches(' ').len();
    let own = indent(text.lines().nth(index)?);
    let mut above: Vec<usize> = Vec::new();
    for line in text.lines().take(index).filter(|line| !line.trim().is_empty()) {
        let start = indent(line);
        above.push(start);
        // The key behind a dash begins a mapping, too.
        if line[start..].starts_with("- ") {
            above.push(start + 2);
        }
    }
    if above.contains(&own) {
        return None;
    }
    let deeper = above.iter().filter(|start| **start > own).min()?;
    let Some(less) = above.iter().filter(|start| **start < own).max() else {
        return Some(format!(
            "The line is indented by {own} spaces, those above by {deeper} or more."
        ));
    };
    Some(format!(
        "The line is indented by {own} spaces, those above by {less} or by {deeper}."
    ))
}

/// The usual mistakes, told by the line where reading stopped or the line above it.
fn hint(line: &str, previous: &str) -> Option<String> {
    for candidate in [line, previous] {
        let trimmed = candidate.trim_start();
        if candidate.len() > trimmed.len() && candidate[..candidate.len() - trimmed.len()].contains('\t') {
            return Some("A tab is not allowed as indentation in YAML: use spaces.".into());
        }
        let value = trimmed
            .split_once(": ")
            .map_or(trimmed, |(_, value)| value)
            .trim_start_matches("- ")
            .trim_start();
        if value.starts_with("{{") {
            return Some(format!(
                "A value that begins with {{{{ must be quoted: \"{}\"",
                value.trim_end()
            ));
        }
        if value.starts_with(['"', '\'']) {
            let quote = &value[..1];
            let after = value[1..].find(quote).map(|end| value[end + 2..].trim());
            if after.is_some_and(|rest| !rest.is_empty() && !rest.starts_with(['#', ',', ']', '}', ':'])) {
                return Some(
                    "A value that begins with a quote must end with it: quote the whole value, and use the other kind of quote inside."
                        .into(),
                );
            }
        }
    }
    let mut parts = line.split(": ");
    if parts.next().is_some() && parts.next().is_some() && parts.next().is_some() {
        return Some("A value that holds a colon followed by a space must be quoted.".into());
    }
    let above = previous.trim();
    if !above.is_empty()
        && !above.ends_with(':')
        && !above.contains(": ")
        && line.contains(':')
        && !above.starts_with('-')
    {
        return Some(format!("Is a colon missing at the end of `{above}`?"));
    }
    None
}

#[cfg(test)]
mod tests {
    #[test]
    fn of_a_file_of_json_its_own_reader_is_heard() {
        let hint = |file: &str, text: &str| crate::yaml::parse(text, file).unwrap_err().hint;
        assert!(
            hint("vars.json", "{ }}")
                .unwrap()
                .starts_with("JSON: trailing characters")
        );
        assert_eq!(hint("vars.yml", "{ }}"), None);
        assert!(crate::yaml::parse("a: 1\n", "vars.json").is_ok());
    }
}
