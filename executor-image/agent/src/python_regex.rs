//! Regular expressions as Python's `re` reads them, for the modules that edit text.

use fancy_regex::{Captures, Regex};

use crate::answer::Failure;

/// Python's flags that the modules use.
#[derive(Debug, Clone, Copy, Default)]
pub struct Flags {
    /// `re.MULTILINE`: `^` and `$` match at lines.
    pub multiline: bool,
    /// `re.DOTALL`: `.` matches a line's end, too.
    pub dot_matches_newline: bool,
}

/// Compiles a pattern.
///
/// # Errors
/// When it is not a regular expression.
pub fn compile(pattern: &str, flags: Flags) -> Result<Regex, Failure> {
    let prefix = match (flags.multiline, flags.dot_matches_newline) {
        (true, true) => "(?ms)",
        (true, false) => "(?m)",
        (false, true) => "(?s)",
        (false, false) => "",
    };
    Regex::new(&format!("{prefix}{}", translate(pattern, flags.multiline))).map_err(|error| {
        Failure::new(format!(
            "the regular expression {pattern:?} cannot be compiled: {error}"
        ))
    })
}

/// Rewrites what means something else in Rust's syntax: `\Z`, `$` (which also matches before a last newline), `\<`, and `[`, `&&`, `--`, `~~` within a class.
fn translate(pattern: &str, multiline: bool) -> String {
    let mut out = String::with_capacity(pattern.len() + 8);
    let mut characters = pattern.chars().peekable();
    let mut in_class = false;
    while let Some(character) = characters.next() {
        match character {
            '\\' => match characters.next() {
                Some('Z') => out.push_str("\\z"),
                Some(
                    plain @ ('<' | '>' | '_' | '\'' | '"' | '@' | '`' | '%' | ',' | ';' | ':' | '=' | '!'),
                ) => out.push(plain),
                Some(other) => {
                    out.push('\\');
                    out.push(other);
                }
                None => out.push('\\'),
            },
            '$' if !in_class && !multiline => out.push_str("(?=\\n?\\z)"),
            '[' if in_class => out.push_str("\\["),
            '[' => {
                in_class = true;
                out.push('[');
                if characters.next_if_eq(&'^').is_some() {
                    out.push('^');
                }
                // A bracket right after the opening one is itself.
                if characters.next_if_eq(&']').is_some() {
                    out.push_str("\\]");
                }
            }
            ']' => {
                in_class = false;
                out.push(']');
            }
            '&' | '~' if in_class => {
                out.push('\\');
                out.push(character);
            }
            '-' if in_class && characters.peek() == Some(&'-') => out.push_str("\\-"),
            other => out.push(other),
        }
    }
    out
}

/// Whether the pattern is found anywhere in the text.
///
/// # Errors
/// When matching takes too long.
pub fn is_found(regex: &Regex, text: &str) -> Result<bool, Failure> {
    regex
        .is_match(text)
        .map_err(|error| matching_failed(regex, &error))
}

/// The first match.
///
/// # Errors
/// When matching takes too long.
pub fn search<'t>(regex: &Regex, text: &'t str) -> Result<Option<Captures<'t, str>>, Failure> {
    regex
        .captures(text)
        .map_err(|error| matching_failed(regex, &error))
}

/// A match that begins where the text begins, as `re.match`.
///
/// # Errors
/// When matching takes too long.
pub fn is_match_at_start(regex: &Regex, text: &str) -> Result<bool, Failure> {
    let found = regex.find(text).map_err(|error| matching_failed(regex, &error))?;
    Ok(found.is_some_and(|found| found.start() == 0))
}

/// Replaces every match, as `re.subn`; returns the new text and how many were replaced.
///
/// # Errors
/// When the replacement names a group that the pattern does not have, or matching takes too long.
pub fn replace_all(regex: &Regex, text: &str, replacement: &str) -> Result<(String, usize), Failure> {
    let template = Template::parse(replacement)?;
    let mut out = String::with_capacity(text.len());
    let mut count = 0;
    let mut position = 0;
    let mut copied = 0;
    // Python lets an empty match follow a match at once, but not an empty one.
    while position <= text.len() {
        let captures = regex
            .captures_from_pos(text, position)
            .map_err(|error| matching_failed(regex, &error))?;
        let Some((captures, whole)) = captures.and_then(|captures| {
            let whole = captures.get(0)?;
            Some((captures, (whole.start(), whole.end())))
        }) else {
            break;
        };
        out.push_str(&text[copied..whole.0]);
        out.push_str(&template.expand(&captures)?);
        count += 1;
        copied = whole.1;
        position = whole.1;
        if whole.0 == whole.1 {
            let next = text[position..].chars().next().map_or(1, char::len_utf8);
            let end = (position + next).min(text.len());
            out.push_str(&text[copied..end]);
            copied = end;
            position += next;
        }
    }
    out.push_str(&text[copied..]);
    Ok((out, count))
}

fn matching_failed(regex: &Regex, error: &fancy_regex::Error) -> Failure {
    Failure::new(format!(
        "matching the regular expression {:?}: {error}",
        regex.as_str()
    ))
}

