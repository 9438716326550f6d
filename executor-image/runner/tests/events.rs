//! Event lines, the result, and stopping by a signal.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod support;

use std::{
    io::{BufRead, BufReader},
    process::Stdio,
    time::{Duration, Instant},
};

use slipway_report::{Event, EventKind, HostStatus, RunOutcome, RunResult, parse_line};

const PLAYBOOK: &str = "- name: Events
  hosts: localhost
  gather_facts: false
  tasks:
    - name: Works
      ansible.builtin.command: \"true\"
    - name: Items
      ansible.builtin.debug: {msg: \"{{ item }}\"}
      loop: [a, b]
    - name: Secret
      ansible.builtin.command: \"echo {{ item }}\"
      loop: [hidden-item]
      no_log: true
    - name: Secret failure
      ansible.builtin.fail: {msg: hidden-message}
      no_log: true
      ignore_errors: true
    - name: Notifies
      ansible.builtin.command: \"true\"
      notify: done
    - name: Fails
      ansible.builtin.command: ls /no/such/place
  handlers:
    - name: done
      ansible.builtin.debug: {msg: done}
";

const LOCAL: &[&str] = &["-i", "localhost,", "-c", "local", "--result-file", "result.json"];

fn events(text: &str) -> Vec<EventKind> {
    text.lines()
        .filter_map(parse_line)
        .map(|event: Event| event.kind)
        .collect()
}

#[test]
fn a_run_is_told_in_events_and_in_a_result() {
    let mut arguments = LOCAL.to_vec();
    arguments.push("--events");
    let played = support::play(PLAYBOOK, &arguments);
    played.assert(2, &["PLAY RECAP"]);
    let events = events(&played.stdout);
    assert!(
        matches!(&events[0], EventKind::RunStarted { playbooks, hosts: 1 } if playbooks == &["site.yml"])
    );
    assert!(matches!(&events[1], EventKind::PlayStarted { play, hosts: 1 } if play == "Events"));
    let task = |wanted: &str| {
        events.iter().find_map(|event| match event {
            EventKind::HostResult {
                task,
                status,
                message,
                items,
                ..
            } if task == wanted => Some((*status, message.clone(), items.clone())),
            _ => None,
        })
    };
    assert_eq!(task("Works").unwrap().0, HostStatus::Changed);
    let items = task("Items").unwrap().2;
    assert_eq!(
        items.iter().map(|item| item.label.as_deref()).collect::<Vec<_>>(),
        [Some("a"), Some("b")]
    );
    assert_eq!(task("Secret").unwrap().2[0].label, None);
    assert_eq!(
        task("Secret failure").unwrap(),
        (HostStatus::Ignored, None, Vec::new())
    );
    let (status, message, _) = task("Fails").unwrap();
    assert_eq!(status, HostStatus::Failed);
    assert!(message.unwrap().contains("/no/such/place"));
    assert!(
        !played.stdout.contains("hidden-"),
        "a secret was shown:\n{}",
        played.stdout
    );
    assert!(
        events
            .iter()
            .any(|event| matches!(event, EventKind::Recap { hosts } if hosts["localhost"].failed == 1))
    );
    let last_progress = events.iter().rev().find_map(|event| match event {
        EventKind::Progress {
            tasks_done,
            tasks_total,
            task,
            hosts_failed,
        } => Some((*tasks_done, *tasks_total, task.as_str(), *hosts_failed)),
        _ => None,
    });
    assert_eq!(
        last_progress,
        Some((6, 6, "Fails", 1)),
        "the last progress tells how the run ended, however quick it was"
    );
    let Some(EventKind::RunFinished { result }) = events.last() else {
        panic!("the last event is not the end")
    };
    let file = std::fs::read_to_string(played.directory.path().join("result.json")).unwrap();
    assert_eq!(&RunResult::from_json(&file).unwrap(), result);
    assert_eq!((result.outcome, result.exit_code), (RunOutcome::Failed, 2));
    assert_eq!(result.hosts[0].task.as_deref(), Some("Fails"));
    assert!(
        result.hosts[0]
            .message
            .as_deref()
            .unwrap()
            .contains("/no/such/place")
    );
}

#[test]
fn a_run_that_ended_well_has_nothing_left_to_do() {
    let playbook = "- hosts: localhost
  gather_facts: false
  tasks:
    - block:
        - name: Works
          ansible.builtin.command: \"true\"
      rescue:
        - name: Never needed
          ansible.builtin.debug: {msg: x}
";
    let mut arguments = LOCAL.to_vec();
    arguments.push("--events");
    let played = support::play(playbook, &arguments);
    played.assert(0, &["PLAY RECAP"]);
    let last = events(&played.stdout)
        .into_iter()
        .rev()
        .find_map(|event| match event {
            EventKind::Progress {
                tasks_done,
                tasks_total,
                ..
            } => Some((tasks_done, tasks_total)),
            _ => None,
        });
    assert_eq!(last, Some((1, 1)));
}

#[test]
fn events_can_go_to_a_file_alone() {
    let mut arguments = LOCAL.to_vec();
    arguments.push("--events=events.jsonl");
    let played = support::play(PLAYBOOK, &arguments);
    assert!(!played.stdout.contains("{\"slipway\":"), "{}", played.stdout);
    let file = std::fs::read_to_string(played.directory.path().join("events.jsonl")).unwrap();
    assert_eq!(
        events(&file).len(),
        file.lines().count(),
        "a line is no event:\n{file}"
    );
}

#[test]
fn a_playbook_that_cannot_be_loaded_is_an_invalid_result() {
    let played = support::play("- hosts: all\n  tasks:\n    - nope: {}\n", LOCAL);
    let file = std::fs::read_to_string(played.directory.path().join("result.json")).unwrap();
    let result = RunResult::from_json(&file).unwrap();
    assert_eq!((result.outcome, result.exit_code), (RunOutcome::Invalid, 4));
    assert!(result.message.unwrap().contains("nope"));
}

/// Starts a long play, sends `signals` once its first task has begun, returns exit code, output and time.
fn interrupted(signals: &[rustix::process::Signal]) -> (i32, String, Duration, RunResult) {
    let directory = tempfile::tempdir().unwrap();
    let playbook = "- hosts: localhost\n  gather_facts: false\n  tasks:\n    - name: Long\n      command: sleep 61\n    - name: Never\n      debug: {msg: x}\n";
    std::fs::write(directory.path().join("site.yml"), playbook).unwrap();
    let mut child = support::runner()
        .current_dir(directory.path())
        .args(LOCAL)
        .arg("site.yml")
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut output = String::new();
    while !output.contains("TASK [Long]") {
        output.push_str(&lines.next().unwrap().unwrap());
    }
    std::thread::sleep(Duration::from_secs(1));
    let started = Instant::now();
    for signal in signals {
        let id = rustix::process::Pid::from_child(&child);
        rustix::process::kill_process(id, *signal).unwrap();
        std::thread::sleep(Duration::from_millis(300));
    }
    output.extend(lines.map(|line| line.unwrap() + "\n"));
    let code = child.wait().unwrap().code().unwrap_or(-1);
    let result =
        RunResult::from_json(&std::fs::read_to_string(directory.path().join("result.json")).unwrap())
            .unwrap();
    (code, output, started.elapsed(), result)
}

#[test]
fn one_interrupt_stops_after_a_grace_with_a_recap() {
    let (code, output, took, result) = interrupted(&[rustix::process::Signal::INT]);
    assert_eq!(code, 130, "{output}");
    assert!(
        output.contains("PLAY RECAP") && !output.contains("TASK [Never]"),
        "{output}"
    );
    assert!(took < Duration::from_secs(20), "it took {took:?}");
    assert_eq!(result.outcome, RunOutcome::Cancelled);
}

#[test]
fn a_second_signal_stops_at_once() {
    let (code, output, took, result) =
        interrupted(&[rustix::process::Signal::TERM, rustix::process::Signal::TERM]);
    assert_eq!(code, 143, "{output}");
    assert!(took < Duration::from_secs(4), "it took {took:?}");
    assert_eq!(result.exit_code, 143);
}
