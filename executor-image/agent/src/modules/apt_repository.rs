//! `ansible.builtin.apt_repository`: repositories in apt's one-line format.

mod ppa;
mod source;
mod sources;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use self::source::Source;
use self::sources::Sources;
use super::apt::cache;
use crate::answer::{Failure, Outcome, answer};
use crate::atomic_write::{Content, replace};
use crate::context::Context;
use crate::file_attributes::FileAttributes;

pub(super) fn run(context: &mut Context) -> Outcome {
    let repository = context.args.required("repo").to_owned();
    let present = context.args.required("state") == "present";
    if repository.trim().is_empty() {
        return Err(Failure::new("Please set argument 'repo' to a non-empty value"));
    }
    let (line, key) = match ppa::parse(&repository) {
        Some(archive) => {
            let codename = ppa::codename(context)?;
            (archive.line(&codename), Some(archive))
        }
        None => (repository.clone(), None),
    };
    let source = Source::parse(&line)
        .filter(|source| source.is_enabled)
        .map(Source::without_comment)
        .ok_or_else(|| Failure::new(format!("Invalid repository string: {repository}")))?;
    let mut sources = Sources::read(context)?;
    let before = sources.texts();
    if present {
        sources.add(&source, context.args.text("filename"));
    } else {
        sources.remove(&source);
    }
    let after = sources.texts();
    let changed = before != after;
    let shown_diff = if context.diff {
        diff(&before, &after)
    } else {
        json!([])
    };
    let answer = answer!({
        "changed": changed,
        "diff": shown_diff,
        "repo": repository,
        "state": context.args.required("state"),
        "sources_added": names(after.keys().filter(|path| !before.contains_key(*path))),
        "sources_removed": names(before.keys().filter(|path| !after.contains_key(*path))),
    });
    if changed && !context.check {
        if let Some(archive) = key.filter(|_| present) {
            archive.trust(context)?;
        }
        let written = write(context, &before, &after);
        let updated = written.and_then(|()| {
            if context.args.flag("update_cache") {
                cache::update(context)
            } else {
                Ok(())
            }
        });
        if let Err(failure) = updated {
            // A repository that does not work would break every later use of apt.
            write(context, &after, &before)?;
            return Err(failure);
        }
    }
    Ok(answer)
}

fn names<'a>(paths: impl Iterator<Item = &'a PathBuf>) -> Vec<String> {
    paths.map(|path| path.to_string_lossy().into_owned()).collect()
}

/// What differs, file by file.
fn diff(before: &BTreeMap<PathBuf, String>, after: &BTreeMap<PathBuf, String>) -> Value {
    let mut paths: Vec<&PathBuf> = before.keys().chain(after.keys()).collect();
    paths.sort();
    paths.dedup();
    let header = |path: &Path, is_there: bool| {
        if is_there {
            path.to_string_lossy().into_owned()
        } else {
            "/dev/null".to_owned()
        }
    };
    paths
        .into_iter()
        .filter(|path| before.get(*path) != after.get(*path))
        .map(|path| {
            json!({
                "before": before.get(path).map_or("", String::as_str),
                "after": after.get(path).map_or("", String::as_str),
                "before_header": header(path, before.contains_key(path)),
                "after_header": header(path, after.contains_key(path)),
            })
        })
        .collect()
}

/// Writes what differs.
fn write(
    context: &Context,
    before: &BTreeMap<PathBuf, String>,
    after: &BTreeMap<PathBuf, String>,
) -> Result<(), Failure> {
    for (path, text) in after
        .iter()
        .filter(|(path, text)| before.get(*path) != Some(*text))
    {
        if let Some(directory) = path.parent() {
            std::fs::create_dir_all(directory).map_err(|error| {
                Failure::io(
                    format!("Failed to create directory {}", directory.display()),
                    &error,
                )
            })?;
        }
        replace(Content::Bytes(text.as_bytes()), path, false)?;
        if !before.contains_key(path) {
            let attributes = FileAttributes {
                mode: context.args.value("mode").cloned(),
                ..FileAttributes::default()
            };
            attributes.apply(context, path, None)?;
        }
    }
    for path in before.keys().filter(|path| !after.contains_key(*path)) {
        std::fs::remove_file(path)
            .map_err(|error| Failure::io(format!("Failed to remove {}", path.display()), &error))?;
    }
    Ok(())
}
