//! Settings, in `ansible.cfg` and the environment, change the same things under real Ansible and here.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod support;

use std::{
    io::Write,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Command, Stdio},
};

use regex::Regex;
use support::reference::{Reference, ansible};

/// A playbook under settings.
#[derive(Default)]
struct Case {
    name: &'static str,
    /// The `[defaults]` of `ansible.cfg`.
    defaults: &'static str,
    environment: &'static [(&'static str, &'static str)],
    arguments: &'static [&'static str],
    playbook: &'static str,
    files: &'static [(&'static str, &'static str)],
    input: &'static str,
}

const MODULE: &str = "#!/usr/bin/python\nfrom ansible.module_utils.basic import AnsibleModule\nfrom ansible.module_utils.shared_words import WORD\nAnsibleModule(argument_spec={}).exit_json(changed=False, word=WORD)\n";

const ROLE_USES: &str = "- hosts: h1\n  tasks:\n    - import_role: {name: one}\n    - debug: msg={{ seen }}\n- hosts: h1\n  tasks:\n    - import_role: {name: one, public: false}\n    - debug: msg={{ seen }}\n- hosts: h1\n  tasks:\n    - import_role: {name: one, public: true}\n    - debug: msg={{ seen }}\n- hosts: h1\n  tasks:\n    - include_role: {name: one}\n    - debug: msg={{ seen }}\n- hosts: h1\n  tasks:\n    - include_role: {name: one, public: true}\n    - debug: msg={{ seen }}\n- hosts: h1\n  tasks:\n    - include_role: {name: one, public: false}\n    - debug: msg={{ seen }}\n";
const ROLE_USED: &[(&str, &str)] = &[
    (
        "group_vars/all.yml",
        "seen: \"{{ [of_defaults | default('none'), of_vars | default('none')] }}\"\n",
    ),
    ("roles/one/defaults/main.yml", "of_defaults: 1\n"),
    ("roles/one/vars/main.yml", "of_vars: 2\n"),
    ("roles/one/tasks/main.yml", "- debug: msg={{ seen }}\n"),
];

