//! Agents that have become an account. They wait for the next task that names it, and the account of a running process is not removed.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, getuid, kill_process};

use crate::job;

/// How long the end of a process is waited for: it closes its files and has children of its own to end.
const PATIENCE: Duration = Duration::from_secs(2);

/// Ends the agents of an account; whoever needs one starts it again. Jobs that are carried out in the background go on.
pub(super) fn end(uid: u32) {
    // This one is busy with the removal.
    if getuid().as_raw() == uid {
        return;
    }
    let agents: Vec<PathBuf> = processes().filter(|process| is_agent(process, uid)).collect();
    for agent in &agents {
        if let Some(id) = number(agent).and_then(Pid::from_raw) {
            // ok: it has ended meanwhile.
            let _ = kill_process(id, Signal::TERM);
        }
    }
    let began = Instant::now();
    while agents.iter().any(|agent| agent.join("exe").exists()) && began.elapsed() < PATIENCE {
        sleep(Duration::from_millis(2));
    }
}

/// The folders of all processes.
fn processes() -> impl Iterator<Item = PathBuf> {
    let entries = Path::new("/proc").read_dir().into_iter().flatten().flatten();
    entries
        .map(|entry| entry.path())
        .filter(|path| number(path).is_some())
}

fn number(process: &Path) -> Option<i32> {
    process.file_name()?.to_str()?.parse().ok()
}

/// Whether a process is this program, waiting for tasks as this user.
fn is_agent(process: &Path, uid: u32) -> bool {
    let belongs = fs::metadata(process).is_ok_and(|process| process.uid() == uid);
    belongs && is_this_program(&process.join("exe")) && !is_job(process)
}

/// Whether a file is this program's: the same file, or another copy of it.
fn is_this_program(other: &Path) -> bool {
    let own = Path::new("/proc/self/exe");
    let (Ok(ours), Ok(theirs)) = (fs::metadata(own), fs::metadata(other)) else {
        return false;
    };
    if (ours.dev(), ours.ino()) == (theirs.dev(), theirs.ino()) {
        return true;
    }
    let same = || Some(fs::read(own).ok()? == fs::read(other).ok()?);
    ours.len() == theirs.len() && same() == Some(true)
}

fn is_job(process: &Path) -> bool {
    let arguments = fs::read(process.join("cmdline")).unwrap_or_default();
    arguments
        .split(|byte| *byte == 0)
        .any(|argument| argument == job::ARGUMENT.as_bytes())
}
