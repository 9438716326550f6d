//! Large files of this machine: read piece by piece, and their digests computed once for all hosts.

use std::{
    collections::HashMap,
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::SystemTime,
};

use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256};
use tokio::sync::OnceCell;

use super::{ActionContext, Arguments, boolean};

/// From this size on, in bytes, a file is held in memory by nobody, and only sent to hosts that lack it.
const LARGE: u64 = 1024 * 1024;
/// How a file begins that ansible-vault encrypted.
const ENCRYPTED: &[u8] = b"$ANSIBLE_VAULT;";

/// Digests of a content, hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Digests {
    /// The name of the content between runner and agent.
    pub sha256: String,
    /// Ansible's `checksum`.
    pub sha1: String,
    /// Ansible's `md5sum`.
    pub md5: String,
}

impl Digests {
    fn of(path: &Path) -> io::Result<Self> {
        // MD5 takes as long as the other two together.
        let (md5, (sha256, sha1)) = std::thread::scope(|scope| {
            let md5 = scope.spawn(|| {
                let mut md5 = Md5::new();
                read(path, |piece| md5.update(piece))?;
                io::Result::Ok(hex::encode(md5.finalize()))
            });
            let (mut sha256, mut sha1) = (Sha256::new(), Sha1::new());
            read(path, |piece| {
                sha256.update(piece);
                sha1.update(piece);
            })?;
            let md5 = md5
                .join()
                .unwrap_or_else(|_| Err(io::Error::other("the thread that computes its MD5 ended")))?;
            io::Result::Ok((
                md5,
                (hex::encode(sha256.finalize()), hex::encode(sha1.finalize())),
            ))
        })?;
        Ok(Self { sha256, sha1, md5 })
    }
}

fn read(path: &Path, mut take: impl FnMut(&[u8])) -> io::Result<()> {
    let mut file = File::open(path)?;
    let mut buffer = vec![0; 128 * 1024];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(()),
            count => take(&buffer[..count]),
        }
    }
}

/// A file as it was at one moment.
type Version = (PathBuf, u64, SystemTime);

/// The digests of all large files of a run.
#[derive(Debug, Default)]
pub(crate) struct LargeFiles(Mutex<HashMap<Version, Arc<OnceCell<Digests>>>>);

impl LargeFiles {
    /// Computes them if nobody has yet; other hosts wait for it.
    async fn digests(&self, version: Version) -> io::Result<Digests> {
        let cell = {
            let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(known.entry(version.clone()).or_default())
        };
        let compute = || async {
            tokio::task::spawn_blocking(move || Digests::of(&version.0))
                .await
                .unwrap_or_else(|error| Err(io::Error::other(error)))
        };
        cell.get_or_try_init(compute).await.cloned()
    }
}

/// A file that is sent piece by piece.
#[derive(Debug)]
pub(super) struct LargeFile {
    pub path: PathBuf,
    /// In bytes.
    pub size: u64,
    pub digests: Digests,
}

impl LargeFile {
    /// The file, if it is large and goes to hosts as it is.
    pub(super) async fn of(
        context: &ActionContext<'_>,
        path: &Path,
        args: &Arguments,
    ) -> io::Result<Option<Self>> {
        let metadata = path.metadata()?;
        let decrypt = boolean(args, "decrypt").unwrap_or(true);
        if metadata.len() < LARGE || decrypt && is_encrypted(path)? {
            return Ok(None);
        }
        let version = (path.to_owned(), metadata.len(), metadata.modified()?);
        Ok(Some(Self {
            path: path.to_owned(),
            size: metadata.len(),
            digests: context.item.play.run.large_files.digests(version).await?,
        }))
    }
}

/// Whether a file is encrypted with the vault.
pub(super) fn is_encrypted(path: &Path) -> io::Result<bool> {
    let mut start = Vec::new();
    File::open(path)?
        .take(ENCRYPTED.len() as u64)
        .read_to_end(&mut start)?;
    Ok(start == ENCRYPTED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn digests_are_those_of_the_content_and_computed_once() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("abc");
        std::fs::write(&path, "abc").unwrap();
        let files = LargeFiles::default();
        let version = (path.clone(), 3, SystemTime::UNIX_EPOCH);
        let digests = files.digests(version.clone()).await.unwrap();
        assert_eq!(digests.md5, "900150983cd24fb0d6963f7d28e17f72");
        assert_eq!(digests.sha1, "a9993e364706816aba3e25717850c26c9cd0d89d");
        assert_eq!(
            digests.sha256,
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        std::fs::remove_file(&path).unwrap();
        assert_eq!(files.digests(version).await.unwrap(), digests);
    }

    #[test]
    fn a_file_of_ansible_vault_is_told_by_how_it_begins() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        for (content, encrypted) in [("$ANSIBLE_VAULT;1.1;AES256\n00", true), ("$ANSIBLE", false)] {
            std::fs::write(&path, content).unwrap();
            assert_eq!(is_encrypted(&path).unwrap(), encrypted);
        }
    }
}
