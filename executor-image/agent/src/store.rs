//! Contents of files that the runner has sent, in a private temporary directory, by their SHA-256.

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use sha2::{Digest, Sha256};
use slipway_protocol::{PutBegin, PutStatus};
use tempfile::TempDir;

use crate::atomic_write::create_private;

/// How the names of all stores begin.
const PREFIX: &str = "slipway-agent-store-";

/// How long a store must have been left alone before another agent takes it for an orphan: one that is just being made is not locked yet.
const ORPHAN_AGE: Duration = Duration::from_mins(10);

/// The store of one agent process; removed with it.
#[derive(Debug)]
pub struct Store {
    directory: TempDir,
    /// Tells other agents that somebody uses the directory. The kernel lets it go with the process, however that ends.
    _lock: File,
}

impl Store {
    /// An empty store below `/var/tmp`: contents may be larger than a `/tmp` in memory. Removes the stores of agents that were killed.
    ///
    /// # Errors
    /// When the directory cannot be made.
    pub fn create() -> std::io::Result<Self> {
        let place = Path::new("/var/tmp");
        if place.is_dir() {
            Self::create_in(place)
        } else {
            Self::create_in(&std::env::temp_dir())
        }
    }

    fn create_in(place: &Path) -> std::io::Result<Self> {
        remove_orphans(place, SystemTime::now());
        let directory = tempfile::Builder::new()
            .prefix(PREFIX)
            .permissions(std::fs::Permissions::from_mode(0o700))
            .tempdir_in(place)?;
        let lock = File::open(directory.path())?;
        lock.lock()?;
        Ok(Self {
            directory,
            _lock: lock,
        })
    }

    /// The private directory, for temporary files of modules.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// The file of this name, if it was sent.
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

    /// Removes a content that was sent for one call.
    pub fn end_call(&self, name: &str) {
        if let Some(path) = self.path(name).filter(|_| name.contains('-')) {
            // ok: the call took it, or it goes with the store.
            let _ = std::fs::remove_file(path);
        }
    }

    /// Where the content of this name is: its SHA-256, followed by the number of its stream if it is for one call.
    fn path(&self, name: &str) -> Option<PathBuf> {
        let (sha256, stream) = name.split_once('-').unwrap_or((name, "0"));
        let is_digest = sha256.len() == 64 && sha256.bytes().all(|byte| byte.is_ascii_hexdigit());
        (is_digest && stream.parse::<u32>().is_ok()).then(|| self.directory.path().join(name))
    }

    /// Answers the offer of a content on a stream, and prepares to take it if it is wanted.
    pub fn begin(&self, offer: &PutBegin, stream: u32) -> (PutStatus, Option<Incoming>) {
        let Some(path) = self.path(&offer.name(stream)) else {
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

/// Removes stores whose agents are gone. What cannot be looked at or removed is another user's, and stays.
fn remove_orphans(place: &Path, now: SystemTime) {
    let stores = std::fs::read_dir(place).into_iter().flatten().flatten();
    for store in stores.filter(|entry| entry.file_name().to_string_lossy().starts_with(PREFIX)) {
        let is_old = store.metadata().is_ok_and(|metadata| {
            let modified = metadata.modified().unwrap_or(now);
            metadata.is_dir() && now.duration_since(modified).is_ok_and(|age| age > ORPHAN_AGE)
        });
        if is_old && File::open(store.path()).is_ok_and(|directory| directory.try_lock().is_ok()) {
            // ok: what is left of it is looked at by the next agent.
            let _ = std::fs::remove_dir_all(store.path());
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
            .make_in(directory, create_private)?;
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
            for_one_call: false,
        }
    }

    #[test]
    fn a_content_is_wanted_once_and_found_by_its_digest() {
        let store = Store::create().unwrap();
        let (status, incoming) = store.begin(&offer(b"hello"), 1);
        assert_eq!(status, PutStatus::Wanted);
        let mut incoming = incoming.unwrap();
        assert_eq!(incoming.take(b"hel"), None);
        assert_eq!(incoming.take(b"lo"), None);
        assert_eq!(incoming.take(b""), Some(PutStatus::Stored));
        assert_eq!(
            std::fs::read(store.find(&offer(b"hello").sha256).unwrap()).unwrap(),
            b"hello"
        );
        assert_eq!(store.begin(&offer(b"hello"), 1).0, PutStatus::Stored);
    }

    #[test]
    fn a_content_for_one_call_is_its_own_and_goes_with_the_call() {
        let store = Store::create().unwrap();
        let offer = PutBegin {
            for_one_call: true,
            ..offer(b"hello")
        };
        for stream in [1, 2] {
            let (status, incoming) = store.begin(&offer, stream);
            assert_eq!(status, PutStatus::Wanted);
            let mut incoming = incoming.unwrap();
            assert_eq!(incoming.take(b"hello"), None);
            assert_eq!(incoming.take(b""), Some(PutStatus::Stored));
        }
        store.end_call(&offer.name(1));
        assert!(store.find(&offer.name(1)).is_none());
        assert!(store.find(&offer.name(2)).is_some());
    }

    #[test]
    fn a_damaged_content_or_a_name_that_is_no_digest_is_not_stored() {
        let store = Store::create().unwrap();
        let mut incoming = store.begin(&offer(b"hello"), 1).1.unwrap();
        incoming.take(b"hellO");
        assert!(
            matches!(incoming.take(b""), Some(PutStatus::Failed(message)) if message.contains("damaged"))
        );
        assert!(store.find(&offer(b"hello").sha256).is_none());
        let outside = PutBegin {
            sha256: "../../etc/passwd".to_owned(),
            size: 1,
            for_one_call: false,
        };
        assert!(matches!(store.begin(&outside, 1).0, PutStatus::Failed(_)));
    }

    #[test]
    fn the_store_of_an_agent_that_was_killed_is_removed_and_one_in_use_is_not() {
        let place = tempfile::tempdir().unwrap();
        let used = Store::create_in(place.path()).unwrap();
        let orphan = place.path().join(format!("{PREFIX}orphan"));
        let other = place.path().join("other");
        for directory in [&orphan, &other] {
            std::fs::create_dir(directory).unwrap();
        }
        remove_orphans(place.path(), SystemTime::now());
        assert!(
            orphan.is_dir(),
            "one that was just made may be about to be locked"
        );
        remove_orphans(place.path(), SystemTime::now() + ORPHAN_AGE * 2);
        assert!(!orphan.exists());
        assert!(used.directory().is_dir() && other.is_dir());
    }
}
