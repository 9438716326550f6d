//! Lines of `{ }` and `[ ]` that stand further left than what they belong to.
//!
//! YAML forbids them and so does the parser, but PyYAML does not look at the indentation there. Such a line is moved to the
//! right and the text is parsed again: blanks before a line of such a value mean nothing.

use std::borrow::Cow;
use std::collections::HashSet;

/// What the parser says of such a line.
const REFUSALS: &[&str] = &["invalid indentation", "invalid indentation in flow construct"];
/// Bytes that are parsed again at most: each line that is moved costs a parse of the whole text.
const MAXIMUM_WORK: usize = 16 * 1024 * 1024;

/// The lines that are moved, counted from 1, and how far.
#[derive(Debug, Default)]
pub(super) struct Moved {
    lines: HashSet<usize>,
    by: usize,
}

impl Moved {
    /// How many blanks a line has in front that are not in the source.
    pub(super) fn blanks(&self, line: usize) -> usize {
        if self.lines.contains(&line) { self.by } else { 0 }
    }

    /// The text with its lines moved.
    pub(super) fn apply<'text>(&self, text: &'text str) -> Cow<'text, str> {
        if self.lines.is_empty() {
            return text.into();
        }
        let blanks = " ".repeat(self.by);
        let lines = text.split_inclusive('\n').enumerate();
        lines
            .flat_map(|(index, line)| {
                let moved = self.lines.contains(&(index + 1));
                [if moved { blanks.as_str() } else { "" }, line]
            })
            .collect::<String>()
            .into()
    }

    /// Moves the line that the parser refuses for `reason`. Whether that is worth another try.
    pub(super) fn add(&mut self, line: usize, reason: &str, text: &str) -> bool {
        if !REFUSALS.contains(&reason) || (self.lines.len() + 1) * text.len() > MAXIMUM_WORK {
            return false;
        }
        if self.lines.is_empty() {
            // Further right than whatever it may belong to.
            let deepest = text
                .lines()
                .map(|line| line.len() - line.trim_start_matches(' ').len());
            self.by = 1 + deepest.max().unwrap_or_default();
        }
        self.lines.insert(line)
    }
}
