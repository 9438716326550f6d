//! Host keys: pinned in a known-hosts file, or accepted at first use.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use russh::keys::{Algorithm, HashAlg, PublicKey, known_hosts};

/// What to do about a host's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum HostKeyChecking {
    /// It must be in the known-hosts file.
    #[default]
    Pinned,
    /// The first key is accepted and reported; another one is refused.
    AcceptNew,
    /// Any key is accepted (`ansible_ssh_host_key_checking: false`).
    Off,
}

/// The keys of hosts, from a file and from this run.
#[derive(Debug)]
pub struct KnownHosts {
    /// The file.
    pub file: PathBuf,
    learned: Mutex<HashMap<(String, u16), PublicKey>>,
}

/// What was decided about a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// It is the known one.
    Accepted,
    /// It is new and accepted: tell the owner.
    Learned,
    /// It is refused, and why.
    Refused(String),
}

impl KnownHosts {
    /// The keys in a file, which need not exist.
    pub fn new(file: PathBuf) -> Arc<Self> {
        Arc::new(Self {
            file,
            learned: Mutex::default(),
        })
    }

    /// The algorithms of the keys known for a host, so that it is asked for one of those. Files that are named count instead
    /// of the usual one.
    pub fn algorithms(&self, files: &[PathBuf], address: &str, port: u16) -> Vec<Algorithm> {
        self.known(files, address, port)
            .unwrap_or_default()
            .iter()
            .map(PublicKey::algorithm)
            .collect()
    }

    fn known(&self, files: &[PathBuf], address: &str, port: u16) -> Result<Vec<PublicKey>, String> {
        if let Some(key) = self
            .learned
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&(address.to_owned(), port))
        {
            return Ok(vec![key.clone()]);
        }
        let read = |port| -> Result<Vec<PublicKey>, String> {
            let mut keys = Vec::new();
            for file in self.files(files) {
                let found = known_hosts::known_host_keys_path(address, port, file).map_err(|error| {
                    format!("the known-hosts file {} cannot be read: {error}", file.display())
                })?;
                keys.extend(found.into_iter().map(|(_, key)| key));
            }
            Ok(keys)
        };
        let mut keys = read(port)?;
        if keys.is_empty() && port != 22 {
            // Some people list a host without its port.
            keys = read(22)?;
        }
        Ok(keys)
    }

    /// The files that are named, or the usual one.
    fn files<'a>(&'a self, named: &'a [PathBuf]) -> &'a [PathBuf] {
        if named.is_empty() {
            std::slice::from_ref(&self.file)
        } else {
            named
        }
    }

    /// Decides about the key that a host offers.
    pub fn decide(
        &self,
        files: &[PathBuf],
        (address, port): (&str, u16),
        offered: &PublicKey,
        checking: HostKeyChecking,
    ) -> Decision {
        if checking == HostKeyChecking::Off {
            return Decision::Accepted;
        }
        let known = match self.known(files, address, port) {
            Ok(known) => known,
            Err(reason) => return Decision::Refused(reason),
        };
        let shown: Vec<String> = self
            .files(files)
            .iter()
            .map(|file| file.display().to_string())
            .collect();
        let shown = shown.join(" and ");
        let same = |key: &PublicKey| key.key_data() == offered.key_data();
        if known.iter().any(same) {
            return Decision::Accepted;
        }
        let fingerprint =
            |key: &PublicKey| format!("{} {}", key.algorithm(), key.fingerprint(HashAlg::Sha256));
        if !known.is_empty() {
            let expected: Vec<String> = known.iter().map(fingerprint).collect();
            return Decision::Refused(format!(
                "Host key verification failed: {} expects {} for {}, the host offers {}. Either somebody is in between, or the host was reinstalled: then replace its line",
                shown,
                expected.join(" or "),
                place(address, port),
                fingerprint(offered),
            ));
        }
        if checking == HostKeyChecking::AcceptNew {
            self.learned
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .insert((address.to_owned(), port), offered.clone());
            // ok: the file may be read-only; then the owner keeps the key by the event.
            if let Some(file) = self.files(files).first() {
                let _ = known_hosts::learn_known_hosts_path(address, port, offered, file);
            }
            return Decision::Learned;
        }
        Decision::Refused(format!(
            "Host key verification failed: {} has no key for {}, the host offers {}. Add it there if it is right, or set ansible_ssh_host_key_checking to accept-new",
            shown,
            place(address, port),
            fingerprint(offered),
        ))
    }
}

