//! A line of a `known_hosts` file.

use std::io::Read;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest, Sha1};

/// A line: which hosts, which key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// `@cert-authority` or `@revoked`.
    pub marker: Option<String>,
    /// The names, as they are written.
    pub hosts: String,
    /// Type of the key, `ssh-ed25519`.
    pub kind: String,
    /// The key itself, in base64.
    pub key: String,
    comment: String,
}

/// How a hashed name begins.
const HASHED: &str = "|1|";

impl Entry {
    /// Reads a line; comments and lines of another form are none.
    pub(super) fn parse(line: &str) -> Option<Self> {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            return None;
        }
        let mut words = line.split_whitespace();
        let mut word = words.next()?;
        let marker = word.starts_with('@').then(|| word.to_owned());
        if marker.is_some() {
            word = words.next()?;
        }
        let hosts = word.to_owned();
        let kind = words.next()?.to_owned();
        let key = words.next()?.to_owned();
        let comment = words.collect::<Vec<_>>().join(" ");
        let is_base64 = |byte: u8| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte);
        if !key.bytes().all(is_base64) {
            return None;
        }
        Some(Self {
            marker,
            hosts,
            kind,
            key,
            comment,
        })
    }

    /// Whether the names are hidden behind a hash.
    pub(super) fn is_hashed(&self) -> bool {
        self.hosts.starts_with(HASHED)
    }

    /// Whether the line names this very host, not only by a pattern.
    pub(super) fn lists(&self, host: &str) -> bool {
        if self.is_hashed() {
            return self.names(host);
        }
        self.hosts.split(',').any(|name| name.eq_ignore_ascii_case(host))
    }

    /// Whether the line is about this host.
    pub(super) fn names(&self, host: &str) -> bool {
        if let Some(hashed) = self.hosts.strip_prefix(HASHED) {
            let Some((salt, hash)) = hashed.split_once('|') else {
                return false;
            };
            return STANDARD
                .decode(salt)
                .is_ok_and(|salt| STANDARD.encode(hmac_sha1(&salt, host.as_bytes())) == hash);
        }
        let mut is_named = false;
        for pattern in self.hosts.split(',') {
            let (negated, pattern) = match pattern.strip_prefix('!') {
                Some(pattern) => (true, pattern),
                None => (false, pattern),
            };
            if matches(pattern.to_lowercase().as_bytes(), host.as_bytes()) {
                if negated {
                    return false;
                }
                is_named = true;
            }
        }
        is_named
    }

    /// The line with the host's name hashed, its end included.
    pub(super) fn hashed(&self, host: &str) -> String {
        let salt = salt();
        let hash = STANDARD.encode(hmac_sha1(&salt, host.as_bytes()));
        let names = format!("{HASHED}{}|{hash}", STANDARD.encode(salt));
        let words = [
            self.marker.as_deref().unwrap_or_default(),
            &names,
            &self.kind,
            &self.key,
            &self.comment,
        ];
        let words: Vec<&str> = words.into_iter().filter(|word| !word.is_empty()).collect();
        format!("{}\n", words.join(" "))
    }
}

/// Random bytes of a hash's length.
fn salt() -> [u8; 20] {
    let mut salt = [0; 20];
    let read = std::fs::File::open("/dev/urandom").and_then(|mut random| random.read_exact(&mut salt));
    if read.is_err() {
        // Without a source of random numbers the name is hidden less well, which is no reason to fail.
        let time = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .map_or(0, |time| time.as_nanos());
        salt[..16].copy_from_slice(&time.to_le_bytes());
    }
    salt
}

/// HMAC with SHA-1 (RFC 2104), for keys no longer than a block.
fn hmac_sha1(key: &[u8], message: &[u8]) -> [u8; 20] {
    let mut inner = [0x36_u8; 64];
    let mut outer = [0x5c_u8; 64];
    for (index, byte) in key.iter().take(64).enumerate() {
        inner[index] ^= byte;
        outer[index] ^= byte;
    }
    let hash = Sha1::new().chain_update(inner).chain_update(message).finalize();
    Sha1::new()
        .chain_update(outer)
        .chain_update(hash)
        .finalize()
        .into()
}

/// Whether a name fits a pattern of ssh, which knows `*` and `?`.
fn matches(pattern: &[u8], name: &[u8]) -> bool {
    match (pattern.split_first(), name.split_first()) {
        (None, None) => true,
        (Some((b'*', rest)), _) => matches(rest, name) || (!name.is_empty() && matches(pattern, &name[1..])),
        (Some((b'?', rest)), Some((_, tail))) => matches(rest, tail),
        (Some((one, rest)), Some((other, tail))) => one == other && matches(rest, tail),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "AAAAC3NzaC1lZDI1NTE5AAAAIIsqwaSyvxcvC4+C2R6QD4D93e3N6jITqe5CIVIPrUvn";

    #[test]
    fn a_line_names_hosts_as_ssh_reads_them() {
        for (hosts, host, named) in [
            ("a.example", "a.example", true),
            ("a.example,10.0.0.1", "10.0.0.1", true),
            ("*.example,!b.example", "a.example", true),
            ("*.example,!b.example", "b.example", false),
            ("[a]:22", "a", false),
            ("h?st", "host", true),
            // Made by ssh-keygen -H of "hidden".
            (
                "|1|GKRSbpZexIE2jUsb4DAQpaqkO2s=|SKT5sM/bR8dPy2bhaLgZlCrxoFg=",
                "hidden",
                true,
            ),
        ] {
            let entry = Entry::parse(&format!("{hosts} ssh-ed25519 {KEY}")).unwrap();
            assert_eq!(entry.names(host), named, "{hosts} {host}");
        }
        let entry = Entry::parse(&format!("*.example,b ssh-ed25519 {KEY}")).unwrap();
        assert!(entry.lists("b") && entry.lists("*.example") && !entry.lists("a.example"));
    }

    #[test]
    fn a_hashed_line_names_its_host_and_no_other() {
        let entry = Entry::parse(&format!("@revoked a ssh-ed25519 {KEY} some words")).unwrap();
        let line = entry.hashed("a");
        let hashed = Entry::parse(&line).unwrap();
        assert!(hashed.is_hashed() && hashed.names("a") && !hashed.names("b"));
        assert_eq!(hashed.marker.as_deref(), Some("@revoked"));
        assert!(line.ends_with("some words\n") && !line.contains(" a "));
    }

    #[test]
    fn the_hash_is_that_of_the_standard() {
        // RFC 2202, case 2.
        assert_eq!(
            hex::encode(hmac_sha1(b"Jefe", b"what do ya want for nothing?")),
            "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"
        );
    }

    #[test]
    fn other_lines_are_no_entries() {
        for line in ["", "# comment", "host", "host ssh-rsa", "host ssh-rsa %%%"] {
            assert!(Entry::parse(line).is_none(), "{line}");
        }
    }
}
