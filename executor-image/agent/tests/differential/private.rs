//! A machine of its own, for rows that change the machine: copies of `/etc` and the like, a host name and a network that end with
//! the program, and stand-ins for programs whose effects would reach further.

use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;

use walkdir::WalkDir;

/// Sections that run on such a machine, and what manages services there.
const SECTIONS: [(&str, &str); 7] = [
    ("systemd", "systemd"),
    ("scripts", "scripts"),
    ("cron", "scripts"),
    ("iptables", "scripts"),
    ("host", "scripts"),
    ("alternatives", "scripts"),
    ("accounts", "scripts"),
];

/// The command that starts a program for a section, with a search path that does not depend on who runs the test: it is part of
/// messages.
pub fn command(section: &str, program: impl AsRef<OsStr>) -> Command {
    let mut command = plain_or_private(section, program);
    command.env(
        "PATH",
        "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    );
    command
}

fn plain_or_private(section: &str, program: impl AsRef<OsStr>) -> Command {
    let Some((_, manager)) = SECTIONS.iter().find(|(name, _)| *name == section) else {
        return Command::new(program);
    };
    let start = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/differential/private/start.sh");
    let mut command = Command::new("unshare");
    command
        .args(["--mount", "--uts", "--net"])
        .arg(start)
        .arg(manager)
        .arg(program);
    command
}

/// What a section's results depend on besides its rows.
pub fn digest(section: &str) -> String {
    if !SECTIONS.iter().any(|(name, _)| *name == section) {
        return String::new();
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/differential/private");
    let mut files: Vec<_> = WalkDir::new(folder)
        .into_iter()
        .map(Result::unwrap)
        .filter(|entry| entry.file_type().is_file())
        .map(|entry| std::fs::read_to_string(entry.path()).unwrap())
        .collect();
    files.sort();
    files.concat()
}
