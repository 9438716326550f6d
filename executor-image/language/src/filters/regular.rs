//! Regular expressions of Python, run by fancy-regex.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, PoisonError, RwLock};

use fancy_regex::{Captures, Regex};
use minijinja::value::Tuple;
use minijinja::{Error, ErrorKind, Value};

use super::call::{Call, flag};
use super::text::whole;
use crate::template::growth::{check_items, check_text};
use crate::template::undefined::defined;
use crate::value::convert::sequence;
use crate::value::python;

pub(super) const FILTERS: super::Table = &[
    ("regex_escape", escape),
    ("regex_findall", find_all),
    ("regex_replace", replace),
    ("regex_search", search),
];

/// Patterns compiled so far; a playbook has few.
static PATTERNS: LazyLock<RwLock<HashMap<String, Arc<Regex>>>> = LazyLock::new(RwLock::default);

/// Compiles a Python pattern.
pub(crate) fn compile(pattern: &str, ignore_case: bool, multi_line: bool) -> Result<Arc<Regex>, Error> {
    let translated = translate(pattern, multi_line);
    let flags = match (ignore_case, multi_line) {
        (true, true) => "(?im)",
        (true, false) => "(?i)",
        (false, true) => "(?m)",
        (false, false) => "",
    };
    let source = format!("{flags}{translated}");
    if let Some(known) = PATTERNS
        .read()
        .unwrap_or_else(PoisonError::into_inner)
        .get(&source)
    {
        return Ok(Arc::clone(known));
    }
    let compiled = Regex::new(&source).map_err(|error| {
        Error::new(
            ErrorKind::InvalidOperation,
            format!("invalid regular expression '{pattern}': {}", fault(&error)),
        )
    })?;
    let compiled = Arc::new(compiled);
    PATTERNS
        .write()
        .unwrap_or_else(PoisonError::into_inner)
        .insert(source, Arc::clone(&compiled));
    Ok(compiled)
}

/// What is wrong with a pattern, where Python has other words for it: playbooks look for them.
fn fault(error: &fancy_regex::Error) -> String {
    match error {
        fancy_regex::Error::ParseError(place, fancy_regex::ParseError::TargetNotRepeatable) => {
            format!("nothing to repeat at position {place}")
        }
        other => other.to_string(),
    }
}

/// Writes a Python pattern as fancy-regex understands it.
///
/// What differs: `$` also matches before a last newline; `\Z` is the very end; `[` and `&&`, `--`, `~~` inside a class
/// are plain characters; a `{` that begins no repetition is a plain character; `\<` and `\>` are plain characters.
fn translate(pattern: &str, multi_line: bool) -> String {
    let mut out = String::with_capacity(pattern.len() + 8);
    let mut rest = pattern.chars().peekable();
    let mut in_class = false;
    let mut class_start = false;
    while let Some(character) = rest.next() {
        let at_start = std::mem::take(&mut class_start);
        match character {
            '\\' => match rest.next() {
                Some('Z') if !in_class => out.push_str(r"\z"),
                Some(
                    plain @ ('<' | '>' | '"' | '\'' | '/' | ' ' | '%' | ',' | ':' | ';' | '=' | '@' | '_'
                    | '`' | '!'),
                ) => {
                    out.push(plain);
                }
                Some('u') => {
                    let code: String = rest.by_ref().take(4).collect();
                    out.extend(["\\x{", &code, "}"]);
                }
                Some(escaped) => {
                    out.push('\\');
                    out.push(escaped);
                }
                None => out.push('\\'),
            },
            '[' if !in_class => {
                in_class = true;
                class_start = true;
                out.push('[');
                if rest.peek() == Some(&'^') {
                    rest.next();
                    out.push('^');
                }
            }
            ']' if in_class && at_start => out.push_str(r"\]"),
            ']' if in_class => {
                in_class = false;
                out.push(']');
            }
            '[' => out.push_str(r"\["),
            '&' | '~' if in_class => {
                out.push('\\');
                out.push(character);
            }
            '-' if in_class && rest.peek() == Some(&'-') => out.push_str(r"\-"),
            '$' if !in_class && !multi_line => out.push_str(r"(?=\n?\z)"),
            '{' if !in_class => {
                let body: String = rest.clone().take_while(|next| *next != '}').collect();
                let closes = rest.clone().any(|next| next == '}');
                let is_repetition = closes
                    && body.chars().all(|next| next.is_ascii_digit() || next == ',')
                    && body.chars().any(|next| next.is_ascii_digit())
                    && body.matches(',').count() <= 1;
                out.push_str(match (is_repetition, body.starts_with(',')) {
                    (true, true) => "{0",
                    (true, false) => "{",
                    (false, _) => r"\{",
                });
            }
            '}' if !in_class && !out_has_open_repetition(&out) => out.push_str(r"\}"),
            _ => out.push(character),
        }
    }
    out
}

/// Whether the last unescaped `{` is not closed yet.
fn out_has_open_repetition(out: &str) -> bool {
    let Some(open) = out.rfind('{') else { return false };
    !out[..open].ends_with('\\') && !out[open..].contains('}')
}

