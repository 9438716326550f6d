//! A machine of its own, for rows that change the machine: copies of `/etc` and the like, a host name and a network that end with
//! the program, and stand-ins for programs whose effects would reach further.

use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;

use walkdir::WalkDir;

/// The search path of every program: it is part of messages.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Such a machine.
#[derive(Debug)]
struct Machine {
    /// The section that runs there.
    section: &'static str,
    /// What manages services: `systemd` or `scripts`.
    manager: &'static str,
    /// Whether it has a network of its own, where the web server of the test is not.
    has_network: bool,
    /// Directories that are copies besides those that every such machine has, with a blank between two of them.
    directories: &'static str,
}

/// Where keys and lists of repositories are, of apt and of rpm.
const fn with_server(section: &'static str, directories: &'static str) -> Machine {
    Machine {
        section,
        manager: "scripts",
        has_network: false,
        directories,
    }
}

const fn with_network(section: &'static str, manager: &'static str) -> Machine {
    Machine {
        section,
        manager,
        has_network: true,
        directories: "",
    }
}

const MACHINES: [Machine; 14] = [
    with_network("systemd", "systemd"),
    with_network("scripts", "scripts"),
    with_network("cron", "scripts"),
    with_network("iptables", "scripts"),
    with_network("host", "scripts"),
    with_network("kernel", "scripts"),
    with_network("alternatives", "scripts"),
    with_network("accounts", "scripts"),
    with_server("apt", "/var/lib/dpkg /var/lib/apt /var/cache/apt"),
    with_server("apt_key", ""),
    with_server("deb822_repository", ""),
    with_server("package_facts", "/var/lib/rpm"),
    with_server("rpm_key", "/var/lib/rpm"),
    with_server("dnf", "/var/lib/rpm /var/lib/dnf /var/cache/dnf"),
];

/// The command that starts a program for a section, with a search path that does not depend on who runs the test.
pub fn command(section: &str, program: impl AsRef<OsStr>) -> Command {
    let mut command = plain_or_private(section, program);
    command.env("PATH", PATH);
    command
}

fn plain_or_private(section: &str, program: impl AsRef<OsStr>) -> Command {
    let Some(machine) = machine(section) else {
        return Command::new(program);
    };
    let start = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/differential/private/start.sh");
    let mut command = Command::new("unshare");
    command.args(["--mount", "--uts"]);
    if machine.has_network {
        command.arg("--net");
    }
    command
        .arg(start)
        .arg(machine.manager)
        .arg(machine.directories)
        .arg(program);
    command
}

fn machine(section: &str) -> Option<&'static Machine> {
    MACHINES.iter().find(|machine| machine.section == section)
}

/// What a section's results depend on besides its rows.
pub fn digest(section: &str) -> String {
    let Some(machine) = machine(section) else {
        return PATH.to_owned();
    };
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/differential/private");
    let mut files: Vec<_> = WalkDir::new(folder)
        .into_iter()
        .map(Result::unwrap)
        .filter(|entry| entry.file_type().is_file())
        .map(|entry| std::fs::read_to_string(entry.path()).unwrap())
        .collect();
    files.sort();
    format!("{PATH} {machine:?} {}", files.concat())
}
