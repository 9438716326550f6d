//! Callbacks in Python: they are told the same, in the same order, by real Ansible and by this runner.
//!
//! Each playbook of `tests/callbacks` is one case, and some of `tests/playbooks` are. The callback `record` writes a line for each event.
//! Within a task, what is told of several hosts is sorted, for hosts are not waited for in the same order.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod support;

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::Value;
use support::{
    comparison::assert_same,
    play_in,
    reference::{Reference, ansible},
};

/// Playbooks that are there for other tests, too.
const OTHERS: &[&str] = &[
    "add_host",
    "any_errors_fatal_handler",
    "blocks",
    "delegate",
    "diff",
    "handlers",
    "handlers_include",
    "include_role",
    "includes",
    "lookups",
    "loop_control",
    "loops",
    "meta_all",
    "no_log",
    "roles",
    "run_once",
    "serial",
    "until",
    "vars_prompt",
];

fn tests() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests")
}

/// The events of a run of a playbook, one a line, and its exit code.
fn events(mut command: Command, case: &Path, id: &str) -> (String, Option<i32>) {
    let text = std::fs::read_to_string(case).unwrap();
    let first = text.lines().next().unwrap();
    let arguments = first.strip_prefix("# arguments: ").unwrap_or_default();
    let name = case.file_stem().unwrap().to_str().unwrap();
    let id = format!("{id}-{name}");
    for entry in std::fs::read_dir("/tmp").unwrap().flatten() {
        if entry.file_name().to_string_lossy().ends_with(&id) {
            std::fs::remove_file(entry.path()).unwrap();
        }
    }
    let record = tempfile::NamedTempFile::new().unwrap();
    let status = command
        .current_dir(case.parent().unwrap())
        .args(["-i", "../playbooks/hosts"])
        .args(arguments.split_whitespace())
        .arg(case.file_name().unwrap())
        .env("RECORD_EVENTS", record.path())
        .env(
            "ANSIBLE_CALLBACK_PLUGINS",
            tests().join("callbacks/callback_plugins"),
        )
        .env("ANSIBLE_ROLES_PATH", case.with_extension("").join("roles"))
        .env("SLIPWAY_TEST_ID", &id)
        .env("ANSIBLE_FORKS", "1")
        .env("ANSIBLE_NOCOLOR", "1")
        .env_remove("ANSIBLE_INVENTORY")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .unwrap();
    let events = std::fs::read_to_string(record.path()).unwrap();
    (sorted(&events.replace(&id, "ID")), status.code())
}

/// The events of each task by hosts, the beginnings first.
fn sorted(events: &str) -> String {
    let mut sections: Vec<Vec<(bool, String, &str)>> = vec![Vec::new()];
    for line in events.lines() {
        let event: Value = serde_json::from_str(line).unwrap();
        let starts = event[0] == "v2_runner_on_start";
        let host = event[1]
            .as_str()
            .or(event[1]["host"].as_str())
            .or(event[2].as_str());
        match host {
            Some(host) => sections
                .last_mut()
                .unwrap()
                .push((!starts, host.to_owned(), line)),
            None => sections.extend([vec![(true, String::new(), line)], Vec::new()]),
        }
    }
    for section in &mut sections {
        section.sort_by(|one, other| (one.0, &one.1).cmp(&(other.0, &other.1)));
    }
    let lines = sections.concat().into_iter().map(|(_, _, line)| line.to_owned());
    lines.collect::<Vec<String>>().join("\n")
}

#[test]
fn callbacks_are_told_what_ansible_tells_them() {
    let own = std::fs::read_dir(tests().join("callbacks")).unwrap();
    let mut cases: Vec<PathBuf> = own
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "yml"))
        .collect();
    let others = OTHERS.iter().map(|name| tests().join("playbooks").join(name));
    cases.extend(others.map(|path| path.with_extension("yml")));
    let reference = Reference::new(
        "callbacks",
        &["tests/callbacks.rs", "tests/callbacks", "tests/playbooks"],
    );
    assert_same(cases, 2, |case| {
        let theirs = reference.says(&case.display().to_string(), || {
            events(Command::new(ansible("ansible-playbook")), &case, "theirs")
        });
        let ours = events(support::runner(), &case, "ours");
        (ours != theirs).then(|| {
            let name = case.file_name().unwrap().display();
            let differences: Vec<String> = ours
                .0
                .lines()
                .zip(theirs.0.lines())
                .filter(|(ours, theirs)| ours != theirs)
                .map(|(ours, theirs)| format!("ours:   {ours}\ntheirs: {theirs}"))
                .take(3)
                .collect();
            format!(
                "{name}: exit codes {:?} and {:?}, {} and {} events\n{}",
                ours.1,
                theirs.1,
                ours.0.lines().count(),
                theirs.0.lines().count(),
                differences.join("\n")
            )
        })
    });
}

