//! How much memory a program and all its children hold at most.

use std::collections::HashMap;

/// Bytes that a process and its descendants hold now, shared pages counted once.
pub fn of_tree(root: u32) -> u64 {
    let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
    for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(id) = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse::<u32>().ok())
        else {
            continue;
        };
        let Ok(stat) = std::fs::read_to_string(entry.path().join("stat")) else {
            continue;
        };
        // The name in parentheses may hold spaces; the parent is the second word after it.
        let parent = stat
            .rsplit_once(')')
            .and_then(|(_, rest)| rest.split_whitespace().nth(1)?.parse().ok());
        if let Some(parent) = parent {
            children.entry(parent).or_default().push(id);
        }
    }
    let mut bytes = 0;
    let mut open = vec![root];
    while let Some(id) = open.pop() {
        bytes += proportional(id);
        open.extend(children.get(&id).into_iter().flatten());
    }
    bytes
}

/// The process's proportional set size.
fn proportional(id: u32) -> u64 {
    let rollup = std::fs::read_to_string(format!("/proc/{id}/smaps_rollup")).unwrap_or_default();
    let line = rollup.lines().find_map(|line| line.strip_prefix("Pss:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").trim().parse::<u64>().ok())
        .unwrap_or_default()
        * 1024
}
