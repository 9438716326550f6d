//! The same tasks by `ansible` and by this program: same output, same exit code.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod support;

use std::{path::Path, process::Command, process::Stdio};

use support::reference::{Reference, ansible};

/// Command lines, as lists of arguments: some have blanks in them.
const CASES: &[&[&str]] = &[
    &["h1", "-m", "ping"],
    &["h1", "-a", "echo hi"],
    &["h1", "-o", "-a", "echo hi"],
    &["h1", "-m", "shell", "-a", "echo out; echo err >&2; exit 3"],
    &["h1", "-o", "-m", "fail", "-a", "msg=no"],
    &["h1", "-m", "debug", "-a", "msg=\"{{ 1 + 1 }}\""],
    &["h1", "-o", "-m", "debug", "-a", "{\"msg\": \"two words\"}"],
    &["h1", "-m", "command"],
    &["all", "--list-hosts"],
    &["all", "-l", "!h1", "--list-hosts"],
    &["nobody", "-m", "ping"],
    &["h1", "-C", "-a", "echo hi"],
    &[
        "h1",
        "-m",
        "setup",
        "-a",
        "gather_subset=!all filter=ansible_python*",
    ],
    &[
        "h1",
        "-m",
        "setup",
        "-a",
        "gather_subset=!all filter=ansible_python",
        "-e",
        "ansible_python_interpreter=/bin/python3",
    ],
];

/// What a program prints and how it exits.
fn run(mut command: Command, arguments: &[&str]) -> (String, Option<i32>) {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/inventories");
    let output = command
        .args(["-i", "h1,h2", "-c", "local"])
        .args(["-e", "ansible_python_interpreter=/usr/bin/python3"])
        .args(arguments)
        .current_dir(directory)
        .env("ANSIBLE_NOCOLOR", "1")
        .env("ANSIBLE_CONFIG", "empty.cfg")
        .env_remove("ANSIBLE_INVENTORY")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    // Ansible repeats how it is used when that is what is wrong.
    let text = match output.status.code() {
        Some(5) => String::new(),
        _ => String::from_utf8_lossy(&output.stdout).trim_end().to_owned(),
    };
    (text, output.status.code())
}

#[test]
fn every_task_prints_and_exits_as_under_ansible() {
    let program = ansible("ansible");
    let reference = Reference::new("adhoc", &["tests/adhoc.rs"]);
    let mut differences = Vec::new();
    for case in CASES {
        let expected = reference.says(&case.join(" "), || run(Command::new(&program), case));
        let mut command = support::runner();
        command.arg("ansible");
        let ours = run(command, case);
        if expected != ours {
            differences.push(format!("{case:?}\nof Ansible: {expected:#?}\nof ours: {ours:#?}"));
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}