/// A callback that prints when a task begins and has ended.
const PRINTS: &str = "import os\nfrom ansible.plugins.callback import CallbackBase\n\n\nclass CallbackModule(CallbackBase):\n    \
     CALLBACK_TYPE = 'notification'\n\n    \
     def v2_playbook_on_task_start(self, task, is_conditional):\n        print('begins: ' + task.name)\n\n    \
     def v2_runner_on_ok(self, result):\n        self._display.display('ended: %s' % result._result)\n\n    \
     def v2_playbook_on_stats(self, stats):\n        raise ValueError('nothing to count')\n";

#[test]
fn what_callbacks_print_stands_in_order_and_one_that_fails_ends_nothing() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::create_dir(directory.path().join("callback_plugins")).unwrap();
    std::fs::write(directory.path().join("callback_plugins/prints.py"), PRINTS).unwrap();
    let playbook = "- hosts: localhost\n  gather_facts: false\n  tasks:\n  \
         - {name: one, debug: {msg: first}}\n  - {name: two, debug: {msg: second}, no_log: true}\n";
    let played = play_in(directory, playbook, &["-i", "localhost,", "-c", "local"]);
    played.assert(
        0,
        &[
            "Failure using method (v2_playbook_on_stats) in callback plugin",
            "nothing to count",
        ],
    );
    let order = [
        "TASK [one]",
        "begins: one",
        "\"msg\": \"first\"",
        "ended: {",
        "TASK [two]",
        "begins: two",
    ];
    let places: Vec<Option<usize>> = order.iter().map(|text| played.stdout.find(text)).collect();
    assert!(
        places.is_sorted() && places[0].is_some(),
        "{places:?}\n{}",
        played.stdout
    );
    assert!(!played.stdout.contains("second"), "{}", played.stdout);
}

/// A callback that prints its name and its option at each task.
fn printing(name: &str, kind: &str, waits: bool) -> String {
    let waits = if waits { "True" } else { "False" };
    format!(
        "from ansible.plugins.callback import CallbackBase\n\nDOCUMENTATION = '''\nname: {name}\ntype: notification\n\
         short_description: x\ndescription: x\noptions:\n  level:\n    description: x\n    default: low\n    \
         env: [{{name: CALLBACK_LEVEL}}]\n    ini: [{{section: callback, key: level}}]\n'''\n\n\nclass CallbackModule(CallbackBase):\n    \
         CALLBACK_VERSION = 2.0\n    CALLBACK_TYPE = '{kind}'\n    CALLBACK_NEEDS_ENABLED = {waits}\n\n    \
         def v2_playbook_on_task_start(self, task, is_conditional):\n        \
         self._display.display('{name} %s %s' % (task.get_name(), self.get_option('level')))\n"
    )
}

/// One that cannot be made.
const BROKEN: &str = "from ansible.plugins.callback import CallbackBase\n\n\nclass CallbackModule(CallbackBase):\n    \
     def __init__(self):\n        raise ValueError('no luck')\n";

/// One that does not want to hear.
const OFF: &str = "from ansible.plugins.callback import CallbackBase\n\n\nclass CallbackModule(CallbackBase):\n    \
     def __init__(self):\n        super().__init__()\n        self.disabled = True\n\n    \
     def v2_on_any(self, *arguments, **named):\n        print('not off')\n";

