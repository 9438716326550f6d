//! `ansible.builtin.copy`, and the half of `template` that is left when the runner has rendered: a file gets a content.
//!
//! The content is what the runner has sent under `src`, or the text of `content`, or a path of this host (`remote_src`).

mod remote_directory;

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::answer::{Failure, Outcome, answer};
use crate::atomic_write::{Content, back_up, replace, validate};
use crate::checksum::{Algorithm, sha1};
use crate::context::Context;
use crate::file_attributes::{AttributeDiff, FileAttributes, real_path};
use crate::path_state::{PathState, mode_text, permissions};
use crate::python_text::{display, error_text, python_json};

pub(super) fn run(context: &mut Context) -> Outcome {
    let raw_destination = context.args.required("dest").to_owned();
    let text = context.args.value("content").map(content_text);
    let source = match (&text, context.file("src"), context.args.text("src")) {
        (Some(_), _, _) => Source::Text,
        (None, Some(path), _) => Source::Sent(Some(path.to_owned())),
        (None, None, Some(path)) if context.args.flag("remote_src") => Source::Remote(PathBuf::from(path)),
        (None, None, Some(_)) if digest(context, "sha1").is_some() => Source::Sent(None),
        (None, None, Some(_)) => return Err(Failure::new("the content of src was not sent to the agent")),
        (None, None, None) => return Err(Failure::new("src (or content) is required")),
    };
    if let Source::Remote(path) = &source {
        if !path.exists() {
            return Err(Failure::new(format!("Source {} not found", path.display())));
        }
        if path.is_dir() {
            let path = path.clone();
            return remote_directory::copy(context, &path, &raw_destination);
        }
        if !path.is_file() {
            let said = format!("Cannot copy invalid source '{}': not a file", path.display());
            return Err(Failure::new(said));
        }
    }
    let is_directory = raw_destination.ends_with('/') || Path::new(&raw_destination).is_dir();
    if is_directory && matches!(source, Source::Text) && context.args.text("_original_basename").is_none() {
        return Err(Failure::new("can not use content with a dir as dest").with("diff", json!([])));
    }
    let name = context
        .args
        .text("_original_basename")
        .map(str::to_owned)
        .or_else(|| source.name());
    let destination = match (&name, is_directory) {
        (Some(name), true) => PathBuf::from(raw_destination.trim_end_matches('/')).join(name),
        _ => PathBuf::from(raw_destination.trim_end_matches('/')),
    };
    let file = match &source {
        Source::Text => None,
        Source::Sent(path) => path.clone(),
        Source::Remote(path) => Some(path.clone()),
    };
    let bytes = text.unwrap_or_default();
    let content = match file.as_deref() {
        None => Content::Bytes(bytes.as_bytes()),
        // What comes with its digests was sent for this call alone.
        Some(path) if matches!(source, Source::Sent(_)) && digest(context, "sha1").is_some() => {
            Content::Taken(path)
        }
        Some(path) => Content::File(path),
    };
    if !matches!(source, Source::Remote(_)) {
        check_place(&destination)?;
    }
    let outcome = copy_file(context, &source, content, &destination);
    match source {
        Source::Remote(_) => outcome,
        // The runner's half of Ansible's `copy` adds these to what the module answers.
        Source::Text | Source::Sent(_) => outcome.map_err(|mut failure| {
            failure.0.shift_remove("dest");
            failure.0.shift_remove("src");
            let checksum = content_sha1(context, content).unwrap_or_default();
            failure.with("diff", json!([])).with("checksum", checksum)
        }),
    }
}

/// Whether it can be told what is at the destination: not where something on the way to it is no directory.
fn check_place(destination: &Path) -> Result<(), Failure> {
    match destination.symlink_metadata() {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Failure::new(format!(
            "Failed to get information on remote file ({}): {}",
            destination.display(),
            error_text(&error)
        ))),
        _ => Ok(()),
    }
}

/// Where the content comes from.
enum Source {
    /// The text of `content`.
    Text,
    /// A file that the runner has sent; or will send, if its digests say that it is needed.
    Sent(Option<PathBuf>),
    /// A path of this host.
    Remote(PathBuf),
}

impl Source {
    fn name(&self) -> Option<String> {
        match self {
            Self::Remote(path) => path.file_name().map(|name| name.to_string_lossy().into_owned()),
            Self::Text | Self::Sent(_) => None,
        }
    }

    /// Whether the content is known by its digests only.
    fn is_announced(&self) -> bool {
        matches!(self, Self::Sent(None))
    }

    fn shown(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::Text | Self::Sent(None) => None,
            Self::Sent(Some(path)) | Self::Remote(path) => Some(path.to_string_lossy()),
        }
    }
}

/// The text of `content`: mappings and lists are written as JSON.
fn content_text(value: &Value) -> String {
    match value {
        Value::Object(_) | Value::Array(_) => python_json(value),
        other => display(other),
    }
}

/// A digest of the content that the runner has computed, once for all hosts.
fn digest(context: &Context, algorithm: &str) -> Option<String> {
    let digests = context.args.value("_digests")?;
    digests.get(algorithm)?.as_str().map(str::to_owned)
}

