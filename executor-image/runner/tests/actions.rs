//! Modules that have a part on the runner's side, against ansible-core's: the tasks of a file, one after the other, by both. Their
//! results and the files left behind must be the same.
//!
//! A file of `tests/actions` is the list of the tasks of one play on one host; a folder of the same name holds the templates and
//! files beside the playbook. `{{ dir }}` is an empty directory. Every task is registered and may fail. A task's key `differs`
//! names keys of its result that are meant to differ, each with the reason.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod support;

#[path = "../../agent/tests/differential/files.rs"]
mod files;
#[path = "../../agent/tests/differential/normalise.rs"]
mod normalise;
#[path = "../../agent/tests/differential/outcome.rs"]
mod outcome;

use std::{fmt::Write as _, path::Path, process::Command};

use outcome::{Outcome, compare};
use serde_json::{Map, Value, json};
use support::reference::{Reference, ansible};

/// Stands where normalised results would have the address of a server; no task has one.
const NO_SERVER: &str = "no server";

macro_rules! files {
    ($($test:ident: $file:literal,)+) => {
        $(#[test]
        fn $test() {
            compare_file($file);
        })+

        #[test]
        fn every_file_is_compared() {
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/actions");
            let mut found: Vec<String> = std::fs::read_dir(folder)
                .unwrap()
                .map(|entry| entry.unwrap().file_name().into_string().unwrap())
                .filter_map(|name| name.strip_suffix(".yml").map(str::to_owned))
                .collect();
            found.sort();
            assert_eq!(found, [$($file),+]);
        }
    };
}

files! {
    add_host_does_as_ansible: "add_host",
    fetch_does_as_ansible: "fetch",
    options_are_checked_as_by_ansible: "options",
    package_does_as_ansible: "package",
    script_does_as_ansible: "script",
    template_does_as_ansible: "template",
}

/// A task, and what of its result is meant to differ.
struct Row {
    task: Map<String, Value>,
    differs: Map<String, Value>,
}

fn rows(name: &str) -> Vec<Row> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/actions/{name}.yml"));
    let tasks: Vec<Map<String, Value>> =
        serde_yaml::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    tasks
        .into_iter()
        .map(|mut task| {
            let differs = task
                .shift_remove("differs")
                .map(|differs| differs.as_object().unwrap().clone())
                .unwrap_or_default();
            Row { task, differs }
        })
        .collect()
}

/// What a program does with the rows: all of them in one playbook, in a directory of its own.
fn outcome(mut program: Command, name: &str, rows: &[Row]) -> Outcome {
    let work = tempfile::tempdir().unwrap();
    let directory = work.path().join("dir");
    std::fs::create_dir(&directory).unwrap();
    let beside = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/actions")
        .join(name);
    if beside.is_dir() {
        let copied = Command::new("cp")
            .args(["-a", "--no-target-directory"])
            .args([&beside, work.path()])
            .status();
        assert!(copied.unwrap().success(), "the files of {name} can be copied");
    }
    let mut tasks: Vec<Value> = Vec::new();
    for (index, row) in rows.iter().enumerate() {
        let mut task = row.task.clone();
        task.insert("register".to_owned(), format!("row{index}").into());
        task.entry("ignore_errors").or_insert(true.into());
        tasks.push(task.into());
    }
    let names: Vec<String> = (0..rows.len()).map(|index| format!("row{index}")).collect();
    tasks.push(json!({
        "copy": {
            "content": format!("{{{{ [{}] | to_json }}}}", names.join(", ")),
            "dest": work.path().join("results.json"),
        },
    }));
    let play = json!([{
        "hosts": "target",
        "gather_facts": false,
        "vars": {
            "dir": directory,
            "ansible_connection": "local",
            "ansible_python_interpreter": ansible("python3"),
        },
        "tasks": tasks,
    }]);
    std::fs::write(work.path().join("site.yml"), play.to_string()).unwrap();
    let output = program
        .args(["-i", "target,", "site.yml"])
        .current_dir(work.path())
        .env("ANSIBLE_NOCOLOR", "1")
        .env("ANSIBLE_DEPRECATION_WARNINGS", "false")
        .output()
        .unwrap();
    let results = std::fs::read(work.path().join("results.json")).unwrap_or_else(|_| {
        panic!(
            "the playbook did not come to its end:\n{}\n{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        )
    });
    let results: Vec<Value> = serde_json::from_slice(&results).unwrap();
    let results: Vec<Value> = results
        .into_iter()
        .map(|mut result| {
            forget(&mut result);
            normalise::result(&result, work.path(), NO_SERVER)
        })
        .collect();
    Outcome::new(&results, &directory, NO_SERVER)
}

/// Takes out times, and what is named after temporary files and jobs: ours says which file of this machine it was, Ansible where its copy was.
fn forget(result: &mut Value) {
    match result {
        Value::Object(fields) => {
            for name in [
                "src",
                "after_header",
                "ansible_job_id",
                "results_file",
                "start",
                "stop",
            ] {
                fields.shift_remove(name);
            }
            // How long it was to a hundredth of a second.
            if let Some(Value::String(paused)) = fields.get_mut("stdout")
                && paused.starts_with("Paused for ")
            {
                paused.retain(|letter| !letter.is_ascii_digit());
            }
            fields.values_mut().for_each(forget);
        }
        Value::Array(items) => items.iter_mut().for_each(forget),
        _ => {}
    }
}

fn compare_file(name: &str) {
    let program = ansible("ansible-playbook");
    let rows = rows(name);
    let (file, folder) = (
        format!("tests/actions/{name}.yml"),
        format!("tests/actions/{name}"),
    );
    let (theirs, _) = Reference::new("actions", &["tests/actions.rs", &file, &folder]).says(name, || {
        let outcome = outcome(Command::new(&program), name, &rows);
        (serde_json::to_string(&outcome).unwrap(), None)
    });
    let theirs: Outcome = serde_json::from_str(&theirs).unwrap();
    let ours = outcome(support::runner(), name, &rows);

    let mut report = String::new();
    for (index, row) in rows.iter().enumerate() {
        let mut meant: Vec<&str> = row.differs.keys().map(String::as_str).collect();
        let mut differences = compare(&theirs.results[index], &ours.results[index]);
        differences.retain(|(key, ..)| {
            let known = row.differs.contains_key(key);
            meant.retain(|name| name != key);
            !known
        });
        if !differences.is_empty() || !meant.is_empty() {
            let _ = writeln!(report, "task {index} {}", Value::from(row.task.clone()));
        }
        for (key, theirs, ours) in differences {
            let _ = writeln!(
                report,
                "    {key}\n        ansible: {theirs}\n        ours:    {ours}"
            );
        }
        for key in meant {
            let _ = writeln!(report, "    {key} does not differ any more");
        }
    }
    files::compare(&theirs.files, &ours.files, &mut report);
    assert!(
        report.is_empty(),
        "{name}, {} tasks; differences:\n{report}",
        rows.len()
    );
}
