//! Mounted file systems of devices and networks.

use std::collections::HashMap;
use std::path::Path;

use indexmap::IndexMap;
use serde_json::Value;

use super::{Facts, read};
use crate::answer::answer;
use crate::context::Context;

/// A line of `/proc/self/mounts` or of fstab.
struct Mount {
    device: String,
    path: String,
    kind: String,
    options: String,
    dump: u32,
    pass: u32,
}

fn parse(line: &str) -> Option<Mount> {
    let mut fields = line.split_whitespace();
    Some(Mount {
        device: unescape(fields.next()?),
        path: unescape(fields.next()?),
        kind: fields.next()?.to_owned(),
        options: fields.next()?.to_owned(),
        dump: fields.next().and_then(|text| text.parse().ok()).unwrap_or(0),
        pass: fields.next().and_then(|text| text.parse().ok()).unwrap_or(0),
    })
}

/// Spaces and the like are written in octal: `\040`.
pub(crate) fn unescape(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let octal = (*first == b'\\')
            .then(|| tail.get(..3))
            .flatten()
            .and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 8).ok());
        bytes.push(octal.unwrap_or(*first));
        rest = if octal.is_some() { &tail[3..] } else { tail };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// File systems of devices, and of networks (`server:/path`, `//server/share`).
fn is_storage(mount: &Mount) -> bool {
    (mount.device.starts_with('/') || mount.device.contains(":/")) && mount.kind != "none"
}

/// UUIDs of devices, from udev's links.
fn uuids() -> HashMap<String, String> {
    let links = Path::new("/dev/disk/by-uuid")
        .read_dir()
        .into_iter()
        .flatten()
        .flatten();
    links
        .filter_map(|link| {
            let device = link.path().canonicalize().ok()?;
            Some((
                device.to_string_lossy().into_owned(),
                link.file_name().to_string_lossy().into_owned(),
            ))
        })
        .collect()
}

/// Mount points below which another file system is bound, from mountinfo: their root is not `/`.
fn bound_paths() -> Vec<String> {
    let text = read("/proc/self/mountinfo").unwrap_or_default();
    text.lines()
        .filter_map(|line| {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let (root, path) = (fields.get(3)?, fields.get(4)?);
            (*root != "/").then(|| unescape(path))
        })
        .collect()
}

pub(super) fn collect(_: &Context) -> Facts {
    let text = read("/proc/self/mounts").unwrap_or_default();
    let uuids = uuids();
    let bound = bound_paths();
    // What is mounted over something else at the same place hides it.
    let visible: IndexMap<String, Mount> = text
        .lines()
        .filter_map(parse)
        .filter(is_storage)
        .map(|mount| (mount.path.clone(), mount))
        .collect();
    let mounts: Vec<Value> = visible
        .into_values()
        .map(|mount| {
            let mut options = mount.options.clone();
            if bound.contains(&mount.path) && !options.contains("bind") {
                options.push_str(",bind");
            }
            let uuid = uuids
                .get(&mount.device)
                .cloned()
                .unwrap_or_else(|| "N/A".to_owned());
            let mut fields = answer!({
                "mount": mount.path,
                "device": mount.device,
                "fstype": mount.kind,
                "options": options,
                "dump": mount.dump,
                "passno": mount.pass,
                "uuid": uuid,
            });
            if let Ok(size) = rustix::fs::statvfs(mount.path.as_str()) {
                fields.extend(answer!({
                    "size_total": size.f_frsize * size.f_blocks,
                    "size_available": size.f_frsize * size.f_bavail,
                    "block_size": size.f_bsize,
                    "block_total": size.f_blocks,
                    "block_available": size.f_bavail,
                    "block_used": size.f_blocks - size.f_bavail,
                    "inode_total": size.f_files,
                    "inode_available": size.f_favail,
                    "inode_used": size.f_files - size.f_favail,
                }));
            }
            Value::Object(fields)
        })
        .collect();
    std::iter::once(("mounts".to_owned(), Value::Array(mounts))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn octal_escapes_are_read() {
        assert_eq!(unescape("/a\\040b\\134c"), "/a b\\c");
        assert_eq!(unescape("plain\\"), "plain\\");
    }
}
