//! The same playbooks by real Ansible and by this runner over a real SSH server: same output, same exit code.
//!
//! Each playbook of `tests/over_ssh` is one case. As the host `server` the user `free` logs in, who may use sudo without a password, as
//! `guarded` the user `admin`, with a password; `other` is somebody to become. Modules and collections are those of `tests/playbooks`. What takes another time, names of
//! jobs, paths and numbers of processes are made equal first.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod support;

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use regex::Regex;
use support::{
    Sshd, USERS,
    comparison::assert_same,
    reference::{Reference, ansible},
};

/// What all cases use.
const SHARED: &[&str] = &[
    "tests/over_ssh.rs",
    "tests/over_ssh/files",
    "tests/over_ssh/library",
    "tests/playbooks/library",
    "tests/playbooks/module_utils",
    "tests/playbooks/collections",
];

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(name)
}

fn cases() -> Vec<PathBuf> {
    let files = std::fs::read_dir(folder("over_ssh")).unwrap();
    let mut cases: Vec<PathBuf> = files
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "yml"))
        .collect();
    cases.sort();
    cases
}

/// Plays a case on a host of its own: what was printed with what may differ made equal, the exit code, and what was said besides.
fn run(mut command: Command, case: &Path) -> (String, Option<i32>, String) {
    let server = Sshd::with_users("Subsystem sftp internal-sftp\nPasswordAuthentication yes");
    let inventory = server.inventory("free");
    let guarded = format!(
        "guarded ansible_host=127.0.0.1 ansible_port={} ansible_user=admin ansible_password='{}' ansible_ssh_private_key_file={}\n",
        server.port,
        USERS[0].1,
        server.path("other_user").display()
    );
    let hosts = std::fs::read_to_string(&inventory).unwrap() + &guarded;
    std::fs::write(&inventory, hosts).unwrap();
    let library = format!(
        "{}:{}",
        folder("over_ssh/library").display(),
        folder("playbooks/library").display()
    );
    let output = command
        .current_dir(folder("over_ssh"))
        .arg("-i")
        .arg(inventory)
        .args(["-e", "ansible_python_interpreter=/usr/bin/python3"])
        .arg(case.file_name().unwrap())
        .env("HOME", server.directory.path())
        .env("SCRATCH", server.homes.as_ref().unwrap())
        .env("ANSIBLE_LIBRARY", library)
        .env("ANSIBLE_MODULE_UTILS", folder("playbooks/module_utils"))
        .env("ANSIBLE_COLLECTIONS_PATH", folder("playbooks/collections"))
        .env("ANSIBLE_NOCOLOR", "1")
        .env("ANSIBLE_HOST_KEY_CHECKING", "False")
        .env_remove("ANSIBLE_INVENTORY")
        .env_remove("SSH_AUTH_SOCK")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    (
        normal(&said, &server),
        output.status.code(),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    )
}

/// What may differ is made equal.
fn normal(output: &str, server: &Sshd) -> String {
    let mut text = output.to_owned();
    for (path, name) in [
        (server.homes.as_deref().unwrap(), "HOMES"),
        (server.directory.path(), "SERVER"),
        (&folder("over_ssh"), "DIRECTORY"),
    ] {
        text = text.replace(&path.display().to_string(), name);
    }
    text = text.replace(&server.port.to_string(), "PORT");
    let replacements = [
        (r#""(delta|start|end)": "[^"]*""#, r#""$1": "TIME""#),
        (r#""(child_pid|attempts)": \d+"#, r#""$1": N"#),
        (r"\bj\d+\.\d+", "JOB"),
        // It never waits for a password.
        (
            r"sudo (?:-\w )*-u (?:'\\+'')?(\w+)(?:'\\+'')? rsync",
            "sudo -u $1 rsync",
        ),
        (r#""timedout": \{[^}]*\}"#, r#""timedout": {}"#),
        (r"(?m)^ASYNC POLL.*\n", ""),
        (r"(?m)^FAILED - RETRYING.*\n", ""),
        (r"(?m)^An exception occurred during task execution.*\n", ""),
        // Ansible has asked for the job's state in a module of its own.
        (r#", "invocation": \{"module_args": \{"_async_dir"[^}]*\}\}"#, ""),
        (
            r#"(?s),\s*"invocation": \{\s*"module_args": \{\s*"_async_dir"[^}]*\}\s*\}"#,
            "",
        ),
        // It needs a directory there for its own files.
        (r#"(?s),\s*"warnings": \[\s*"Module remote_tmp[^\]]*\]"#, ""),
        (r"(?m)[ \t]+$", ""),
    ];
    for (pattern, replacement) in replacements {
        let pattern = Regex::new(pattern).unwrap();
        text = pattern.replace_all(&text, replacement).into_owned();
    }
    text.trim().to_owned()
}

fn difference(case: &Path, ansible: &Path) -> Option<String> {
    let name = case.file_name().unwrap().to_str().unwrap();
    let file = format!("tests/over_ssh/{name}");
    let mut files = vec![file.as_str()];
    files.extend(SHARED);
    let (expected, code) = Reference::new("over-ssh", &files).says(name, || {
        let (said, code, _) = run(Command::new(ansible), case);
        (said, code)
    });
    let (actual, actual_code, errors) = run(support::runner(), case);
    if expected == actual && code == actual_code {
        return None;
    }
    let diff = similar::TextDiff::from_lines(&expected, &actual);
    Some(format!(
        "{name}: exit code {code:?} of Ansible, {actual_code:?} of ours\n{}\n{errors}",
        diff.unified_diff().header("ansible", "ours"),
    ))
}

#[test]
fn every_playbook_prints_and_exits_over_ssh_as_under_ansible() {
    let ansible = ansible("ansible-playbook");
    support::agent();
    // `SLIPWAY_CASE=async` plays one.
    let only = std::env::var("SLIPWAY_CASE").ok();
    let mut cases = cases();
    assert!(!cases.is_empty(), "the playbooks are gone");
    if let Some(only) = &only {
        cases.retain(|case| only.split(',').any(|name| case.file_stem().unwrap() == name));
    }
    assert_same(cases, 4, |case| difference(&case, &ansible));
}
