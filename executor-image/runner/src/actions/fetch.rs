//! `fetch`: brings a file of the host to this machine.

use std::path::{Path, PathBuf};

use base64::{Engine, prelude::BASE64_STANDARD};
use indexmap::IndexMap;
use md5::Md5;
use serde_json::{Value, json};
use sha1::{Digest, Sha1};

use super::{ActionContext, Arguments, ResultMap, boolean, failure, map, text};
use crate::transport::{TransportError, quote};

/// Files up to this size come in one answer of the agent; larger ones through a stream of their own.
const ONE_ANSWER: u64 = 4 * 1024 * 1024;

pub(super) async fn run(context: &ActionContext<'_>, args: &Arguments) -> Result<ResultMap, TransportError> {
    let item = context.item;
    if item.check {
        return Ok(map(
            json!({"changed": false, "skipped": true, "msg": "check mode not (yet) supported for this module"}),
        ));
    }
    let is_given = |name: &str| args.get(name).is_some_and(|value| !value.is_null());
    if !is_given("src") || !is_given("dest") {
        return Ok(failure("src and dest are required"));
    }
    for (name, called) in [("dest", "dest"), ("src", "source")] {
        if !args.get(name).is_some_and(Value::is_string) {
            return Ok(failure(format!(
                "Invalid type supplied for {called} option, it must be a string"
            )));
        }
    }
    let source = text(args, "src").unwrap_or_default();
    let destination = text(args, "dest").unwrap_or_default();
    let mut wanted = Arguments::new();
    wanted.insert("path".to_owned(), Value::from(source.as_str()));
    wanted.insert("follow".to_owned(), true.into());
    let found = context
        .call("ansible.builtin.stat", wanted, IndexMap::new())
        .await?;
    let becomes = item.target().is_ok_and(|target| target.launch.r#become.is_some());
    let missing = |why: Missing| Ok(why.result(&source, boolean(args, "fail_on_missing").unwrap_or(true)));
    if boolean(&found, "failed") == Some(true) {
        // As another user Ansible does not ask what there is: it reads the file.
        return missing(if becomes {
            Missing::unreadable(&source)
        } else {
            Missing::Unknown(text(&found, "msg").unwrap_or_default())
        });
    }
    let stat = found.get("stat").cloned().unwrap_or_default();
    let is = |key: &str| stat.get(key).and_then(Value::as_bool).unwrap_or(false);
    if !is("exists") {
        return missing(Missing::Absent);
    }
    if is("isdir") {
        return missing(Missing::Directory { is_read: becomes });
    }
    if stat.get("readable").and_then(Value::as_bool) == Some(false) {
        return missing(Missing::unreadable(&source));
    }
    let path = match local_path(context, args, &source, &destination) {
        Ok(path) if path.is_dir() => {
            return Ok(failure(format!(
                "calculated dest '{}' is an existing directory, use another path that does not point to an existing directory",
                path.display()
            )));
        }
        Ok(path) => path,
        Err(message) => return Ok(failure(message)),
    };
    let remote = stat.get("checksum").and_then(Value::as_str).unwrap_or_default();
    let shown = path.display().to_string();
    if let Ok(content) = std::fs::read(&path)
        && sha1(&content) == remote
    {
        return Ok(map(json!({
            "changed": false, "md5sum": md5(&content), "file": source, "dest": shown, "checksum": remote,
        })));
    }
    let size = stat.get("size").and_then(Value::as_u64).unwrap_or_default();
    let content = match read(context, &source, size).await? {
        Ok(content) => content,
        Err(message) => return missing(Missing::Unreadable(message)),
    };
    let written = path
        .parent()
        .map_or(Ok(()), std::fs::create_dir_all)
        .and_then(|()| std::fs::write(&path, &content));
    if let Err(error) = written {
        return Ok(failure(format!("cannot write {shown}: {error}")));
    }
    let local = sha1(&content);
    let mut result = map(json!({
        "changed": true, "md5sum": md5(&content), "dest": shown, "checksum": local,
        "remote_checksum": remote, "remote_md5sum": null,
    }));
    if local != remote && boolean(args, "validate_checksum").unwrap_or(true) {
        result.insert("failed".to_owned(), true.into());
        result.insert("msg".to_owned(), "checksum mismatch".into());
        result.insert("file".to_owned(), source.into());
    }
    Ok(result)
}

/// Why there is nothing to bring.
enum Missing {
    /// What is there cannot be known.
    Unknown(String),
    /// Nothing is there.
    Absent,
    /// A directory; whether that was found out by reading it.
    Directory { is_read: bool },
    /// It cannot be read.
    Unreadable(String),
}

impl Missing {
    fn unreadable(source: &str) -> Self {
        Self::Unreadable(format!("file is not readable: {source}"))
    }

    /// The result, with what Ansible says in it: where nothing fails, not always why.
    fn result(self, source: &str, fails: bool) -> ResultMap {
        const IGNORED: &str = "not transferring, ignored";
        const DIRECTORY: &str = "remote file is a directory, fetch cannot work on directories";
        let quiet = |why: String| map(json!({"changed": false, "file": source, "msg": why}));
        match self {
            Self::Unknown(why) => {
                let why = format!("Failed to get information on remote file ({source}): {why}");
                if fails {
                    map(json!({"changed": false, "failed": true, "file": source, "msg": why}))
                } else {
                    quiet(format!("{why}, ignored"))
                }
            }
            Self::Absent => {
                let why = format!("the remote file does not exist, {IGNORED}");
                if fails { failure(why) } else { quiet(why) }
            }
            Self::Directory { .. } if fails => failure(DIRECTORY),
            Self::Directory { is_read: true } => quiet(DIRECTORY.to_owned()),
            Self::Directory { is_read: false } => map(json!({"msg": format!("{DIRECTORY}, {IGNORED}")})),
            Self::Unreadable(why) if fails => failure(why),
            Self::Unreadable(_) => map(json!({"changed": false, "file": source})),
        }
    }
}

/// The content of a file of the host; the inner error is for the task.
async fn read(
    context: &ActionContext<'_>,
    source: &str,
    size: u64,
) -> Result<Result<Vec<u8>, String>, TransportError> {
    if size <= ONE_ANSWER {
        let mut args = Arguments::new();
        args.insert("src".to_owned(), Value::from(source));
        let result = context
            .call("ansible.builtin.slurp", args, IndexMap::new())
            .await?;
        let Some(content) = result.get("content").and_then(Value::as_str) else {
            return Ok(Err(text(&result, "msg").unwrap_or_default()));
        };
        return Ok(BASE64_STANDARD
            .decode(content)
            .map_err(|error| format!("the content of {source} is not understood: {error}")));
    }
    let item = context.item;
    let target = item.target()?;
    let command = format!("cat {}", quote(source));
    let connection = item.connection(&target).await?;
    let output = connection
        .execute(command, target.launch.r#become.clone())
        .await?;
    if output.status != 0 {
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Ok(Err(format!("cannot read {source}: {said}")));
    }
    Ok(Ok(output.stdout))
}

/// Where the file goes: below a directory for each host, unless it is to be flat.
fn local_path(
    context: &ActionContext<'_>,
    args: &Arguments,
    source: &str,
    destination: &str,
) -> Result<PathBuf, String> {
    let item = context.item;
    let host = &item.host.name;
    let base = Path::new(source)
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default();
    let absolute = |path: PathBuf| {
        let path = if path.is_absolute() {
            path
        } else {
            item.play.directory.join(path)
        };
        crate::playbook::normalize(&path)
    };
    if !boolean(args, "flat").unwrap_or(false) {
        let folder = absolute(PathBuf::from(destination)).join(host.as_ref());
        return Ok(absolute(folder.join(source.trim_start_matches('/'))));
    }
    if destination.ends_with('/') {
        return Ok(absolute(PathBuf::from(destination)).join(base));
    }
    let path = absolute(PathBuf::from(destination));
    if path.is_dir() {
        return Err(
            "dest is an existing directory, use a trailing slash if you want to fetch src into that directory"
                .to_owned(),
        );
    }
    Ok(path)
}

fn sha1(content: &[u8]) -> String {
    hex::encode(Sha1::digest(content))
}

fn md5(content: &[u8]) -> String {
    hex::encode(Md5::digest(content))
}
