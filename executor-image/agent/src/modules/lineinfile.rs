//! `ansible.builtin.lineinfile`: a line is in a file, or not.

use fancy_regex::Regex;

use crate::answer::{Failure, Outcome, answer};
use crate::context::Context;
use crate::file_attributes::AttributeDiff;
use crate::python_regex::{Flags, Template, compile, is_found, search};
use crate::text_edit::{TextFile, exclude, lines_with_ends, without_end};

pub(super) fn run(context: &mut Context) -> Outcome {
    exclude(context, "insertbefore", "insertafter")?;
    exclude(context, "regexp", "search_string")?;
    exclude(context, "backrefs", "search_string")?;
    for (parameter, what) in [
        ("regexp", "regular expression"),
        ("search_string", "search string"),
    ] {
        if context.args.text(parameter) == Some("") {
            context.warn(format!(
                "The {what} is an empty string, which will match every line in the file. This may have unintended \
                 consequences, such as replacing the last line in the file rather than appending.{}",
                if parameter == "regexp" {
                    " If this is desired, use '^' to match every line in the file and avoid this warning."
                } else {
                    ""
                }
            ));
        }
    }
    if context.args.required("state") == "present" {
        present(context)
    } else {
        absent(context)
    }
}

/// What marks the line that is meant.
enum Wanted<'a> {
    Pattern(Regex),
    Text(&'a str),
    WholeLine(&'a str),
}

impl<'a> Wanted<'a> {
    fn of(context: &'a Context, line: &'a str) -> Result<Self, Failure> {
        Ok(
            match (context.args.text("regexp"), context.args.text("search_string")) {
                (Some(pattern), _) => Self::Pattern(compile(pattern, Flags::default())?),
                (None, Some(text)) => Self::Text(text),
                (None, None) => Self::WholeLine(line),
            },
        )
    }

    fn matches(&self, line: &str) -> Result<bool, Failure> {
        let line = without_end(line);
        match self {
            Self::Pattern(regex) => is_found(regex, line),
            Self::Text(text) => Ok(line.contains(text)),
            Self::WholeLine(wanted) => Ok(line == *wanted),
        }
    }
}

fn present(context: &mut Context) -> Outcome {
    let backrefs = context.args.flag("backrefs");
    if backrefs && context.args.text("regexp").is_none() {
        return Err(Failure::new("regexp is required with backrefs=true"));
    }
    let Some(line) = context.args.text("line") else {
        return Err(Failure::new("line is required with state=present"));
    };
    let file = TextFile::read(context, context.args.flag("create"), "Destination")?;
    let mut lines = lines_with_ends(file.text.as_deref().unwrap_or_default());
    let wanted = Wanted::of(context, line)?;
    let before = context.args.text("insertbefore");
    let after = context
        .args
        .text("insertafter")
        .or(if before.is_none() { Some("EOF") } else { None });
    let place_pattern = match (after, before) {
        (Some(pattern), _) if !matches!(pattern, "BOF" | "EOF") => Some(compile(pattern, Flags::default())?),
        (None, Some(pattern)) if pattern != "BOF" => Some(compile(pattern, Flags::default())?),
        _ => None,
    };
    let first = context.args.flag("firstmatch");
    let matched = match &wanted {
        Wanted::WholeLine(_) => None,
        _ => find(&lines, &wanted, first)?,
    };
    // Where nothing fits what is looked for, the line itself may be there already.
    let (found, place) = match matched {
        Some(number) => (Some(number), None),
        None => exact_or_place(&lines, line, place_pattern.as_ref(), after.is_some(), first)?,
    };
    let mut message = "";
    match found {
        Some(number) => {
            let mut new = match &wanted {
                Wanted::Pattern(regex) if backrefs && matched.is_some() => {
                    match search(regex, without_end(&lines[number]))? {
                        Some(captures) => Template::parse(line)?.expand(&captures)?,
                        None => line.to_owned(),
                    }
                }
                _ => line.to_owned(),
            };
            if !new.ends_with('\n') {
                new.push('\n');
            }
            if lines[number] != new {
                lines[number] = new;
                message = "line replaced";
            }
        }
        None if backrefs => {}
        None => message = insert(&mut lines, line, after, before, place),
    }
    let new_text = lines.concat();
    let mut changed = !message.is_empty();
    let mut backup = String::new();
    if changed {
        backup = file.write(context, &new_text)?.unwrap_or_default();
    }
    let mut message = message.to_owned();
    let attributes = file.set_attributes(context, &mut message, &mut changed)?;
    Ok(answer!({
        "changed": changed,
        "msg": message,
        "backup": backup,
        "diff": file.diff(context, &new_text, attributes),
    }))
}

/// The last line that fits, or the first.
fn find(lines: &[String], wanted: &Wanted<'_>, first: bool) -> Result<Option<usize>, Failure> {
    let mut found = None;
    for (number, current) in lines.iter().enumerate() {
        if wanted.matches(current)? {
            found = Some(number);
            if first {
                break;
            }
        }
    }
    Ok(found)
}

/// Where the line itself is, and the place that is named for it: before the line that fits, or after it.
fn exact_or_place(
    lines: &[String],
    line: &str,
    pattern: Option<&Regex>,
    is_after: bool,
    first: bool,
) -> Result<(Option<usize>, Option<usize>), Failure> {
    let (mut found, mut place) = (None, None);
    for (number, current) in lines.iter().enumerate() {
        if without_end(current) == line {
            found = Some(number);
        } else if let Some(pattern) = pattern
            && is_found(pattern, without_end(current))?
        {
            place = Some(if is_after { number + 1 } else { number });
            if first {
                break;
            }
        }
    }
    Ok((found, place))
}

/// Puts the line where it belongs; says what was done, or nothing when it is there already.
fn insert(
    lines: &mut Vec<String>,
    line: &str,
    after: Option<&str>,
    before: Option<&str>,
    place: Option<usize>,
) -> &'static str {
    let new = format!("{line}\n");
    if before == Some("BOF") || after == Some("BOF") {
        lines.insert(0, new);
        return "line added";
    }
    let Some(place) = place else {
        end_last_line(lines);
        lines.push(new);
        return "line added";
    };
    let neighbour = if after.is_some() {
        lines.get(place)
    } else {
        place.checked_sub(1).and_then(|index| lines.get(index))
    };
    if neighbour.is_some_and(|neighbour| without_end(neighbour) == line) {
        return "";
    }
    if place == lines.len() {
        end_last_line(lines);
    }
    lines.insert(place, new);
    "line added"
}

