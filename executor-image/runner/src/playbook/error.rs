//! What is wrong with a playbook, shown with its source line.

use std::{
    fmt::{self, Write as _},
    path::Path,
};

use slipway_language::Span;

use super::loader::normalize;

/// One thing that is wrong.
#[derive(Debug, Clone)]
pub struct Problem {
    /// Where.
    pub span: Option<Span>,
    /// What, in Ansible's words where it has some: people look for them, and playbooks compare them.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// Whether the file is encrypted and no password opens it.
    pub locked: bool,
    /// How an include fails that comes upon it while the play runs; without this, the run ends.
    pub include: Option<IncludeFailure>,
}

/// How Ansible tells of an include that failed: playbooks and people compare it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IncludeFailure {
    /// What, and where the name stands.
    Placed,
    /// What, alone.
    Bare,
}

impl Problem {
    /// A problem at a place.
    pub fn new(span: &Span, message: impl Into<String>) -> Self {
        Self {
            span: Some(span.clone()),
            message: message.into(),
            hint: None,
            locked: false,
            include: None,
        }
    }

    /// The same as something that fails the include that comes upon it, and not the run.
    #[must_use]
    pub fn fails_include(mut self, how: IncludeFailure) -> Self {
        self.include = Some(how);
        self
    }

    /// The same with a hint.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same with the nearest known name as hint, if one is near.
    #[must_use]
    pub fn nearest<'a>(self, name: &str, known: impl IntoIterator<Item = &'a str>) -> Self {
        match nearest(name, known) {
            Some(near) => self.hint(format!("did you mean {near:?}?")),
            None => self,
        }
    }
}

impl Problem {
    /// What the include that comes upon it returns as its reason.
    fn reason(&self) -> String {
        match (&self.span, self.include) {
            (Some(span), Some(IncludeFailure::Placed)) => {
                format!("{}\n{}", self.message, ansible_place(span))
            }
            _ => self.message.clone(),
        }
    }

    /// Place, what and hint, without the source line.
    pub fn in_a_line(&self) -> String {
        let place = self
            .span
            .as_ref()
            .map_or_else(String::new, |span| format!("{span}: "));
        let hint = self
            .hint
            .as_ref()
            .map_or_else(String::new, |hint| format!("; {hint}"));
        format!("{place}{}{hint}", self.message)
    }

    fn told(&self) -> String {
        match (&self.span, self.include) {
            (Some(span), None | Some(IncludeFailure::Placed)) => {
                let hint = self.hint.iter().map(|hint| format!(" hint: {hint}"));
                let text = format!("{}\n{}", self.message, ansible_place(span)) + &hint.collect::<String>();
                text.trim_end().to_owned()
            }
            _ => self.to_string(),
        }
    }
}

/// A place as Ansible shows it.
fn ansible_place(span: &Span) -> String {
    let file = normalize(Path::new(span.file.as_ref()));
    let mut text = format!(
        "\nThe error appears to be in '{}': line {}, column {}, but may\nbe elsewhere in the file depending on the exact \
         syntax problem.\n",
        file.display(),
        span.line,
        span.column
    );
    if let (before, Some(line)) = source_lines(span) {
        let indent = " ".repeat(usize::try_from(span.column.saturating_sub(1)).unwrap_or(0));
        let _ = write!(
            text,
            "\nThe offending line appears to be:\n\n{}\n{}\n{indent}^ here\n",
            before.unwrap_or_default().trim_end(),
            line.trim_end()
        );
    }
    text
}

/// The line of a place and the one before it. The file is read again only to show an error; if it is gone, the place alone must
/// do.
fn source_lines(span: &Span) -> (Option<String>, Option<String>) {
    let source = std::fs::read_to_string(span.file.as_ref()).unwrap_or_default();
    let index = usize::try_from(span.line.saturating_sub(1)).unwrap_or(0);
    let line = |index: usize| source.lines().nth(index).map(str::to_owned);
    (index.checked_sub(1).and_then(line), line(index))
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(span) = &self.span else {
            write!(formatter, "{}", self.message)?;
            return write_hint(formatter, self.hint.as_deref());
        };
        write!(formatter, "{}\n --> {span}", self.message)?;
        let (_, line) = source_lines(span);
        if let Some(line) = line {
            let width = usize::try_from(span.column.saturating_sub(1)).unwrap_or(0);
            let number = span.line.to_string();
            let margin = " ".repeat(number.len());
            // Tabs are kept so that the caret stands under its character.
            let indent: String = line
                .chars()
                .take(width)
                .map(|character| if character == '\t' { '\t' } else { ' ' })
                .collect();
            write!(
                formatter,
                "\n {margin} |\n {number} | {line}\n {margin} | {indent}^"
            )?;
        }
        write_hint(formatter, self.hint.as_deref())
    }
}

fn write_hint(formatter: &mut fmt::Formatter<'_>, hint: Option<&str>) -> fmt::Result {
    match hint {
        Some(hint) => write!(formatter, "\n hint: {hint}"),
        None => Ok(()),
    }
}

/// Everything that is wrong with a playbook; never empty.
#[derive(Debug, Clone)]
pub struct LoadError {
    /// In the order in which they were found.
    pub problems: Vec<Problem>,
}

impl LoadError {
    /// Whether the text that was read is right, and files or roles are not there or cannot be decrypted: it fails the include that comes
    /// upon it, and not the run.
    pub fn is_of_files(&self) -> bool {
        self.problems
            .iter()
            .all(|problem| problem.include.is_some() || problem.locked)
    }

    /// What that include returns as its reason.
    pub fn reason(&self) -> String {
        self.problems.first().map(Problem::reason).unwrap_or_default()
    }

    /// What a person is told of it while the play runs: as Ansible tells it, with a hint where there is one, and with the place
    /// where Ansible does not tell it.
    pub fn told(&self) -> String {
        let told: Vec<String> = self.problems.iter().take(SHOWN).map(Problem::told).collect();
        told.join("\n")
    }
}

/// How many problems are shown at once.
const SHOWN: usize = 20;

impl From<Problem> for LoadError {
    fn from(problem: Problem) -> Self {
        Self {
            problems: vec![problem],
        }
    }
}

impl fmt::Display for LoadError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().take(SHOWN).enumerate() {
            if index > 0 {
                writeln!(formatter)?;
            }
            write!(formatter, "{problem}")?;
        }
        if self.problems.len() > SHOWN {
            write!(formatter, "\nand {} more", self.problems.len() - SHOWN)?;
        }
        Ok(())
    }
}

impl std::error::Error for LoadError {}

/// The known name that is nearest to `name`, if one is near enough to be what was meant.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // Of names that are equally near, one with the same letters is meant: "tasks" for "taks", not "tags".
    let likeness = |candidate: &str| strsim::jaro_winkler(name, candidate);
    known
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(name, candidate), candidate))
        .min_by(|(one, left), (other, right)| one.cmp(other).then(likeness(right).total_cmp(&likeness(left))))
        .filter(|(distance, _)| *distance <= 1 + name.chars().count() / 3)
        .map(|(_, candidate)| candidate)
}
