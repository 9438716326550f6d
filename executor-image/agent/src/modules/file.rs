//! `ansible.builtin.file`: files, directories and links, and their attributes.

mod link;
mod timestamps;

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use walkdir::WalkDir;

use self::timestamps::Timestamps;
use crate::accounts;
use crate::answer::{Answer, Failure, Outcome, answer};
use crate::context::Context;
use crate::file_attributes::{AttributeDiff, FileAttributes, followed, real_path};
use crate::path_state::PathState;
use crate::python_text::os_error;

pub(super) fn run(context: &mut Context) -> Outcome {
    let requested = context.args.text("state").map(str::to_owned);
    let source = context.args.text("src").map(str::to_owned);
    let recurse = context.args.flag("recurse");
    let path = target(context, requested.as_deref(), source.as_deref());
    let before = PathState::of(&path);
    let state = match requested {
        Some(state) => state,
        None if before != PathState::Absent => before.name().to_owned(),
        None if recurse => "directory".to_owned(),
        None => "file".to_owned(),
    };
    if recurse && state != "directory" {
        return Err(at(&path, "recurse option requires state to be 'directory'"));
    }
    if source.is_some() && !matches!(state.as_str(), "link" | "hard") {
        return Err(at(&path, "src option requires state to be 'link' or 'hard'"));
    }
    if context.check && state != "absent" {
        warn_of_unknown_names(context);
    }
    let task = FileTask {
        attributes: FileAttributes::of(&context.args),
        timestamps: Timestamps::of(&context.args, state == "touch")?,
        follow: context.args.flag("follow"),
        force: context.args.flag("force"),
        context,
    };
    match state.as_str() {
        "absent" => task.absent(&path, before),
        "directory" => task.directory(&path, before, recurse),
        "touch" => task.touch(&path, before),
        "link" => task.symbolic_link(&path, source, before),
        "hard" => task.hard_link(&path, source, before),
        _ => task.file(path, before),
    }
}

/// The path that is meant: a file inside it when it is a directory and the call knows the file's name.
fn target(context: &Context, state: Option<&str>, source: Option<&str>) -> PathBuf {
    let path = PathBuf::from(context.args.required("path"));
    if matches!(state, Some("link" | "absent")) || !path.is_dir() {
        return path;
    }
    let name = context
        .args
        .text("_original_basename")
        .map(str::to_owned)
        .or_else(|| Some(Path::new(source?).file_name()?.to_string_lossy().into_owned()));
    name.map_or(path.clone(), |name| path.join(name))
}

/// In check mode a user may be missing because the task that makes it has not run.
fn warn_of_unknown_names(context: &mut Context) {
    if let Some(owner) = context.args.text("owner").map(str::to_owned) {
        if let Ok(uid) = owner.parse() {
            if accounts::user_by_id(uid).is_none() {
                context.warn(format!(
                    "failed to look up user with uid {uid}. Create user up to this point in real play"
                ));
            }
        } else if accounts::user_by_name(&owner).is_none() {
            context.warn(format!(
                "failed to look up user {owner}. Create user up to this point in real play"
            ));
        }
    }
    if let Some(group) = context.args.text("group").map(str::to_owned) {
        if let Ok(gid) = group.parse() {
            if accounts::group_by_id(gid).is_none() {
                context.warn(format!(
                    "failed to look up group with gid {gid}. Create group up to this point in real play"
                ));
            }
        } else if accounts::group_by_name(&group).is_none() {
            context.warn(format!(
                "failed to look up group {group}. Create group up to this point in real play"
            ));
        }
    }
}

fn at(path: &Path, message: impl Into<String>) -> Failure {
    Failure::new(message).with("path", path.to_string_lossy().into_owned())
}

/// A diff of the path, with its state when that changes.
fn state_diff(path: &Path, before: PathState, after: &str) -> AttributeDiff {
    let mut diff = AttributeDiff::of_path(path);
    if before.name() != after {
        diff.record("state", before.name(), after);
    }
    diff
}

struct FileTask<'a> {
    context: &'a mut Context,
    attributes: FileAttributes,
    timestamps: Timestamps,
    follow: bool,
    force: bool,
}