fn failed(error: &fancy_regex::Error) -> Error {
    Error::new(
        ErrorKind::InvalidOperation,
        format!("the regular expression takes too long or fails: {error}"),
    )
}

fn pattern(
    call: &Call<'_, '_, '_>,
    argument: Option<&Value>,
    default: Option<&str>,
) -> Result<String, Error> {
    match (argument, default) {
        (Some(value), _) => match defined(value)?.as_str() {
            Some(pattern) => Ok(pattern.to_owned()),
            None => Err(call.wrong_type("first argument must be string or compiled pattern")),
        },
        (None, Some(default)) => Ok(default.to_owned()),
        (None, None) => Err(call.error("a pattern is needed")),
    }
}

/// Goes through all matches, as Python's `re.sub` and `re.findall` do: an empty match may follow a match directly. How many there are.
fn each_match<'text>(
    regex: &Regex,
    text: &'text str,
    limit: usize,
    mut found: impl FnMut(&Captures<'text, str>) -> Result<(), Error>,
) -> Result<usize, Error> {
    let mut count = 0;
    let mut position = 0;
    while position <= text.len() && count < limit {
        let Some(captures) = regex
            .captures_from_pos(text, position)
            .map_err(|error| failed(&error))?
        else {
            break;
        };
        let Some(whole) = captures.get(0) else { break };
        position = if whole.end() > whole.start() {
            whole.end()
        } else {
            whole.end() + text[whole.end()..].chars().next().map_or(1, char::len_utf8)
        };
        count += 1;
        found(&captures)?;
    }
    Ok(count)
}

fn replace(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let [expression, replacement, ignore_case, multi_line, count, mandatory] = call.bind([
        "pattern",
        "replacement",
        "ignorecase",
        "multiline",
        "count",
        "mandatory_count",
    ])?;
    let text = call.text()?;
    let expression = pattern(call, expression.as_ref(), Some(""))?;
    let regex = compile(
        &expression,
        flag(ignore_case.as_ref(), false)?,
        flag(multi_line.as_ref(), false)?,
    )?;
    let replacement = replacement.map_or(Ok(String::new()), |value| match defined(&value)?.as_str() {
        Some(text) => Ok(text.to_owned()),
        None => Err(call.error(format!(
            "the replacement must be a text, not '{}'",
            python::type_name(&value)
        ))),
    })?;
    let template = Template::parse(&replacement, &regex).map_err(|message| call.error(message))?;
    let limit = match usize::try_from(whole(call, count.as_ref(), 0)?) {
        Ok(0) | Err(_) => usize::MAX,
        Ok(count) => count,
    };
    let mut result = String::with_capacity(text.len());
    let mut copied = 0;
    let count = each_match(&regex, &text, limit, |captures| {
        if let Some(place) = captures.get(0) {
            result.push_str(&text[copied..place.start()]);
            template.expand(captures, &mut result);
            copied = place.end();
        }
        check_text(result.len())
    })?;
    let wanted = whole(call, mandatory.as_ref(), 0)?;
    if wanted != 0 && usize::try_from(wanted) != Ok(count) {
        return Err(call.verbatim(format!(
            "'{expression}' should match {wanted} times, but matches {count} times in '{text}'"
        )));
    }
    result.push_str(&text[copied..]);
    Ok(Value::from(result))
}

/// A replacement: text and groups.
struct Template(Vec<Part>);

enum Part {
    Text(String),
    Group(usize),
}

impl Template {
    /// Reads `\1`, `\g<1>`, `\g<name>` and the escapes `\n`, `\t`, `\\`; another letter after a backslash is an error.
    fn parse(source: &str, regex: &Regex) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut text = String::new();
        let mut rest = source;
        let group = |number: usize| {
            if number < regex.captures_len() {
                Ok(Part::Group(number))
            } else {
                Err(format!("invalid group reference {number}"))
            }
        };
        while let Some(backslash) = rest.find('\\') {
            text.push_str(&rest[..backslash]);
            rest = &rest[backslash + 1..];
            let Some(next) = rest.chars().next() else {
                return Err("bad escape (end of pattern)".into());
            };
            if let Some(after) = rest.strip_prefix("g<") {
                let end = after.find('>').ok_or("missing >, unterminated name")?;
                let name = &after[..end];
                let number = match name.parse::<usize>() {
                    Ok(number) => number,
                    Err(_) => regex
                        .capture_names()
                        .position(|known| known == Some(name))
                        .ok_or_else(|| format!("unknown group name '{name}'"))?,
                };
                parts.push(Part::Text(std::mem::take(&mut text)));
                parts.push(group(number)?);
                rest = &after[end + 1..];
                continue;
            }
            if next.is_ascii_digit() && next != '0' {
                let length = rest.bytes().take(2).take_while(u8::is_ascii_digit).count();
                let number = rest[..length].parse().map_err(|_| "invalid group reference")?;
                parts.push(Part::Text(std::mem::take(&mut text)));
                parts.push(group(number)?);
                rest = &rest[length..];
                continue;
            }
            match next {
                'n' => text.push('\n'),
                't' => text.push('\t'),
                'r' => text.push('\r'),
                'f' => text.push('\u{c}'),
                'v' => text.push('\u{b}'),
                'a' => text.push('\u{7}'),
                'b' => text.push('\u{8}'),
                '0' => text.push('\0'),
                '\\' => text.push('\\'),
                letter if letter.is_ascii_alphabetic() => return Err(format!("bad escape \\{letter}")),
                other => {
                    text.push('\\');
                    text.push(other);
                }
            }
            rest = &rest[next.len_utf8()..];
        }
        text.push_str(rest);
        parts.push(Part::Text(text));
        Ok(Self(parts))
    }

    fn expand(&self, captures: &Captures<'_, str>, out: &mut String) {
        for part in &self.0 {
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Group(number) => out.push_str(captures.get(*number).map_or("", |group| group.as_str())),
            }
        }
    }
}

