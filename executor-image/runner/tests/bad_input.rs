//! What people get wrong, and what they are told.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod support;

use support::{play, play_in};

const LOCAL: &[&str] = &["-i", "localhost,", "-c", "local"];

/// Playbooks that are refused when they are loaded, with what is said.
#[test]
fn mistakes_in_a_playbook_are_refused_before_anything_runs() {
    let cases: &[(&str, &[&str])] = &[
        (
            "- hosts: localhost\n  tasks:\n    - copi: {src: a, dest: b}\n",
            &[
                "site.yml:3:7",
                "the module \"copi\" is not known or not supported yet",
                "did you mean \"copy\"?",
                "copi: {src: a, dest: b}",
            ],
        ),
        (
            "- hosts: localhost\n  tasks:\n    - meta: end_role\n",
            &[
                "site.yml:3:13",
                "Cannot execute 'end_role' from outside of a role",
            ],
        ),
        (
            "- hosts: localhost\n  tasks: []\n  handlers:\n    - name: a\n      meta: end_role\n",
            &["site.yml:5:13", "Cannot execute 'end_role' from a handler"],
        ),
        (
            "- hosts: localhost\n  tasks: []\n  handlers:\n    - import_role: {name: a}\n",
            &["Using 'import_role' as a handler is not supported."],
        ),
        (
            "- hosts: localhost\n  tasks: []\n  handlers:\n    - ansible.builtin.include_role: {name: a}\n",
            &["Using 'ansible.builtin.include_role' as a handler is not supported."],
        ),
        (
            "- hosts: localhost\n  tasks:\n    - copy: {src: a, dst: b}\n",
            &[
                "site.yml:3:22",
                "has no parameter \"dst\"",
                "did you mean \"dest\"?",
            ],
        ),
        (
            "- hosts: localhost\n  tasks:\n    - file: {path: a, state: directry}\n",
            &["state must be one of", "did you mean \"directory\"?"],
        ),
        (
            "- hosts: localhost\n  tasks:\n    - debug: {msg: x}\n      whn: true\n",
            &[
                "site.yml:4:7",
                "\"whn\" is neither a keyword of a task nor a module",
                "did you mean \"when\"?",
            ],
        ),
        (
            "- hosts: localhost\n  taks: []\n",
            &[
                "site.yml:2:3",
                "'taks' is not a valid attribute for a Play",
                "did you mean \"tasks\"?",
            ],
        ),
        (
            "- hosts: localhost\n  tasks:\n    - debug: {msg: \"{{ 'x' | uper }}\"}\n",
            &["site.yml:3:20", "uper", "upper"],
        ),
        (
            "- hosts: localhost\n  tasks:\n    - debug: {msg: x}\n      when: x is definedd\n",
            &["site.yml:4", "definedd"],
        ),
        (
            "- hosts: localhost\n  tasks:\n    - debug: {msg: \"{{ x \"}\n",
            &["site.yml:3:20"],
        ),
        (
            "- hosts: localhost\n  tasks:\n    - debug: {msg: x}\n      debugger: always\n",
            &["site.yml:4:7", "the keyword \"debugger\" is not supported"],
        ),
        (
            "- hosts: localhost\n  strategy: fre\n  tasks: []\n",
            &[
                "site.yml:2:13",
                "the strategy \"fre\" is not supported",
                "did you mean \"free\"?",
            ],
        ),
        (
            "- hosts: localhost\n  become_method: suod\n  tasks: []\n",
            &[
                "the become_method \"suod\" is not supported",
                "did you mean \"sudo\"?",
            ],
        ),
        (
            "- hosts: localhost\n  tasks:\n    - include_tasks: x.yml\n      become: true\n",
            &["site.yml:4:7", "does not belong in a task that includes"],
        ),
        (
            "- hosts: localhost\n  vars: {class: x}\n  tasks: []\n",
            &["site.yml:2:10", "\"class\" is not a valid name of a variable"],
        ),
        (
            "- hosts: localhost\n  become: maybe\n",
            &["become must be a boolean"],
        ),
        (
            "- hosts: localhost\n  tasks:\n    - debug: {msg: x}\n      command: true\n",
            &["a task has one action", "debug, command"],
        ),
        (
            "- tasks: []\n",
            &["the field 'hosts' is required but was not set"],
        ),
        ("hosts: localhost\n", &["a playbook must be a list of plays"]),
        (
            "- hosts: localhost\n  tasks:\n    - debug: {msg: x\n    - debug:\n",
            &["site.yml:"],
        ),
    ];
    for (playbook, said) in cases {
        let played = play(playbook, LOCAL);
        played.assert(4, said);
        assert!(
            !played.stdout.contains("PLAY"),
            "something ran:\n{}",
            played.stdout
        );
    }
}

