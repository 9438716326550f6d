//! Digests of files.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha224, Sha256, Sha384, Sha512};

/// A digest algorithm by its name in Ansible.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// `md5`.
    Md5,
    /// `sha1`, Ansible's `checksum`.
    Sha1,
    /// `sha224`.
    Sha224,
    /// `sha256`.
    Sha256,
    /// `sha384`.
    Sha384,
    /// `sha512`.
    Sha512,
}

impl Algorithm {
    /// The algorithm of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name.to_ascii_lowercase().as_str() {
            "md5" => Self::Md5,
            "sha1" => Self::Sha1,
            "sha224" => Self::Sha224,
            "sha256" => Self::Sha256,
            "sha384" => Self::Sha384,
            "sha512" => Self::Sha512,
            _ => return None,
        })
    }

    /// The digest of a file's content, hexadecimal.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn of_file(self, path: &Path) -> io::Result<String> {
        let file = File::open(path)?;
        match self {
            Self::Md5 => of_reader::<Md5>(file),
            Self::Sha1 => of_reader::<Sha1>(file),
            Self::Sha224 => of_reader::<Sha224>(file),
            Self::Sha256 => of_reader::<Sha256>(file),
            Self::Sha384 => of_reader::<Sha384>(file),
            Self::Sha512 => of_reader::<Sha512>(file),
        }
    }
}

fn of_reader<D: Digest>(mut reader: impl Read) -> io::Result<String> {
    let mut digest = D::new();
    let mut buffer = vec![0; 128 * 1024];
    loop {
        let read = reader.read(&mut buffer)?;
        if read == 0 {
            return Ok(hex::encode(digest.finalize()));
        }
        digest.update(&buffer[..read]);
    }
}

/// The SHA-1 of bytes, hexadecimal.
#[must_use]
pub fn sha1(bytes: &[u8]) -> String {
    hex::encode(Sha1::digest(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_of_a_file_are_the_known_ones() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("abc");
        std::fs::write(&path, "abc").unwrap();
        for (name, digest) in [
            ("md5", "900150983cd24fb0d6963f7d28e17f72"),
            ("sha1", "a9993e364706816aba3e25717850c26c9cd0d89d"),
            (
                "SHA256",
                "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
            ),
        ] {
            assert_eq!(
                Algorithm::from_name(name).unwrap().of_file(&path).unwrap(),
                digest
            );
        }
        assert!(Algorithm::from_name("crc32").is_none());
    }
}
