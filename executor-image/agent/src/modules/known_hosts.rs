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

/// The file's text with the key in it; nothing when it is there already.
fn with_key(before: &str, host: &str, key: &Key, hash: bool) -> Option<String> {
    let wanted = key.entries.first()?;
    let mut lines: Vec<String> = before.split_inclusive('\n').map(str::to_owned).collect();
    let text = if hash {
        wanted.hashed(host)
    } else {
        key.text.clone()
    };
    let mut place = None;
    for (number, line) in lines.iter().enumerate() {
        let Some(entry) = Entry::parse(line)
            .filter(|entry| entry.names(host) && entry.kind == wanted.kind && entry.marker == wanted.marker)
        else {
            continue;
        };
        if entry.key == wanted.key && entry.is_hashed() == hash {
            return None;
        }
        // An older key of the same type is replaced.
        if entry.lists(host) {
            place = place.or(Some(number));
        }
    }
    if let Some(number) = place {
        lines[number] = text;
    } else {
        if let Some(last) = lines.last_mut().filter(|last| !last.ends_with('\n')) {
            last.push('\n');
        }
        lines.push(text);
    }
    Some(lines.concat())
}

/// The file's text without the key, or without every key of the host; nothing when there is none.
fn without_key(before: &str, host: &str, key: Option<&Key>) -> Option<String> {
    let is_meant = |line: &&str| {
        Entry::parse(line).is_some_and(|entry| {
            entry.lists(host)
                && key.is_none_or(|key| {
                    key.entries.iter().any(|wanted| {
                        (&wanted.kind, &wanted.key, &wanted.marker)
                            == (&entry.kind, &entry.key, &entry.marker)
                    })
                })
        })
    };
    let lines: Vec<&str> = before.split_inclusive('\n').collect();
    let kept: Vec<&str> = lines.iter().copied().filter(|line| !is_meant(line)).collect();
    (kept.len() < lines.len()).then(|| kept.concat())
}
