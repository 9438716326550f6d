//! `copy`: files and directories of this machine. The agent compares, writes and sets attributes.

mod tree;

use std::{os::unix::fs::PermissionsExt, path::Path};

use indexmap::IndexMap;
use serde_json::{Value, json};
use slipway_language::{FileKind, VaultError};

use self::tree::Tree;
use super::{ActionContext, Arguments, ResultMap, boolean, failure, large_file::LargeFile, map, text};
use crate::transport::TransportError;

/// Text up to this size travels with the call, which saves a round trip.
const INLINE: usize = 128 * 1024;

pub(super) async fn run(
    context: &ActionContext<'_>,
    mut args: Arguments,
) -> Result<ResultMap, TransportError> {
    const MODULE: &str = "ansible.builtin.copy";
    if let Some(problem) = problem(&args) {
        return Ok(failure(problem));
    }
    if let Some(content) = args.get("content") {
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
    let source = text(&args, "src").unwrap_or_default();
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

/// What is wrong with the arguments, in Ansible's words.
fn problem(args: &Arguments) -> Option<String> {
    // What the two halves of the module tell each other.
    let internal = ["_original_basename", "_diff_peek"];
    if let Some(name) = internal.iter().find(|name| args.contains_key(**name)) {
        return Some(format!("Invalid parameter specified: \"{name}\""));
    }
    let given = |name: &str| text(args, name).filter(|text| !text.is_empty());
    let has_content = args.get("content").is_some_and(|content| !content.is_null());
    let destination = given("dest");
    match (given("src"), destination) {
        (None, _) if !has_content => Some("src (or content) is required"),
        (_, None) => Some("dest is required"),
        (Some(_), _) if has_content => Some("src and content are mutually exclusive"),
        (_, Some(destination)) if has_content && destination.ends_with('/') => {
            Some("can not use content with a dir as dest")
        }
        _ => None,
    }
    .map(str::to_owned)
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
        Err(error) => return Ok(failure(unreadable(path, &error))),
    };
    send(context, args, content, path).await
}

/// Why a file cannot be read: that a password is missing, in Ansible's words.
fn unreadable(path: &Path, error: &std::io::Error) -> String {
    let cause = error.get_ref().and_then(|cause| cause.downcast_ref());
    if cause == Some(&VaultError::NoSecrets) {
        let path = path.display();
        return format!("A vault password or secret must be specified to decrypt {path}");
    }
    format!("cannot read {}: {error}", path.display())
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

/// Copies what is in a directory: files first, which make the directories that they are in, then directories, then links.
async fn directory(
    context: &ActionContext<'_>,
    args: &Arguments,
    source: &Path,
    contents_only: bool,
) -> Result<ResultMap, TransportError> {
    let follows = boolean(args, "local_follow").unwrap_or(true);
    let tree = match Tree::of(source, contents_only, follows) {
        Ok(tree) => tree,
        Err(error) => return Ok(failure(format!("cannot read {}: {error}", source.display()))),
    };
    let destination = text(args, "dest").unwrap_or_default();
    let destination = format!("{}/", destination.trim_end_matches('/'));
    let mut steps = Vec::new();
    for (path, name) in &tree.files {
        let mut inner = args.clone();
        inner.insert("dest".to_owned(), Value::from(destination.as_str()));
        inner.insert("_original_basename".to_owned(), Value::from(name.as_str()));
        if !tree.directories.is_empty() {
            inner.insert("follow".to_owned(), Value::Bool(false));
        }
        steps.push((inner, Some(path)));
    }
    for name in &tree.directories {
        let mut inner = attributes(args, &format!("{destination}{name}"), "directory");
        inner.shift_remove("mode");
        if let Some(mode) = args.get("directory_mode") {
            inner.insert("mode".to_owned(), mode.clone());
        }
        steps.push((inner, None));
    }
    for (target, name) in &tree.links {
        let mut inner = attributes(args, &format!("{destination}{name}"), "link");
        inner.insert("src".to_owned(), Value::from(target.as_str()));
        inner.insert("force".to_owned(), Value::Bool(true));
        if !tree.directories.is_empty() {
            inner.insert("follow".to_owned(), Value::Bool(false));
        }
        steps.push((inner, None));
    }
    let mut changed = false;
    let mut last = None;
    for (inner, path) in steps {
        let result = match path {
            Some(path) => file(context, inner, path).await?,
            None => {
                context
                    .call("ansible.builtin.file", inner, IndexMap::new())
                    .await?
            }
        };
        if boolean(&result, "failed").unwrap_or(false) {
            return Ok(result);
        }
        changed |= boolean(&result, "changed").unwrap_or(false);
        last = Some(result);
    }
    // The result of a single file is that of the last step.
    if let Some(mut result) = last.filter(|_| tree.files.len() == 1) {
        if let Some(path) = result.get("path").cloned() {
            result.entry("dest").or_insert(path);
        }
        return Ok(result);
    }
    let shown = source.display().to_string() + if contents_only { "/" } else { "" };
    Ok(map(
        json!({"changed": changed, "dest": destination, "src": shown}),
    ))
}

/// The arguments of `file` for something of a tree that is no file.
fn attributes(args: &Arguments, path: &str, state: &str) -> Arguments {
    let mut inner = args.clone();
    inner.retain(|key, value| {
        ["mode", "owner", "group", "attributes", "unsafe_writes"].contains(&key.as_str())
            && (key != "mode" || value != "preserve")
    });
    inner.insert("path".to_owned(), Value::from(path));
    inner.insert("state".to_owned(), Value::from(state));
    inner
}
