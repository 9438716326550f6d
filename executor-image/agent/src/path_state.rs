//! What is at a path, and the keys that Ansible adds to the result of every module that names one.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::accounts;
use crate::answer::Answer;
use crate::selinux;
use crate::symbolic_mode::PERMISSION_BITS;

/// What is at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PathState {
    /// Nothing.
    Absent,
    /// A directory.
    Directory,
    /// A file, or a device, a socket, a pipe.
    File,
    /// A file with more than one name.
    Hard,
    /// A symbolic link, whatever it leads to.
    Link,
}

impl PathState {
    /// What is at this path, links not followed.
    #[must_use]
    pub fn of(path: &Path) -> Self {
        let Ok(metadata) = path.symlink_metadata() else {
            return Self::Absent;
        };
        if metadata.is_symlink() {
            Self::Link
        } else if metadata.is_dir() {
            Self::Directory
        } else if metadata.nlink() > 1 {
            Self::Hard
        } else {
            Self::File
        }
    }

    /// Ansible's word for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Absent => "absent",
            Self::Directory => "directory",
            Self::File => "file",
            Self::Hard => "hard",
            Self::Link => "link",
        }
    }
}

/// A mode as results show it: `0644`.
#[must_use]
pub fn mode_text(mode: u32) -> String {
    format!("0{:03o}", mode & PERMISSION_BITS)
}

/// The permission bits of a file.
#[must_use]
pub fn permissions(metadata: &Metadata) -> u32 {
    metadata.mode() & PERMISSION_BITS
}

/// Adds `uid`, `gid`, `owner`, `group`, `mode`, `state` and `size` of the file that a result names under `path` or `dest`.
pub fn add_path_information(answer: &mut Answer) {
    let Some(path) = answer
        .get("path")
        .or_else(|| answer.get("dest"))
        .and_then(Value::as_str)
        .map(PathBuf::from)
    else {
        return;
    };
    let path = path.as_path();
    // A link to nothing has no information, as in Ansible.
    let (true, Ok(metadata)) = (path.exists(), path.symlink_metadata()) else {
        return;
    };
    let state = PathState::of(path).name();
    let fields: [(&str, Value); 7] = [
        ("uid", metadata.uid().into()),
        ("gid", metadata.gid().into()),
        ("owner", accounts::user_name(metadata.uid()).into()),
        ("group", accounts::group_name(metadata.gid()).into()),
        ("mode", mode_text(metadata.mode()).into()),
        ("state", state.into()),
        ("size", metadata.size().into()),
    ];
    for (key, value) in fields {
        answer.insert(key.to_owned(), value);
    }
    if let Some(label) = selinux::is_enabled().then(|| selinux::label_of(path)).flatten() {
        answer.insert("secontext".to_owned(), label.into());
    }
}
