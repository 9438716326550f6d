//! The agent's program on its pipes: greeting, several calls at once, cancelling, timeouts, the end of the input.

#![allow(clippy::unwrap_used)] // all of it is a test

mod support;

use std::io::Write;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use slipway_protocol::{
    BATCH_MARK, Call, Cancel, Decoder, Frame, FrameKind, Hello, PROTOCOL_VERSION, Refusal, encode,
};

use support::{Agent, wait_until};

#[test]
fn a_runner_of_another_protocol_is_refused() {
    let mut agent = Agent::start();
    agent.send(
        FrameKind::Hello,
        0,
        &Hello {
            protocol: PROTOCOL_VERSION + 1,
            fence: None,
            silence_seconds: None,
        },
    );
    let frame = agent.receive().unwrap();
    assert_eq!(frame.kind, FrameKind::Refusal);
    let refusal: Refusal = serde_json::from_slice(&frame.payload).unwrap();
    assert!(
        refusal.message.contains("upload the agent"),
        "{}",
        refusal.message
    );
    assert!(agent.receive().is_none());
    assert!(agent.child.wait().unwrap().success());
}

#[test]
fn a_short_call_is_answered_while_a_long_one_runs() {
    let mut agent = Agent::greeted();
    agent.shell(1, "sleep 2; echo long", None);
    agent.shell(2, "echo short", None);
    let (stream, result) = agent.result();
    assert_eq!((stream, result["stdout"].as_str()), (2, Some("short")));
    let (stream, result) = agent.result();
    assert_eq!((stream, result["stdout"].as_str()), (1, Some("long")));
}

#[test]
fn a_call_after_another_begins_when_that_has_succeeded() {
    let directory = tempfile::tempdir().unwrap();
    let mark = directory.path().join("first");
    let mut agent = Agent::greeted();
    agent.shell(1, &format!("sleep 1; touch {}", mark.display()), None);
    agent.shell_after(2, 1, &format!("test -e {}; echo $?", mark.display()));
    let (stream, _) = agent.result();
    assert_eq!(stream, 1);
    let (stream, result) = agent.result();
    assert_eq!((stream, result["stdout"].as_str()), (2, Some("0")));
    // The one before has ended long ago.
    agent.shell_after(3, 1, "echo third");
    assert_eq!(agent.result().1["stdout"].as_str(), Some("third"));
}

#[test]
fn a_call_after_one_that_failed_or_that_is_withdrawn_is_not_begun() {
    let directory = tempfile::tempdir().unwrap();
    let mark = directory.path().join("mark");
    let touch = format!("touch {}", mark.display());
    let mut agent = Agent::greeted();
    agent.shell(1, "sleep 1; exit 3", None);
    agent.shell_after(2, 1, &touch);
    agent.shell_after(3, 2, &touch);
    assert_eq!(agent.result().1["rc"], 3);
    for stream in [2, 3] {
        let refused = agent.receive().unwrap();
        assert_eq!((refused.kind, refused.stream), (FrameKind::Refusal, stream));
    }
    agent.shell(4, "sleep 1", None);
    agent.shell_after(5, 4, &touch);
    let unless_begun = Cancel { unless_begun: true };
    agent.send(FrameKind::Cancel, 4, &unless_begun);
    agent.send(FrameKind::Cancel, 5, &unless_begun);
    let refused = agent.receive().unwrap();
    assert_eq!((refused.kind, refused.stream), (FrameKind::Refusal, 5));
    assert_eq!(agent.result().1["rc"], 0);
    assert!(!mark.exists());
}

#[test]
fn a_batch_is_carried_out_to_its_end_and_answered_in_lines() {
    let agent = batch("sleep 1; echo done");
    let output = agent.wait_with_output().unwrap();
    assert!(output.status.success());
    let mut decoder = Decoder::default();
    for line in String::from_utf8(output.stdout).unwrap().lines() {
        let frame = line.strip_prefix(BATCH_MARK).unwrap();
        decoder.push(&STANDARD.decode(frame).unwrap());
    }
    assert_eq!(decoder.next_frame().unwrap().unwrap().kind, FrameKind::Welcome);
    let result = decoder.next_frame().unwrap().unwrap();
    assert_eq!((result.kind, result.stream), (FrameKind::Result, 3));
    let result: Value = serde_json::from_slice(&result.payload).unwrap();
    assert_eq!(result["stdout"].as_str(), Some("done"), "{result}");
}

#[test]
fn a_batch_of_which_nobody_reads_the_answers_is_stopped() {
    let directory = tempfile::tempdir().unwrap();
    let (begun, marker) = (directory.path().join("begun"), directory.path().join("survived"));
    let command = format!("touch {}; sleep 4; touch {}", begun.display(), marker.display());
    let mut agent = batch(&command);
    wait_until(|| begun.exists());
    drop(agent.stdout.take());
    agent.wait().unwrap();
    std::thread::sleep(Duration::from_secs(5));
    assert!(!marker.exists(), "the command went on");
}