fn content_sha1(context: &Context, content: Content<'_>) -> Result<String, Failure> {
    if let Some(known) = digest(context, "sha1") {
        return Ok(known);
    }
    match content {
        Content::Bytes(bytes) => Ok(sha1(bytes)),
        Content::File(path) | Content::Taken(path) => Algorithm::Sha1
            .of_file(path)
            .map_err(|error| Failure::io(format!("reading {}", path.display()), &error)),
    }
}

fn copy_file(context: &mut Context, source: &Source, content: Content<'_>, destination: &Path) -> Outcome {
    // A link is replaced by the file unless `follow` says that what it leads to is meant, and that is there.
    let follows = context.args.flag("follow") && destination.exists();
    let destination = if follows && destination.is_symlink() {
        Cow::Owned(real_path(destination))
    } else {
        Cow::Borrowed(destination)
    };
    let destination = destination.as_ref();
    let shown = destination.to_string_lossy().into_owned();
    let checksum = content_sha1(context, content)?;
    if let Some(expected) = context.args.text("checksum")
        && matches!(source, Source::Remote(_))
        && expected != checksum
    {
        return Err(
            Failure::new("Copied file does not match the expected checksum. Transfer failed.")
                .with("checksum", checksum)
                .with("expected_checksum", expected.to_owned()),
        );
    }
    let attributes = attributes(context, source)?;
    let existing = PathState::of(destination);
    if existing == PathState::Directory {
        return Err(Failure::new(format!("cannot copy over the directory {shown}")).with("dest", shown));
    }
    let before_checksum = if destination.is_file() {
        Algorithm::Sha1.of_file(destination).ok()
    } else {
        None
    };
    let replaces_link =
        existing == PathState::Link && !context.args.flag("follow") && matches!(source, Source::Remote(_));
    let same = before_checksum.as_deref() == Some(checksum.as_str()) && !replaces_link;
    if same || (before_checksum.is_some() && !context.args.flag("force")) {
        return unchanged_content(context, source, &attributes, destination, &checksum, same);
    }
    make_parent(context, source, destination, &shown)?;
    if source.is_announced() {
        // Only a diff shows the content in check mode.
        return Ok(if context.check && !context.diff {
            answer!({"changed": true, "diff": []})
        } else {
            answer!({"_wanted": true})
        });
    }
    let mut answer = answer!({"dest": shown, "changed": true, "checksum": checksum});
    match source {
        Source::Remote(path) if context.check => {
            attributes.apply(context, destination, None)?;
            answer.insert("src".to_owned(), path.to_string_lossy().into());
            if let Ok(md5) = Algorithm::Md5.of_file(path) {
                answer.insert("md5sum".to_owned(), md5.into());
            }
            return Ok(answer);
        }
        Source::Remote(_) => {}
        Source::Text | Source::Sent(_) => {
            let diff = if context.diff {
                json!([content_diff(context, content, destination)?])
            } else {
                json!([])
            };
            if context.check {
                return Ok(answer!({"changed": true, "diff": diff}));
            }
            answer.insert("diff".to_owned(), diff);
        }
    }
    if let Some(command) = context.args.text("validate").map(str::to_owned) {
        let staged = stage(context, content)?;
        validate(context, &command, staged.path())?;
    }
    if context.args.flag("backup") && destination.exists() {
        let backup = back_up(destination)?;
        answer.insert("backup_file".to_owned(), backup.into());
    }
    if existing == PathState::Link {
        std::fs::remove_file(destination)
            .map_err(|error| Failure::io(format!("Could not replace the link {shown}"), &error))?;
    }
    replace(content, destination, context.unsafe_writes())?;
    attributes.apply(context, destination, None)?;
    if let Some(source) = source.shown() {
        answer.insert("src".to_owned(), source.into());
    }
    let md5 = digest(context, "md5").map_or_else(|| Algorithm::Md5.of_file(destination), Ok);
    if let Ok(md5) = md5 {
        answer.insert("md5sum".to_owned(), md5.into());
    }
    Ok(answer)
}

/// The attributes that the call asks for; `mode: preserve` is the mode of the source on this host.
fn attributes(context: &Context, source: &Source) -> Result<FileAttributes, Failure> {
    let mut attributes = FileAttributes::of(&context.args);
    if attributes.mode.as_ref().and_then(Value::as_str) == Some("preserve") {
        attributes.mode = match source {
            Source::Remote(path) => {
                let metadata = path
                    .metadata()
                    .map_err(|error| Failure::io(format!("reading {}", path.display()), &error))?;
                Some(Value::from(mode_text(permissions(&metadata))))
            }
            Source::Text | Source::Sent(_) => None,
        };
    }
    Ok(attributes)
}