fn place(address: &str, port: u16) -> String {
    if port == 22 {
        address.to_owned()
    } else {
        format!("[{address}]:{port}")
    }
}

/// The default known-hosts file: `ANSIBLE_SSH_KNOWN_HOSTS`, or OpenSSH's own.
pub fn default_file() -> PathBuf {
    std::env::var_os("ANSIBLE_SSH_KNOWN_HOSTS").map_or_else(|| home().join(".ssh/known_hosts"), PathBuf::from)
}

/// The home directory of the user who runs the runner.
pub fn home() -> PathBuf {
    std::env::home_dir().unwrap_or_else(|| Path::new("/").to_path_buf())
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f";
    const OTHER: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB8eHRwbGhkYFxYVFBMSERAPDg0MCwoJCAcGBQQDAgEA";

    fn key(text: &str) -> PublicKey {
        PublicKey::from_openssh(text).unwrap()
    }

    fn file_with(line: &str) -> (tempfile::NamedTempFile, Arc<KnownHosts>) {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), line).unwrap();
        let known = KnownHosts::new(file.path().to_path_buf());
        (file, known)
    }

    #[test]
    fn a_pinned_key_must_be_the_one_in_the_file() {
        let (_file, known) = file_with(&format!("[10.0.0.1]:2222 {KEY}\n"));
        assert_eq!(
            known.decide(&[], ("10.0.0.1", 2222), &key(KEY), HostKeyChecking::Pinned),
            Decision::Accepted
        );
        let Decision::Refused(reason) =
            known.decide(&[], ("10.0.0.1", 2222), &key(OTHER), HostKeyChecking::Pinned)
        else {
            panic!("another key was accepted");
        };
        assert!(
            reason.contains("[10.0.0.1]:2222") && reason.contains("SHA256:"),
            "{reason}"
        );
        let Decision::Refused(reason) =
            known.decide(&[], ("10.0.0.9", 22), &key(KEY), HostKeyChecking::Pinned)
        else {
            panic!("an unknown host was accepted");
        };
        assert!(reason.contains("has no key for 10.0.0.9"), "{reason}");
    }

    #[test]
    fn the_first_key_is_learned_and_then_pinned() {
        let (_file, known) = file_with("");
        assert_eq!(
            known.decide(&[], ("h", 22), &key(KEY), HostKeyChecking::AcceptNew),
            Decision::Learned
        );
        assert_eq!(
            known.decide(&[], ("h", 22), &key(KEY), HostKeyChecking::AcceptNew),
            Decision::Accepted
        );
        assert!(matches!(
            known.decide(&[], ("h", 22), &key(OTHER), HostKeyChecking::AcceptNew),
            Decision::Refused(_)
        ));
    }

    #[test]
    fn hashed_entries_are_understood() {
        // `ssh-keygen -H` of "h" with the salt "aaaaaaaaaaaaaaaaaaaa".
        let salt = b"aaaaaaaaaaaaaaaaaaaa";
        let (_file, known) = file_with(&format!(
            "|1|{}|{} {KEY}\n",
            base64(salt),
            base64(&hmac_sha1(salt, b"h"))
        ));
        assert_eq!(
            known.decide(&[], ("h", 22), &key(KEY), HostKeyChecking::Pinned),
            Decision::Accepted
        );
    }

    fn base64(bytes: &[u8]) -> String {
        use base64::Engine;
        base64::engine::general_purpose::STANDARD.encode(bytes)
    }

    fn hmac_sha1(key: &[u8], message: &[u8]) -> Vec<u8> {
        use sha1::{Digest, Sha1};
        let pad = |byte: u8| -> Vec<u8> {
            (0..64)
                .map(|index| key.get(index).copied().unwrap_or(0) ^ byte)
                .collect()
        };
        let inner = Sha1::digest([pad(0x36), message.to_vec()].concat());
        Sha1::digest([pad(0x5c), inner.to_vec()].concat()).to_vec()
    }
}