/// A folder with callbacks wherever they are found.
fn folder_with_callbacks() -> tempfile::TempDir {
    let collection = "collections/ansible_collections/my/coll/plugins/callback/mine.py";
    let files = [
        (
            "callback_plugins/beside.py",
            printing("beside", "notification", false),
        ),
        (
            "callback_plugins/waits.py",
            printing("waits", "notification", true),
        ),
        // The name of one that this program has itself.
        ("callback_plugins/timer.py", printing("timer", "aggregate", true)),
        ("callback_plugins/broken.py", BROKEN.to_owned()),
        ("callback_plugins/off.py", OFF.to_owned()),
        (
            "roles/r/callback_plugins/of_role.py",
            printing("of_role", "notification", false),
        ),
        ("roles/r/tasks/main.yml", "- debug: {msg: x}\n".to_owned()),
        ("far/far.py", printing("far", "notification", false)),
        ("far/prints.py", printing("prints", "stdout", false)),
        (collection, printing("my.coll.mine", "notification", true)),
        ("ansible.cfg", "[callback]\nlevel = high\n".to_owned()),
        (
            "site.yml",
            "- {hosts: localhost, gather_facts: false, roles: [r]}\n".to_owned(),
        ),
    ];
    let directory = tempfile::tempdir().unwrap();
    for (path, content) in &files {
        let path = directory.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }
    directory
}

/// Variables of the environment.
type Environment<'a> = &'a [(&'a str, &'a str)];

#[test]
fn callbacks_are_found_and_chosen_as_ansible_does_it() {
    let directory = folder_with_callbacks();
    std::os::unix::fs::symlink(support::RUNNER, directory.path().join("ansible")).unwrap();
    let playbook: &[&str] = &["-i", "localhost,", "-c", "local", "site.yml"];
    let task: &[&str] = &["localhost", "-m", "debug", "-a", "msg=x"];
    let load = ("ANSIBLE_LOAD_CALLBACK_PLUGINS", "1");
    let enabled = "waits,my.coll.mine,timer,no.such.one,nosuch";
    let cases: [(&[&str], Environment<'_>); 6] = [
        (playbook, &[]),
        (
            playbook,
            &[
                ("ANSIBLE_CALLBACKS_ENABLED", enabled),
                ("CALLBACK_LEVEL", "other"),
            ],
        ),
        (playbook, &[("ANSIBLE_STDOUT_CALLBACK", "prints")]),
        (task, &[]),
        (task, &[load]),
        (task, &[load, ("ANSIBLE_STDOUT_CALLBACK", "prints")]),
    ];
    let reference = Reference::new("callbacks-found", &["tests/callbacks.rs"]);
    for (arguments, environment) in cases {
        let run = |mut command: Command| {
            let output = command
                .current_dir(directory.path())
                .args(arguments)
                .env("ANSIBLE_CALLBACK_PLUGINS", "far")
                .env("ANSIBLE_LOCALHOST_WARNING", "0")
                .env("ANSIBLE_INVENTORY_UNPARSED_WARNING", "0")
                .envs(environment.iter().copied())
                .output()
                .unwrap();
            let told = [output.stdout, output.stderr].map(|said| String::from_utf8(said).unwrap());
            (told.concat(), output.status.code())
        };
        let name = if arguments[0] == "localhost" {
            "ansible"
        } else {
            "ansible-playbook"
        };
        let theirs = reference.says(&format!("{arguments:?} {environment:?}"), || {
            run(Command::new(ansible(name)))
        });
        let mut ours = support::runner();
        if name == "ansible" {
            let named = Command::new(directory.path().join(name));
            let plain = std::mem::replace(&mut ours, named);
            ours.envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
        }
        assert_eq!(run(ours), theirs, "{arguments:?} {environment:?}");
    }
}

#[test]
fn without_ansible_core_a_callback_that_is_named_is_refused_and_another_is_told_of() {
    let run = |settings: &str| {
        let directory = tempfile::tempdir().unwrap();
        std::fs::create_dir(directory.path().join("callback_plugins")).unwrap();
        std::fs::write(directory.path().join("callback_plugins/prints.py"), PRINTS).unwrap();
        std::fs::write(directory.path().join("ansible.cfg"), settings).unwrap();
        std::fs::write(
            directory.path().join("site.yml"),
            "- hosts: localhost\n  gather_facts: false\n",
        )
        .unwrap();
        let output = support::runner()
            .env("SLIPWAY_ANSIBLE_CORE", directory.path())
            .current_dir(directory.path())
            .args(["-i", "localhost,", "site.yml"])
            .output()
            .unwrap();
        support::Played::new(directory, &output)
    };
    run("[defaults]\nnocows = 1\n").assert(
        0,
        &["the callback prints (", "needs ansible-core", "PLAY [localhost]"],
    );
    run("[defaults]\ncallbacks_enabled = timers\n").assert(
        1,
        &[
            "\"timers\" of the setting callbacks_enabled",
            "did you mean \"timer\"?",
            "needs ansible-core",
        ],
    );
}