/// The content is there already (or may not be replaced): only attributes may change.
fn unchanged_content(
    context: &mut Context,
    source: &Source,
    attributes: &FileAttributes,
    destination: &Path,
    checksum: &str,
    same: bool,
) -> Outcome {
    let shown = destination.to_string_lossy();
    if !same {
        // `force: false` leaves the file wholly as it is.
        return Ok(match source {
            Source::Remote(_) => answer!({
                "changed": false, "dest": shown, "src": source.shown(), "msg": "file already exists",
            }),
            Source::Text | Source::Sent(_) => {
                context.describes_path = false;
                answer!({"changed": false, "dest": shown, "src": source.shown()})
            }
        });
    }
    let mut diff = AttributeDiff::of_path(destination);
    let changed = attributes.apply(context, destination, Some(&mut diff))?;
    let mut answer = answer!({"changed": changed, "dest": shown, "checksum": checksum});
    match source {
        Source::Remote(path) => {
            answer.insert("src".to_owned(), path.to_string_lossy().into());
            if let Ok(md5) = Algorithm::Md5.of_file(destination) {
                answer.insert("md5sum".to_owned(), md5.into());
            }
        }
        Source::Text | Source::Sent(_) => {
            answer.insert("path".to_owned(), shown.into());
            answer.insert("diff".to_owned(), diff.into_value());
        }
    }
    Ok(answer)
}

/// Makes the directories of a destination that ends in `/`; otherwise they must be there.
fn make_parent(context: &Context, source: &Source, destination: &Path, shown: &str) -> Result<(), Failure> {
    let Some(parent) = destination.parent().filter(|parent| *parent != Path::new("")) else {
        return Ok(());
    };
    if parent.is_dir() || context.check {
        return Ok(());
    }
    let wants_directory = context.args.required("dest").ends_with('/');
    let below_directory = context.args.flag("_make_directories") || wants_directory;
    if !below_directory {
        let mut failure = Failure::new(format!(
            "Destination directory {} does not exist",
            parent.display()
        ))
        .with("dest", shown.to_owned());
        if let Some(source) = source.shown() {
            failure = failure.with("src", source.into_owned());
        }
        return Err(failure);
    }
    let is_missing = |part: &&Path| !part.as_os_str().is_empty() && !part.exists();
    let missing: Vec<&Path> = parent.ancestors().take_while(is_missing).collect();
    let attributes = FileAttributes {
        mode: context.args.value("directory_mode").cloned(),
        ..FileAttributes::of(&context.args)
    };
    for directory in missing.into_iter().rev() {
        std::fs::create_dir(directory)
            .map_err(|error| Failure::io(format!("making the directory {}", directory.display()), &error))?;
        attributes.apply(context, directory, None)?;
    }
    Ok(())
}

/// The content in a file, for programs that check it.
fn stage(context: &Context, content: Content<'_>) -> Result<::tempfile::NamedTempFile, Failure> {
    let staged = ::tempfile::Builder::new()
        .prefix("validate-")
        .tempfile_in(&context.temporary)
        .map_err(|error| Failure::io("making a temporary file", &error))?;
    let written = match content {
        Content::Bytes(bytes) => std::fs::write(staged.path(), bytes),
        Content::File(source) | Content::Taken(source) => std::fs::copy(source, staged.path()).map(drop),
    };
    written.map_err(|error| Failure::io("writing a temporary file", &error))?;
    Ok(staged)
}

/// Larger files are not shown in a diff, in bytes: Ansible's default `max_diff_size`.
const DIFF_LIMIT: u64 = 104_448;

/// `before` and `after` of a file's content, or a note why it is not shown.
pub(super) fn content_diff(
    context: &Context,
    content: Content<'_>,
    destination: &Path,
) -> Result<Value, Failure> {
    let mut diff = serde_json::Map::new();
    match std::fs::read(destination) {
        Err(_) => {
            diff.insert("before".to_owned(), "".into());
        }
        Ok(before) if before.contains(&0) => {
            diff.insert("dst_binary".to_owned(), 1.into());
        }
        Ok(before) if before.len() as u64 > DIFF_LIMIT => {
            diff.insert("dst_larger".to_owned(), DIFF_LIMIT.into());
        }
        Ok(before) => {
            diff.insert("before_header".to_owned(), destination.to_string_lossy().into());
            diff.insert("before".to_owned(), String::from_utf8_lossy(&before).into());
        }
    }
    let after = match content {
        Content::Bytes(bytes) => Cow::Borrowed(bytes),
        Content::File(path) | Content::Taken(path) => Cow::Owned(
            std::fs::read(path)
                .map_err(|error| Failure::io(format!("reading {}", path.display()), &error))?,
        ),
    };
    if after.contains(&0) {
        diff.insert("src_binary".to_owned(), 1.into());
    } else if after.len() as u64 > DIFF_LIMIT {
        diff.insert("src_larger".to_owned(), DIFF_LIMIT.into());
    } else {
        // The runner says where a content comes from that it has sent.
        let header = context
            .args
            .text("_original_source")
            .map_or_else(|| destination.to_string_lossy(), Cow::Borrowed);
        diff.insert("after_header".to_owned(), header.into());
        diff.insert("after".to_owned(), String::from_utf8_lossy(&after).into());
    }
    Ok(Value::Object(diff))
}