#[test]
fn a_role_that_is_not_there_is_an_error_of_the_run_and_not_of_the_syntax() {
    let played = play("- hosts: localhost\n  roles: [nope]\n", LOCAL);
    played.assert(1, &["site.yml:2:11", "the role 'nope' was not found"]);
}

/// A playbook beside Ansible, `not_reached`, has more of them.
#[test]
fn mistakes_that_may_never_be_reached_are_warned_of() {
    let playbook = "\
- hosts: localhost
  gather_facts: false
  vars: {unused: \"{{ 1 | uper }}\"}
  tasks:
    - copy: {src: a, dst: b}
      when: false
";
    let warnings = ["site.yml:3:", "'uper'", "site.yml:5:", "\"dst\""];
    play(playbook, LOCAL).assert(0, &warnings);
}

#[test]
fn all_mistakes_are_told_at_once() {
    let played = play(
        "- hosts: localhost\n  tasks:\n    - copi: {}\n    - debug: {mgs: x}\n    - debug: {msg: x}\n      whn: 1\n",
        LOCAL,
    );
    played.assert(4, &["copi", "mgs", "whn"]);
}

/// What Ansible tells when the play comes to it, if it ever does.
#[test]
fn a_check_of_the_syntax_finds_what_a_run_would_only_come_upon() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("more.yml"), "- debgu: {msg: x}\n").unwrap();
    let playbook = "\
- hosts: localhost
  tasks:
    - include_tasks: more.yml
    - include_tasks: nope.yml
    - include_role: {name: nope}
    - command: 'true'
      notify: restrat
  handlers:
    - name: restart
      debug: {msg: x}
";
    let mut arguments = LOCAL.to_vec();
    arguments.push("--syntax-check");
    let played = play_in(directory, playbook, &arguments);
    played.assert(
        4,
        &[
            "more.yml:1:3",
            "debgu",
            "site.yml:4:22",
            "nope.yml' on the Ansible Controller",
            "site.yml:5:28",
            "the role 'nope' was not found",
        ],
    );
    let playbook = playbook
        .split_inclusive('\n')
        .filter(|line| !line.contains("include"))
        .collect::<String>();
    play(&playbook, &arguments).assert(
        4,
        &[
            "site.yml:4:15",
            "The requested handler 'restrat' was not found",
            "did you mean \"restart\"?",
        ],
    );
}

#[test]
fn what_is_not_there_fails_its_include_when_the_play_comes_to_it() {
    let playbook = "\
- hosts: localhost
  gather_facts: false
  tasks:
    - include_role: {name: nope}
      when: false
    - block:
        - include_role:
            name: nope
      rescue:
        - debug: {msg: role rescued}
    - block:
        - include_tasks: '{{ item }}'
          loop: [nope.yml]
      rescue:
        - debug: {msg: loop rescued}
    - include_tasks: nope.yml
    - debug: {msg: never}
";
    let played = play(playbook, LOCAL);
    played.assert(
        2,
        &[
            "role rescued",
            "loop rescued",
            "failed=3 ",
            "rescued=0",
            "ERROR! the role 'nope' was not found in ",
            r#"{"changed": false, "include": "nope.yml", "reason": "Could not find or access '"#,
            "site.yml:16:22",
        ],
    );
    let reason = r"line 8, column 19, but may\nbe elsewhere in the file depending on the exact syntax problem.\n\nThe offending line appears to be:\n\n        - include_role:\n            name: nope\n                  ^ here\n";
    assert!(played.stdout.contains(reason), "{}", played.stdout);
    // The items of a loop are told of where errors are told.
    assert_eq!(played.stdout.matches("fatal: ").count(), 2, "{}", played.stdout);
}

#[test]
fn a_handler_that_is_not_there_ends_the_run_when_a_task_notifies_it() {
    let playbook = |changed: bool| {
        format!(
            "- hosts: localhost\n  gather_facts: false\n  tasks:\n    - debug: {{msg: x}}\n      changed_when: {changed}\n      notify: nobody\n"
        )
    };
    play(&playbook(false), LOCAL).assert(0, &["ok=1"]);
    play(&playbook(true), LOCAL).assert(1, &["ERROR! The requested handler 'nobody' was not found"]);
}

#[test]
fn an_undefined_variable_fails_its_task_with_its_name_and_place() {
    let played = play(
        "- hosts: localhost\n  gather_facts: false\n  tasks:\n    - debug: {msg: \"{{ nope }}\"}\n",
        LOCAL,
    );
    played.assert(2, &["'nope' is undefined", "site.yml:4"]);
}

