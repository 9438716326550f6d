//! Calls that outlive the connection: the agent's program starts itself as a job.

#![allow(clippy::unwrap_used)] // all of it is a test

mod support;

use std::path::Path;
use std::time::Duration;

use indexmap::IndexMap;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use slipway_protocol::{Call, FrameKind, PutBegin, PutStatus};

use support::{Agent, wait_until};

fn arguments(value: &Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

fn environment(directory: &Path) -> IndexMap<String, String> {
    let statuses = directory.join("statuses").to_string_lossy().into_owned();
    IndexMap::from([("ANSIBLE_ASYNC_DIR".to_owned(), statuses)])
}

fn shell(directory: &Path, command: &str, limit: u64) -> Call {
    Call {
        module: "ansible.builtin.shell".to_owned(),
        args: arguments(&json!({"_raw_params": command})),
        environment: environment(directory),
        background: Some(limit),
        ..Call::default()
    }
}

fn ask(agent: &mut Agent, directory: &Path, arguments_of_module: &Value) -> Value {
    let call = Call {
        module: "ansible.builtin.async_status".to_owned(),
        args: arguments(arguments_of_module),
        environment: environment(directory),
        ..Call::default()
    };
    agent.send(FrameKind::Call, 99, &call);
    agent.result().1
}

fn wait_for_end(agent: &mut Agent, directory: &Path, id: &Value) -> Value {
    let mut status = Value::Null;
    for _ in 0..200 {
        status = ask(agent, directory, &json!({"jid": id}));
        if status["finished"] == 1 {
            break;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    status
}

#[test]
fn a_job_outlives_the_agent_and_another_agent_tells_its_result() {
    let directory = tempfile::tempdir().unwrap();
    let gate = directory.path().join("gate");
    let command = format!(
        "while ! test -e {}; do sleep 0.1; done; echo done",
        gate.display()
    );
    let mut agent = Agent::greeted();
    agent.send(FrameKind::Call, 1, &shell(directory.path(), &command, 60));
    let started = agent.result().1;
    assert_eq!(
        (&started["started"], &started["finished"], &started["changed"]),
        (&json!(1), &json!(0), &json!(true)),
        "{started}"
    );
    let id = &started["ansible_job_id"];
    let file = Path::new(started["results_file"].as_str().unwrap());
    assert_eq!(file, directory.path().join("statuses").join(id.as_str().unwrap()));
    let kept: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    assert_eq!(kept, json!({"started": 1, "finished": 0, "ansible_job_id": id}));
    let running = ask(&mut agent, directory.path(), &json!({"jid": id}));
    assert_eq!(
        (&running["finished"], &running["failed"]),
        (&json!(0), &Value::Null)
    );

    agent.input = None;
    assert!(agent.child.wait().unwrap().success());
    std::fs::write(&gate, "").unwrap();

    let mut agent = Agent::greeted();
    let ended = wait_for_end(&mut agent, directory.path(), id);
    assert_eq!(
        (
            &ended["finished"],
            &ended["stdout"],
            &ended["rc"],
            &ended["changed"]
        ),
        (&json!(1), &json!("done"), &json!(0), &json!(true)),
        "{ended}"
    );
    let erased = ask(
        &mut agent,
        directory.path(),
        &json!({"jid": id, "mode": "cleanup"}),
    );
    assert_eq!(erased["erased"], started["results_file"]);
    assert!(!file.exists());
    let gone = ask(&mut agent, directory.path(), &json!({"jid": id}));
    assert_eq!(
        (&gone["failed"], &gone["msg"]),
        (&json!(true), &json!("could not find job"))
    );
}

#[test]
fn a_job_is_killed_with_what_it_started_when_its_time_is_over() {
    let directory = tempfile::tempdir().unwrap();
    let process = directory.path().join("process");
    let command = format!("sleep 1000 & echo $! > {}; wait", process.display());
    let mut agent = Agent::greeted();
    agent.send(FrameKind::Call, 1, &shell(directory.path(), &command, 2));
    let started = agent.result().1;
    let ended = wait_for_end(&mut agent, directory.path(), &started["ansible_job_id"]);
    assert_eq!(
        (&ended["failed"], &ended["msg"]),
        (&json!(true), &json!("Timeout exceeded")),
        "{ended}"
    );
    let number = std::fs::read_to_string(process).unwrap();
    let living = Path::new("/proc").join(number.trim()).join("exe");
    wait_until(|| living.read_link().is_err());
}

#[test]
fn a_job_has_the_contents_of_its_files_and_its_call_is_on_no_command_line() {
    let directory = tempfile::tempdir().unwrap();
    let destination = directory.path().join("copied");
    let content = b"the content";
    let sha256 = hex::encode(Sha256::digest(content));
    let mut agent = Agent::greeted();
    let offer = PutBegin {
        sha256: sha256.clone(),
        size: content.len() as u64,
        for_one_call: false,
    };
    agent.send(FrameKind::PutBegin, 1, &offer);
    agent.receive().unwrap();
    agent.send_payload(FrameKind::Chunk, 1, content.to_vec());
    agent.send_payload(FrameKind::Chunk, 1, Vec::new());
    let stored: PutStatus = serde_json::from_slice(&agent.receive().unwrap().payload).unwrap();
    assert_eq!(stored, PutStatus::Stored);
    let call = Call {
        module: "ansible.builtin.copy".to_owned(),
        args: arguments(&json!({"dest": destination.to_string_lossy()})),
        files: IndexMap::from([("src".to_owned(), sha256)]),
        environment: environment(directory.path()),
        background: Some(60),
        ..Call::default()
    };
    agent.send(FrameKind::Call, 2, &call);
    let started = agent.result().1;
    let ended = wait_for_end(&mut agent, directory.path(), &started["ansible_job_id"]);
    assert_eq!(ended["changed"], true, "{ended}");
    assert_eq!(std::fs::read(destination).unwrap(), content);

    let secret = format!(
        "while test -d {}; do sleep 0.1; done; : s3cret",
        directory.path().display()
    );
    agent.send(FrameKind::Call, 3, &shell(directory.path(), &secret, 60));
    let started = agent.result().1;
    let process = started["ansible_job_id"]
        .as_str()
        .unwrap()
        .split_once('.')
        .unwrap()
        .1;
    let line = std::fs::read(Path::new("/proc").join(process).join("cmdline")).unwrap();
    assert_eq!(String::from_utf8_lossy(&line), "slipway-agent\0--job\0");
}
