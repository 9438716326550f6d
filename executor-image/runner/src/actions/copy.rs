//! `copy`: files and directories of this machine. The agent compares, writes and sets attributes.

use std::{
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use indexmap::IndexMap;
use serde_json::{Value, json};
use slipway_language::FileKind;

use super::{ActionContext, Arguments, ResultMap, boolean, failure, large_file::LargeFile, map, text};
use crate::transport::TransportError;

/// Text up to this size travels with the call, which saves a round trip.
const INLINE: usize = 128 * 1024;

pub(super) async fn run(
    context: &ActionContext<'_>,
    mut args: Arguments,
) -> Result<ResultMap, TransportError> {
    const MODULE: &str = "ansible.builtin.copy";
    if let Some(content) = args.get("content") {
        if args.contains_key("src") {
            return Ok(failure("src and content are mutually exclusive"));
        }
        // Ansible writes structures as JSON.
        if !content.is_string() {
            let written = crate::output::python_json(content, None);
            args.insert("content".to_owned(), Value::from(written));
        }
        let source = temporary_source(&text(&args, "dest").unwrap_or_default());
        let mut result = context.call(MODULE, args, IndexMap::new()).await?;
        if result.contains_key("md5sum") {
            result.insert("src".to_owned(), Value::from(source));
        }
        return Ok(result);
    }
    let Some(source) = text(&args, "src") else {
        return Ok(failure("src (or content) is required"));
    };
    if boolean(&args, "remote_src").unwrap_or(false) {
        return context.call(MODULE, args, IndexMap::new()).await;
    }
    let path = match context.find(&source, FileKind::Files) {
        Ok(path) => path,
        Err(message) => return Ok(failure(message)),
    };
    if path.is_dir() {
        return directory(context, &args, &path, source.ends_with('/')).await;
    }
    file(context, args, &path).await
}

/// What Ansible names as the source of a content that no file holds: one in its folder of temporary files.
fn temporary_source(destination: &str) -> String {
    let extension = Path::new(destination).extension().unwrap_or_default();
    let dot = if extension.is_empty() { "" } else { "." };
    format!("~/.ansible/tmp/.source{dot}{}", extension.to_string_lossy())
}

async fn file(
    context: &ActionContext<'_>,
    mut args: Arguments,
    path: &Path,
) -> Result<ResultMap, TransportError> {
    preserve_mode(&mut args, path);
    args.shift_remove("local_follow");
    match LargeFile::of(context, path, &args).await {
        // On the heap: its future is large, and most files are small.
        Ok(Some(large)) => return Box::pin(send_large(context, args, &large)).await,
        Ok(None) => {}
        Err(error) => return Ok(failure(format!("cannot read {}: {error}", path.display()))),
    }
    let content = match context.read(path, &mut args) {
        Ok(content) => content,
        Err(error) => return Ok(failure(format!("cannot read {}: {error}", path.display()))),
    };
    send(context, args, content, path).await
}

/// `mode: preserve` is the mode of the file of this machine.
fn preserve_mode(args: &mut Arguments, path: &Path) {
    if text(args, "mode").as_deref() == Some("preserve")
        && let Ok(metadata) = path.metadata()
    {
        let mode = format!("0{:03o}", metadata.permissions().mode() & 0o7777);
        args.insert("mode".to_owned(), Value::from(mode));
    }
}

/// Sends a large file only if its digests say that the host lacks it.
async fn send_large(
    context: &ActionContext<'_>,
    mut args: Arguments,
    large: &LargeFile,
) -> Result<ResultMap, TransportError> {
    const MODULE: &str = "ansible.builtin.copy";
    name_original(&mut args, &large.path);
    args.shift_remove("decrypt");
    args.insert("src".to_owned(), Value::from(large.path.display().to_string()));
    args.insert(
        "_digests".to_owned(),
        json!({"sha1": large.digests.sha1, "md5": large.digests.md5}),
    );
    let mut result = context.call(MODULE, args.clone(), IndexMap::new()).await?;
    if result.contains_key("_wanted") {
        match context.put_large(large).await? {
            Ok(name) => {
                let files = IndexMap::from([("src".to_owned(), name)]);
                result = context.call(MODULE, args, files).await?;
            }
            Err(reason) => return Ok(failure(reason)),
        }
    }
    name_source(&mut result, &large.path);
    Ok(result)
}

/// The host may need the file's name: a directory as destination gets a file of that name.
fn name_original(args: &mut Arguments, source: &Path) {
    let name = source.file_name().map(|name| name.to_string_lossy().into_owned());
    if let Some(name) = name.filter(|_| !args.contains_key("_original_basename")) {
        args.insert("_original_basename".to_owned(), Value::from(name));
    }
}

/// Calls `copy` with a content of this machine.
pub(super) async fn send(
    context: &ActionContext<'_>,
    mut args: Arguments,
    content: Vec<u8>,
    source: &Path,
) -> Result<ResultMap, TransportError> {
    name_original(&mut args, source);
    args.shift_remove("src");
    let mut files = IndexMap::new();
    match String::from_utf8(content) {
        Ok(text) if text.len() <= INLINE => {
            args.insert("content".to_owned(), Value::from(text));
        }
        content => {
            let bytes = match content {
                Ok(text) => text.into_bytes(),
                Err(error) => error.into_bytes(),
            };
            match context.put(&bytes).await? {
                Ok(sha256) => {
                    files.insert("src".to_owned(), sha256);
                }
                Err(reason) => return Ok(failure(reason)),
            }
            args.insert("src".to_owned(), Value::from(source.display().to_string()));
        }
    }
    let mut result = context.call("ansible.builtin.copy", args, files).await?;
    name_source(&mut result, source);
    if result.get("changed") == Some(&Value::Bool(true)) && !result.contains_key("src") {
        result.insert("src".to_owned(), Value::from(source.display().to_string()));
    }
    Ok(result)
}

/// The source in the result and in the heading of its diff is the file of this machine.
fn name_source(result: &mut ResultMap, source: &Path) {
    let shown = source.display().to_string();
    let entries = match result.get_mut("diff") {
        Some(Value::Array(entries)) => entries.iter_mut().collect(),
        Some(entry @ Value::Object(_)) => vec![entry],
        _ => Vec::new(),
    };
    for entry in entries {
        if let Some(header) = entry
            .get_mut("after_header")
            .filter(|header| header.as_str() != Some(""))
        {
            *header = Value::from(shown.clone());
        }
    }
}

async fn directory(
    context: &ActionContext<'_>,
    args: &Arguments,
    source: &Path,
    contents_only: bool,
) -> Result<ResultMap, TransportError> {
    let mut entries = Vec::new();
    if let Err(error) = walk(source, &mut entries) {
        return Ok(failure(format!("cannot read {}: {error}", source.display())));
    }
    let base = if contents_only {
        source
    } else {
        source.parent().unwrap_or(source)
    };
    let destination = PathBuf::from(text(args, "dest").unwrap_or_default());
    let mut changed = false;
    for entry in entries {
        let relative = entry.strip_prefix(base).unwrap_or(&entry);
        let target = destination.join(relative).display().to_string();
        let mut inner = args.clone();
        let result = if entry.is_dir() {
            inner.retain(|key, _| matches!(key.as_str(), "owner" | "group" | "attributes" | "unsafe_writes"));
            if let Some(mode) = args.get("directory_mode") {
                inner.insert("mode".to_owned(), mode.clone());
            }
            inner.insert("path".to_owned(), Value::from(target));
            inner.insert("state".to_owned(), Value::from("directory"));
            context
                .call("ansible.builtin.file", inner, IndexMap::new())
                .await?
        } else {
            inner.insert("dest".to_owned(), Value::from(target));
            inner.shift_remove("directory_mode");
            file(context, inner, &entry).await?
        };
        if result.get("failed").and_then(Value::as_bool).unwrap_or(false) {
            return Ok(result);
        }
        changed |= result.get("changed").and_then(Value::as_bool).unwrap_or(false);
    }
    let shown = source.display().to_string() + if contents_only { "/" } else { "" };
    Ok(map(
        json!({"changed": changed, "dest": destination.display().to_string(), "src": shown}),
    ))
}

/// Directories before what is in them, sorted.
fn walk(directory: &Path, entries: &mut Vec<PathBuf>) -> std::io::Result<()> {
    entries.push(directory.to_path_buf());
    let mut inside: Vec<PathBuf> = std::fs::read_dir(directory)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()?;
    inside.sort();
    for entry in inside {
        if entry.is_dir() {
            walk(&entry, entries)?;
        } else {
            entries.push(entry);
        }
    }
    Ok(())
}