#[test]
fn what_a_filter_refuses_is_registered_in_ansibles_words_and_its_place_is_told_beside_it() {
    let playbook = r#"
- hosts: localhost
  gather_facts: false
  tasks:
    - debug: {msg: "{{ {} | combine(foo='bar') }}"}
      register: refused
      ignore_errors: true
    - debug: {msg: "{{ 5 | flatten }}"}
      register: wrong_type
      ignore_errors: true
    - debug: {msg: "{{ hey | mandatory }}"}
      register: missing
      ignore_errors: true
    - debug: {msg: x}
      when: "{} | combine([1])"
      register: condition
      ignore_errors: true
    - assert:
        that:
          - refused.msg == "'recursive' and 'list_merge' are the only valid keyword arguments"
          - "wrong_type.msg is match('Unexpected templating type error occurred on .{. 5 . flatten .}.: .int. object is not iterable')"
          - missing.msg == "Mandatory variable 'hey'  not defined."
          - condition.msg is match("The conditional check '.*' failed. The error was. failed to combine variables")
          - refused.keys() | sort == ['failed', 'msg']
"#;
    let played = play(playbook, LOCAL);
    played.assert(
        0,
        &[
            r#""place": "site.yml:5:20""#,
            r#""place": "site.yml:8:20""#,
            "(site.yml:15:13)",
        ],
    );
}

#[test]
fn a_condition_of_failure_that_cannot_be_judged_is_a_failure() {
    let played = play(
        "- hosts: localhost\n  gather_facts: false\n  tasks:\n    - command: 'true'\n      failed_when: \"{} | combine([1])\"\n",
        LOCAL,
    );
    played.assert(
        2,
        &["failed_when_result", "failed to combine variables", "failed=1"],
    );
}

#[test]
fn an_inventory_that_names_no_host_is_told() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("hosts"), "[web]\n").unwrap();
    let played = play_in(directory, "- hosts: web\n  tasks: []\n", &["-i", "hosts"]);
    played.assert(0, &["provided hosts list is empty", "skipping: no hosts matched"]);
}

#[test]
fn a_source_that_cannot_be_read_is_told_and_refused_where_that_is_set() {
    let said = ["nowhere.yml", "as an inventory"];
    play("- hosts: all\n  tasks: []\n", &["-i", "nowhere.yml"]).assert(0, &said);
    let directory = tempfile::tempdir().unwrap();
    let settings = "[inventory]\nany_unparsed_is_failed = true\n";
    std::fs::write(directory.path().join("ansible.cfg"), settings).unwrap();
    play_in(directory, "- hosts: all\n  tasks: []\n", &["-i", "nowhere.yml"]).assert(1, &["nowhere.yml"]);
}

#[test]
fn a_setting_that_is_not_of_its_type_is_refused_with_where_it_is_from() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("ansible.cfg"), "[defaults]\nforks = many\n").unwrap();
    let played = play_in(directory, "- hosts: all\n", &["-i", "a,"]);
    played.assert(5, &["forks", "ansible.cfg", "must be a number", "many"]);
}

#[test]
fn a_callback_that_is_not_known_is_refused_with_the_nearest() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(
        directory.path().join("ansible.cfg"),
        "[defaults]\nstdout_callback = jsno\n",
    )
    .unwrap();
    let played = play_in(directory, "- hosts: all\n", &["-i", "a,"]);
    played.assert(1, &["\"jsno\"", "did you mean \"json\"?"]);
}

#[test]
fn a_limit_that_leaves_nobody_is_refused() {
    play("- hosts: all\n  tasks: []\n", &["-i", "a,b", "-l", "c"])
        .assert(1, &["leaves us with no hosts to target", "c"]);
}

#[test]
fn a_missing_playbook_is_named() {
    let output = support::runner().arg("nowhere.yml").output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("nowhere.yml could not be found"));
}

#[test]
fn an_unknown_argument_is_refused_as_ansible_refuses_it() {
    let output = support::runner().args(["--nonsense", "x.yml"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("--nonsense"));
}

#[test]
fn a_play_without_hosts_is_passed_over() {
    play("- hosts: nobody\n  tasks: []\n", LOCAL).assert(0, &["skipping: no hosts matched"]);
}

#[test]
fn no_program_panics_when_nobody_reads_what_it_prints() {
    for arguments in [
        &["--version"][..],
        &["--help"],
        &["completion", "bash"],
        &["slipway-config", "dump"],
        &["slipway-config", "list"],
        &["ansible-inventory", "-i", "a,", "--list"],
        &["ansible-inventory", "-i", "a,", "--graph"],
        &["ansible", "-i", "localhost,", "-c", "local", "all", "-m", "debug"],
        &["ansible", "--version"],
        &["ansible-vault", "--help"],
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = support::runner().args(arguments).stdout(writer).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {said}");
        assert_eq!(said, "", "{arguments:?}");
    }
}
