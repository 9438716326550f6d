//! What the tests of the lab share.

#![allow(clippy::unwrap_used, clippy::panic)] // ok: helpers of tests, where a failure is the answer

use std::collections::BTreeSet;
use std::panic::AssertUnwindSafe;

use futures::FutureExt;
use slipway_lab::{Lab, UpOptions};

/// A lab of machines only.
pub fn bare(name: &str) -> UpOptions {
    UpOptions {
        services: false,
        ..UpOptions::named(name)
    }
}

/// Brings a lab up, or fails with the reason as a person would read it.
pub async fn up(options: &UpOptions) -> Lab {
    Lab::up(options).await.unwrap_or_else(|error| panic!("{error}"))
}

/// Runs a test and takes its lab down afterwards, also when the test fails.
pub async fn with_lab<T>(name: &str, test: impl AsyncFnOnce() -> T) -> T {
    Lab::down(name)
        .await
        .unwrap_or_else(|error| panic!("left by an earlier run: {error}"));
    let result = AssertUnwindSafe(test()).catch_unwind().await;
    let down = Lab::down(name).await;
    let value = result.unwrap_or_else(|failure| std::panic::resume_unwind(failure));
    down.unwrap_or_else(|error| panic!("{error}"));
    value
}

/// Every mount, namespace, cgroup, interface and command line of this host that bears a name.
pub fn traces(name: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for file in ["/proc/mounts", "/proc/net/dev"] {
        let text = std::fs::read_to_string(file).unwrap();
        found.extend(text.lines().filter(|line| line.contains(name)).map(str::to_owned));
    }
    for folder in ["/run/netns", "/run/systemd/nspawn/propagate"] {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        found.extend(
            entries
                .map(|entry| entry.path().display().to_string())
                .filter(|path| path.contains(name)),
        );
    }
    let cgroups = walkdir::WalkDir::new("/sys/fs/cgroup")
        .max_depth(3)
        .into_iter()
        .flatten();
    found.extend(
        cgroups
            .map(|entry| entry.path().display().to_string())
            .filter(|path| path.contains(name)),
    );
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let line = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        found.extend(
            Some(String::from_utf8_lossy(&line).replace('\0', " ")).filter(|line| line.contains(name)),
        );
    }
    found
}

/// Processes with their start times, which name them for ever.
pub fn start_times(processes: &[i32]) -> Vec<(i32, String)> {
    processes
        .iter()
        .filter_map(|id| Some((*id, start_time(*id)?)))
        .collect()
}

/// Those of them that have not ended.
pub fn still_running(processes: &[(i32, String)]) -> Vec<i32> {
    let runs = |(id, start): &&(i32, String)| start_time(*id).as_ref() == Some(start);
    processes.iter().filter(runs).map(|(id, _)| *id).collect()
}

/// The name of a process.
pub fn command_of(id: i32) -> String {
    std::fs::read_to_string(format!("/proc/{id}/comm"))
        .unwrap_or_default()
        .trim()
        .to_owned()
}

fn start_time(id: i32) -> Option<String> {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace();
    let ended = fields.next() == Some("Z");
    fields.nth(18).filter(|_| !ended).map(str::to_owned)
}
