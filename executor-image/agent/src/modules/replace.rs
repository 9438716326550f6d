//! `ansible.builtin.replace`: every match of a pattern in a file is replaced.

use serde_json::json;

use crate::answer::{Failure, Outcome, answer};
use crate::context::Context;
use crate::python_regex::{Flags, compile, replace_all, search};
use crate::text_edit::TextFile;

pub(super) fn run(context: &mut Context) -> Outcome {
    let file = TextFile::read(context, false, "Path")?;
    let text = file.text.clone().unwrap_or_default();
    let (start, end) = match section(context) {
        None => (0, text.len()),
        Some(pattern) => {
            let regex = compile(
                &pattern,
                Flags {
                    dot_matches_newline: true,
                    ..Flags::default()
                },
            )?;
            let found = search(&regex, &text)?;
            let range =
                found.and_then(|captures| captures.name("subsection").map(|part| (part.start(), part.end())));
            let Some(range) = range else {
                let message =
                    format!("Pattern for before/after params did not match the given file: {pattern}");
                return Ok(answer!({"changed": false, "msg": message, "rc": 0}));
            };
            range
        }
    };
    let regex = compile(
        context.args.required("regexp"),
        Flags {
            multiline: true,
            ..Flags::default()
        },
    )?;
    let (section, count) =
        replace_all(&regex, &text[start..end], context.args.required("replace")).map_err(|error| {
            Failure::new(format!(
                "Unable to process replace due to error: {}",
                error.message()
            ))
        })?;
    let new_text = format!("{}{section}{}", &text[..start], &text[end..]);
    let mut changed = count > 0 && new_text != text;
    let mut message = if changed {
        format!("{count} replacements made")
    } else {
        String::new()
    };
    let mut answer = answer!({});
    if changed {
        if context.diff {
            let path = file.path.to_string_lossy();
            answer.insert(
                "diff".to_owned(),
                json!({"before_header": path, "before": text, "after_header": path, "after": new_text}),
            );
        }
        if let Some(backup) = file.write(context, &new_text)? {
            answer.insert("backup_file".to_owned(), backup.into());
        }
    }
    file.set_attributes(context, &mut message, &mut changed)?;
    answer.insert("changed".to_owned(), changed.into());
    answer.insert("msg".to_owned(), message.into());
    answer.insert("rc".to_owned(), 0.into());
    Ok(answer)
}

/// The pattern of the part of the file between `after` and `before`.
fn section(context: &Context) -> Option<String> {
    match (context.args.text("after"), context.args.text("before")) {
        (Some(after), Some(before)) => Some(format!("{after}(?P<subsection>.*?){before}")),
        (Some(after), None) => Some(format!("{after}(?P<subsection>.*)")),
        (None, Some(before)) => Some(format!("(?P<subsection>.*){before}")),
        (None, None) => None,
    }
}
