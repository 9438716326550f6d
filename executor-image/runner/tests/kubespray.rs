//! A large tree that nobody wrote for this runner: Kubespray, listed by real Ansible and by ours.
//!
//! The tree is in no registry that builds may use, so `SLIPWAY_KUBESPRAY` names a checkout; without it nothing is compared.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod support;

use std::{
    collections::BTreeSet,
    fmt::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use support::{
    comparison::assert_same,
    reference::{Reference, ansible},
};

/// Five hosts in the groups that the sample inventory leaves empty.
const HOSTS: &str = "\
[kube_control_plane]\nnode1\nnode2\nnode3\n[etcd:children]\nkube_control_plane\n[kube_node]\nnode4\nnode5\n\
[k8s_cluster:children]\nkube_control_plane\nkube_node\n[calico_rr]\nnode5\n[all:vars]\nansible_connection=local\n";

/// What is asked of every playbook.
const QUESTIONS: &[&[&str]] = &[
    &["--syntax-check"],
    &["--list-tasks"],
    &["--list-tags"],
    &["--list-hosts"],
    &[
        "--list-tasks",
        "--tags",
        "etcd,network,never",
        "--skip-tags",
        "calico",
    ],
    &["--list-hosts", "--limit", "kube_node:!node5"],
    &[
        "--list-tasks",
        "-e",
        "kube_network_plugin=cilium",
        "--skip-tags",
        "facts",
    ],
];

/// What templates of the tree use and the language does not have.
const MISSING: &[&str] = &["community.crypto.x509_certificate_info"];

fn tree() -> Option<PathBuf> {
    let tree = std::env::var_os("SLIPWAY_KUBESPRAY").map(PathBuf::from);
    if tree.is_none() {
        eprintln!(
            "skipped: SLIPWAY_KUBESPRAY names no checkout of Kubespray (CONTRIBUTING.md says how to get one)"
        );
    }
    tree
}

/// The playbooks at the top of the tree.
fn playbooks(tree: &Path) -> Vec<String> {
    let mut found: Vec<String> = std::fs::read_dir(tree)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "yml"))
        .filter(|path| {
            std::fs::read_to_string(path)
                .unwrap()
                .contains("import_playbook:")
        })
        .map(|path| path.file_name().unwrap().to_str().unwrap().to_owned())
        .collect();
    found.sort();
    found
}

fn inventory(tree: &Path) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let copied = Command::new("cp")
        .arg("-r")
        .arg(tree.join("inventory/sample/group_vars"))
        .arg(directory.path())
        .status();
    assert!(copied.unwrap().success());
    std::fs::write(directory.path().join("hosts.ini"), HOSTS).unwrap();
    directory
}

/// Hosts and the tags of plays, which Ansible keeps in sets, in one order.
fn normal(text: &str) -> String {
    let mut lines: Vec<String> = Vec::new();
    let mut hosts: BTreeSet<String> = BTreeSet::new();
    let mut in_hosts = false;
    for line in text.trim().lines() {
        if in_hosts && line.starts_with("      ") {
            hosts.insert(line.to_owned());
            continue;
        }
        lines.extend(std::mem::take(&mut hosts));
        in_hosts = line.starts_with("    hosts (");
        let tags = line
            .strip_suffix(']')
            .filter(|_| line.starts_with("  play #"))
            .and_then(|line| line.rsplit_once("\tTAGS: ["));
        lines.push(match tags {
            Some((play, tags)) => {
                let mut tags: Vec<&str> = tags.split(',').collect();
                tags.sort_unstable();
                format!("{play}\tTAGS: [{}]", tags.join(","))
            }
            None => line.to_owned(),
        });
    }
    lines.extend(hosts);
    lines.join("\n")
}

fn ask(
    mut program: Command,
    tree: &Path,
    hosts: &Path,
    question: &[&str],
    playbook: &str,
) -> (String, String, Option<i32>) {
    let output = program
        .current_dir(tree)
        .arg("-i")
        .arg(hosts.join("hosts.ini"))
        .args(question)
        .arg(playbook)
        .env("ANSIBLE_NOCOLOR", "1")
        .env_remove("ANSIBLE_INVENTORY")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    (
        String::from_utf8_lossy(&output.stdout).into_owned(),
        String::from_utf8_lossy(&output.stderr).into_owned(),
        output.status.code(),
    )
}

