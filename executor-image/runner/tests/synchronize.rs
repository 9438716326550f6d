//! `synchronize` on a real SSH server, where no comparison with real Ansible is wanted: passwords, host keys, users that cannot be
//! become. What it copies and returns is compared in `over_ssh`.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod support;

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use support::{Played, Sshd, USERS};

/// Copies a file as `admin`, with these variables.
fn copy(server: &Sshd, task: &str, vars: &str, arguments: &[&str]) -> Played {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("word"), "the content\n").unwrap();
    std::fs::write(directory.path().join("vars.yml"), vars).unwrap();
    let playbook = format!(
        "- hosts: server\n  gather_facts: false\n  vars: {{ansible_user: admin}}\n  tasks:\n    - ansible.posix.synchronize: {{src: word, dest: /tmp/slipway-test-{}}}\n{task}",
        server.port
    );
    let mut all = vec!["-vvvv", "-e", "@vars.yml"];
    all.extend(arguments);
    server.play_in(directory, &playbook, &all)
}

/// Removes what a test has copied.
fn copied(server: &Sshd) -> Option<String> {
    let path = format!("/tmp/slipway-test-{}", server.port);
    let content = std::fs::read_to_string(&path).ok();
    // ok: there may be none.
    let _ = std::fs::remove_file(path);
    content
}

#[test]
fn a_password_logs_in_and_is_nowhere_to_be_seen() {
    let server = Sshd::with_users("PasswordAuthentication yes");
    let word = USERS[0].1;
    let key = server.path("other_user").display().to_string();
    let vars = format!("ansible_ssh_private_key_file: {key}\nansible_password: {word}\n");
    let done = AtomicBool::new(false);
    let (played, seen) = std::thread::scope(|scope| {
        let watcher = scope.spawn(|| {
            let mut seen = Vec::new();
            while !done.load(Ordering::Relaxed) {
                for entry in std::fs::read_dir("/proc").unwrap().flatten() {
                    for file in ["cmdline", "environ"] {
                        if let Ok(content) = std::fs::read(entry.path().join(file)) {
                            seen.push(String::from_utf8_lossy(&content).into_owned());
                        }
                    }
                }
                std::thread::sleep(Duration::from_millis(3));
            }
            seen
        });
        let played = copy(&server, "", &vars, &[]);
        done.store(true, Ordering::Relaxed);
        (played, watcher.join().unwrap())
    });
    played.assert(0, &["changed=1", "NumberOfPasswordPrompts=1"]);
    assert_eq!(copied(&server).as_deref(), Some("the content\n"));
    assert!(!played.stdout.contains(word), "{}", played.stdout);
    assert!(
        seen.iter().any(|text| text.contains("SSH_ASKPASS")),
        "nothing was seen"
    );
    let shown: Vec<&String> = seen.iter().filter(|text| text.contains(word)).collect();
    assert!(shown.is_empty(), "{shown:?}");
}

#[test]
fn a_password_for_sudo_is_a_limit_that_is_told_at_once() {
    let server = Sshd::with_users("");
    let vars = format!("ansible_become_password: {}\n", USERS[0].1);
    let played = copy(&server, "      become: true\n", &vars, &[]);
    played.assert(
        2,
        &[
            "a password is required",
            "synchronize cannot give sudo a password",
            "NOPASSWD",
        ],
    );
    assert_eq!(copied(&server), None);
    let su = "      become: true\n      become_method: su\n      become_user: other\n";
    let played = copy(&server, su, &vars, &[]);
    played.assert(2, &["synchronize cannot give su a password", "log in as other"]);
    assert!(!played.stdout.contains(USERS[0].1), "{}", played.stdout);
}

#[test]
fn su_leads_to_a_user_who_needs_no_password() {
    let server = Sshd::with_users("");
    let su = "      become: true\n      become_method: su\n      become_user: other\n";
    let vars = "ansible_user: root\n";
    copy(&server, su, vars, &[]).assert(0, &["changed=1"]);
    let path = format!("/tmp/slipway-test-{}", server.port);
    let owner = std::os::unix::fs::MetadataExt::uid(&std::fs::metadata(path).unwrap());
    assert_eq!(owner, 61_002);
    assert_eq!(copied(&server).as_deref(), Some("the content\n"));
}

#[test]
fn a_host_is_known_by_the_file_by_which_the_runner_knows_it() {
    let server = Sshd::with_users("");
    // What the runner has connected to has another key when rsync comes.
    let known = server.path("known_hosts").display().to_string();
    let key = server.path("other_host.pub").display().to_string();
    let spoil = format!(
        "- hosts: server
  gather_facts: false
  tasks:
    - ping:
    - shell: sed \"s|^\\\\([^ ]*\\\\) .*|\\\\1 $(cut -d' ' -f1,2 {key})|\" -i {known}
      delegate_to: localhost
      vars: {{ansible_connection: local}}
    - ansible.posix.synchronize: {{src: word, dest: /tmp/slipway-test-{}}}
",
        server.port
    );
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("word"), "the content\n").unwrap();
    server
        .play_in(directory, &spoil, &[])
        .assert(2, &["ok=2", "Host key verification failed"]);
    assert_eq!(copied(&server), None);
    server.trust("host");
    copy(&server, "", "{}\n", &[]).assert(0, &["changed=1", "StrictHostKeyChecking=yes"]);
    assert!(copied(&server).is_some());
}
