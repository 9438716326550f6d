//! The same playbooks by real Ansible and by this runner: same output, same exit code.
//!
//! Each file of `tests/playbooks` is one case; a folder of the same name holds what only it needs (its `roles` and
//! `collections` are searched). A first line `# arguments: …` gives it arguments. Times, temporary paths and the wording of
//! template errors are made equal first; lines of several hosts within one task are sorted.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod support;

use std::{
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use regex::Regex;
use support::{
    comparison::assert_same,
    reference::{Reference, ansible},
};

/// What all cases use.
const SHARED: &[&str] = &[
    "tests/against_ansible.rs",
    "tests/playbooks/hosts",
    "tests/playbooks/group_vars",
    "tests/playbooks/host_vars",
    "tests/playbooks/roles",
    "tests/playbooks/templates",
    "tests/playbooks/vars",
    "tests/playbooks/included.yml",
    "tests/playbooks/included_h1.yml",
    "tests/playbooks/included_h2.yml",
];

fn cases() -> Vec<PathBuf> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/playbooks");
    let mut cases: Vec<PathBuf> = std::fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "yml"))
        .filter(|path| {
            !path
                .file_name()
                .unwrap()
                .to_str()
                .unwrap()
                .starts_with("included")
        })
        .collect();
    cases.sort();
    cases
}

