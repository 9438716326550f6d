//! `ansible.posix.authorized_key`: keys that may log in as a user.

mod entry;

use std::os::unix::fs::{DirBuilderExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use self::entry::{Entry, Line};
use crate::accounts::{self, User};
use crate::answer::{Failure, Outcome, answer};
use crate::atomic_write::{Content, replace};
use crate::context::Context;
use crate::file_attributes::followed;
use crate::http::Request;

/// Seconds that a server may stand still.
const TIMEOUT: u64 = 30;

pub(super) fn run(context: &mut Context) -> Outcome {
    let given = context.args.required("key").to_owned();
    let text = key_text(context, &given)?;
    let mut wanted = Vec::new();
    for line in text.lines().map(str::trim) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let mut entry =
            Entry::parse(line).ok_or_else(|| Failure::new(format!("invalid key specified: {line}")))?;
        if let Some(options) = context.args.text("key_options") {
            options.clone_into(&mut entry.options);
        }
        if let Some(comment) = context.args.text("comment") {
            comment.clone_into(&mut entry.comment);
        }
        wanted.push(entry);
    }
    let place = Place::of(context)?;
    let before = match std::fs::read(&place.file) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(Failure::io(format!("reading {}", place.file.display()), &error)),
    };
    let mut lines: Vec<Line> = before.lines().map(Line::parse).collect();
    let changed = if context.args.required("state") == "present" {
        let exclusive = context.args.flag("exclusive");
        let keeps_comments = context.args.value("comment").is_none();
        let added = add(&mut lines, &wanted, keeps_comments);
        let removed = exclusive && keep_only(&mut lines, &wanted);
        added || removed
    } else {
        let count = lines.len();
        lines.retain(|line| !wanted.iter().any(|entry| line.is_key(&entry.key)));
        lines.len() < count
    };
    let mut answer = answer!({"changed": changed, "keyfile": place.shown.to_string_lossy()});
    for parameter in [
        "comment",
        "exclusive",
        "follow",
        "key_options",
        "manage_dir",
        "path",
        "state",
        "user",
        "validate_certs",
    ] {
        let value = context.args.value(parameter).cloned().unwrap_or(Value::Null);
        answer.insert(parameter.to_owned(), value);
    }
    answer.insert("key".to_owned(), given.into());
    if !changed {
        return Ok(answer);
    }
    let mut after = String::new();
    for line in &lines {
        after.push_str(&line.text());
        after.push('\n');
    }
    if context.diff {
        let file = place.shown.to_string_lossy();
        let diff = json!({
            "before_header": file, "after_header": file, "before": before, "after": after,
        });
        answer.insert("diff".to_owned(), diff);
    }
    if !context.check {
        place.write(context, &after)?;
    }
    Ok(answer)
}

/// The keys' text, fetched where an address is given.
fn key_text(context: &Context, given: &str) -> Result<String, Failure> {
    if !given.starts_with("http") {
        return Ok(given.to_owned());
    }
    let text = Request::of(context, given, TIMEOUT)
        .fetch(context)
        .map_err(|_| Failure::new(format!("Error getting key from: {given}")))?
        .content(context)?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// Adds the keys that are not there; gives those that are the options and comment that are wished.
fn add(lines: &mut Vec<Line>, wanted: &[Entry], keeps_comments: bool) -> bool {
    let mut changed = false;
    for entry in wanted {
        let Some(there) = lines.iter_mut().find(|line| line.is_key(&entry.key)) else {
            lines.push(Line::Key(entry.clone()));
            changed = true;
            continue;
        };
        let Line::Key(known) = there else { continue };
        let comment_differs = known.comment != entry.comment && !(keeps_comments && entry.comment.is_empty());
        if known.options != entry.options || known.kind != entry.kind || comment_differs {
            *there = Line::Key(entry.clone());
            changed = true;
        }
    }
    changed
}

/// Takes away everything that is not a wished key, comments too.
fn keep_only(lines: &mut Vec<Line>, wanted: &[Entry]) -> bool {
    let before = lines.len();
    lines.retain(|line| match line {
        Line::Key(known) => wanted.iter().any(|entry| entry.key == known.key),
        Line::Other(_) => false,
    });
    lines.len() < before
}

/// Where the keys are.
struct Place {
    /// As the call names it.
    shown: PathBuf,
    /// What is read and written, links followed where the call wants that.
    file: PathBuf,
    user: Option<User>,
}

impl Place {
    fn of(context: &Context) -> Result<Self, Failure> {
        let name = context.args.required("user");
        let user = accounts::user_by_name(name);
        let path = context.args.text("path").map(PathBuf::from);
        if context.check && user.is_none() {
            return match path {
                Some(file) => Ok(Self {
                    shown: file.clone(),
                    file: followed(&file, context.args.flag("follow")),
                    user,
                }),
                None => Err(Failure::new(
                    "Either user must exist or you can provide full path to key file in check mode",
                )),
            };
        }
        let Some(user) = user else {
            return Err(Failure::new(format!(
                "Failed to lookup user {name}: \"getpwnam(): name not found: '{name}'\""
            )));
        };
        let shown = path.unwrap_or_else(|| Path::new(&user.home).join(".ssh/authorized_keys"));
        Ok(Self {
            file: followed(&shown, context.args.flag("follow")),
            shown,
            user: Some(user),
        })
    }

    /// Writes the file, its owner and modes as sshd demands them.
    fn write(&self, context: &Context, text: &str) -> Result<(), Failure> {
        let directory = self.file.parent().unwrap_or(Path::new("/"));
        let owner = self.user.as_ref().map(|user| (user.uid, user.gid));
        let own = |path: &Path, mode: u32| {
            let owned = match owner {
                Some((uid, gid)) => chown(path, Some(uid), Some(gid)),
                None => Ok(()),
            };
            owned
                .and_then(|()| std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)))
                .map_err(|error| {
                    Failure::io(
                        format!("setting the owner and mode of {}", path.display()),
                        &error,
                    )
                })
        };
        let making = |error: std::io::Error| {
            Failure::io(
                format!("Failed to create directory {}", directory.display()),
                &error,
            )
        };
        if context.args.flag("manage_dir") {
            if !directory.exists() {
                std::fs::DirBuilder::new()
                    .mode(0o700)
                    .create(directory)
                    .map_err(making)?;
            }
            own(directory, 0o700)?;
        } else {
            std::fs::create_dir_all(directory).map_err(making)?;
        }
        replace(Content::Bytes(text.as_bytes()), &self.file, false)?;
        own(&self.file, 0o600)
    }
}
