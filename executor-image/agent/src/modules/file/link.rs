//! `state: link` and `state: hard`.

use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{FileTask, at, state_diff};
use crate::answer::{Failure, Outcome, answer};
use crate::file_attributes::{AttributeDiff, followed};
use crate::path_state::PathState;
use crate::python_text::os_error;

impl FileTask<'_> {
    pub(super) fn symbolic_link(mut self, path: &Path, source: Option<String>, before: PathState) -> Outcome {
        // Without a source an existing link keeps its own.
        let source = source.or_else(|| {
            let target = path.read_link().ok().filter(|_| self.follow && path.exists())?;
            Some(target.to_string_lossy().into_owned())
        });
        let refuse = |message: String| at(path, message);
        if let Some(source) = &source {
            let base = if before == PathState::Directory {
                Some(path)
            } else {
                path.parent()
            };
            let absolute = base.unwrap_or(Path::new("")).join(source);
            if !self.force && !absolute.exists() {
                let message = format!(
                    "src file does not exist, use \"force=yes\" if you really want to create the link: {}",
                    absolute.display()
                );
                return Err(refuse(message).with("src", source.clone()));
            }
        }
        match before {
            PathState::Directory if !self.force => {
                return Err(refuse(format!(
                    "refusing to convert from directory to symlink for {}",
                    path.display()
                )));
            }
            PathState::Directory if path.read_dir().is_ok_and(|mut entries| entries.next().is_some()) => {
                return Err(refuse(format!(
                    "the directory {} is not empty, refusing to convert it",
                    path.display()
                )));
            }
            PathState::File | PathState::Hard if !self.force => {
                return Err(refuse(format!(
                    "refusing to convert from {} to symlink for {}",
                    before.name(),
                    path.display()
                )));
            }
            _ => {}
        }
        let mut diff = state_diff(path, before, "link");
        let mut changed = before != PathState::Link;
        if changed && source.is_none() {
            return Err(Failure::new("src is required for creating new symlinks"));
        }
        if let (PathState::Link, Some(source)) = (before, &source) {
            changed = record_new_target(path, source, &mut diff);
        }
        if let (true, false, Some(source)) = (changed, self.context.check, &source) {
            replace_by(path, before, |new| symlink(source, new))?;
        }
        let shown_source = source.map_or(Value::Null, Value::String);
        let shown = path.to_string_lossy();
        if self.context.check && !path.exists() {
            return Ok(
                answer!({"dest": shown, "src": shown_source, "changed": changed, "diff": diff.into_value()}),
            );
        }
        let target = followed(path, self.follow);
        if self.follow && path.is_symlink() && !target.exists() {
            self.warn("Cannot set fs attributes on a non-existent symlink target. follow should be set to False to avoid this.");
        } else {
            changed |= self.set(&target, Some(&mut diff))?;
        }
        Ok(answer!({"dest": shown, "src": shown_source, "changed": changed, "diff": diff.into_value()}))
    }

    fn warn(&mut self, warning: &str) {
        self.context.warn(warning);
    }

    pub(super) fn hard_link(self, path: &Path, source: Option<String>, before: PathState) -> Outcome {
        let shown = path.to_string_lossy();
        let refuse = |message: &str| {
            Failure::new(message)
                .with("dest", shown.clone())
                .with("src", source.clone().map_or(Value::Null, Value::String))
        };
        if source.is_none() && before != PathState::Hard {
            return Err(Failure::new("src is required for creating new hardlinks"));
        }
        if source.as_ref().is_some_and(|source| !Path::new(source).exists()) {
            return Err(refuse("src does not exist"));
        }
        let same_file = source
            .as_ref()
            .is_some_and(|source| same_inode(path, Path::new(source)));
        let mut diff = state_diff(path, before, "hard");
        let mut changed = match before {
            PathState::Link => source
                .as_ref()
                .is_some_and(|source| record_new_target(path, source, &mut diff)),
            PathState::Hard if source.is_none() || same_file => false,
            PathState::Directory if same_file => {
                return Ok(answer!({"path": shown, "changed": false}));
            }
            PathState::Hard if !self.force => {
                return Err(refuse("Cannot link, different hard link exists at destination"));
            }
            PathState::File if !self.force => return Err(refuse("Cannot link, file exists at destination")),
            PathState::Directory if !self.force => {
                return Err(refuse("Cannot link: different hard link exists at destination"));
            }
            PathState::Absent | PathState::Hard | PathState::File | PathState::Directory => true,
        };
        if let (true, false, Some(source)) = (changed, self.context.check, &source) {
            let from = followed(Path::new(source), self.follow);
            replace_by(path, before, |new| std::fs::hard_link(&from, new))?;
        }
        let shown_source = source.map_or(Value::Null, Value::String);
        if !self.context.check || path.exists() {
            changed |= self.set(&followed(path, self.follow), Some(&mut diff))?;
        }
        Ok(answer!({"dest": shown, "src": shown_source, "changed": changed, "diff": diff.into_value()}))
    }
}

fn same_inode(one: &Path, other: &Path) -> bool {
    match (one.metadata(), other.metadata()) {
        (Ok(one), Ok(other)) => (one.dev(), one.ino()) == (other.dev(), other.ino()),
        _ => false,
    }
}

/// Records the old and new target of a link; tells whether they differ.
fn record_new_target(path: &Path, source: &str, diff: &mut AttributeDiff) -> bool {
    let old = path.read_link().unwrap_or_default();
    if old == Path::new(source) {
        return false;
    }
    diff.record("src", old.to_string_lossy().into_owned(), source);
    true
}

/// Makes a link under a temporary name and moves it over the path, so that the path is never without anything.
fn replace_by(
    path: &Path,
    before: PathState,
    make: impl Fn(&Path) -> std::io::Result<()>,
) -> Result<(), Failure> {
    let failed = |doing: &str, error: &std::io::Error| at(path, format!("{doing}: {}", os_error(error)));
    if before == PathState::Absent {
        return make(path).map_err(|error| failed("Error while linking", &error));
    }
    let temporary = temporary_name(path);
    let replaced = make(&temporary).and_then(|()| {
        if before == PathState::Directory {
            std::fs::remove_dir(path)?;
        }
        std::fs::rename(&temporary, path)
    });
    replaced.map_err(|error| {
        // It is not there when `make` failed.
        let _ = std::fs::remove_file(&temporary);
        failed("Error while replacing", &error)
    })
}

fn temporary_name(path: &Path) -> PathBuf {
    let time = chrono::Utc::now().timestamp_micros();
    path.with_file_name(format!(".{}.{time}.tmp", std::process::id()))
}
