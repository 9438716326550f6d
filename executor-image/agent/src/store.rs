//! Contents of files that the runner has sent, in a private temporary directory, by their SHA-256.

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use slipway_protocol::{PutBegin, PutStatus};
use tempfile::TempDir;

/// The store of one agent process; removed with it.
#[derive(Debug)]
pub struct Store {
    directory: TempDir,
}

impl Store {
    /// An empty store below `/var/tmp`: contents may be larger than a `/tmp` in memory.
    ///
    /// # Errors
    /// When the directory cannot be made.
    pub fn create() -> std::io::Result<Self> {
        let place = Path::new("/var/tmp");
        let place = if place.is_dir() {
            place.to_owned()
        } else {
            std::env::temp_dir()
        };
        let directory = tempfile::Builder::new()
            .prefix("slipway-agent-store-")
            .permissions(std::fs::Permissions::from_mode(0o700))
            .tempdir_in(place)?;
        Ok(Self { directory })
    }

    /// The private directory, for temporary files of modules.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// The file with this content, if it was sent.
    pub fn find(&self, sha256: &str) -> Option<PathBuf> {
        let path = self.path(sha256)?;
        path.is_file().then_some(path)
    }

    /// Takes a content of another store, which may then go.
    ///
    /// # Errors
    /// When it is not there or cannot be stored here.
    pub fn adopt(&self, sha256: &str, other: &Path) -> std::io::Result<()> {
        let path = self
            .path(sha256)
            .ok_or_else(|| std::io::Error::other(format!("{sha256:?} is not a SHA-256")))?;
        let source = other.join(sha256);
        std::fs::hard_link(&source, &path).or_else(|_| std::fs::copy(&source, &path).map(drop))
    }

    fn path(&self, sha256: &str) -> Option<PathBuf> {
        let is_digest = sha256.len() == 64 && sha256.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_digest.then(|| self.directory.path().join(sha256))
    }

    /// Answers the offer of a content, and prepares to take it if it is wanted.
    pub fn begin(&self, offer: &PutBegin) -> (PutStatus, Option<Incoming>) {
        let Some(path) = self.path(&offer.sha256) else {
            return (
                PutStatus::Failed(format!("{:?} is not a SHA-256", offer.sha256)),
                None,
            );
        };
        if path.is_file() {
            return (PutStatus::Stored, None);
        }
        match Incoming::create(path, offer) {
            Ok(incoming) => (PutStatus::Wanted, Some(incoming)),
            Err(error) => (
                PutStatus::Failed(format!("storing a file's content: {error}")),
                None,
            ),
        }
    }
}

/// A content on its way.
#[derive(Debug)]
pub struct Incoming {
    path: PathBuf,
    partial: tempfile::NamedTempFile<File>,
    digest: Sha256,
    expected: String,
    size: u64,
    received: u64,
}

impl Incoming {
    fn create(path: PathBuf, offer: &PutBegin) -> std::io::Result<Self> {
        let directory = path.parent().unwrap_or(Path::new("/"));
        let partial = tempfile::Builder::new()
            .prefix("partial-")
            .make_in(directory, |path| {
                File::options()
                    .write(true)
                    .create_new(true)
                    .mode(0o600)
                    .open(path)
            })?;
        Ok(Self {
            path,
            partial,
            digest: Sha256::new(),
            expected: offer.sha256.to_ascii_lowercase(),
            size: offer.size,
            received: 0,
        })
    }

    /// Takes a piece; an empty one ends the content. Answers when the content is stored or cannot be.
    pub fn take(&mut self, piece: &[u8]) -> Option<PutStatus> {
        if piece.is_empty() {
            return Some(self.finish());
        }
        self.received += piece.len() as u64;
        if self.received > self.size {
            return Some(PutStatus::Failed(format!(
                "more than the announced {} bytes of a file's content arrived",
                self.size
            )));
        }
        self.digest.update(piece);
        match self.partial.as_file_mut().write_all(piece) {
            Ok(()) => None,
            Err(error) => Some(PutStatus::Failed(format!(
                "storing a file's content in {}: {error}",
                self.path.parent().unwrap_or(Path::new("/")).display()
            ))),
        }
    }

    fn finish(&mut self) -> PutStatus {
        let digest = hex::encode(self.digest.finalize_reset());
        if digest != self.expected {
            return PutStatus::Failed(format!(
                "a file's content arrived damaged: its SHA-256 is {digest}, {} was announced",
                self.expected
            ));
        }
        // A hard link leaves the temporary name to be removed with `partial`.
        match std::fs::hard_link(self.partial.path(), &self.path) {
            Ok(()) => PutStatus::Stored,
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => PutStatus::Stored,
            Err(error) => PutStatus::Failed(format!("storing a file's content: {error}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offer(content: &[u8]) -> PutBegin {
        PutBegin {
            sha256: hex::encode(Sha256::digest(content)),
            size: content.len() as u64,
        }
    }

    #[test]
    fn a_content_is_wanted_once_and_found_by_its_digest() {
        let store = Store::create().unwrap();
        let (status, incoming) = store.begin(&offer(b"hello"));
        assert_eq!(status, PutStatus::Wanted);
        let mut incoming = incoming.unwrap();
        assert_eq!(incoming.take(b"hel"), None);
        assert_eq!(incoming.take(b"lo"), None);
        assert_eq!(incoming.take(b""), Some(PutStatus::Stored));
        assert_eq!(
            std::fs::read(store.find(&offer(b"hello").sha256).unwrap()).unwrap(),
            b"hello"
        );
        assert_eq!(store.begin(&offer(b"hello")).0, PutStatus::Stored);
    }

    #[test]
    fn a_damaged_content_or_a_name_that_is_no_digest_is_not_stored() {
        let store = Store::create().unwrap();
        let mut incoming = store.begin(&offer(b"hello")).1.unwrap();
        incoming.take(b"hellO");
        assert!(
            matches!(incoming.take(b""), Some(PutStatus::Failed(message)) if message.contains("damaged"))
        );
        assert!(store.find(&offer(b"hello").sha256).is_none());
        let outside = PutBegin {
            sha256: "../../etc/passwd".to_owned(),
            size: 1,
        };
        assert!(matches!(store.begin(&outside).0, PutStatus::Failed(_)));
    }
}
