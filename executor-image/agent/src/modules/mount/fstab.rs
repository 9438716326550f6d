//! The table of file systems.

use std::path::{Path, PathBuf};

use crate::answer::Failure;
use crate::atomic_write::{Content, replace};
use crate::facts::unescape;
use crate::file_attributes::real_path;

/// A line that mounts something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub device: String,
    pub path: String,
    pub kind: String,
    pub options: String,
    pub dump: String,
    pub pass: String,
}

impl Entry {
    fn parse(line: &str) -> Option<Self> {
        if line.trim_start().starts_with('#') {
            return None;
        }
        let fields: Vec<&str> = line.split_whitespace().collect();
        let [device, path, kind, options, rest @ ..] = fields.as_slice() else {
            return None;
        };
        if rest.len() > 2 {
            return None;
        }
        Some(Self {
            device: unescape(device),
            path: unescape(path),
            kind: (*kind).to_owned(),
            options: unescape(options),
            dump: rest.first().copied().unwrap_or_default().to_owned(),
            pass: rest.get(1).copied().unwrap_or_default().to_owned(),
        })
    }

    fn line(&self) -> String {
        let escape = |text: &str| {
            text.replace('\\', "\\134")
                .replace(' ', "\\040")
                .replace('\t', "\\011")
                .replace('&', "\\046")
        };
        format!(
            "{} {} {} {} {} {}\n",
            escape(&self.device),
            escape(&self.path),
            self.kind,
            escape(&self.options),
            self.dump,
            self.pass
        )
    }
}

/// The table, line by line: what is not touched stays as it is.
#[derive(Debug)]
pub(super) struct Table {
    path: PathBuf,
    lines: Vec<String>,
}

impl Table {
    pub(super) fn read(path: &Path) -> Result<Self, Failure> {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(Failure::io(format!("Failed to open {}", path.display()), &error)),
        };
        let lines = text.lines().map(|line| format!("{line}\n")).collect();
        Ok(Self {
            path: path.to_owned(),
            lines,
        })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Makes this the entry of its path; tells whether it was not.
    pub(super) fn set(&mut self, entry: &Entry) -> bool {
        let mut found = false;
        let mut changed = false;
        for line in &mut self.lines {
            let Some(old) = Entry::parse(line) else { continue };
            let swap = entry.path == "none" && old.device != entry.device;
            if old.path != entry.path || swap {
                continue;
            }
            found = true;
            if old != *entry {
                *line = entry.line();
                changed = true;
            }
        }
        if !found {
            self.lines.push(entry.line());
        }
        changed || !found
    }

    /// Takes out the entries of a path (of a device, when swap space is meant); tells whether there were any.
    pub(super) fn remove(&mut self, path: &str, device: Option<&str>) -> bool {
        let before = self.lines.len();
        self.lines.retain(|line| {
            let Some(entry) = Entry::parse(line) else {
                return true;
            };
            entry.path != path || (path == "none" && device.is_some_and(|device| device != entry.device))
        });
        self.lines.len() != before
    }

    pub(super) fn write(&self) -> Result<(), Failure> {
        replace(
            Content::Bytes(self.lines.concat().as_bytes()),
            &real_path(&self.path),
            false,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(text: &str) -> Table {
        Table {
            path: PathBuf::new(),
            lines: text.lines().map(|line| format!("{line}\n")).collect(),
        }
    }

    #[test]
    fn an_entry_is_set_once_and_taken_out_again() {
        let entry = Entry {
            device: "/dev/sdb1".to_owned(),
            path: "/my data".to_owned(),
            kind: "ext4".to_owned(),
            options: "defaults".to_owned(),
            dump: "0".to_owned(),
            pass: "2".to_owned(),
        };
        let mut table = table("# comment\nUUID=1 / ext4 defaults 0 1\n");
        assert!(table.set(&entry));
        assert_eq!(table.lines[2], "/dev/sdb1 /my\\040data ext4 defaults 0 2\n");
        assert!(!table.set(&entry));
        assert!(table.remove("/my data", None));
        assert!(!table.remove("/my data", None));
        assert_eq!(table.lines.len(), 2);
    }
}