impl FileTask<'_> {
    /// Sets attributes and times on a path and tells whether any differed.
    fn set(&self, path: &Path, mut diff: Option<&mut AttributeDiff>) -> Result<bool, Failure> {
        let attributes = self.attributes.apply(self.context, path, diff.as_deref_mut())?;
        let times = self.timestamps.apply(self.context.check, path, diff)?;
        Ok(attributes || times)
    }

    fn absent(&self, path: &Path, before: PathState) -> Outcome {
        let shown = path.to_string_lossy();
        if before == PathState::Absent {
            return Ok(answer!({"path": shown, "changed": false, "state": "absent"}));
        }
        let mut diff = state_diff(path, before, "absent");
        if before == PathState::Directory {
            diff.before.insert("path_content".to_owned(), contents(path));
        }
        if !self.context.check {
            if before == PathState::Directory {
                std::fs::remove_dir_all(path)
                    .map_err(|error| Failure::new(format!("rmtree failed: {}", os_error(&error))))?;
            } else {
                match std::fs::remove_file(path) {
                    Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                        return Err(at(path, format!("unlinking failed: {} ", os_error(&error))));
                    }
                    _ => {}
                }
            }
        }
        Ok(answer!({"path": shown, "changed": true, "state": "absent", "diff": diff.into_value()}))
    }

    fn file(&self, path: PathBuf, before: PathState) -> Outcome {
        let (path, before) = self.resolve(path, before);
        if !matches!(before, PathState::File | PathState::Hard) {
            let message = format!("file ({}) is {}, cannot continue", path.display(), before.name());
            return Err(at(&path, message).with("state", before.name()));
        }
        let mut diff = state_diff(&path, before, "file");
        let changed = self.set(&path, Some(&mut diff))?;
        Ok(by_path(&path, changed, diff))
    }

    /// What a link leads to, when links are followed.
    fn resolve(&self, path: PathBuf, before: PathState) -> (PathBuf, PathState) {
        if self.follow && before == PathState::Link {
            let real = real_path(&path);
            let state = PathState::of(&real);
            return (real, state);
        }
        (path, before)
    }

    fn directory(&self, path: &Path, before: PathState, recurse: bool) -> Outcome {
        let (path, before) = self.resolve(path.to_owned(), before);
        let mut diff = state_diff(&path, before, "directory");
        match before {
            PathState::Absent => {
                if self.context.check {
                    return Ok(by_path(&path, true, diff));
                }
                self.make_directories(&path, &mut diff)?;
                let _ = self.set(&path, Some(&mut diff))?;
                return Ok(by_path(&path, true, diff));
            }
            PathState::Directory => {}
            other => {
                let message = format!("{} already exists as a {}", path.display(), other.name());
                return Err(at(&path, message));
            }
        }
        let mut changed = self.set(&path, Some(&mut diff))?;
        if recurse {
            changed |= self.set_below(&path)?;
        }
        Ok(by_path(&path, changed, diff))
    }

    /// Makes the directory and those above it that are missing; each new one gets the attributes.
    fn make_directories(&self, path: &Path, diff: &mut AttributeDiff) -> Result<(), Failure> {
        let missing: Vec<&Path> = path.ancestors().take_while(|part| !part.exists()).collect();
        for directory in missing.into_iter().rev().filter(|part| *part != Path::new("")) {
            if let Err(error) = std::fs::create_dir(directory)
                && !(error.kind() == std::io::ErrorKind::AlreadyExists && directory.is_dir())
            {
                let message = format!(
                    "There was an issue creating {} as requested: {}: b'{}'",
                    directory.display(),
                    os_error(&error),
                    directory.display()
                );
                return Err(at(path, message));
            }
            self.set(directory, Some(diff))?;
        }
        Ok(())
    }

    /// Sets the attributes of everything below a directory.
    fn set_below(&self, directory: &Path) -> Result<bool, Failure> {
        let mut changed = false;
        let mut directories = vec![directory.to_owned()];
        let mut seen = Vec::new();
        while let Some(directory) = directories.pop() {
            // Links may lead in circles.
            if seen.contains(&directory) {
                continue;
            }
            for entry in WalkDir::new(&directory).min_depth(1).follow_links(false) {
                let entry = entry.map_err(|error| {
                    Failure::new(format!(
                        "Could not recursively set attributes on {}. Original error was: '{error}'",
                        directory.display()
                    ))
                })?;
                changed |= self.set(entry.path(), None)?;
                if !entry.path_is_symlink() || !self.follow {
                    continue;
                }
                let real = real_path(entry.path());
                if real.is_dir() {
                    directories.push(real.clone());
                }
                if real.exists() {
                    changed |= self.set(&real, None)?;
                }
            }
            seen.push(directory);
        }
        Ok(changed)
    }

    fn touch(&self, path: &Path, before: PathState) -> Outcome {
        let shown = path.to_string_lossy();
        let created = before == PathState::Absent;
        if created {
            if self.context.check {
                return Ok(answer!({"dest": shown, "changed": true}));
            }
            std::fs::File::create(path).map_err(|error| {
                at(
                    path,
                    format!("Error, could not touch target: {}: b'{shown}'", os_error(&error)),
                )
            })?;
        }
        let mut diff = state_diff(path, before, "touch");
        let target = followed(path, self.follow);
        let changed = self.set(&target, Some(&mut diff)).inspect_err(|_| {
            if created {
                // A file that this failed call has made must not look like the work of a good one.
                let _ = std::fs::remove_file(path);
            }
        })?;
        Ok(answer!({"dest": shown, "changed": changed || created, "diff": diff.into_value()}))
    }
}

fn by_path(path: &Path, changed: bool, diff: AttributeDiff) -> Answer {
    answer!({"path": path.to_string_lossy(), "changed": changed, "diff": diff.into_value()})
}

/// Everything below a directory, by kind: what its removal takes away.
fn contents(directory: &Path) -> Value {
    let mut directories = Vec::new();
    let mut files = Vec::new();
    for entry in WalkDir::new(directory).min_depth(1).into_iter().flatten() {
        let path = entry.path().to_string_lossy().into_owned();
        if entry.path().is_dir() {
            directories.push(path);
        } else {
            files.push(path);
        }
    }
    json!({"directories": directories, "files": files})
}