/// An agent with a command as its batch.
fn batch(command: &str) -> Child {
    let hello = Hello {
        protocol: PROTOCOL_VERSION,
        fence: None,
        silence_seconds: None,
    };
    let call = Call {
        module: "ansible.builtin.shell".to_owned(),
        args: serde_json::from_value(json!({"_raw_params": command})).unwrap(),
        ..Call::default()
    };
    let frame = |kind, stream, payload| {
        encode(&Frame {
            kind,
            stream,
            payload,
        })
    };
    let mut input = frame(FrameKind::Hello, 0, serde_json::to_vec(&hello).unwrap());
    input.extend(frame(FrameKind::Call, 3, serde_json::to_vec(&call).unwrap()));
    let mut agent = Command::new(env!("CARGO_BIN_EXE_slipway-agent"))
        .arg("--batch")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    agent.stdin.take().unwrap().write_all(&input).unwrap();
    agent
}

#[test]
fn cancelling_kills_what_the_call_has_started() {
    let directory = tempfile::tempdir().unwrap();
    let (begun, marker) = (directory.path().join("begun"), directory.path().join("survived"));
    let mut agent = Agent::greeted();
    let command = format!(
        "touch {}; (sleep 3; touch {}) & sleep 100",
        begun.display(),
        marker.display()
    );
    agent.shell(7, &command, None);
    wait_until(|| begun.exists());
    agent.send(FrameKind::Cancel, 7, &Cancel::default());
    let (stream, result) = agent.result();
    assert_eq!(stream, 7);
    assert_eq!(
        (result["failed"].as_bool(), result["changed"].as_bool()),
        (Some(true), Some(false))
    );
    assert!(result["msg"].as_str().unwrap().contains("cancelled"), "{result}");
    std::thread::sleep(Duration::from_secs(4));
    assert!(!marker.exists(), "a child of the cancelled command went on");
}

#[test]
fn a_call_is_stopped_at_its_timeout() {
    let mut agent = Agent::greeted();
    let start = Instant::now();
    agent.shell(1, "sleep 100", Some(1));
    let (_, result) = agent.result();
    assert!(start.elapsed() < Duration::from_secs(20));
    assert_eq!(result["failed"], true);
    assert!(
        result["msg"]
            .as_str()
            .unwrap()
            .contains("expected time frame (1)"),
        "{result}"
    );
}

#[test]
fn the_end_of_the_input_ends_the_agent_and_what_it_runs() {
    let directory = tempfile::tempdir().unwrap();
    let (begun, marker) = (directory.path().join("begun"), directory.path().join("survived"));
    let mut agent = Agent::greeted();
    agent.shell(
        1,
        &format!("touch {}; sleep 3; touch {}", begun.display(), marker.display()),
        None,
    );
    wait_until(|| begun.exists());
    agent.input = None;
    assert!(agent.child.wait().unwrap().success());
    std::thread::sleep(Duration::from_secs(4));
    assert!(!marker.exists(), "the command went on without the agent");
}

#[test]
fn a_runner_that_is_silent_for_too_long_ends_the_agent_and_what_it_runs() {
    let directory = tempfile::tempdir().unwrap();
    let (begun, marker) = (directory.path().join("begun"), directory.path().join("survived"));
    let mut agent = Agent::greeted_with_silence(Some(3));
    let command = format!("touch {}; sleep 12; touch {}", begun.display(), marker.display());
    agent.shell(1, &command, None);
    wait_until(|| begun.exists());
    // For longer than the limit it hears something, and stays.
    for _ in 0..5 {
        std::thread::sleep(Duration::from_secs(1));
        agent.send(FrameKind::Ping, 0, &json!({}));
        assert!(agent.child.try_wait().unwrap().is_none());
    }
    // Its input is still open when it ends.
    assert!(!agent.child.wait().unwrap().success());
    std::thread::sleep(Duration::from_secs(8));
    assert!(!marker.exists(), "the command went on without the agent");
}

#[test]
fn a_module_that_is_not_known_or_a_content_that_was_not_sent_fails_the_call_alone() {
    let mut agent = Agent::greeted();
    agent.send(
        FrameKind::Call,
        1,
        &Call {
            module: "ansible.builtin.nothing".to_owned(),
            ..Call::default()
        },
    );
    let (_, result) = agent.result();
    assert!(
        result["msg"]
            .as_str()
            .unwrap()
            .contains("does not know the module ansible.builtin.nothing")
    );
    let mut call = Call {
        module: "ansible.builtin.copy".to_owned(),
        args: json!({"dest": "/nonexistent/x"}).as_object().unwrap().clone(),
        ..Call::default()
    };
    call.files.insert("src".to_owned(), "0".repeat(64));
    agent.send(FrameKind::Call, 2, &call);
    let (_, result) = agent.result();
    assert!(
        result["msg"].as_str().unwrap().contains("was not sent"),
        "{result}"
    );
    agent.shell(3, "echo still here", None);
    assert_eq!(agent.result().1["stdout"], "still here");
}

#[test]
fn secrets_are_not_in_results() {
    let mut agent = Agent::greeted();
    let call = Call {
        module: "ansible.builtin.uri".to_owned(),
        args: json!({"url": "http://127.0.0.1:1/s3cret", "url_username": "me", "url_password": "s3cret"})
            .as_object()
            .unwrap()
            .clone(),
        ..Call::default()
    };
    agent.send(FrameKind::Call, 1, &call);
    let (_, result) = agent.result();
    assert_eq!(result["failed"], true);
    assert!(!result.to_string().contains("s3cret"), "{result}");
}
