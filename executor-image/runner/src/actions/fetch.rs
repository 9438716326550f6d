//! `fetch`: brings a file of the host to this machine.

use std::path::{Path, PathBuf};

use base64::{Engine, prelude::BASE64_STANDARD};
use indexmap::IndexMap;
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
    for (name, called) in [("src", "source"), ("dest", "dest")] {
        let is_text = |value: &Value| value.is_string() || value.is_number() || value.is_null();
        if args.get(name).is_some_and(|value| !is_text(value)) {
            return Ok(failure(format!(
                "Invalid type supplied for {called} option, it must be a string"
            )));
        }
    }
    let (Some(source), Some(destination)) = (text(args, "src"), text(args, "dest")) else {
        return Ok(failure("src and dest are required"));
    };
    let mut wanted = Arguments::new();
    wanted.insert("path".to_owned(), Value::from(source.as_str()));
    wanted.insert("follow".to_owned(), true.into());
    let found = context
        .call("ansible.builtin.stat", wanted, IndexMap::new())
        .await?;
    let fail_on_missing = boolean(args, "fail_on_missing").unwrap_or(true);
    let missing = |why: &str| {
        let mut result = map(json!({"changed": false, "file": source, "msg": why}));
        if fail_on_missing {
            result.insert("failed".to_owned(), true.into());
        } else {
            let said = format!("{why}, ignored");
            result.insert("msg".to_owned(), said.into());
        }
        result
    };
    if boolean(&found, "failed") == Some(true) {
        // As another user Ansible does not ask what there is: it reads the file.
        let becomes = item.target().is_ok_and(|target| target.launch.r#become.is_some());
        let why = text(&found, "msg").unwrap_or_default();
        return Ok(missing(&if becomes {
            format!("file is not readable: {source}")
        } else {
            format!("Failed to get information on remote file ({source}): {why}")
        }));
    }
    let stat = found.get("stat").cloned().unwrap_or_default();
    let is = |key: &str| stat.get(key).and_then(Value::as_bool).unwrap_or(false);
    if !is("exists") {
        return Ok(missing("the remote file does not exist"));
    }
    if is("isdir") {
        return Ok(missing(
            "remote file is a directory, fetch cannot work on directories",
        ));
    }
    if stat.get("readable").and_then(Value::as_bool) == Some(false) {
        return Ok(missing(&format!("file is not readable: {source}")));
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
    let answer = |changed: bool, checksum: &str| {
        json!({
            "changed": changed, "md5sum": null, "file": source, "dest": shown, "checksum": checksum,
            "remote_checksum": remote, "remote_md5sum": null,
        })
    };
    if std::fs::read(&path).is_ok_and(|content| checksum(&content) == remote) {
        let mut result = map(answer(false, remote));
        result.shift_remove("remote_checksum");
        result.shift_remove("remote_md5sum");
        return Ok(result);
    }
    let size = stat.get("size").and_then(Value::as_u64).unwrap_or_default();
    let content = match read(context, &source, size).await? {
        Ok(content) => content,
        Err(message) => return Ok(missing(&message)),
    };
    let written = path
        .parent()
        .map_or(Ok(()), std::fs::create_dir_all)
        .and_then(|()| std::fs::write(&path, &content));
    if let Err(error) = written {
        return Ok(failure(format!("cannot write {shown}: {error}")));
    }
    let local = checksum(&content);
    let mut result = map(answer(true, &local));
    if local != remote && boolean(args, "validate_checksum").unwrap_or(true) {
        result.insert("failed".to_owned(), true.into());
        result.insert("msg".to_owned(), "checksum mismatch".into());
    }
    Ok(result)
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
        return Ok(absolute(PathBuf::from(destination))
            .join(host.as_ref())
            .join(source.trim_start_matches('/')));
    }
    if destination.ends_with('/') {
        return Ok(absolute(PathBuf::from(destination)).join(base));
    }
    let path = absolute(PathBuf::from(destination));
    if path.is_dir() {
        return Err(format!(
            "dest is an existing directory, use a trailing slash if you want to fetch src into that directory: {destination}"
        ));
    }
    Ok(path)
}

fn checksum(content: &[u8]) -> String {
    hex::encode(Sha1::digest(content))
}
