//! The files left behind: names, kinds, modes, owners, contents.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use walkdir::WalkDir;

/// Adds to the report what differs between two trees.
pub fn compare(theirs: &BTreeMap<String, String>, ours: &BTreeMap<String, String>, report: &mut String) {
    for (name, description) in theirs {
        match ours.get(name) {
            None => {
                let _ = writeln!(report, "file {name}: only Ansible left it");
            }
            Some(other) if other != description => {
                let _ = writeln!(
                    report,
                    "file {name}\n        ansible: {description}\n        agent:   {other}"
                );
            }
            Some(_) => {}
        }
    }
    for name in ours.keys().filter(|name| !theirs.contains_key(*name)) {
        let _ = writeln!(report, "file {name}: only the agent left it");
    }
}

/// Every file below a directory, by name.
pub fn describe(root: &Path) -> BTreeMap<String, String> {
    let backup = fancy_regex::Regex::new(r"\.\d+\.\d{4}-\d\d-\d\d@\d\d:\d\d:\d\d~").unwrap();
    let public_key = fancy_regex::Regex::new(r"AAAA[A-Za-z0-9+/]{40,}=*").unwrap();
    let shown_root = root.to_string_lossy().into_owned();
    WalkDir::new(root)
        .min_depth(1)
        .into_iter()
        .map(Result::unwrap)
        .map(|entry| {
            let name = entry
                .path()
                .strip_prefix(root)
                .unwrap()
                .to_string_lossy()
                .into_owned();
            let name = backup.replace_all(&name, ".<backup>").into_owned();
            let metadata = entry.path().symlink_metadata().unwrap();
            let content = if metadata.is_symlink() {
                format!("-> {}", entry.path().read_link().unwrap().display())
            } else if metadata.is_file() && !name.contains(".t") && !name.contains(".zip") {
                String::from_utf8_lossy(&std::fs::read(entry.path()).unwrap()).into_owned()
            } else {
                String::new()
            };
            let content = content.replace(&shown_root, "{dir}");
            let content = if content.contains("PRIVATE KEY") {
                "<private key>".to_owned()
            } else if Path::new(&name)
                .extension()
                .is_some_and(|extension| extension == "pub")
            {
                // Of a pair that was made.
                public_key.replace_all(&content, "<public key>").into_owned()
            } else {
                content
            };
            (
                name,
                format!(
                    "{:o} {}:{} {content:?}",
                    metadata.mode(),
                    metadata.uid(),
                    metadata.gid()
                ),
            )
        })
        .collect()
}
