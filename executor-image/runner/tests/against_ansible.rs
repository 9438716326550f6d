//! The same playbooks by real Ansible and by this runner: same output, same exit code.
//!
//! Each file of `tests/playbooks` is one case. A first line `# arguments: …` gives it arguments. Times, temporary paths and the
//! wording of template errors are made equal first; lines of several hosts within one task are sorted.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod support;

use std::{
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    sync::Mutex,
};

use regex::Regex;

fn ansible() -> PathBuf {
    let cache = std::env::var_os("SLIPWAY_CACHE").map_or_else(
        || PathBuf::from(std::env::var_os("HOME").unwrap()).join(".cache/slipway"),
        PathBuf::from,
    );
    let program = cache.join("ansible/bin/ansible-playbook");
    assert!(
        program.is_file(),
        "this test needs real Ansible as {}: python3 -m venv {1} && {1}/bin/pip install 'ansible==11.*'",
        program.display(),
        cache.join("ansible").display()
    );
    program
}

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
fn normal(output: &Output, id: &str) -> String {
    let text = String::from_utf8_lossy(&output.stdout).replace(id, "ID");
    let replacements = [
        (r#""(delta|start|end)": "[^"]*""#, r#""$1": "TIME""#),
        (r#"(an option with an undefined variable)[^"]*""#, r#"$1""#),
        (r#"(The conditional check '[^']*' failed)[^"]*""#, r#"$1""#),
        (r#"Failed to connect to the host via ssh[^"]*""#, r#"no ssh""#),
        (r"[/\w.-]*\.ansible[/\w.-]*", "TEMPORARY"),
        (r"\(content\)", "TEMPORARY"),
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
    let host = Regex::new(r"\[(h\d)\]").unwrap();
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

/// What real Ansible printed, and its exit code. Kept in the cache under a digest of everything that decides it: Ansible
/// takes seconds for what does not change.
fn ansible_says(case: &Path, ansible: &Path, digest: &str) -> (String, Option<i32>) {
    let name = case.file_stem().unwrap().to_str().unwrap();
    let directory = ansible
        .ancestors()
        .nth(3)
        .unwrap()
        .join("against-ansible")
        .join(digest);
    let file = directory.join(name);
    if let Ok(kept) = std::fs::read_to_string(&file)
        && let Some((code, text)) = kept.split_once('\n')
    {
        return (text.to_owned(), code.parse().ok());
    }
    let id = format!("{name}-theirs");
    let output = run(Command::new(ansible), case, &id);
    let (text, code) = (normal(&output, &id), output.status.code());
    std::fs::create_dir_all(&directory).unwrap();
    std::fs::write(&file, format!("{}\n{text}", code.unwrap_or(-1))).unwrap();
    (text, code)
}

/// A digest of all playbooks, of this file (how output is made equal) and of the version of Ansible.
fn digest(ansible: &Path) -> String {
    use sha2::{Digest, Sha256};
    fn add(path: &Path, digest: &mut Sha256) {
        if path.is_dir() {
            let mut entries: Vec<PathBuf> = std::fs::read_dir(path)
                .unwrap()
                .map(|entry| entry.unwrap().path())
                .collect();
            entries.sort();
            for entry in &entries {
                add(entry, digest);
            }
        } else {
            digest.update(path.to_str().unwrap());
            digest.update(std::fs::read(path).unwrap());
        }
    }
    let mut digest = Sha256::new();
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    add(&tests.join("playbooks"), &mut digest);
    add(&tests.join("against_ansible.rs"), &mut digest);
    add(
        &ansible.parent().unwrap().parent().unwrap().join("pyvenv.cfg"),
        &mut digest,
    );
    hex::encode(digest.finalize())
}

fn difference(case: &Path, ansible: &Path, digest: &str) -> Option<String> {
    let name = case.file_stem().unwrap().to_str().unwrap();
    let (expected, code) = ansible_says(case, ansible, digest);
    let id = format!("{name}-ours");
    let ours = run(support::runner(), case, &id);
    let actual = normal(&ours, &id);
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
    let ansible = ansible();
    support::agent();
    let digest = digest(&ansible);
    let cases = cases();
    assert!(cases.len() >= 30, "the playbooks are gone: {}", cases.len());
    let queue = Mutex::new(cases);
    let differences = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                loop {
                    let Some(case) = queue.lock().unwrap().pop() else {
                        return;
                    };
                    if let Some(difference) = difference(&case, &ansible, &digest) {
                        differences.lock().unwrap().push(difference);
                    }
                }
            });
        }
    });
    let differences = differences.into_inner().unwrap();
    assert!(
        differences.is_empty(),
        "{} differ:\n{}",
        differences.len(),
        differences.join("\n")
    );
}
