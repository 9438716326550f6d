//! Modules that are not the runner's own: how they are found, refused, started and stopped. What they return is compared with real
//! Ansible's in `against_ansible`.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod support;

use std::{
    path::Path,
    time::{Duration, Instant},
};

use support::{Played, play_in};
use tempfile::TempDir;

const LOCAL: &[&str] = &[
    "-i",
    "localhost,",
    "-c",
    "local",
    "-e",
    "ansible_python_interpreter=/usr/bin/python3",
];

/// Files by their names below the playbook's directory.
type Files<'a> = &'a [(&'a str, &'a str)];

/// A Python module around these statements.
fn module(statements: &str) -> String {
    let statements = statements.replace('\n', "\n    ");
    format!(
        "#!/usr/bin/python\nfrom ansible.module_utils.basic import AnsibleModule\n\n\ndef main():\n    \
         module = AnsibleModule(argument_spec={{'text': {{}}, 'secret': {{'no_log': True}}}}, supports_check_mode=True)\n    \
         {statements}\n\n\nmain()\n"
    )
}

/// A directory with these files.
fn directory(files: Files<'_>) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    for (path, content) in files {
        let path = directory.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }
    directory
}

/// Plays tasks with these files beside the playbook.
fn tasks(files: Files<'_>, tasks: &str, arguments: &[&str]) -> Played {
    let playbook = format!("- hosts: localhost\n  gather_facts: false\n  tasks:\n{tasks}");
    let mut all = LOCAL.to_vec();
    all.extend(arguments);
    play_in(directory(files), &playbook, &all)
}

#[test]
fn what_cannot_be_run_is_refused_when_the_playbook_is_loaded() {
    let python = module("module.exit_json()");
    let missing = python.replace(
        "\n\n\ndef",
        "\nfrom ansible.module_utils.nowhere import thing\n\n\ndef",
    );
    let cases: &[(Files<'_>, &str, &[&str])] = &[
        (
            &[("library/cube.py", &python)],
            "    - cub: {text: a}\n",
            &[
                "site.yml:4:7",
                "the module \"cub\" is not known",
                "did you mean \"cube\"?",
            ],
        ),
        (
            &[],
            "    - some.where.thing: {text: a}\n",
            &[
                "\"some.where.thing\" is not known",
                "the collection some.where is not installed",
                "collections",
            ],
        ),
        (
            &[],
            "    - community.general.pamdd: {text: a}\n",
            &["did you mean \"community.general.pamd\"?"],
        ),
        (
            &[("library/thing.py", &missing)],
            "    - thing: {text: a}\n",
            &[
                "library/thing.py:3: ansible.module_utils.nowhere is imported",
                "was not found",
            ],
        ),
        (
            &[("library/thing", "echo {}\n")],
            "    - thing: {text: a}\n",
            &["thing (", "is missing an interpreter line"],
        ),
        (
            &[
                ("library/thing.ps1", "x"),
                (
                    "library/other",
                    "#!powershell\n#Requires -Module Ansible.ModuleUtils.Legacy\n",
                ),
            ],
            "    - other: {text: a}\n",
            &["is a PowerShell module"],
        ),
    ];
    for (files, written, said) in cases {
        let played = tasks(files, written, &[]);
        played.assert(4, said);
        assert!(
            !played.stdout.contains("PLAY"),
            "something ran:\n{}",
            played.stdout
        );
    }
}

/// A plugin of variables that has one for everybody.
const VARIABLES: &str = "from ansible.plugins.vars import BaseVarsPlugin\n\n\nclass VarsModule(BaseVarsPlugin):\n    \
     def get_vars(self, loader, path, entities):\n        return {'level': 'plugin for ' + entities[0].name, 'text': '{{ level }}!'}\n";

#[test]
fn a_plugin_of_variables_in_python_counts_like_the_files_beside_it() {
    let files = [
        ("vars_plugins/mine.py", VARIABLES),
        ("group_vars/all.yml", "level: file\nother: of the file\n"),
    ];
    let played = tasks(&files, "    - debug: {msg: \"{{ text }} {{ other }}\"}\n", &[]);
    played.assert(0, &["\"msg\": \"plugin for localhost! of the file\""]);
}

#[test]
fn what_is_left_to_ansible_core_is_done_by_it_or_refused_with_what_to_do() {
    let directory = directory(&[("ansible.cfg", "[defaults]\nforks = 7\n")]);
    for name in ["ansible-config", "ansible-inventory"] {
        std::os::unix::fs::symlink(support::RUNNER, directory.path().join(name)).unwrap();
    }
    let run = |name: &str, arguments: &[&str], core: &Path| {
        let output = std::process::Command::new(directory.path().join(name))
            .args(arguments)
            .current_dir(directory.path())
            .env("SLIPWAY_ANSIBLE_CORE", core)
            .env("ANSIBLE_CONFIG", "ansible.cfg")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        (said, output.status.code())
    };
    let (said, code) = run("ansible-config", &["view"], &support::ansible_core());
    assert!(said.contains("forks = 7") && code == Some(0), "{said}");
    for (name, arguments) in [
        ("ansible-config", &["view"][..]),
        ("ansible-inventory", &["--list", "--toml", "-i", "h1,"]),
    ] {
        let (said, code) = run(name, arguments, Path::new("/nowhere"));
        assert!(
            said.contains("pip install ansible-core") && code == Some(5),
            "{said}"
        );
    }
}

#[test]
fn a_plugin_in_python_without_an_installed_ansible_core_fails_its_task_and_says_what_to_do() {
    let cases = [
        (
            "filter_plugins/plugins.py",
            "debug: {msg: \"{{ 'a' | mine }}\"}",
            "the filter mine",
        ),
        ("action_plugins/plugins.py", "plugins:", "the action plugins"),
        (
            "connection_plugins/plugins.py",
            "{ping: , vars: {ansible_connection: plugins}}",
            "the connection plugins",
        ),
    ];
    for (file, task, named) in cases {
        let play = format!("- hosts: localhost\n  gather_facts: false\n  tasks:\n    - {task}\n");
        let directory = directory(&[(file, "FILTERS = {'mine': str}\n"), ("site.yml", &play)]);
        let output = support::runner()
            .current_dir(directory.path())
            .env("SLIPWAY_ANSIBLE_CORE", "/nowhere")
            .args(["-i", "localhost,", "-c", "local", "site.yml"])
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(2), "{said}");
        let needs = format!("{file}) is written in Python and needs ansible-core");
        for part in [named, &needs, "pip install ansible-core"] {
            assert!(said.contains(part), "no {part:?} in {said}");
        }
    }
}