fn end_last_line(lines: &mut [String]) {
    if let Some(last) = lines.last_mut().filter(|last| !last.ends_with('\n')) {
        last.push('\n');
    }
}

fn absent(context: &mut Context) -> Outcome {
    let has_wish = ["line", "regexp", "search_string"]
        .iter()
        .any(|name| context.args.value(name).is_some());
    if !has_wish {
        return Err(Failure::new(
            "one of line, search_string, or regexp is required with state=absent",
        ));
    }
    let file = TextFile::read(context, true, "Destination")?;
    let Some(text) = &file.text else {
        return Ok(answer!({"changed": false, "msg": "file not present"}));
    };
    let wanted = Wanted::of(context, context.args.text("line").unwrap_or_default())?;
    let mut kept = String::with_capacity(text.len());
    let mut removed = 0_usize;
    for line in lines_with_ends(text) {
        if wanted.matches(&line)? {
            removed += 1;
        } else {
            kept.push_str(&line);
        }
    }
    let mut changed = removed > 0;
    let mut backup = String::new();
    let mut message = String::new();
    if changed {
        backup = file.write(context, &kept)?.unwrap_or_default();
        message = format!("{removed} line(s) removed");
    }
    let attributes: AttributeDiff = file.set_attributes(context, &mut message, &mut changed)?;
    Ok(answer!({
        "changed": changed,
        "found": removed,
        "msg": message,
        "backup": backup,
        "diff": file.diff(context, &kept, attributes),
    }))
}