const CASES: &[Case] = &[
    Case {
        name: "what a template is told of itself",
        defaults: "gathering = explicit\nansible_managed = by {uid} of {file} in %Y {{{{ 1 + 1 }}}}",
        playbook: "- hosts: h1\n  vars: {ansible_managed: mine}\n  tasks:\n    - debug: msg={{ lookup('template', 'page.j2') }}\n    - template: {src: page.j2, dest: '{{ playbook_dir }}/written'}\n      register: written\n    - debug: msg={{ lookup('file', 'written') }}\n",
        files: &[(
            "page.j2",
            "{{ ansible_managed }} {{ template_path }} {{ template_mtime | type_debug }} {{ template_mtime.year > 2000 }} {{ [-1, +1] }}\n",
        )],
        ..NONE
    },
    Case {
        name: "what is undefined stays as it is written",
        defaults: "gathering = explicit\nerror_on_undefined_vars = False",
        playbook: include_str!("settings/undefined.yml"),
        files: &[
            ("host_vars/h2.yml", "theirs: \"{{ nope }}\"\n"),
            ("page.j2", "a line\n{{ nope }} and {{ inner }}\n"),
        ],
        ..NONE
    },
    Case {
        name: "values keep their types",
        environment: &[("ANSIBLE_JINJA2_NATIVE", "True")],
        defaults: "gathering = explicit",
        playbook: include_str!("settings/native.yml"),
        files: &[
            ("list.j2", "[{{ number }}, \"{{ text }}\"]\n"),
            ("number.j2", "{{ number }}\n"),
            ("none.j2", "nothing: {{ nothing }}\n"),
        ],
        ..NONE
    },
    Case {
        name: "what playbooks count is shown",
        defaults: "show_custom_stats = True\ngathering = explicit",
        playbook: include_str!("settings/custom_stats.yml"),
        ..NONE
    },
    Case {
        name: "what a playbook counts for hosts is shown",
        environment: &[("ANSIBLE_SHOW_CUSTOM_STATS", "True")],
        defaults: "gathering = explicit",
        playbook: "- hosts: h1,h2\n  tasks:\n    - set_stats: {data: {seen: [\"{{ inventory_hostname }}\"]}, per_host: true}\n",
        ..NONE
    },
    Case {
        name: "without anything counted nothing is shown",
        defaults: "show_custom_stats = True\ngathering = explicit",
        playbook: "- hosts: h1\n  tasks:\n    - debug: {}\n",
        ..NONE
    },
    Case {
        name: "facts are gathered only where a play says so",
        defaults: "gathering = explicit",
        playbook: "- hosts: h1\n  tasks:\n    - debug: msg={{ ansible_facts | length }}\n- hosts: h1\n  gather_facts: true\n  gather_subset: '!all,!min'\n  tasks:\n    - debug: msg={{ ansible_facts | length > 0 }}\n",
        ..NONE
    },
    Case {
        name: "facts are gathered once",
        environment: &[("ANSIBLE_GATHERING", "smart")],
        playbook: "- hosts: h1\n  gather_subset: '!all,!min'\n  tasks: []\n- hosts: h1,h2\n  gather_facts: true\n  gather_subset: '!all,!min'\n  tasks:\n    - debug: msg=second\n- hosts: h1\n  tasks:\n    - meta: clear_facts\n- hosts: h1\n  gather_subset: '!all,!min'\n  tasks: []\n",
        ..NONE
    },
    Case {
        name: "facts are no variables of their own",
        defaults: "inject_facts_as_vars = False",
        playbook: "- hosts: h1\n  gather_subset: '!all,min'\n  tasks:\n    - debug: msg={{ [ansible_system is defined, ansible_local is defined, ansible_facts.system] }}\n    - set_fact: {mine: 1, cacheable: true}\n    - debug: msg={{ [mine, ansible_facts.mine] }}\n",
        ..NONE
    },
    Case {
        name: "every task has its time",
        defaults: "task_timeout = 1\ngathering = explicit",
        playbook: "- hosts: h1\n  tasks:\n    - command: sleep 20\n      ignore_errors: true\n    - command: sleep 2\n      timeout: 10\n      changed_when: false\n",
        ..NONE
    },
    Case {
        name: "one failure ends the play for all",
        defaults: "any_errors_fatal = True\ngathering = explicit",
        playbook: "- hosts: h1,h2\n  tasks:\n    - fail: msg=no\n      when: inventory_hostname == 'h1'\n    - debug: msg=never\n",
        ..NONE
    },
    Case {
        name: "results are hidden",
        defaults: "no_log = True\ngathering = explicit",
        playbook: "- hosts: h1\n  tasks:\n    - command: echo secret\n    - debug: msg=hidden\n    - debug: msg=shown\n      no_log: false\n",
        arguments: &["-v"],
        ..NONE
    },
    Case {
        name: "modules and what they share are found in directories",
        defaults: "library = mods\nmodule_utils = shared\ngathering = explicit",
        playbook: "- hosts: h1\n  tasks:\n    - own_word:\n      register: word\n    - debug: var=word.word\n",
        files: &[
            ("mods/own_word.py", MODULE),
            ("shared/shared_words.py", "WORD = 'ours'\n"),
        ],
        ..NONE
    },
    Case {
        name: "a directory of modules is an argument too",
        environment: &[("ANSIBLE_MODULE_UTILS", "shared")],
        defaults: "gathering = explicit",
        arguments: &["-M", "elsewhere:mods"],
        playbook: "- hosts: h1\n  tasks:\n    - own_word:\n      register: word\n    - debug: var=word.word\n",
        files: &[
            ("mods/own_word.py", MODULE),
            ("shared/shared_words.py", "WORD = 'ours'\n"),
        ],
        ..NONE
    },
    Case {
        name: "roles keep their variables to themselves",
        defaults: "private_role_vars = True\nroles_path = my_roles\ngathering = explicit",
        playbook: "- hosts: h1\n  roles: [one]\n  tasks:\n    - debug: msg={{ [of_defaults | default('none'), of_vars | default('none')] }}\n",
        files: &[
            ("my_roles/one/defaults/main.yml", "of_defaults: 1\n"),
            ("my_roles/one/vars/main.yml", "of_vars: 2\n"),
            (
                "my_roles/one/tasks/main.yml",
                "- debug: msg={{ [of_defaults, of_vars] }}\n",
            ),
        ],
        ..NONE
    },
    Case {
        name: "whoever imports or includes a role says who sees its variables",
        defaults: "gathering = explicit",
        playbook: ROLE_USES,
        files: ROLE_USED,
        ..NONE
    },
    Case {
        name: "roles that say nothing keep their variables to themselves",
        defaults: "gathering = explicit\nprivate_role_vars = True",
        playbook: ROLE_USES,
        files: ROLE_USED,
        ..NONE
    },
    Case {
        name: "roles that say nothing, included or imported, show their variables",
        defaults: "gathering = explicit\nprivate_role_vars = False",
        playbook: ROLE_USES,
        files: ROLE_USED,
        ..NONE
    },
    Case {
        name: "mappings of two inventories are merged",
        defaults: "gathering = explicit\nhash_behaviour = merge",
        arguments: &["-i", "one.yml", "-i", "two.yml"],
        playbook: "- hosts: h1\n  tasks:\n    - debug: msg={{ [of_host, of_group] | to_json(sort_keys=true) }}\n",
        files: &[
            (
                "one.yml",
                "all:\n  hosts: {h1: {of_host: {a: 1, b: {c: 1, d: 1}}}}\n  vars: {of_group: {a: 1, b: 1}}\n",
            ),
            (
                "two.yml",
                "all:\n  hosts: {h1: {of_host: {b: {c: 2}}}}\n  vars: {of_group: {a: 2}}\n",
            ),
        ],
        ..NONE
    },
    Case {
        name: "templates see settings",
        defaults: "gathering = explicit\ntimeout = 17\nroles_path = a:b\nansible_managed = by {file}\nhost_key_checking = off\nremote_user = me",
        playbook: "- hosts: h1\n  tasks:\n    - debug: msg={{ lookup('config', item) }}\n      loop: [DEFAULT_TIMEOUT, DEFAULT_GATHERING, HOST_KEY_CHECKING, DEFAULT_REMOTE_USER, DEFAULT_REMOTE_PORT, DEFAULT_BECOME, DEFAULT_MANAGED_STR, YAML_FILENAME_EXTENSIONS, DIFF_CONTEXT]\n    - debug: msg={{ lookup('config', 'DEFAULT_ROLES_PATH') | map('basename') | list }}\n    - debug: msg={{ lookup('config', 'NOTHING') }}\n",
        ..NONE
    },
    Case {
        name: "a pattern that matches nothing ends the run",
        defaults: "gathering = explicit",
        environment: &[("ANSIBLE_HOST_PATTERN_MISMATCH", "error")],
        playbook: "- hosts: h1:nobody\n  tasks:\n    - debug: msg=never\n",
        ..NONE
    },
    Case {
        name: "a handler that is not there is only warned of",
        defaults: "gathering = explicit\nerror_on_missing_handler = False",
        playbook: "- hosts: h1\n  tasks:\n    - command: echo hi\n      notify: nobody\n    - debug: msg=on\n",
        ..NONE
    },
    Case {
        name: "a key that stands twice ends the run",
        defaults: "gathering = explicit\nduplicate_dict_key = error",
        playbook: "- hosts: h1\n  vars:\n    a: 1\n    a: 2\n  tasks:\n    - debug: msg=never\n",
        ..NONE
    },
    Case {
        name: "the strategy of plays that name none",
        defaults: "gathering = explicit\nstrategy = free",
        playbook: "- hosts: h1\n  tasks:\n    - debug: msg=one\n    - debug: msg=two\n- hosts: h1\n  strategy: linear\n  tasks:\n    - debug: msg=three\n",
        ..NONE
    },
    Case {
        name: "a person says which tasks run",
        defaults: "gathering = explicit",
        arguments: &["--step"],
        playbook: "- hosts: h1,h2\n  tasks:\n    - name: one\n      debug: msg=one\n    - name: two\n      debug: msg=two\n    - name: three\n      debug: msg=three\n    - name: four\n      debug: msg=four\n",
        input: "y\nn\nC\n",
        ..NONE
    },
    Case {
        name: "nobody says that tasks run",
        defaults: "gathering = explicit",
        arguments: &["--step"],
        playbook: "- hosts: h1\n  tasks:\n    - name: one\n      debug: msg=one\n",
        input: "\n",
        ..NONE
    },
    Case {
        name: "mappings are merged",
        defaults: "gathering = explicit\nhash_behaviour = merge",
        playbook: "- hosts: h1\n  vars:\n    word: {b: {y: 3}, c: \"{{ 1 + 1 }}\", list: [2]}\n  tasks:\n    - debug: msg={{ word | to_json(sort_keys=true) }}\n    - debug: msg={{ word | to_json(sort_keys=true) }}\n      vars: {word: {c: 9}}\n    - include_vars: more.yml\n    - debug: msg={{ word | to_json(sort_keys=true) }}\n    - set_fact: {fact: {one: 1}}\n    - debug: msg={{ [fact, hostvars.h2.word] | to_json(sort_keys=true) }}\n",
        files: &[
            ("group_vars/all.yml", "word: {a: 1, b: {x: 1, y: 1}, list: [1]}\n"),
            ("group_vars/some.yml", "word: {b: {z: 2}}\n"),
            ("more.yml", "word: {d: 4}\n"),
        ],
        ..NONE
    },
    Case {
        name: "a cache that is not there",
        environment: &[("ANSIBLE_CACHE_PLUGIN", "nowhere")],
        playbook: "- hosts: h1\n  tasks: []\n",
        ..NONE
    },
];