fn run(mut command: Command, case: &Path, id: &str) -> Output {
    let text = std::fs::read_to_string(case).unwrap();
    let first = text.lines().next().unwrap();
    let arguments = first.strip_prefix("# arguments: ").unwrap_or_default();
    // The playbooks of a case write below this; what a run before left there would change the result.
    for entry in std::fs::read_dir("/tmp").unwrap().flatten() {
        if entry.file_name().to_string_lossy().ends_with(id) {
            std::fs::remove_file(entry.path()).unwrap();
        }
    }
    command
        .current_dir(case.parent().unwrap())
        .args(["-i", "hosts"])
        .args(arguments.split_whitespace())
        .arg(case.file_name().unwrap())
        .env("SLIPWAY_TEST_ID", id)
        .env("ANSIBLE_ROLES_PATH", case.with_extension("").join("roles"))
        .env(
            "ANSIBLE_COLLECTIONS_PATH",
            case.with_extension("").join("collections"),
        )
        // One host after the other, so that the order in which hosts are named does not depend on who is faster.
        .env("ANSIBLE_FORKS", "1")
        .env("ANSIBLE_NOCOLOR", "1")
        .env("ANSIBLE_HOST_KEY_CHECKING", "False")
        .env_remove("ANSIBLE_INVENTORY")
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

/// What may differ is made equal.
fn normal(output: &str, id: &str) -> String {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/playbooks");
    let text = output.replace(id, "ID").replace(directory, "DIRECTORY");
    let replacements = [
        (r#""(delta|start|end)": "[^"]*""#, r#""$1": "TIME""#),
        (r#"(an option with an undefined variable)[^"]*""#, r#"$1""#),
        (r#"(Failed to template loop_control.label)[^"]*""#, r#"$1""#),
        (
            r#"(The conditional check '[^']*' failed)(?:[^"\\]|\\.)*""#,
            r#"$1""#,
        ),
        (r#"Failed to connect to the host via ssh[^"]*""#, r#"no ssh""#),
        (r"[/\w.-]*\.ansible[/\w.-]*", "TEMPORARY"),
        (r"\(content\)", "TEMPORARY"),
        (r"\bj\d+\.\d+", "JOB"),
        (r#""timedout": \{[^}]*\}"#, r#""timedout": {}"#),
        (r"ansible\.parsing\.yaml\.objects\.AnsibleUnicode", "str"),
        (r"ansible\.parsing\.yaml\.objects\.AnsibleMapping", "dict"),
        (r"ansible\.parsing\.yaml\.objects\.AnsibleSequence", "list"),
        (r"(?m)^ASYNC POLL.*\n", ""),
        // Ours says where a template is that a filter refuses.
        (r#", "place": "[^"]*""#, ""),
        (r"(?m)[ \t]+$", ""),
    ];
    let mut text = text;
    for (pattern, replacement) in replacements {
        text = Regex::new(pattern)
            .unwrap()
            .replace_all(&text, replacement)
            .into_owned();
    }
    let result = Regex::new(r"^(ok|changed|skipping|fatal|failed|FAILED)\b").unwrap();
    let host = Regex::new(r"\[(h\d)\b").unwrap();
    let section = |section: &str| {
        let mut head: Vec<String> = Vec::new();
        let mut groups: Vec<(String, Vec<String>)> = Vec::new();
        for line in section.lines() {
            if result.is_match(line) {
                let name = host
                    .captures(line)
                    .map(|found| found[1].to_owned())
                    .unwrap_or_default();
                groups.push((name, vec![line.to_owned()]));
            } else if let Some((_, lines)) = groups.last_mut() {
                lines.push(line.to_owned());
            } else {
                head.push(line.to_owned());
            }
        }
        groups.sort_by(|(one, _), (other, _)| one.cmp(other));
        head.extend(groups.into_iter().flat_map(|(_, lines)| lines));
        head.join("\n")
    };
    text.trim()
        .split("\n\n")
        .map(section)
        .collect::<Vec<String>>()
        .join("\n\n")
}

/// The output of hosts that do not wait for each other: what each says, in its order, host by host.
fn by_host(text: &str) -> String {
    let result =
        Regex::new(r"^(?:(?:ok|changed|skipping|fatal|failed): \[(h\d)\b|included: .* for (h\d)$)").unwrap();
    let mut lines: Vec<(String, Vec<String>)> = Vec::new();
    let (mut banner, mut recap) = (String::new(), false);
    for line in text.lines() {
        recap |= line.starts_with("PLAY RECAP");
        if let Some(found) = result.captures(line).filter(|_| !recap) {
            let host = found.get(1).or(found.get(2)).unwrap().as_str().to_owned();
            lines.push((host, vec![banner.clone(), line.to_owned()]));
        } else if !recap && (line.starts_with("TASK") || line.starts_with("RUNNING")) {
            line.clone_into(&mut banner);
        } else if recap {
            lines.push(("recap".to_owned(), vec![line.to_owned()]));
        } else if let Some((_, last)) = lines.last_mut() {
            last.push(line.to_owned());
        }
    }
    lines.sort_by(|(one, _), (other, _)| one.cmp(other));
    lines
        .into_iter()
        .flat_map(|(_, lines)| lines)
        .filter(|line| !line.is_empty())
        .collect::<Vec<String>>()
        .join("\n")
}

/// What real Ansible printed, and its exit code.
fn ansible_says(case: &Path, ansible: &Path) -> (String, Option<i32>) {
    let name = case.file_stem().unwrap().to_str().unwrap();
    let folder = format!("tests/playbooks/{name}");
    let file = format!("{folder}.yml");
    let mut files = vec![file.as_str(), folder.as_str()];
    files.extend(SHARED);
    let id = format!("{name}-theirs");
    Reference::new("playbooks", &files).says(name, || {
        let output = run(Command::new(ansible), case, &id);
        (
            normal(&String::from_utf8_lossy(&output.stdout), &id),
            output.status.code(),
        )
    })
}

fn difference(case: &Path, ansible: &Path) -> Option<String> {
    let name = case.file_stem().unwrap().to_str().unwrap();
    let (expected, code) = ansible_says(case, ansible);
    let id = format!("{name}-ours");
    let ours = run(support::runner(), case, &id);
    let actual = normal(&String::from_utf8_lossy(&ours.stdout), &id);
    let free = std::fs::read_to_string(case).unwrap().contains("strategy: ");
    let (expected, actual) = if free {
        (by_host(&expected), by_host(&actual))
    } else {
        (expected, actual)
    };
    if expected == actual && code == ours.status.code() {
        return None;
    }
    let diff = similar::TextDiff::from_lines(&expected, &actual);
    Some(format!(
        "{name}: exit code {:?} of Ansible, {:?} of ours\n{}\n{}",
        code,
        ours.status.code(),
        diff.unified_diff().header("ansible", "ours"),
        String::from_utf8_lossy(&ours.stderr)
    ))
}

#[test]
fn every_playbook_prints_and_exits_as_under_ansible() {
    let ansible = ansible("ansible-playbook");
    support::agent();
    // `SLIPWAY_CASE=loops` plays one.
    let only = std::env::var("SLIPWAY_CASE").ok();
    let mut cases = cases();
    assert!(cases.len() >= 30, "the playbooks are gone: {}", cases.len());
    if let Some(only) = &only {
        cases.retain(|case| only.split(',').any(|name| case.file_stem().unwrap() == name));
    }
    assert_same(cases, 4, |case| difference(&case, &ansible));
}