fn find_all(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let [expression, multi_line, ignore_case] = call.bind(["regex", "multiline", "ignorecase"])?;
    let text = call.text()?;
    let expression = pattern(call, expression.as_ref(), None)?;
    let regex = compile(
        &expression,
        flag(ignore_case.as_ref(), false)?,
        flag(multi_line.as_ref(), false)?,
    )?;
    let group = |captures: &Captures<'_, str>, number: usize| {
        Value::from(captures.get(number).map_or("", |group| group.as_str()))
    };
    let row = |captures: &Captures<'_, str>| match regex.captures_len() {
        1 => group(captures, 0),
        2 => group(captures, 1),
        count => Value::from(Tuple::from(
            (1..count)
                .map(|number| group(captures, number))
                .collect::<Vec<_>>(),
        )),
    };
    let mut rows = Vec::new();
    each_match(&regex, &text, usize::MAX, |captures| {
        rows.push(row(captures));
        check_items(rows.len())
    })?;
    Ok(sequence(rows))
}

/// The first match, or the groups that further arguments (`'\\1'`, `'\\g<name>'`) ask for; none if nothing matches.
fn search(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let [expression] = call.take(["regex"])?;
    let ignore_case = flag(call.named("ignorecase")?.as_ref(), false)?;
    let multi_line = flag(call.named("multiline")?.as_ref(), false)?;
    let text = call.text()?;
    let expression = pattern(call, expression.as_ref(), None)?;
    let regex = compile(&expression, ignore_case, multi_line)?;
    let mut groups = Vec::new();
    for reference in call.rest(1)? {
        let reference = python::to_text(defined(&reference)?);
        let named = reference
            .strip_prefix("\\g<")
            .and_then(|rest| rest.strip_suffix('>'));
        let number = match (
            named,
            reference
                .strip_prefix('\\')
                .and_then(|digits| digits.parse::<usize>().ok()),
        ) {
            (Some(name), _) => name
                .parse()
                .ok()
                .or_else(|| regex.capture_names().position(|known| known == Some(name))),
            (None, Some(number)) => Some(number),
            (None, None) => return Err(call.verbatim("Unknown argument")),
        };
        groups.push(number.filter(|number| *number < regex.captures_len()));
    }
    let Some(captures) = regex.captures(&text).map_err(|error| failed(&error))? else {
        return Ok(Value::from(()));
    };
    if groups.is_empty() {
        return Ok(Value::from(captures.get(0).map_or("", |group| group.as_str())));
    }
    let found = groups.into_iter().map(|number| match number {
        Some(number) => Ok(captures
            .get(number)
            .map_or_else(|| Value::from(()), |group| Value::from(group.as_str()))),
        None => Err(call.error("no such group")),
    });
    Ok(sequence(found.collect::<Result<_, _>>()?))
}

fn escape(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let [kind] = call.bind(["re_type"])?;
    let text = call.text()?;
    let special = match kind
        .as_ref()
        .map_or_else(|| "python".to_owned(), python::to_text)
        .as_str()
    {
        "python" => "()[]{}?*+-|^$\\.&~# \t\n\r\u{b}\u{c}",
        "posix_basic" => "].[^$*\\",
        "posix_extended" => return Err(call.verbatim("Regex type (posix_extended) not yet implemented")),
        other => return Err(call.verbatim(format!("Invalid regex type ({other})"))),
    };
    let mut escaped = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        if special.contains(character) {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    Ok(Value::from(escaped))
}

#[cfg(test)]
mod tests {
    use super::translate;

    #[test]
    fn python_patterns_are_translated() {
        for (python, rust) in [
            (r"^a$", r"^a(?=\n?\z)"),
            (r"a\Z", r"a\z"),
            (r"[[a]", r"[\[a]"),
            (r"[]a]", r"[\]a]"),
            (r"[^]a]", r"[^\]a]"),
            (r"a{2}", r"a{2}"),
            (r"a{,3}", r"a{0,3}"),
            (r"{{x}}", r"\{\{x\}\}"),
            (r"\<b\>", r"<b>"),
            (r"[a&&b]", r"[a\&\&b]"),
        ] {
            assert_eq!(translate(python, false), rust, "{python}");
        }
    }
}
