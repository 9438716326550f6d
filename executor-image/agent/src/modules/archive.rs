//! `community.general.archive`: files and trees packed into one file, or one file compressed.

mod pack;
mod selection;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

use self::pack::Format;
use self::selection::Selection;
use crate::answer::{Failure, Outcome, answer};
use crate::atomic_write::{Content, replace};
use crate::context::Context;
use crate::file_attributes::FileAttributes;

pub(super) fn run(context: &mut Context) -> Outcome {
    let args = &context.args;
    let selection = Selection::of(context)?;
    let format = Format::of(args.required("format"));
    let is_archive = args.flag("force_archive") || selection.must_be_archive();
    let destination = match args.text("dest") {
        Some(destination) => PathBuf::from(destination),
        None if is_archive => {
            return Err(
                Failure::new("Error, must specify \"dest\" when archiving multiple files or trees")
                    .with("dest", "None")
                    .with("path", args.list("path").join(", ")),
            );
        }
        None => {
            let source = selection.paths.first().map(|path| path.display().to_string());
            PathBuf::from(format!(
                "{}.{}",
                source.unwrap_or_default(),
                args.required("format")
            ))
        }
    };
    let mut report = answer!({
        "archived": [],
        "arcroot": selection.root,
        "changed": false,
        "dest": destination.to_string_lossy(),
        "dest_state": "absent",
        "expanded_exclude_paths": shown(&selection.excluded),
        "expanded_paths": shown(&selection.expanded),
        "missing": selection.missing,
    });
    let mut changed = false;
    let files = selection.files(&destination);
    let has_something = selection.paths.iter().any(|path| path.symlink_metadata().is_ok());
    if has_something {
        let before = pack::contents(context, &destination, format, is_archive);
        let directory = tempfile::Builder::new()
            .prefix("archive-")
            .tempdir_in(&context.temporary)
            .map_err(|error| Failure::io("making a temporary directory", &error))?;
        // zip gives every other name this ending.
        let staged = directory.path().join("packed.zip");
        if !context.check {
            if is_archive {
                pack::pack(context, format, &selection.root, &files, &staged)?;
            } else if let Some(source) = selection.paths.first() {
                pack::compress(context, format, source, &staged)?;
            }
        }
        let after: BTreeMap<String, Vec<u8>> =
            pack::wanted(&selection.root, &files, &selection.paths, is_archive)?;
        changed = before.as_ref() != Some(&after);
        if changed && !context.check {
            replace(Content::File(&staged), &destination, context.unsafe_writes())?;
        }
        if !context.check {
            let is_packed = |file: &&PathBuf| format != Format::Zip || !file.is_dir();
            let archived: Vec<PathBuf> = files.iter().filter(is_packed).cloned().collect();
            report.insert("archived".to_owned(), shown(&archived).into());
            let state = match (is_archive || format.holds_names(), selection.missing.is_empty()) {
                (true, true) => "archive",
                (true, false) => "incomplete",
                (false, _) => "compress",
            };
            report.insert("dest_state".to_owned(), state.into());
        }
        if args.flag("remove") && !context.check {
            remove(&selection, &destination)?;
            changed = true;
        }
    } else if destination.exists() {
        report.insert("dest_state".to_owned(), pack::state_of(&destination).into());
    }
    if destination.exists() {
        changed |= FileAttributes::of(args).apply(context, &destination, None)?;
    }
    report.insert("changed".to_owned(), changed.into());
    Ok(report)
}

fn shown(paths: &[PathBuf]) -> Vec<Value> {
    paths.iter().map(|path| path.to_string_lossy().into()).collect()
}

/// Removes what was packed, the new file excepted.
fn remove(selection: &Selection, destination: &Path) -> Result<(), Failure> {
    for path in &selection.paths {
        let removed = match path.symlink_metadata() {
            Ok(metadata) if metadata.is_dir() && !destination.starts_with(path) => {
                std::fs::remove_dir_all(path)
            }
            Ok(metadata) if !metadata.is_dir() => std::fs::remove_file(path),
            _ => continue,
        };
        removed.map_err(|error| {
            Failure::io(
                format!("Error deleting some source files: {}", path.display()),
                &error,
            )
        })?;
    }
    Ok(())
}
