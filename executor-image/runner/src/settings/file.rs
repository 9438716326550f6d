//! Finds and reads `ansible.cfg`.

use std::{
    collections::HashMap,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use super::{SettingsError, Surroundings};

/// The file of the settings, and why another one is passed over.
pub(super) struct Found {
    pub path: Option<PathBuf>,
    pub warning: Option<String>,
}

/// The first that is there: `ANSIBLE_CONFIG`, `./ansible.cfg`, `~/.ansible.cfg`, `/etc/ansible/ansible.cfg`.
pub(super) fn find(surroundings: &Surroundings) -> Found {
    let mut warning = None;
    let mut candidates = Vec::new();
    if let Some(path) = surroundings
        .variable("ANSIBLE_CONFIG")
        .filter(|path| !path.is_empty())
    {
        let path = surroundings.path(path, &surroundings.directory);
        candidates.push(if path.is_dir() {
            path.join("ansible.cfg")
        } else {
            path
        });
    }
    let here = surroundings.directory.join("ansible.cfg");
    let mode = std::fs::metadata(&surroundings.directory).map(|metadata| metadata.permissions().mode());
    // Anybody could have put it there, and it may name programs to run.
    if mode.is_ok_and(|mode| mode & 0o002 != 0) {
        if here.is_file() && !candidates.iter().any(|path| path.exists()) {
            warning = Some(format!(
                "the working directory {} is world writable: its ansible.cfg is not read (name it in ANSIBLE_CONFIG if you trust it)",
                surroundings.directory.display()
            ));
        }
    } else if !surroundings.directory.as_os_str().is_empty() {
        candidates.push(here);
    }
    if let Some(home) = surroundings.variable("HOME") {
        candidates.push(Path::new(home).join(".ansible.cfg"));
    }
    // Only a process has a system around it; tests have not.
    if !surroundings.directory.as_os_str().is_empty() {
        candidates.push(PathBuf::from("/etc/ansible/ansible.cfg"));
    }
    Found {
        path: candidates.into_iter().find(|path| path.is_file()),
        warning,
    }
}

/// Sections with keys and values, as Python's `configparser` reads them.
#[derive(Debug, Default)]
pub(super) struct ConfigurationFile {
    pub path: PathBuf,
    entries: HashMap<(String, String), String>,
}

impl ConfigurationFile {
    pub fn read(path: &Path) -> Result<Self, SettingsError> {
        let text = std::fs::read_to_string(path).map_err(|source| SettingsError::Read {
            path: path.to_path_buf(),
            source,
        })?;
        Self::parse(&text, path)
    }

    pub fn get(&self, section: &str, key: &str) -> Option<&str> {
        self.entries
            .get(&(section.to_owned(), key.to_owned()))
            .map(String::as_str)
    }

    fn parse(text: &str, path: &Path) -> Result<Self, SettingsError> {
        let mut file = Self {
            path: path.to_path_buf(),
            entries: HashMap::new(),
        };
        let mut section: Option<String> = None;
        let mut last: Option<(String, String)> = None;
        for (index, raw) in text.lines().enumerate() {
            let wrong = |message: &str| SettingsError::Line {
                path: path.to_path_buf(),
                line: index + 1,
                message: message.to_owned(),
            };
            let line = without_comment(raw);
            if line.trim().is_empty() {
                continue;
            }
            // An indented line goes on with the value above it.
            if line.starts_with([' ', '\t'])
                && let Some(value) = last.as_ref().and_then(|key| file.entries.get_mut(key))
            {
                value.push('\n');
                value.push_str(line.trim());
                continue;
            }
            let line = line.trim();
            if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
                section = Some(name.to_owned());
                last = None;
                continue;
            }
            let Some(section) = &section else {
                return Err(wrong("a setting must stand below a [section]"));
            };
            let Some((key, value)) = line.split_once(['=', ':']) else {
                return Err(wrong("expected `key = value`"));
            };
            let key = (section.clone(), key.trim().to_lowercase());
            let value = value.trim().to_owned();
            if file.entries.insert(key.clone(), value).is_some() {
                return Err(wrong(&format!("{} is set twice in [{}]", key.1, key.0)));
            }
            last = Some(key);
        }
        Ok(file)
    }
}

/// A line without its comment: all of it after `#` or `;` at its start, or after `;` behind a blank.
fn without_comment(line: &str) -> &str {
    if line.trim_start().starts_with(['#', ';']) {
        return "";
    }
    let comment = line
        .match_indices(';')
        .find(|(index, _)| line[..*index].ends_with([' ', '\t']))
        .map(|(index, _)| index);
    comment.map_or(line, |index| &line[..index])
}
