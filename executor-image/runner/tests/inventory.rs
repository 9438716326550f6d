//! The same inventories by `ansible-inventory` and by this program: same output, same exit code.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod support;

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use support::{
    comparison::assert_same,
    reference::{Reference, ansible},
};

/// Command lines; each with `--list`, and with what else is worth comparing.
const CASES: &[&str] = &[
    "-i plain.ini --list",
    "-i plain.ini --list --export",
    "-i plain.ini --graph",
    "-i plain.ini --graph --vars",
    "-i plain.ini --graph site",
    "-i plain.ini --graph nobody",
    "-i plain.ini --host dx",
    "-i plain.ini --host web",
    "-i plain.ini --host lonely --yaml",
    "-i plain.ini --list -l web:!w02*",
    "-i plain.ini --list -l all[0:2]",
    "-i plain.ini --list -l ~w0[12]",
    "-i plain.ini --list -l d*,&both",
    "-i plain.ini --list -e extra=1 -l dx",
    "-i plain.yml --list",
    "-i plain.yml --list --export",
    "-i plain.yml --graph --vars",
    "-i plain.yml --host shared",
    "-i plain.yml -i plain.ini --list",
    "-i without_extension --list",
    "-i broken.ini --list",
    "-i undefined.ini --list",
    "-i cycle.ini --list",
    "-i nowhere --list",
    "-i a,b:22,c[1:2], --list",
    "-i a,b:22 --graph",
    "-i program.sh --list",
    "-i program.sh --graph",
    "-i old_program.sh --list",
    "-i failing_program.sh --list",
    "-i constructed --list",
    "-i constructed --graph",
    "-i constructed -i constructed_strict.yml --list",
    "-i constructed/1-hosts -i directory -i constructed_separator.yml --list",
    "-i with_variables/hosts.yml -i constructed_of_files.yml --list",
    "-i with_variables/hosts.yml -i constructed_of_files.yml --graph",
    "-i generator.yml --list",
    "-i generator.yml --list --export",
    "-i generator.yml --graph",
    "-i python/numbered.yml --playbook-dir python --list",
    "-i plain.ini -i python/numbered.yml --playbook-dir python --list --export",
    "-i python/numbered.yml --playbook-dir python --graph --vars",
    "-i python/negative_numbered.yml --playbook-dir python --list",
    "-i python/other.yml --playbook-dir python --list",
    "-i python/encrypted_numbered.yml --playbook-dir python --vault-password-file python/word --list",
    "-i python/encrypted_numbered.yml --playbook-dir python --list",
    "-i plain.ini --playbook-dir python --list --export",
    "-i plain.ini -i python/numbered.yml --playbook-dir python --graph --vars",
    "-i python/nowhere.yml --playbook-dir python --list",
    "-i directory --list",
    "-i directory --list --export",
    "-i directory --list --yaml",
    "-i directory --graph --vars",
    "-i beside/hosts --list",
    "-i beside/hosts -i directory --list --export",
    "-i beside/hosts --playbook-dir directory --host w1",
    "-i plain.ini",
    "-i plain.ini --list --graph",
    "-i plain.ini --nonsense",
    "-i localhost, --list",
];

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/inventories")
}

/// What a program prints, if it does not fail, and how it exits.
fn run(program: &Path, name: Option<&str>, arguments: &str) -> (String, Option<i32>) {
    let mut command = Command::new(program);
    command.args(name).args(arguments.split(' '));
    let output = command
        .current_dir(directory())
        .env("ANSIBLE_NOCOLOR", "1")
        .env(
            "ANSIBLE_INVENTORY_ENABLED",
            "host_list,script,auto,yaml,ini,toml,generator",
        )
        .env("ANSIBLE_CONFIG", "empty.cfg")
        .env("SLIPWAY_ANSIBLE_CORE", support::ansible_core())
        .env_remove("ANSIBLE_INVENTORY")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    // Ansible repeats how it is used.
    let stdout = if output.status.success() {
        output.stdout
    } else {
        Vec::new()
    };
    let text = String::from_utf8_lossy(&stdout).trim_end().to_owned();
    (text, output.status.code())
}

#[test]
fn every_inventory_is_shown_as_by_ansible() {
    let program = ansible("ansible-inventory");
    let reference = Reference::new("inventory", &["tests/inventories", "tests/inventory.rs"]);
    assert_same(CASES.to_vec(), 4, |case| {
        let (expected, code) = reference.says(case, || run(&program, None, case));
        let (ours, our_code) = run(Path::new(support::RUNNER), Some("ansible-inventory"), case);
        if expected == ours && code == our_code {
            return None;
        }
        let diff = similar::TextDiff::from_lines(&expected, &ours);
        Some(format!(
            "{case}: exit code {code:?} of Ansible, {our_code:?} of ours\n{}",
            diff.unified_diff().header("ansible", "ours")
        ))
    });
}
