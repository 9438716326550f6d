//! `docs/errors.md` is what both programs say of the same mistakes. `SLIPWAY_WRITE=1` writes the page instead of comparing it.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod cases;
#[path = "../support/mod.rs"]
mod support;

use std::{
    fmt::Write as _,
    path::Path,
    process::{Command, Output, Stdio},
};

use cases::{CASES, Case, Place};
use regex::Regex;
use support::{Sshd, reference};

const HEAD: &str = "\
# Common mistakes, and what is said

This page is made by a test that runs both programs, `executor-image/runner/tests/errors` (`SLIPWAY_WRITE=1 cargo test --test errors` writes
it), so it stays true. Banners, the recap and warnings are left out.

What the runner says follows one form: what is wrong; file, line and column; the line itself with a caret; what to do, or the nearest name.
What can be known from the files is said when the playbook is loaded, all of it at once and before any host is touched (exit code 4).
Mistakes that a play may never come to (in a task with `when`, a loop that may be empty, a handler, a variable; in every task with `--tags`)
are warned of then, and end nothing until it does; the arguments of a task whose failure is caught (`ignore_errors`, `rescue`) are judged
when it runs. What is included, and handlers that are not there, are told when the play comes to them, as by Ansible; `--syntax-check` tells
of them, too, without a run.

Playbooks compare the `msg` of a result. So where Ansible's text has no place, ours has none either, and the place is shown beside it, as
`place`, which is registered nowhere.
";

/// The page. Of Ansible's half only what is its own is compared: what `ssh` or a shell says differs from machine to machine.
#[test]
fn the_page_is_what_both_programs_say() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/errors.md");
    let found = std::fs::read_to_string(&file).unwrap_or_default();
    let writes = std::env::var_os("SLIPWAY_WRITE").is_some();
    let kept = reference::Reference::new("errors", &["tests/errors"]);
    let mut page = HEAD.to_owned();
    for case in CASES {
        let ours = says(case, &mut support::runner());
        let (theirs, _) = kept.says(case.title, || {
            let mut ansible = Command::new(reference::ansible("ansible-playbook"));
            (says(case, &mut ansible), None)
        });
        let theirs = if case.is_of_system && !writes {
            // ok: a page that lacks the section differs anyway.
            kept_half(&found, case.title).unwrap_or_default()
        } else {
            theirs
        };
        let _ = write!(
            page,
            "\n## {}\n\n```yaml\n{}```\n\nSlipway:\n\n```text\n{ours}\n```\n\nAnsible:\n\n```text\n{theirs}\n```\n",
            case.title, case.playbook
        );
    }
    if writes {
        std::fs::write(&file, page).unwrap();
        return;
    }
    assert!(
        found == page,
        "docs/errors.md is not what the programs say\n{}",
        similar::TextDiff::from_lines(&found, &page).unified_diff()
    );
}

/// What the page holds of Ansible for a case.
fn kept_half(page: &str, title: &str) -> Option<String> {
    let (_, section) = page.split_once(&format!("\n## {title}\n"))?;
    let (_, half) = section.split_once("Ansible:\n\n```text\n")?;
    let (text, _) = half.split_once("\n```\n")?;
    Some(text.to_owned())
}

/// What a program says of a case.
fn says(case: &Case, program: &mut Command) -> String {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("site.yml"), case.playbook).unwrap();
    program
        .current_dir(directory.path())
        .args(case.arguments)
        .args(["-e", "ansible_python_interpreter=/usr/bin/python3"])
        .env_remove("ANSIBLE_CONFIG")
        .env_remove("ANSIBLE_INVENTORY")
        .env("ANSIBLE_NOCOLOR", "1")
        // Python prints sets in an order that is another one each time.
        .env("PYTHONHASHSEED", "0")
        .stdin(Stdio::null());
    let server = match case.place {
        Place::Local => {
            program.args(["-i", "localhost,", "-c", "local"]);
            None
        }
        Place::Server { key, known } => Some(reach(program, key, known)),
    };
    let output = program.arg("site.yml").output().unwrap();
    assert_ne!(output.status.code(), Some(0), "{}: nothing is wrong", case.title);
    assert!(
        !String::from_utf8_lossy(&output.stderr).starts_with("Traceback"),
        "{}: the program itself is broken",
        case.title
    );
    let mut places = vec![directory.path().display().to_string()];
    places.extend(
        server
            .iter()
            .map(|server| server.directory.path().display().to_string()),
    );
    let port = server.map_or(0, |server| server.port);
    plain(&output, &places, port)
}

/// Lets a program reach a real server with one of its keys, which knows the server by another.
fn reach(program: &mut Command, key: &str, known: &str) -> Sshd {
    let server = Sshd::start("", "");
    server.trust(known);
    let known = server.path("known_hosts").display().to_string();
    let inventory = format!(
        "web1 ansible_host=127.0.0.1 ansible_port={} ansible_user=root ansible_ssh_private_key_file={} \
         ansible_ssh_common_args='-o UserKnownHostsFile={known} -o IdentitiesOnly=yes -o ControlPath=none'\n",
        server.port,
        server.path(key).display(),
    );
    std::fs::write(server.path("hosts"), inventory).unwrap();
    program
        .arg("-i")
        .arg(server.path("hosts"))
        .env("ANSIBLE_SSH_KNOWN_HOSTS", known);
    server
}

/// What was said, without banners, warnings, places of this machine and keys made for the occasion.
fn plain(output: &Output, places: &[String], port: u16) -> String {
    let text = format!(
        "{}\n{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    let text = places.iter().fold(text, |text, place| {
        text.replace(&format!("{place}/"), "")
            .replace(place.as_str(), ".")
    });
    let home = std::env::var("HOME").unwrap();
    let mut text = text.replace(&format!("{home}/"), "~/");
    if port != 0 {
        text = text.replace(&port.to_string(), "2222");
    }
    for (pattern, replacement) in [
        (r"SHA256:[A-Za-z0-9+/]{43}", "SHA256:…"),
        (r"(?m)^(PLAY|TASK) .*$", ""),
        (r"(?ms)^PLAY RECAP.*?\n\n", ""),
        (r"(?m)^\S+ +: ok=.*$", ""),
        (r"(?m)^\[WARNING\].*\n(?:\S.*\n)*?(?:\n|$)", ""),
        (r"\n{2,}", "\n\n"),
    ] {
        text = Regex::new(pattern)
            .unwrap()
            .replace_all(&text, replacement)
            .into_owned();
    }
    let lines: Vec<&str> = text.trim().lines().map(str::trim_end).collect();
    lines.join("\n")
}

#[test]
fn each_of_our_messages_names_the_place_or_the_host_and_what_to_do() {
    let page =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/errors.md")).unwrap();
    let place = Regex::new(r"site\.yml:\d+:\d+|\[web1\]|\[localhost\]").unwrap();
    for case in CASES {
        let (_, section) = page.split_once(&format!("\n## {}\n", case.title)).unwrap();
        let (_, half) = section.split_once("Slipway:\n\n```text\n").unwrap();
        let (ours, _) = half.split_once("\n```\n").unwrap();
        assert!(place.is_match(ours), "{}: no place in\n{ours}", case.title);
        for word in case.says {
            assert!(ours.contains(word), "{}: {word:?} is not in\n{ours}", case.title);
        }
    }
}