#[test]
fn a_python_module_without_an_installed_ansible_core_is_refused_with_what_to_do() {
    let directory = directory(&[
        ("library/thing.py", &module("module.exit_json()")),
        ("site.yml", "- hosts: localhost\n  tasks:\n    - thing: {}\n"),
    ]);
    let output = support::runner()
        .current_dir(directory.path())
        .env("SLIPWAY_ANSIBLE_CORE", "/nowhere")
        .args(["-i", "localhost,", "site.yml"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(4));
    let said = String::from_utf8_lossy(&output.stderr);
    for text in [
        "thing (",
        "no ansible-core was found",
        "pip install ansible-core",
        "SLIPWAY_ANSIBLE_CORE",
    ] {
        assert!(said.contains(text), "{text:?} was not said:\n{said}");
    }
}

#[test]
fn arguments_are_on_no_command_line_and_in_no_environment() {
    let search = "import glob\nfound = []\n\
                  for path in glob.glob('/proc/[0-9]*/cmdline') + glob.glob('/proc/[0-9]*/environ'):\n    \
                  try:\n        content = open(path, 'rb').read()\n    except (IOError, OSError):\n        continue\n    \
                  if secret.encode() in content:\n        found.append(path)\n";
    let look = module(&format!(
        "secret = module.params['secret']\n{search}module.exit_json(found=found, looked=secret)"
    ));
    let script = format!(
        "#!/usr/bin/python3\n# WANT_JSON\nimport json, sys\nsecret = json.load(open(sys.argv[1]))['secret']\n{search}\
         print(json.dumps({{'found': found}}))\n"
    );
    let secret = "\"{{ ['s3', 'cr3t-w0rd'] | join }}\"";
    let written = format!(
        "    - look: {{secret: {secret}}}\n      register: r\n    - debug: {{msg: \"python {{{{ r.found }}}}\"}}\n    \
         - script_look: {{secret: {secret}}}\n      register: r\n    - debug: {{msg: \"script {{{{ r.found }}}}\"}}\n"
    );
    let files: Files<'_> = &[("library/look.py", &look), ("library/script_look", &script)];
    let played = tasks(files, &written, &["-vvv"]);
    played.assert(0, &["python []", "script []"]);
    assert!(!played.stdout.contains("s3cr3t-w0rd"), "{}", played.stdout);
}

#[test]
fn a_module_that_takes_too_long_is_killed_with_what_it_has_started() {
    let directory = tempfile::tempdir().unwrap();
    let mark = directory.path().join("mark").display().to_string();
    let slow = module(&format!(
        "import subprocess, time\nsubprocess.Popen(['sh', '-c', 'sleep 4; touch {mark}'])\ntime.sleep(60)\nmodule.exit_json()"
    ));
    let started = Instant::now();
    let written =
        "    - slow: {}\n      timeout: 2\n      ignore_errors: true\n    - slow: {}\n      timeout: 1\n";
    let played = tasks(&[("library/slow.py", &slow)], written, &[]);
    played.assert(
        2,
        &[
            "failed to execute in the expected time frame (2) and was terminated",
            "time frame (1)",
        ],
    );
    assert!(
        started.elapsed() < Duration::from_secs(40),
        "{:?}",
        started.elapsed()
    );
    std::thread::sleep(Duration::from_secs(5));
    assert!(!Path::new(&mark).exists(), "what the module had started lives on");
}

#[test]
fn modules_see_nothing_of_each_other() {
    let first = module(
        "import os, sys, ansible.module_utils.basic as basic\nbasic.left_behind = 1\nos.environ['LEFT_BEHIND'] = '1'\n\
         os.chdir('/usr')\nsys.path.insert(0, '/left/behind')\nmodule.exit_json(process=os.getpid())",
    );
    let second = module(
        "import os, sys, ansible.module_utils.basic as basic\n\
         module.exit_json(seen=[hasattr(basic, 'left_behind'), 'LEFT_BEHIND' in os.environ, os.getcwd() == '/usr', '/left/behind' in sys.path])",
    );
    let written = "    - first: {}\n    - second: {}\n      register: r\n    - debug: {msg: \"{{ r.seen | join(' ') }}\"}\n";
    tasks(
        &[("library/first.py", &first), ("library/second.py", &second)],
        written,
        &[],
    )
    .assert(0, &["False False False False"]);
}

#[test]
fn the_environment_of_the_task_reaches_python_from_its_start() {
    let look = module(
        "import os, sys\nmodule.exit_json(seen=[os.environ.get('COLOUR'), sys.flags.optimize, os.environ.get('PYTHONOPTIMIZE')])",
    );
    let written = "    - look: {}\n      environment: {COLOUR: blue}\n      register: r\n    - debug: {msg: \"{{ r.seen }}\"}\n\
                   \x20   - look: {}\n      environment: {PYTHONOPTIMIZE: \"1\"}\n      register: r\n    - debug: {msg: \"{{ r.seen }}\"}\n\
                   \x20   - look: {}\n      register: r\n    - debug: {msg: \"{{ r.seen }}\"}\n";
    tasks(&[("library/look.py", &look)], written, &[]).assert(
        0,
        &["\"blue\"", "1,\n        \"1\"", "null,\n        0,\n        null"],
    );
}

#[test]
fn code_of_the_playbook_takes_the_place_of_the_library_s() {
    let look = module(
        "from ansible.module_utils.common import locale\nmodule.exit_json(value=locale.get_best_parsable_locale(module))",
    );
    let replaced =
        "def get_best_parsable_locale(module, *arguments, **named):\n    return 'the playbook decides'\n";
    let plain = module(
        "from ansible.module_utils.common import locale\nmodule.exit_json(value='library' if 'C' in locale.get_best_parsable_locale(module) else 'other')",
    );
    let written = "    - look: {}\n      register: r\n    - debug: {msg: \"{{ r.value }}\"}\n";
    tasks(&[("library/look.py", &plain)], written, &[]).assert(0, &["library"]);
    tasks(
        &[
            ("library/look.py", &look),
            ("module_utils/common/locale.py", replaced),
        ],
        written,
        &[],
    )
    .assert(0, &["the playbook decides"]);
}

#[test]
fn a_python_that_is_not_there_is_named() {
    let played = tasks(
        &[("library/thing.py", &module("module.exit_json()"))],
        "    - thing: {}\n",
        &["-e", "ansible_python_interpreter=/no/such/python"],
    );
    played.assert(2, &["/no/such/python", "No such file or directory"]);
}

#[test]
fn a_playbook_that_is_only_checked_runs_no_module() {
    let played = tasks(
        &[(
            "library/thing.py",
            &module("open('ran', 'w').close()\nmodule.exit_json()"),
        )],
        "    - thing: {}\n",
        &["--syntax-check"],
    );
    played.assert(0, &["playbook: site.yml"]);
}