#[test]
fn every_playbook_is_listed_as_under_ansible() {
    let Some(tree) = tree() else { return };
    support::agent();
    let hosts = inventory(&tree);
    let program = ansible("ansible-playbook");
    let tree_text = tree.display().to_string();
    let paths = ["roles", "playbooks", "inventory/sample"].map(|path| format!("{tree_text}/{path}"));
    let reference = Reference::new("kubespray", &paths.each_ref().map(String::as_str));
    let playbooks = playbooks(&tree);
    assert!(
        playbooks.len() >= 6,
        "{tree_text} is not Kubespray: {playbooks:?}"
    );
    let cases: Vec<(&String, &[&str])> = playbooks
        .iter()
        .flat_map(|playbook| QUESTIONS.iter().map(move |question| (playbook, *question)))
        .collect();
    assert_same(cases, 2, |(playbook, question)| {
        let name = format!("{playbook} {}", question.join(" "));
        let (expected, code) = reference.says(&format!("{name}\n{HOSTS}"), || {
            let (said, _, code) = ask(Command::new(&program), &tree, hosts.path(), question, playbook);
            (said, code)
        });
        let (said, error, own) = ask(support::runner(), &tree, hosts.path(), question, playbook);
        let (expected, said) = (normal(&expected), normal(&said));
        if expected == said && code == own {
            return None;
        }
        let diff = similar::TextDiff::from_lines(&expected, &said);
        Some(format!(
            "{name}: exit code {code:?} of Ansible, {own:?} of ours\n{}\n{error}",
            diff.unified_diff().context_radius(0).header("ansible", "ours")
        ))
    });
}

/// Every file below a directory with one of these endings.
fn files(directory: &Path, endings: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(files(&path, endings));
        } else if endings
            .iter()
            .any(|ending| path.to_str().unwrap().ends_with(ending))
        {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// Includes of every file of tasks and handlers, as the role that it belongs to.
fn everything(roles: &Path) -> String {
    let mut playbook = String::from("- hosts: localhost\n  gather_facts: false\n  tasks:\n");
    for (folder, option) in [("tasks", "tasks_from"), ("handlers", "handlers_from")] {
        let part = format!("/{folder}/");
        for file in files(roles, &[".yml"]) {
            let relative = file.strip_prefix(roles).unwrap().to_str().unwrap();
            let Some((role, name)) = relative
                .split_once(&part)
                .filter(|_| !relative.contains("/molecule/"))
            else {
                continue;
            };
            writeln!(playbook, "    - include_role: {{name: {role}, {option}: {name}}}").unwrap();
        }
    }
    playbook
}

#[test]
fn no_module_parameter_filter_test_or_lookup_of_the_tree_is_refused() {
    let Some(tree) = tree() else { return };
    let roles = tree.join("roles");
    // The playbook stands where those of the tree do, for the modules that are beside them.
    let playbook = tempfile::Builder::new()
        .prefix("census-")
        .suffix(".yml")
        .tempfile_in(&tree)
        .unwrap();
    let text = everything(&roles);
    assert!(text.lines().count() > 200, "{text}");
    std::fs::write(playbook.path(), text).unwrap();
    let output = support::runner()
        .current_dir(&tree)
        .args(["-i", "localhost,", "--syntax-check"])
        .arg(playbook.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");

    let templar = slipway_language::Templar::new();
    let mut problems = Vec::new();
    let mut templates = 0;
    for file in files(&tree, &[".j2", ".yml", ".yaml"]) {
        let name = file.strip_prefix(&tree).unwrap().display().to_string();
        let Ok(text) = std::fs::read_to_string(&file) else {
            continue;
        };
        if file.extension().is_some_and(|extension| extension == "j2") {
            templates += 1;
            problems.extend(templar.check_file(&text, &name));
            continue;
        }
        let nodes = if ["/defaults/", "/vars/", "/group_vars/"]
            .iter()
            .any(|part| name.contains(part))
        {
            slipway_language::yaml::parse_all(&text, &name).unwrap()
        } else {
            continue;
        };
        templates += nodes.len();
        problems.extend(nodes.iter().flat_map(|node| templar.check(node)));
    }
    assert!(templates > 300, "{templates}");
    let problems: Vec<String> = problems
        .iter()
        .map(ToString::to_string)
        .filter(|problem| !MISSING.iter().any(|name| problem.contains(name)))
        .collect();
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}