/// A replacement text: `\1`, `\g<1>`, `\g<name>`, `\n`.
#[derive(Debug)]
pub struct Template(Vec<Part>);

#[derive(Debug)]
enum Part {
    Text(String),
    Group(usize),
    Name(String),
}

impl Template {
    /// Reads a replacement text.
    ///
    /// # Errors
    /// When a letter stands behind a backslash that means nothing there.
    pub fn parse(text: &str) -> Result<Self, Failure> {
        let mut parts = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        while let Some(backslash) = rest.find('\\') {
            plain.push_str(&rest[..backslash]);
            let after = &rest[backslash + 1..];
            if let Some(letter) = after.chars().next().filter(char::is_ascii_alphabetic)
                && !"gntrafvb".contains(letter)
            {
                let position = text[..text.len() - after.len() - 1].chars().count();
                return Err(Failure::new(format!(
                    "bad escape \\{letter} at position {position}"
                )));
            }
            let (part, used) = escape(after, &mut plain);
            if let Some(part) = part {
                parts.push(Part::Text(std::mem::take(&mut plain)));
                parts.push(part);
            }
            rest = &after[used..];
        }
        plain.push_str(rest);
        parts.push(Part::Text(plain));
        Ok(Self(parts))
    }

    /// The text for a match.
    ///
    /// # Errors
    /// When the pattern does not have a group of the template.
    pub fn expand(&self, captures: &Captures<'_, str>) -> Result<String, Failure> {
        let mut out = String::new();
        for part in &self.0 {
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Group(number) if *number < captures.len() => {
                    out.push_str(captures.get(*number).map_or("", |group| group.as_str()));
                }
                Part::Group(number) => {
                    return Err(Failure::new(format!("invalid group reference {number}")));
                }
                Part::Name(name) => out.push_str(captures.name(name).map_or("", |group| group.as_str())),
            }
        }
        Ok(out)
    }
}

/// What follows a backslash: a group, or text that is added to `plain`; and its length.
fn escape(after: &str, plain: &mut String) -> (Option<Part>, usize) {
    let Some(first) = after.chars().next() else {
        plain.push('\\');
        return (None, 0);
    };
    if first.is_ascii_digit() {
        let end = after
            .find(|character: char| !character.is_ascii_digit())
            .unwrap_or(after.len())
            .min(2);
        if first == '0' {
            plain.push('\0');
            return (None, 1);
        }
        return (after[..end].parse().ok().map(Part::Group), end);
    }
    if let Some(end) = after.strip_prefix("g<").and_then(|name| name.find('>')) {
        let name = &after[2..2 + end];
        let part = name
            .parse()
            .map_or_else(|_| Part::Name(name.to_owned()), Part::Group);
        return (Some(part), end + 3);
    }
    match first {
        'n' => plain.push('\n'),
        't' => plain.push('\t'),
        'r' => plain.push('\r'),
        'a' => plain.push('\u{7}'),
        'f' => plain.push('\u{c}'),
        'v' => plain.push('\u{b}'),
        'b' => plain.push('\u{8}'),
        '\\' => plain.push('\\'),
        other => {
            plain.push('\\');
            plain.push(other);
        }
    }
    (None, first.len_utf8())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn substituted(pattern: &str, replacement: &str, text: &str) -> (String, usize) {
        let flags = Flags {
            multiline: true,
            ..Flags::default()
        };
        replace_all(&compile(pattern, flags).unwrap(), text, replacement).unwrap()
    }

    #[test]
    fn replacements_are_made_as_python_makes_them() {
        for (pattern, replacement, text, expected, count) in [
            ("a(b)c", r"<\1>", "abc abc", "<b> <b>", 2),
            ("a(?P<x>b)", r"\g<x>\g<1>0", "ab", "bb0", 1),
            ("^", "# ", "a\nb", "# a\n# b", 2),
            ("x*", "-", "abxd", "-a-b--d-", 5),
            (".*", "X", "abc", "XX", 2),
            (r"(\w+)$", r"\1\n", "a b\nc", "a b\n\nc\n", 2),
            ("(?<=a)b", "", "ab b", "a b", 1),
            (r"(a)\1", "z", "aab", "zb", 1),
            ("[[]x[]]", "", "[x]", "", 1),
            (r"b\Z", "c", "b\nb", "b\nc", 1),
            ("ü", "u", "ü", "u", 1),
        ] {
            assert_eq!(
                substituted(pattern, replacement, text),
                (expected.to_owned(), count),
                "{pattern}"
            );
        }
    }

    #[test]
    fn a_group_that_is_not_there_is_refused() {
        let regex = compile("a", Flags::default()).unwrap();
        assert!(replace_all(&regex, "a", r"\1").is_err());
        // Python reads the replacement before it looks for anything.
        let error = replace_all(&regex, "", r"x\D").unwrap_err();
        assert_eq!(error.message(), r"bad escape \D at position 1");
        assert!(compile("(", Flags::default()).is_err());
    }
}
