//! The fence of a host: a run with an older epoch than one that this host has seen is refused.

use std::fs::File;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock};
use slipway_protocol::Fence;
use thiserror::Error;

const FILE: &str = "/var/lib/slipway/fence.json";
/// How long a lock that another run's agent holds is waited for.
const PATIENCE: Duration = Duration::from_mins(1);

/// Why a run is refused.
#[derive(Debug, Error)]
pub enum FenceError {
    /// The file cannot be used.
    #[error("{action} the host's fence {file}: {source}")]
    File {
        /// What was being done.
        action: &'static str,
        /// The file.
        file: String,
        /// Why it failed.
        source: std::io::Error,
    },
    /// The file is not a fence.
    #[error("the host's fence {file} cannot be read ({source}); remove it if no cluster owns this host")]
    Unreadable {
        /// The file.
        file: String,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// Another run works on the host.
    #[error("another run ({run}) holds this host: its agent did not end within {} s", PATIENCE.as_secs())]
    Held {
        /// The other run.
        run: String,
    },
    /// Another owner took the host.
    #[error(
        "this run is fenced off: the host belongs to {owner} since epoch {epoch}, this run has epoch {ours} of {our_owner}"
    )]
    Older {
        /// The host's owner.
        owner: String,
        /// Its epoch.
        epoch: u64,
        /// The epoch of this run.
        ours: u64,
        /// The owner in whose name this run came.
        our_owner: String,
    },
}

/// Takes the host for this run: the lock is held until the returned file is dropped. Nothing is taken by an agent that
/// is not root, which can change nothing that matters on a host.
pub fn take(fence: &Fence) -> Result<Option<File>, FenceError> {
    if !rustix::process::geteuid().is_root() {
        return Ok(None);
    }
    take_file(Path::new(FILE), fence, PATIENCE).map(Some)
}

fn take_file(path: &Path, fence: &Fence, patience: Duration) -> Result<File, FenceError> {
    let failed = |action| {
        move |source| FenceError::File {
            action,
            file: path.display().to_string(),
            source,
        }
    };
    if let Some(directory) = path.parent() {
        std::fs::create_dir_all(directory).map_err(failed("making the directory of"))?;
    }
    let file = File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .map_err(failed("opening"))?;
    let deadline = Instant::now() + patience;
    loop {
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => break,
            Err(rustix::io::Errno::WOULDBLOCK) if Instant::now() < deadline => {
                std::thread::sleep(Duration::from_millis(100));
            }
            Err(rustix::io::Errno::WOULDBLOCK) => {
                let holder = read(&file, path).ok().flatten();
                return Err(FenceError::Held {
                    run: holder.map_or_else(|| "unknown".to_owned(), |fence| fence.run),
                });
            }
            Err(error) => return Err(failed("locking")(error.into())),
        }
    }
    if let Some(seen) = read(&file, path)?
        && (seen.epoch > fence.epoch || (seen.epoch == fence.epoch && seen.owner != fence.owner))
    {
        return Err(FenceError::Older {
            owner: seen.owner,
            epoch: seen.epoch,
            ours: fence.epoch,
            our_owner: fence.owner.clone(),
        });
    }
    // One write of less than a page, then the rest is cut off: a crash in between leaves a whole first line. The file is
    // not replaced by a new one, because the lock is on this one.
    let mut line = serde_json::to_vec(fence).map_err(|error| failed("writing")(error.into()))?;
    line.push(b'\n');
    file.write_all_at(&line, 0)
        .and_then(|()| file.set_len(line.len() as u64))
        .and_then(|()| file.sync_all())
        .map_err(failed("writing"))?;
    Ok(file)
}

/// What the file says; nothing when it is new.
fn read(file: &File, path: &Path) -> Result<Option<Fence>, FenceError> {
    let mut buffer = vec![0; 4096];
    let length = file.read_at(&mut buffer, 0).map_err(|source| FenceError::File {
        action: "reading",
        file: path.display().to_string(),
        source,
    })?;
    let line = buffer[..length]
        .split(|byte| *byte == b'\n')
        .next()
        .unwrap_or_default();
    if line.is_empty() {
        return Ok(None);
    }
    serde_json::from_slice(line)
        .map(Some)
        .map_err(|source| FenceError::Unreadable {
            file: path.display().to_string(),
            source,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fence(owner: &str, epoch: u64) -> Fence {
        Fence {
            owner: owner.to_owned(),
            epoch,
            run: format!("{owner}-{epoch}"),
        }
    }

    #[test]
    fn a_newer_epoch_and_the_same_owner_pass_and_an_older_epoch_or_another_owner_do_not() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("slipway/fence.json");
        // Patience: a process that another test is just starting has inherited the lock until it executes.
        let take = |fence| take_file(&path, &fence, Duration::from_secs(10)).map(drop);
        take(fence("shop", 3)).unwrap();
        take(fence("shop", 3)).unwrap();
        assert!(matches!(take(fence("bank", 3)), Err(FenceError::Older { .. })));
        assert!(matches!(
            take(fence("shop", 2)),
            Err(FenceError::Older { epoch: 3, .. })
        ));
        take(fence("a-much-longer-owner-than-before", 4)).unwrap();
        take(fence("b", 5)).unwrap();
        assert!(matches!(
            take(fence("shop", 4)),
            Err(FenceError::Older { epoch: 5, .. })
        ));
    }

    #[test]
    fn a_held_lock_is_reported_with_the_run_that_holds_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("fence.json");
        let _held = take_file(&path, &fence("shop", 1), Duration::ZERO).unwrap();
        let refused = take_file(&path, &fence("shop", 2), Duration::ZERO).unwrap_err();
        assert!(refused.to_string().contains("shop-1"), "{refused}");
    }
}
