//! The lines of one option within a section.

#[allow(clippy::struct_excessive_bools)] // they are the parameters of the module
/// How an option is written and which of its lines are meant.
pub(super) struct OptionEdit {
    pub name: String,
    /// Other values of the option are taken away.
    pub exclusive: bool,
    /// The option may stand without `=` and value.
    pub bare: bool,
    /// `a=b` instead of `a = b`.
    pub tight: bool,
    /// A line that differs by spaces around `=` only is left.
    pub ignore_spaces: bool,
    /// A commented line of the option is replaced, too.
    pub wakes_comments: bool,
}

/// A line of an option.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct OptionLine {
    pub is_comment: bool,
    pub has_value: bool,
    pub value: String,
}

/// Reads a line, if it is one of this option.
pub(super) fn parse(line: &str, name: &str) -> Option<OptionLine> {
    let text = line
        .trim_end_matches(['\n', '\r'])
        .trim_start_matches([' ', '\t']);
    let (is_comment, text) = match text.strip_prefix(['#', ';']) {
        Some(rest) => (true, rest.trim_start_matches([' ', '\t'])),
        None => (false, text),
    };
    let rest = text.strip_prefix(name)?.trim_start_matches([' ', '\t']);
    if rest.is_empty() {
        return Some(OptionLine {
            is_comment,
            has_value: false,
            value: String::new(),
        });
    }
    let value = rest.strip_prefix('=')?;
    Some(OptionLine {
        is_comment,
        has_value: true,
        value: value.trim_matches([' ', '\t']).to_owned(),
    })
}

const CHANGED: &str = "option changed";

impl OptionEdit {
    /// The line that says this value.
    pub(super) fn line(&self, value: Option<&str>) -> String {
        let name = &self.name;
        match value {
            None => format!("{name}\n"),
            Some(value) if self.tight => format!("{name}={value}\n"),
            Some(value) => format!("{name} = {value}\n"),
        }
    }

    fn parse(&self, line: &str) -> Option<OptionLine> {
        parse(line, &self.name).filter(|line| !line.is_comment || self.wakes_comments)
    }

    /// Gives the option these values.
    pub(super) fn set(&self, lines: &mut Vec<String>, values: &[String]) -> Option<&'static str> {
        let mut message = None;
        let mut missing: Vec<Option<&str>> = if values.is_empty() && self.bare {
            vec![None]
        } else {
            values.iter().map(|value| Some(value.as_str())).collect()
        };
        let mut settled = vec![false; lines.len()];
        // Lines that say a wished value already keep their place.
        for (line, settled) in lines.iter_mut().zip(&mut settled) {
            let Some(found) = self.parse(line) else { continue };
            let says = |wished: Option<&str>| match wished {
                Some(value) => found.has_value && found.value == value,
                None => !found.has_value,
            };
            let Some(index) = missing.iter().position(|wished| says(*wished)) else {
                continue;
            };
            let wished = missing.remove(index);
            *settled = true;
            if self.rewrite(line, wished) {
                message = Some(CHANGED);
            }
        }
        if self.exclusive {
            // The others are given the values that are missing, and what is left of them goes.
            for (line, settled) in lines.iter_mut().zip(&mut settled) {
                if missing.is_empty() {
                    break;
                }
                if *settled || self.parse(line).is_none() {
                    continue;
                }
                let wished = missing.remove(0);
                *settled = true;
                if self.rewrite(line, wished) {
                    message = Some(CHANGED);
                }
            }
            let before = lines.len();
            let mut settled = settled.iter();
            lines.retain(|line| {
                let is_settled = settled.next().copied().unwrap_or(true);
                is_settled || parse(line, &self.name).is_none_or(|line| line.is_comment)
            });
            if lines.len() < before {
                message = Some(CHANGED);
            }
        }
        if !missing.is_empty() {
            let place = lines
                .iter()
                .rposition(|line| !is_blank_or_comment(line))
                .map_or(0, |last| last + 1);
            let new = missing.into_iter().map(|value| self.line(value));
            lines.splice(place..place, new);
            message = Some("option added");
        }
        message
    }

    /// Takes away the option's lines, or (not exclusive) those that say one of the values.
    pub(super) fn remove(&self, lines: &mut Vec<String>, values: &[String]) -> Option<&'static str> {
        let before = lines.len();
        lines.retain(|line| {
            let Some(found) = parse(line, &self.name).filter(|found| !found.is_comment) else {
                return true;
            };
            !self.exclusive && !values.contains(&found.value)
        });
        (lines.len() < before).then_some(CHANGED)
    }

    fn rewrite(&self, line: &mut String, value: Option<&str>) -> bool {
        let new = self.line(value);
        let differs_by_spaces = self.ignore_spaces
            && parse(line, &self.name)
                .is_some_and(|old| !old.is_comment && old.has_value && Some(old.value.as_str()) == value);
        if *line == new || differs_by_spaces {
            return false;
        }
        *line = new;
        true
    }
}

fn is_blank_or_comment(line: &str) -> bool {
    let line = line.trim();
    line.is_empty() || line.starts_with(['#', ';'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_with_spaces_and_comments_around_it() {
        for (line, comment, has_value, value) in [
            ("a = 1\n", false, true, "1"),
            ("\ta=1 2 \n", false, true, "1 2"),
            ("# a = 1\n", true, true, "1"),
            (";a\n", true, false, ""),
            ("a\n", false, false, ""),
            ("a =\n", false, true, ""),
        ] {
            let expected = OptionLine {
                is_comment: comment,
                has_value,
                value: value.to_owned(),
            };
            assert_eq!(parse(line, "a"), Some(expected), "{line}");
        }
        for line in ["ab = 1\n", "b = a\n", "a b = 1\n", "\n"] {
            assert_eq!(parse(line, "a"), None, "{line}");
        }
    }
}
