//! Lines of `{ }`, `[ ]` and quoted texts that stand further left than what they belong to.
//!
//! YAML forbids them and so does the parser, but PyYAML does not look at the indentation there. Such a line is moved to the
//! right and the text is parsed again: blanks before a line of such a value mean nothing.

use std::borrow::Cow;
use std::collections::HashSet;

/// What the parser says of such a line.
const REFUSALS: &[&str] = &[
    "invalid indentation",
    "invalid indentation in flow construct",
    "tab cannot be used as indentation",
];
/// What it says of a quoted text with such lines, and where that begins.
const REFUSED_TEXT: &str = "invalid indentation in quoted scalar";
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

    /// Moves what the parser refuses for `reason` at a place: the line, counted from 1, and the column, from 0. Whether that is worth
    /// another try.
    pub(super) fn add(&mut self, line: usize, column: usize, reason: &str, text: &str) -> bool {
        let is_text = reason == REFUSED_TEXT;
        if !is_text && !REFUSALS.contains(&reason) || (self.lines.len() + 1) * text.len() > MAXIMUM_WORK {
            return false;
        }
        if self.lines.is_empty() {
            // Further right than whatever it may belong to.
            let deepest = text
                .lines()
                .map(|line| line.len() - line.trim_start_matches([' ', '-', '?', ':']).len());
            self.by = 1 + deepest.max().unwrap_or_default();
        }
        if !is_text {
            return self.lines.insert(line);
        }
        let before = self.lines.len();
        self.lines
            .extend((1..=lines_after_the_first(text, line, column)).map(|further| line + further));
        self.lines.len() > before
    }
}

/// How many lines follow the first one of the quoted text that begins here.
fn lines_after_the_first(text: &str, line: usize, column: usize) -> usize {
    let mut characters = text
        .split_inclusive('\n')
        .skip(line.saturating_sub(1))
        .flat_map(str::chars)
        .skip(column);
    let Some(quote) = characters.next() else { return 0 };
    let mut lines = 0;
    let mut rest = characters.peekable();
    while let Some(character) = rest.next() {
        match character {
            '\n' => lines += 1,
            '\\' if quote == '"' => {
                // A line break after it is a line all the same.
                rest.next_if(|next| *next != '\n');
            }
            '\'' if quote == '\'' && rest.next_if_eq(&quote).is_some() => {}
            _ if character == quote => break,
            _ => {}
        }
    }
    lines
}
