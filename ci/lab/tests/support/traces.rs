//! What a lab could leave on this host.

#![allow(clippy::unwrap_used)] // ok: helpers of tests, where a failure is the answer

use std::collections::BTreeSet;

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
