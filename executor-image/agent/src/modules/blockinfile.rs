//! `ansible.builtin.blockinfile`: lines between two markers.

use fancy_regex::Regex;

use crate::answer::{Failure, Outcome, answer};
use crate::context::Context;
use crate::python_regex::{Flags, compile, is_found, search};
use crate::text_edit::{TextFile, exclude, lines_with_ends, without_end};

pub(super) fn run(context: &mut Context) -> Outcome {
    exclude(context, "insertbefore", "insertafter")?;
    let file = TextFile::read(context, context.args.flag("create"), "Path")?;
    let original = file.text.clone().unwrap_or_default();
    let marker = context.args.required("marker");
    let begin = marker.replacen("{mark}", context.args.required("marker_begin"), 1);
    let end = marker.replacen("{mark}", context.args.required("marker_end"), 1);
    let block = block_lines(context, &begin, &end);

    let mut lines = lines_with_ends(&original);
    let mut place =
        take_out(&mut lines, &begin, &end).map_or_else(|| place(context, &lines, &original), Ok)?;
    if let Some(previous) = place
        .checked_sub(1)
        .and_then(|index| lines.get_mut(index))
        .filter(|line| !line.ends_with('\n'))
    {
        previous.push('\n');
    }
    if !block.is_empty() {
        if context.args.flag("prepend_newline") && place > 0 && lines[place - 1] != "\n" {
            lines.insert(place, "\n".to_owned());
            place += 1;
        }
        if context.args.flag("append_newline") && lines.get(place).is_some_and(|line| line != "\n") {
            lines.insert(place, "\n".to_owned());
        }
    }
    let is_removal = block.is_empty();
    lines.splice(place..place, block);
    let new_text = lines.concat();

    let (mut changed, mut message) = match &file.text {
        Some(text) if *text == new_text => (false, String::new()),
        None if new_text.is_empty() => (false, String::new()),
        None => (true, "File created".to_owned()),
        Some(_) if is_removal => (true, "Block removed".to_owned()),
        Some(_) => (true, "Block inserted".to_owned()),
    };
    let backup = if changed {
        file.write(context, &new_text)?
    } else {
        None
    };
    let attributes = file.set_attributes(context, &mut message, &mut changed)?;
    let mut answer = answer!({
        "changed": changed,
        "msg": message,
        "diff": file.diff(context, &new_text, attributes),
    });
    if let Some(backup) = backup {
        answer.insert("backup_file".to_owned(), backup.into());
    }
    Ok(answer)
}

/// The block with its markers, each line ended; nothing when it is to be absent.
fn block_lines(context: &Context, begin: &str, end: &str) -> Vec<String> {
    let block = context.args.text("block").unwrap_or_default();
    if block.is_empty() || context.args.required("state") == "absent" {
        return Vec::new();
    }
    let mut text = format!("{begin}\n{block}");
    if !text.ends_with('\n') {
        text.push('\n');
    }
    text.push_str(end);
    text.push('\n');
    lines_with_ends(&text)
}

/// Takes out the block that is there; says where it was.
fn take_out(lines: &mut Vec<String>, begin: &str, end: &str) -> Option<usize> {
    let last = |marker: &str| lines.iter().rposition(|line| without_end(line) == marker);
    let (begin, end) = (last(begin)?, last(end)?);
    // Markers in the wrong order mark a block all the same.
    let (first, last) = if begin < end { (begin, end) } else { (end, begin) };
    lines.drain(first..=last);
    Some(first)
}

/// Where a new block goes.
fn place(context: &Context, lines: &[String], text: &str) -> Result<usize, Failure> {
    let before = context.args.text("insertbefore");
    let after = context.args.text("insertafter");
    let pattern = match (before, after) {
        (Some("BOF"), _) => return Ok(0),
        (None, Some("EOF") | None) => return Ok(lines.len()),
        (Some(pattern), _) | (None, Some(pattern)) => pattern,
    };
    let regex = compile(pattern, Flags::default())?;
    let found = if pattern.contains("(?m") || pattern.contains("(?s") {
        line_of_match(&regex, text, before.is_none())?
    } else {
        let mut found = None;
        for (number, line) in lines.iter().enumerate() {
            if is_found(&regex, without_end(line))? {
                found = Some(number);
            }
        }
        found
    };
    Ok(match found {
        None => lines.len(),
        Some(number) if before.is_none() => number + 1,
        Some(number) => number,
    })
}

/// The line in which a match over several lines ends, or begins.
fn line_of_match(regex: &Regex, text: &str, at_end: bool) -> Result<Option<usize>, Failure> {
    let Some(found) =
        search(regex, text)?.and_then(|captures| captures.get(0).map(|found| (found.start(), found.end())))
    else {
        return Ok(None);
    };
    let offset = if at_end { found.1 } else { found.0 };
    Ok(Some(text[..offset].matches('\n').count()))
}
