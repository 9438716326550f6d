//! Where a lab keeps what it knows: plain files under one folder, so that any later command finds it again.

use std::fs::File;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{Error, FileContext, Result};

/// The folders and files of one lab.
#[derive(Debug, Clone)]
pub struct Folders {
    /// The lab's own folder, `<state>/<name>`.
    pub root: PathBuf,
    /// What is kept between labs: base roots, built programs, the registry's images.
    pub cache: PathBuf,
}

impl Folders {
    /// The folders of a lab: `$SLIPWAY_LAB_STATE` (default `/var/lib/slipway-lab`) and `$SLIPWAY_CACHE`
    /// (default `~/.cache/slipway`).
    pub fn of(lab: &str) -> Self {
        let state = folder_from("SLIPWAY_LAB_STATE").unwrap_or_else(|| "/var/lib/slipway-lab".into());
        Self {
            root: state.join(lab),
            cache: cache_folder(),
        }
    }

    /// The private key with which one reaches the machines.
    pub fn ssh_key(&self) -> PathBuf {
        self.root.join("ssh-key")
    }

    /// The host keys of all machines, known before they first boot.
    pub fn known_hosts(&self) -> PathBuf {
        self.root.join("known_hosts")
    }

    /// The files of one cluster that was made of lab machines from the command line.
    pub fn cluster(&self, name: &str) -> PathBuf {
        self.root.join("clusters").join(name)
    }

    /// A log of one of the lab's own services.
    pub fn log(&self, service: &str) -> PathBuf {
        self.root.join(format!("{service}.log"))
    }

    pub(crate) fn process(&self, service: &str) -> PathBuf {
        self.root.join(format!("{service}.process"))
    }

    pub(crate) fn machines(&self) -> PathBuf {
        self.root.join("machines")
    }

    pub(crate) fn machine(&self, name: &str) -> PathBuf {
        self.machines().join(name)
    }

    /// Takes the lab's lock; it is held until the returned file is dropped, also when the process dies.
    pub(crate) async fn lock(&self, what: &str) -> Result<File> {
        create_folder(&self.root)?;
        lock_file(self.root.join(format!("{what}.lock"))).await
    }
}

/// The cache shared by all labs and by `ci/kubernetes`.
pub fn cache_folder() -> PathBuf {
    folder_from("SLIPWAY_CACHE").unwrap_or_else(|| {
        folder_from("HOME")
            .unwrap_or_else(|| "/root".into())
            .join(".cache/slipway")
    })
}

fn folder_from(variable: &str) -> Option<PathBuf> {
    std::env::var_os(variable)
        .filter(|value| !value.is_empty())
        .map(PathBuf::from)
}

/// Opens a file and waits for the exclusive lock on it.
pub(crate) async fn lock_file(path: PathBuf) -> Result<File> {
    let opened = path.clone();
    let locked = tokio::task::spawn_blocking(move || {
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&opened)?;
        file.lock()?;
        Ok::<_, std::io::Error>(file)
    });
    match locked.await {
        Ok(result) => result.file("lock", &path),
        Err(stopped) => Err(std::io::Error::other(stopped)).file("lock", &path),
    }
}

pub(crate) fn create_folder(path: &Path) -> Result<()> {
    std::fs::create_dir_all(path).file("create the folder", path)
}

pub(crate) fn write(path: &Path, text: impl AsRef<[u8]>) -> Result<()> {
    std::fs::write(path, text).file("write", path)
}

/// Writes a file that only its owner may read.
pub(crate) fn write_secret(path: &Path, text: impl AsRef<[u8]>) -> Result<()> {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    let mut file = File::options()
        .create(true)
        .truncate(true)
        .write(true)
        .mode(0o600)
        .open(path)
        .file("write", path)?;
    file.write_all(text.as_ref()).file("write", path)
}

/// Writes a file as a whole: a reader sees the old or the new, never a half.
pub(crate) fn write_json(path: &Path, value: &impl Serialize) -> Result<()> {
    let text = serde_json::to_string_pretty(value).map_err(|error| Error::State {
        path: path.to_owned(),
        reason: error.to_string(),
    })?;
    let partial = path.with_extension("partial");
    write(&partial, text)?;
    std::fs::rename(&partial, path).file("write", path)
}

pub(crate) fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T> {
    let text = std::fs::read_to_string(path).file("read", path)?;
    serde_json::from_str(&text).map_err(|error| Error::State {
        path: path.to_owned(),
        reason: error.to_string(),
    })
}

/// Checks a name that becomes part of file, host, namespace and cgroup names (RFC 1123 label).
pub(crate) fn check_name(name: &str, what: &'static str) -> Result<()> {
    let rule = "use 1 to 40 lower-case letters, digits and `-`, with a letter or digit at both ends";
    let edge =
        |character: Option<char>| character.is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    let good = name.len() <= 40
        && name
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
        && edge(name.chars().next())
        && edge(name.chars().next_back());
    if good {
        Ok(())
    } else {
        Err(Error::Name {
            name: name.to_owned(),
            what,
            rule,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_could_leave_the_folder_are_refused() {
        for bad in ["", "..", "a/b", "-a", "a-", "A", "a.b", &"a".repeat(41)] {
            assert!(check_name(bad, "machine").is_err(), "{bad}");
        }
        for good in ["a", "worker-1", "1"] {
            assert!(check_name(good, "machine").is_ok(), "{good}");
        }
    }

    #[test]
    fn a_broken_state_file_is_named_with_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("machine.json");
        write(&path, "{").unwrap();
        let error = read_json::<serde_json::Value>(&path).unwrap_err().to_string();
        assert!(
            error.contains("machine.json") && error.contains("slipway-lab down"),
            "{error}"
        );
    }
}
