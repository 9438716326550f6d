//! What a key is, and what one should be.

use serde_json::{Value, json};

use crate::answer::Failure;

/// The kind of key that is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kind {
    /// As `ssh-keygen` names it.
    pub name: &'static str,
    /// Length in bits.
    pub size: i64,
}

impl Kind {
    /// The kind of this type and size.
    ///
    /// # Errors
    /// When there are no such keys.
    pub fn of(kind: &str, size: Option<i64>) -> Result<Self, Failure> {
        let refuse = |message: &str| Err(Failure::new(message));
        match kind {
            "rsa" => {
                let size = size.unwrap_or(4096);
                if size < 1024 {
                    return refuse(
                        "For RSA keys, the minimum size is 1024 bits and the default is 4096 bits. Attempting to use bit \
                         lengths under 1024 will cause the module to fail.",
                    );
                }
                Ok(Self { name: "rsa", size })
            }
            "dsa" => match size.unwrap_or(1024) {
                1024 => Ok(Self {
                    name: "dsa",
                    size: 1024,
                }),
                _ => refuse("DSA keys must be exactly 1024 bits as specified by FIPS 186-2."),
            },
            "ecdsa" => match size.unwrap_or(256) {
                size @ (256 | 384 | 521) => Ok(Self { name: "ecdsa", size }),
                _ => refuse(
                    "For ECDSA keys, size determines the key length by selecting from one of three elliptic curve sizes: 256, \
                     384 or 521 bits. Attempting to use bit lengths other than these three values for ECDSA keys will cause \
                     this module to fail.",
                ),
            },
            // Their size is fixed: what is asked for does not matter.
            "ed25519" => Ok(Self {
                name: "ed25519",
                size: 256,
            }),
            other => Err(Failure::new(format!(
                "{other} keys are not supported by OpenSSH any more"
            ))),
        }
    }

    /// Whether a key is of this kind.
    pub fn fits(self, key: &PublicKey) -> bool {
        key.kind == self.name && key.size == self.size
    }
}

/// A public key, and what is known of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PublicKey {
    /// The first word of its line: `ssh-rsa`.
    pub algorithm: String,
    /// The key.
    pub data: String,
    /// What its owner calls it.
    pub comment: String,
    /// `rsa`, as `ssh-keygen` names it.
    pub kind: String,
    /// Length in bits.
    pub size: i64,
    /// `SHA256:…`
    pub fingerprint: String,
}

impl PublicKey {
    /// Reads a line: `ssh-rsa AAAA… comment`.
    pub fn parse(line: &str) -> Option<Self> {
        let mut words = line.splitn(3, ' ');
        Some(Self {
            algorithm: words.next().filter(|word| !word.is_empty())?.to_owned(),
            data: words.next()?.to_owned(),
            comment: words.next().unwrap_or_default().to_owned(),
            ..Self::default()
        })
    }

    /// Adds what `ssh-keygen -l` says: `256 SHA256:… comment (ED25519)`.
    pub fn add_properties(&mut self, text: &str) {
        let mut words = text.split_whitespace();
        self.size = words
            .next()
            .and_then(|word| word.parse().ok())
            .unwrap_or_default();
        words.next().unwrap_or_default().clone_into(&mut self.fingerprint);
        let last = text.split_whitespace().next_back().unwrap_or_default();
        self.kind = last.trim_matches(['(', ')']).to_ascii_lowercase();
    }

    /// The key alone.
    pub fn without_comment(&self) -> String {
        format!("{} {}", self.algorithm, self.data)
    }

    /// What `--diff` shows: the key without its algorithm, and a format that `ssh-keygen` does not tell.
    pub fn for_diff(&self) -> Value {
        json!({
            "comment": self.comment,
            "fingerprint": self.fingerprint,
            "format": "",
            "public_key": self.data,
            "size": self.size,
            "type": self.kind,
        })
    }

    /// The line of the public key's file.
    pub fn line(&self) -> String {
        let line = format!("{} {}", self.without_comment(), self.comment);
        line.trim_end().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_known_by_its_line_and_by_what_the_program_says() {
        let mut key = PublicKey::parse("ssh-ed25519 AAAA me and you").unwrap();
        key.add_properties("256 SHA256:abc me and you (ED25519)\n");
        assert_eq!((key.size, key.kind.as_str()), (256, "ed25519"));
        assert_eq!(key.for_diff()["public_key"], "AAAA");
        assert_eq!(key.line(), "ssh-ed25519 AAAA me and you");
        assert!(Kind::of("ed25519", None).unwrap().fits(&key));
        assert!(!Kind::of("rsa", Some(2048)).unwrap().fits(&key));
        assert!(Kind::of("ecdsa", Some(500)).is_err() && Kind::of("rsa", Some(512)).is_err());
    }
}