const NONE: Case = Case {
    name: "",
    defaults: "",
    environment: &[],
    arguments: &[],
    playbook: "",
    files: &[],
    input: "",
};

/// Runs a program without a terminal in a directory that has been prepared.
fn run(mut command: Command, directory: &Path, case: &Case) -> (String, Option<i32>) {
    let mut child = command
        .args(["-i", "hosts"])
        .args(case.arguments)
        .arg("site.yml")
        .current_dir(directory)
        .env("HOME", directory)
        .env("ANSIBLE_NOCOLOR", "1")
        .env("ANSIBLE_FORKS", "1")
        .env_remove("ANSIBLE_INVENTORY")
        .env_remove("ANSIBLE_CONFIG")
        .envs(case.environment.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(case.input.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    (normal(&text, directory), output.status.code())
}

fn normal(text: &str, directory: &Path) -> String {
    let mut text = text.replace(&directory.display().to_string(), "DIRECTORY");
    for (pattern, replacement) in [
        (r#""(delta|start|end)": "[^"]*""#, r#""$1": "TIME""#),
        (r#""timedout": \{[^}]*\}"#, r#""timedout": {}"#),
        (r"(?m)[ \t]+$", ""),
        (r#"(?s)(Unable to find setting NOTHING).*?"\}"#, r#"$1"}"#),
        (
            r#""msg": "[^"]*(Unable to find setting NOTHING)"#,
            r#""msg": "$1"#,
        ),
        (r"Using DIRECTORY/ansible.cfg as config file\n", ""),
    ] {
        text = Regex::new(pattern)
            .unwrap()
            .replace_all(&text, replacement)
            .into_owned();
    }
    text.trim().to_owned()
}

fn prepared(case: &Case) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str, content: &str| {
        let file = directory.path().join(name);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, content).unwrap();
    };
    write("ansible.cfg", &format!("[defaults]\n{}\n", case.defaults));
    write(
        "hosts",
        "[all:vars]\nansible_connection=local\nansible_python_interpreter=/usr/bin/python3\n[some]\nh1\nh2\n",
    );
    write("site.yml", case.playbook);
    for (name, content) in case.files {
        write(name, content);
    }
    directory
}

fn without_terminal(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new("setsid");
    command.arg("--wait").arg(program);
    command
}

fn runner() -> Command {
    let mut command = without_terminal(support::RUNNER);
    command
        .env("SLIPWAY_AGENT", support::agent())
        .env("SLIPWAY_ANSIBLE_CORE", support::ansible_core());
    command
}

#[test]
fn every_setting_changes_what_it_changes_under_ansible() {
    let reference = Reference::new("settings", &["tests/settings.rs", "tests/settings"]);
    let only = std::env::var("SLIPWAY_CASE").ok();
    let mut differences = Vec::new();
    for case in CASES {
        if only
            .as_ref()
            .is_some_and(|only| !case.name.contains(only.as_str()))
        {
            continue;
        }
        let expected = reference.says(case.name, || {
            let directory = prepared(case);
            run(
                without_terminal(ansible("ansible-playbook")),
                directory.path(),
                case,
            )
        });
        let directory = prepared(case);
        let ours = run(runner(), directory.path(), case);
        if expected != ours {
            let diff = similar::TextDiff::from_lines(&expected.0, &ours.0);
            differences.push(format!(
                "{}: exit code {:?} of Ansible, {:?} of ours\n{}",
                case.name,
                expected.1,
                ours.1,
                diff.unified_diff().header("ansible", "ours")
            ));
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

const CACHED: Case = Case {
    defaults: "gathering = smart\nfact_caching = jsonfile\nfact_caching_connection = kept\nfact_caching_prefix = of_",
    playbook: "- hosts: h1\n  gather_subset: '!all,min'\n  tasks:\n    - set_fact: {mine: 1, cacheable: true}\n    - debug: msg={{ [ansible_facts.system, ansible_system, ansible_facts.mine] }}\n",
    ..NONE
};

#[test]
fn each_program_knows_facts_that_the_other_has_kept() {
    let programs = || [runner(), without_terminal(ansible("ansible-playbook"))];
    for (writer, reader) in [(0, 1), (1, 0)] {
        let directory = prepared(&CACHED);
        let play = |index: usize, case: &Case| {
            let mut programs = Vec::from(programs());
            run(programs.swap_remove(index), directory.path(), case)
        };
        let (said, code) = play(writer, &CACHED);
        assert!(
            code == Some(0) && said.contains("TASK [Gathering Facts]"),
            "{said}"
        );
        assert!(directory.path().join("kept/of_h1").is_file());
        let (said, code) = play(reader, &CACHED);
        assert!(
            code == Some(0) && !said.contains("TASK [Gathering Facts]"),
            "{said}"
        );
        assert!(said.contains("Linux"), "{said}");
        let flush = Case {
            arguments: &["--flush-cache"],
            ..CACHED
        };
        let (said, _) = play(reader, &flush);
        assert!(said.contains("TASK [Gathering Facts]"), "{said}");
    }
}

#[test]
fn results_of_one_task_are_kept_in_a_file_for_each_host() {
    let tree = |mut command: Command| {
        let directory = prepared(&NONE);
        let status = command
            .args(["all", "-i", "hosts", "-m", "debug", "-a", "msg=hi", "-t", "tree"])
            .current_dir(directory.path())
            .env("HOME", directory.path())
            .stdout(Stdio::null())
            .status();
        assert!(status.unwrap().success());
        ["h1", "h2"].map(|host| std::fs::read_to_string(directory.path().join("tree").join(host)).unwrap())
    };
    let mut ours = runner();
    ours.arg("ansible");
    assert_eq!(tree(ours), tree(without_terminal(ansible("ansible"))));
}

#[test]
fn the_interpreter_of_the_settings_runs_modules_in_python() {
    let case = Case {
        defaults: "library = mods\nmodule_utils = shared\ngathering = explicit",
        playbook: "- hosts: h1\n  tasks:\n    - own_word:\n",
        files: &[
            ("mods/own_word.py", MODULE),
            ("shared/shared_words.py", "WORD = 'ours'\n"),
        ],
        ..NONE
    };
    let directory = prepared(&case);
    let path = directory.path();
    // The inventory must not name another one.
    std::fs::write(path.join("hosts"), "h1 ansible_connection=local\n").unwrap();
    let marked = path.join("marked");
    let interpreter = path.join("my-python");
    std::fs::write(
        &interpreter,
        format!("#!/bin/sh\ntouch {}\nexec python3 \"$@\"\n", marked.display()),
    )
    .unwrap();
    std::fs::set_permissions(&interpreter, std::fs::Permissions::from_mode(0o755)).unwrap();
    std::fs::write(
        path.join("ansible.cfg"),
        format!(
            "[defaults]\n{}\ninterpreter_python = {}\n",
            case.defaults,
            interpreter.display()
        ),
    )
    .unwrap();
    let (said, code) = run(runner(), path, &case);
    assert_eq!(code, Some(0), "{said}");
    assert!(marked.exists(), "{said}");
}
