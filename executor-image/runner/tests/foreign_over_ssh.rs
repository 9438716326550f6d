//! Modules that are not the runner's own on a real SSH server: their processes, and what stays on the host. What they return is
//! compared with real Ansible's in `over_ssh`.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod support;

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use support::{Played, Sshd};

const WORKER: &str = "#!/usr/bin/python
import os
from ansible.module_utils.basic import AnsibleModule
module = AnsibleModule(argument_spec={'kill': {'type': 'bool', 'default': False}})
if module.params['kill']:
    os.kill(os.getppid(), 9)
    os.system('sleep 4233.17')
module.exit_json(worker=os.getppid(), seen=module.tmpdir)
";

/// Plays tasks as the user `free`, with modules beside the playbook.
fn play(server: &Sshd, tasks: &str) -> Played {
    let directory = tempfile::tempdir().unwrap();
    let library = directory.path().join("library");
    std::fs::create_dir(&library).unwrap();
    std::fs::write(library.join("worker.py"), WORKER).unwrap();
    std::fs::write(
        library.join("script"),
        "#!/bin/sh\n# WANT_JSON\necho '{\"changed\": false}'\n",
    )
    .unwrap();
    let playbook =
        format!("- hosts: server\n  gather_facts: false\n  vars: {{ansible_user: free}}\n  tasks:\n{tasks}");
    server.play_in(directory, &playbook, &[])
}

/// Numbers after this word in what was printed.
fn numbers(played: &Played, word: &str) -> Vec<u32> {
    let found = played.stdout.split(word).skip(1);
    found
        .map(|rest| {
            let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
            digits.parse().unwrap()
        })
        .collect()
}

fn command_line(process: u32) -> Option<String> {
    let line = std::fs::read(format!("/proc/{process}/cmdline")).ok()?;
    Some(String::from_utf8_lossy(&line).replace('\0', " "))
}

/// Held by one test at a time: the homes of another's users would be found by the one that looks for what is left.
fn alone() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    ONE.lock().unwrap_or_else(PoisonError::into_inner)
}

#[test]
fn python_stays_for_each_user_and_nothing_stays_after_the_run() {
    let _alone = alone();
    let server = Sshd::with_users("");
    let show = "    - debug: {msg: \"worker {{ r.worker }}\"}\n";
    let as_user = |user: &str| {
        let r#become = if user.is_empty() {
            String::new()
        } else {
            format!("      become: true\n      become_user: {user}\n")
        };
        format!(
            "    - worker: {{}}\n{become}      register: r\n{show}",
            r#become = r#become
        )
    };
    let tasks = ["", "", "root", "other", "root", "other"].map(as_user).concat()
        + "    - script: {}\n      become: true\n      become_user: other\n"
        + "    - worker: {}\n      async: 20\n      poll: 1\n      become: true\n";
    let played = play(&server, &tasks);
    played.assert(0, &["ok=14"]);
    let workers = numbers(&played, "\"worker ");
    let [free, free_again, root, other, root_again, other_again] = workers[..] else {
        panic!("{workers:?}");
    };
    assert_eq!((free, root, other), (free_again, root_again, other_again));
    assert!(free != root && root != other && free != other, "{workers:?}");
    // They end with the connection.
    let started = Instant::now();
    for worker in [free, root, other] {
        while command_line(worker).is_some_and(|line| line.contains("worker.py")) {
            assert!(started.elapsed() < Duration::from_secs(20), "{worker} lives on");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
    let look = "- hosts: server
  gather_facts: false
  tasks:
    - raw: find /var/tmp /tmp -xdev -newer /etc/sudoers.d/slipway -user free -o -newer /etc/sudoers.d/slipway -user other; find /var/tmp -xdev -mindepth 2 | grep -v '/slipway-agent-[0-9]*/'; ls -A ~free ~other
      register: left
    - debug: {msg: \"left{{ left.stdout_lines | reject('search', '^/var/tmp/slipway-agent-[0-9]*(/[0-9a-f]*(.note|.answers)?)?$') | join(', ') }}|\"}
";
    let played = server.play(look, &["-v"]);
    let homes = server.homes.as_ref().unwrap().display().to_string();
    let left = played.stdout.rsplit("\"left").next().unwrap();
    let left = left.split('|').next().unwrap();
    let unexpected: Vec<&str> = left
        .split(", ")
        .filter(|path| !path.is_empty() && !path.starts_with(&homes))
        .collect();
    assert!(unexpected.is_empty(), "{unexpected:?}\n{}", played.stdout);
}

#[test]
fn a_python_that_is_killed_is_told_and_the_next_module_has_another() {
    let _alone = alone();
    let server = Sshd::with_users("");
    let tasks = "    - worker: {}
      register: first
    - worker: {kill: true}
      register: killed
      ignore_errors: true
    - debug: {msg: \"it said {{ killed.msg }}\"}
    - worker: {}
      register: second
    - debug: {msg: \"{{ 'another' if first.worker != second.worker else 'the same' }} worker\"}
";
    let played = play(&server, tasks);
    played.assert(
        0,
        &[
            "it said The Python interpreter",
            "could not run the module: it was killed by signal 9 while the module ran",
            "another worker",
        ],
    );
    // What its module had started goes with it.
    let started = Instant::now();
    let sleeps = || {
        let entries = std::fs::read_dir("/proc").unwrap().flatten();
        entries
            .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
            .filter_map(command_line)
            .any(|line| line.contains("4233.17"))
    };
    while sleeps() {
        assert!(started.elapsed() < Duration::from_secs(20), "the module goes on");
        std::thread::sleep(Duration::from_millis(50));
    }
}
