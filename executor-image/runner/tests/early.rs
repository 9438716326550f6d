//! The next tasks of a lone host are sent before the first one has ended, and nobody can tell.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod support;

use std::{process::Stdio, time::Duration};

use support::Played;

/// Waits a moment, and tells which calls the agent has by then: it has a thread for each.
const LOOK: &str = "shell: sleep 0.7; cat /proc/$PPID/task/*/comm";

/// Plays tasks behind one that looks whether the agent has heard of them.
fn behind_a_look(tasks: &str, more: &[&str]) -> Played {
    let arguments = [&["-v", "-i", "localhost,", "-c", "local"], more].concat();
    support::play(&playbook(&format!("    - {LOOK}\n{tasks}")), &arguments)
}

fn playbook(tasks: &str) -> String {
    format!("- hosts: all\n  gather_facts: false\n  tasks:\n{tasks}")
}

#[test]
fn the_tasks_that_come_next_are_there_when_the_first_one_has_begun() {
    let tasks = "    - command: echo second
    - block:
        - command: echo {{ inventory_hostname }}
          when: inventory_hostname == 'localhost'
        - command: echo never
          when: false
        - shell: echo fourth
          register: last
          changed_when: false
      rescue: []
    - debug: {var: last.stdout}
";
    let played = behind_a_look(tasks, &[]);
    played.assert(
        0,
        &[
            "call 2",
            "call 3",
            "call 4",
            "\"last.stdout\": \"fourth\"",
            "ok=5",
            "skipped=1",
        ],
    );
}

#[test]
fn what_could_be_different_in_its_turn_waits_for_it() {
    let cases: &[(&str, &str)] = &[
        (
            "a result before",
            "    - command: echo\n      register: one\n    - command: echo {{ one.rc }}\n",
        ),
        (
            "a file of this machine",
            "    - command: \"echo {{ lookup('file', playbook_dir ~ '/site.yml') | length }}\"\n",
        ),
        (
            "a path of this machine",
            "    - command: \"true\"\n      when: playbook_dir is exists\n",
        ),
        (
            "the time",
            "    - command: echo {{ now().year }} {{ '%Y' | strftime }}\n",
        ),
        ("a program", "    - command: echo {{ lookup('pipe', 'echo') }}\n"),
        (
            "a name that reads a file",
            "    - name: \"{{ lookup('file', playbook_dir ~ '/site.yml') | length }}\"\n      command: \"true\"\n",
        ),
        (
            "a warning",
            "    - command: \"true\"\n      when: \"{{ true }}\"\n",
        ),
        (
            "another host",
            "    - command: \"true\"\n      delegate_to: other\n",
        ),
        (
            "another user",
            "    - command: \"true\"\n      become: true\n      become_user: nobody\n",
        ),
        ("items", "    - command: echo {{ item }}\n      loop: [1]\n"),
        ("several tries", "    - command: \"true\"\n      retries: 2\n"),
        (
            "an action of this machine",
            "    - copy: {content: x, dest: \"{{ playbook_dir }}/copied\"}\n",
        ),
        (
            "what is included",
            "    - include_tasks: site.yml\n      when: false\n    - command: \"true\"\n",
        ),
    ];
    for (what, task) in cases {
        // The first of two may be there; no other.
        let played = behind_a_look(task, &[]);
        let said = &played.stdout;
        let early = if task.matches("- command").count() == 2 {
            "call 3"
        } else {
            "call 2"
        };
        assert!(said.contains("call 1") && !said.contains(early), "{what}: {said}");
        assert!(
            said.contains("failed=0") && said.contains("unreachable=0"),
            "{what}: {said}"
        );
    }
    // And what the first says decides of those behind it.
    for keyword in ["register: one", "failed_when: false", "notify: nobody"] {
        let tasks = format!(
            "    - {LOOK}\n      {keyword}\n    - command: \"true\"\n    - debug: {{var: one.stdout}}\n  handlers:\n    - name: nobody\n      command: \"true\"\n"
        );
        let played = support::play(&playbook(&tasks), &["-v", "-i", "localhost,", "-c", "local"]);
        played.assert(0, &["call 1"]);
        assert!(!played.stdout.contains("call 2"), "{keyword}: {}", played.stdout);
    }
    let several = behind_a_look("    - command: \"true\"\n", &["-i", "localhost,other"]);
    several.assert(0, &["call 1"]);
    assert!(!several.stdout.contains("call 2"), "{}", several.stdout);
}

#[test]
fn a_task_reads_what_the_one_before_it_has_written() {
    let tasks = "    - shell: sleep 0.3; echo written > {{ playbook_dir }}/word
    - command: \"echo <{{ lookup('file', playbook_dir ~ '/word') }}>\"
";
    let played = support::play(&playbook(tasks), &["-v", "-i", "localhost,", "-c", "local"]);
    played.assert(0, &["<written>", "ok=2"]);
}

#[test]
fn nothing_is_done_behind_a_task_that_fails() {
    let tasks = "    - shell: sleep 0.3; exit 3
      ignore_errors: \"{{ goes_on }}\"
    - command: touch {{ playbook_dir }}/second
    - command: touch {{ playbook_dir }}/third
";
    for (goes_on, code) in [("false", 2), ("true", 0)] {
        let extra = format!("goes_on={goes_on}");
        let arguments = ["-i", "localhost,", "-c", "local", "-e", &extra];
        let played = support::play(&playbook(tasks), &arguments);
        played.assert(code, &[]);
        for name in ["second", "third"] {
            let is_there = played.directory.path().join(name).exists();
            assert_eq!(is_there, code == 0, "{name}: {}", played.stdout);
        }
    }
}

#[test]
fn a_run_that_stops_begins_nothing_more() {
    let directory = tempfile::tempdir().unwrap();
    let tasks = "    - shell: touch begun; sleep 1
      args: {chdir: \"{{ playbook_dir }}\"}
    - command: touch {{ playbook_dir }}/second
";
    std::fs::write(directory.path().join("site.yml"), playbook(tasks)).unwrap();
    let child = support::runner()
        .current_dir(directory.path())
        .args(["-i", "localhost,", "-c", "local", "site.yml"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    while !directory.path().join("begun").exists() {
        std::thread::sleep(Duration::from_millis(10));
    }
    let id = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(id, rustix::process::Signal::INT).unwrap();
    let output = child.wait_with_output().unwrap();
    let played = Played::new(directory, &output);
    played.assert(130, &["changed=1", "ok=1"]);
    assert!(
        !played.directory.path().join("second").exists(),
        "{}",
        played.stdout
    );
}
