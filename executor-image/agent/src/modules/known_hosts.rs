//! `ansible.builtin.known_hosts`: keys of hosts that ssh trusts.

mod entry;

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use self::entry::Entry;
use crate::answer::{Failure, Outcome, answer};
use crate::atomic_write::{Content, replace};
use crate::context::Context;

pub(super) fn run(context: &mut Context) -> Outcome {
    let host = context.args.required("name").to_lowercase();
    let path = PathBuf::from(context.args.required("path"));
    let state = context.args.required("state").to_owned();
    let hash = context.args.flag("hash_host");
    let key = context.args.text("key").filter(|key| !key.trim().is_empty());
    if key.is_none() && state == "present" {
        return Err(Failure::new("No key specified when adding a host"));
    }
    if key.is_some() && is_list(&host) {
        return Err(Failure::new(
            "Comma separated list of names is not supported. Please pass a single name to lookup in the known_hosts file.",
        ));
    }
    let key = key.map(|key| Key::parse(key, &host)).transpose()?;
    let before = match std::fs::read(&path) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(Failure::io(format!("Failed to read {}", path.display()), &error)),
    };
    let after = match (&key, state.as_str()) {
        (Some(key), "present") => with_key(&before, &host, key, hash),
        (key, _) => without_key(&before, &host, key.as_ref()),
    };
    let changed = after.is_some();
    let diff = diff(&path, &before, after.as_deref());
    if context.check {
        return Ok(answer!({"changed": changed, "diff": diff}));
    }
    if let Some(after) = after {
        replace(Content::Bytes(after.as_bytes()), &path, false).map_err(|failure| {
            Failure::new(format!(
                "Failed to write to file {}: {}",
                path.display(),
                failure.message()
            ))
        })?;
    }
    Ok(answer!({
        "changed": changed,
        "diff": diff,
        "name": context.args.required("name"),
        "key": context.args.value("key"),
        "path": path.to_string_lossy(),
        "hash_host": hash,
        "state": state,
    }))
}

/// Whether there is a name before a comma.
fn is_list(host: &str) -> bool {
    host.split(',').rev().skip(1).any(|name| !name.trim().is_empty())
}

fn diff(path: &Path, before: &str, after: Option<&str>) -> Value {
    let is_there = path.exists();
    json!({
        "before_header": if is_there { path.to_string_lossy() } else { "/dev/null".into() },
        "after_header": path.to_string_lossy(),
        "before": before,
        "after": after.unwrap_or(before),
    })
}

/// The key that a call names: as it is written, and what is compared.
struct Key {
    text: String,
    entries: Vec<Entry>,
}

impl Key {
    fn parse(text: &str, host: &str) -> Result<Self, Failure> {
        let text = if text.ends_with('\n') {
            text.to_owned()
        } else {
            format!("{text}\n")
        };
        let entries: Vec<Entry> = text.lines().filter_map(Entry::parse).collect();
        if entries.iter().any(|entry| entry.names(host)) {
            return Ok(Self { text, entries });
        }
        Err(Failure::new(
            "Host parameter does not match hashed host field in supplied key",
        ))
    }
}

/// What a file says of a key that is asked for.
enum Found {
    /// The very key, in this line.
    Same(usize),
    /// Another key of the host of the same type, in this line.
    Other(usize),
    Nothing,
}

/// Looks for a key. Lines that name the host by a pattern count, too; of an authority or a revoked key only the very key does.
fn search(lines: &[&str], host: &str, wanted: &Entry, hash: bool) -> Found {
    for (number, line) in lines.iter().enumerate() {
        let Some(entry) = Entry::parse(line).filter(|entry| entry.names(host)) else {
            continue;
        };
        let same_hosts = if hash {
            entry.is_hashed()
        } else {
            entry.hosts == wanted.hosts || (entry.is_hashed() && wanted.is_hashed())
        };
        if same_hosts
            && (&entry.marker, &entry.kind, &entry.key) == (&wanted.marker, &wanted.kind, &wanted.key)
        {
            return Found::Same(number);
        }
        if entry.marker.is_none() && entry.kind == wanted.kind {
            return Found::Other(number);
        }
    }
    Found::Nothing
}

/// The file's text with the key in it; nothing when it is there already. An older key of the same type goes, the new one comes last.
fn with_key(before: &str, host: &str, key: &Key, hash: bool) -> Option<String> {
    let wanted = key.entries.first()?;
    let mut lines: Vec<&str> = before.split_inclusive('\n').collect();
    match search(&lines, host, wanted, hash) {
        Found::Same(_) => return None,
        Found::Other(number) => {
            lines.remove(number);
        }
        Found::Nothing => {}
    }
    let mut after = lines.concat();
    if !after.is_empty() && !after.ends_with('\n') {
        after.push('\n');
    }
    if hash {
        after.push_str(&wanted.hashed(host));
    } else {
        after.push_str(&key.text);
    }
    Some(after)
}

/// The file's text without the key, or without every key of the host; nothing when there is none.
fn without_key(before: &str, host: &str, key: Option<&Key>) -> Option<String> {
    let mut lines: Vec<&str> = before.split_inclusive('\n').collect();
    let count = lines.len();
    match key {
        Some(key) => {
            let wanted = key.entries.first()?;
            if let Found::Same(number) | Found::Other(number) = search(&lines, host, wanted, false) {
                lines.remove(number);
            }
        }
        None => lines.retain(|line| !Entry::parse(line).is_some_and(|entry| entry.lists(host))),
    }
    (lines.len() < count).then(|| lines.concat())
}
