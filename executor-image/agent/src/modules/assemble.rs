//! `ansible.builtin.assemble`: a file is made of the fragments in a directory, in the order of their names.
//!
//! With `remote_src: false` the directory is the runner's, which has sent the fragments as `fragment/<name>`.

use std::path::{Path, PathBuf};

use fancy_regex::Regex;
use serde_json::json;

use super::copy;
use crate::answer::{Failure, Outcome, answer};
use crate::atomic_write::{Content, back_up, replace, validation_output};
use crate::checksum::{Algorithm, sha1};
use crate::context::Context;
use crate::file_attributes::FileAttributes;
use crate::python_regex::{Flags, compile, is_found};
use crate::python_text::unescape;

pub(super) fn run(context: &mut Context) -> Outcome {
    if context.check {
        return Ok(answer!({
            "changed": false, "skipped": true, "msg": "This action (assemble) does not support check mode.",
        }));
    }
    let source = context.args.required("src").to_owned();
    let destination = context.args.required("dest").to_owned();
    let target = Path::new(&destination);
    let fragments = if context.args.flag("remote_src") {
        fragments_here(&source)?
    } else {
        fragments_sent(context)
    };
    let pattern = context
        .args
        .text("regexp")
        .map(|pattern| {
            compile(pattern, Flags::default()).map_err(|failure| {
                Failure::new(format!("Invalid Regexp ({}) in \"{pattern}\"", failure.message()))
            })
        })
        .transpose()?;
    let text = assembled(context, fragments, pattern.as_ref())?;
    let checksum = sha1(&text);
    let mut answer = answer!({
        "src": source, "dest": destination, "checksum": checksum, "msg": "OK", "changed": false,
    });
    if target.is_dir() {
        return Err(Failure::new(format!(
            "attempted to take checksum of directory: {destination}"
        )));
    }
    let digest = |algorithm: Algorithm| {
        algorithm
            .of_file(target)
            .map_err(|error| Failure::io(format!("reading {destination}"), &error))
    };
    let differs = !target.exists() || digest(Algorithm::Sha1)? != checksum;
    if differs {
        // What is assembled on the host itself has no diff.
        if context.diff && !context.args.flag("remote_src") {
            let diff = copy::content_diff(context, Content::Bytes(&text), target)?;
            answer.insert("diff".to_owned(), diff);
        }
        if let Some(command) = context.args.text("validate") {
            let output = validation_output(context, command, &text)?;
            if output.code != 0 {
                return Err(Failure::new(format!(
                    "failed to validate: rc:{} error:{}",
                    output.code, output.stderr
                )));
            }
            answer.insert(
                "validation".to_owned(),
                json!({"rc": output.code, "stdout": output.stdout, "stderr": output.stderr}),
            );
        }
        if context.args.flag("backup") && target.exists() {
            answer.insert("backup_file".to_owned(), back_up(target)?.into());
        }
        replace(Content::Bytes(&text), target, context.unsafe_writes())?;
    }
    let attributes_changed = FileAttributes::of(&context.args).apply(context, target, None)?;
    answer.insert("changed".to_owned(), (differs || attributes_changed).into());
    answer.insert("md5sum".to_owned(), digest(Algorithm::Md5)?.into());
    Ok(answer)
}

/// A fragment's name and where it is.
type Fragment = (String, PathBuf);

fn fragments_here(source: &str) -> Result<Vec<Fragment>, Failure> {
    let directory = Path::new(source);
    if !directory.exists() {
        return Err(Failure::new(format!("Source ({source}) does not exist")));
    }
    if !directory.is_dir() {
        return Err(Failure::new(format!("Source ({source}) is not a directory")));
    }
    let reading = |error: std::io::Error| Failure::io(format!("reading {source}"), &error);
    let mut fragments = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(reading)? {
        let entry = entry.map_err(reading)?;
        if entry.path().is_file() {
            fragments.push((entry.file_name().to_string_lossy().into_owned(), entry.path()));
        }
    }
    Ok(fragments)
}

fn fragments_sent(context: &Context) -> Vec<Fragment> {
    let named = |(name, path): (&String, &PathBuf)| {
        let name = name.strip_prefix("fragment/")?;
        Some((name.to_owned(), path.clone()))
    };
    context.files.iter().filter_map(named).collect()
}

/// The fragments, one after the other. A fragment begins on a line of its own, and a delimiter stands between two of them.
fn assembled(
    context: &Context,
    mut fragments: Vec<Fragment>,
    pattern: Option<&Regex>,
) -> Result<Vec<u8>, Failure> {
    let delimiter = context.args.text("delimiter").map(unescape);
    fragments.sort();
    let mut text: Vec<u8> = Vec::new();
    let mut is_first = true;
    for (name, path) in fragments {
        let is_hidden = context.args.flag("ignore_hidden") && name.starts_with('.');
        let fits = match pattern {
            Some(pattern) => is_found(pattern, &name)?,
            None => true,
        };
        if is_hidden || !fits {
            continue;
        }
        let fragment = std::fs::read(&path)
            .map_err(|error| Failure::io(format!("reading {}", path.display()), &error))?;
        if !is_first {
            end_line(&mut text);
            if let Some(delimiter) = &delimiter {
                text.extend_from_slice(delimiter.as_bytes());
                end_line(&mut text);
            }
        }
        is_first = false;
        text.extend_from_slice(&fragment);
    }
    Ok(text)
}

fn end_line(text: &mut Vec<u8>) {
    if text.last().is_some_and(|last| *last != b'\n') {
        text.push(b'\n');
    }
}
