//! What is told beside the results of tasks, by real Ansible and by this runner: warnings, and what `-vv` adds about `meta`.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod support;

use std::{
    path::Path,
    process::{Command, Stdio},
};

use support::{
    comparison::assert_same,
    reference::{Reference, ansible},
};

/// A playbook that is remarked upon.
struct Case {
    name: &'static str,
    environment: &'static [(&'static str, &'static str)],
    playbook: &'static str,
}

const CASES: &[Case] = &[
    Case {
        name: "meta tells what it does, and what it does not do",
        environment: &[],
        playbook: "
- hosts: h1,h2
  gather_facts: false
  tasks:
    - meta: noop
    - meta: noop
      when: false
    - meta: clear_facts
      when: inventory_hostname == 'h2'
    - meta: clear_facts
    - meta: clear_host_errors
      when: false
    - meta: clear_host_errors
    - meta: refresh_inventory
    - meta: flush_handlers
      when: inventory_hostname == 'h2'
    - include_role: {name: early}
    - meta: end_host
      when: inventory_hostname == 'h2'
    - meta: end_batch
      when: false
    - meta: end_play
      when: false
    - meta: end_batch
    - debug: msg=never
- hosts: h1
  gather_facts: false
  strategy: free
  tasks:
    - meta: end_host
      when: false
    - meta: end_play
    - debug: msg=never
",
    },
    Case {
        name: "handlers are meta, too",
        environment: &[],
        playbook: "
- hosts: h1,h2
  gather_facts: false
  tasks:
    - command: 'true'
      notify: [nothing, leave, not left]
  handlers:
    - {name: nothing, meta: noop}
    - {name: leave, meta: end_host, when: inventory_hostname == 'h1'}
    - {name: not left, debug: msg=here}
",
    },
    Case {
        name: "conditions that are no booleans",
        environment: &[],
        playbook: "
- hosts: h1
  gather_facts: false
  vars: {some: [1], none: []}
  tasks:
    - debug:
      when: 1 + 1
    - debug:
      when: 1
    - debug:
      when: [\"some\", 'none']
    - block:
        - debug:
          when: some
      when: 0.5
    - assert: {that: [1, some]}
    - debug:
      when: \"{{ 'so' + 'me' }}\"
    - command: 'true'
      register: result
      changed_when: result.stdout
      failed_when: result.stdout_lines
      until: 2
      retries: 1
",
    },
    Case {
        name: "conditions that are no booleans are errors",
        environment: &[("ANSIBLE_ALLOW_BROKEN_CONDITIONALS", "0")],
        playbook: "
- hosts: h1
  gather_facts: false
  tasks:
    - debug:
      when: 1 == 1
    - debug:
      when: 1 + 1
",
    },
    Case {
        name: "conditions that are no booleans, without a word",
        environment: &[("_ANSIBLE_DISABLE_BACKPORTED_INSPECTIONS", "1")],
        playbook: "
- hosts: h1
  gather_facts: false
  tasks:
    - debug:
      when: 1 + 1
",
    },
    Case {
        name: "a variable has the name of a keyword",
        environment: &[],
        playbook: "
- hosts: h1
  gather_facts: false
  vars: {port: 1}
  tasks:
    - block:
        - debug:
          vars: {query: 1}
      vars: {hosts: 1}
    - set_fact: {loop: 1}
    - command: 'true'
      register: action
- hosts: h1
  gather_facts: false
  strategy: free
  tasks:
    - debug:
      vars: {lookup: 1}
    - include_vars: {file: reserved.yml}
",
    },
    Case {
        name: "arguments are a variable",
        environment: &[],
        playbook: "
- hosts: h1
  gather_facts: false
  vars: {whole: {msg: hello}}
  tasks:
    - debug:
      args: '{{ whole }}'
    - debug: rest {{ whole }}
",
    },
    Case {
        name: "settings that go",
        environment: &[
            ("ANSIBLE_COLLECTIONS_PATHS", "/nowhere"),
            ("ANSIBLE_CONNECTION_PATH", "/nowhere"),
            ("ANSIBLE_PARAMIKO_HOST_KEY_AUTO_ADD", "yes"),
            ("ANSIBLE_PARAMIKO_LOOK_FOR_KEYS", "no"),
            ("ANSIBLE_STRING_CONVERSION_ACTION", "warn"),
        ],
        playbook: "
- hosts: h1
  gather_facts: false
",
    },
    Case {
        name: "groups of modules that are oddly described",
        environment: &[],
        playbook: ODD_GROUPS,
    },
    Case {
        name: "groups of modules that are oddly described, without a word",
        environment: &[("ANSIBLE_VALIDATE_ACTION_GROUP_METADATA", "no")],
        playbook: ODD_GROUPS,
    },
];

const ODD_GROUPS: &str = "
- hosts: h1
  gather_facts: false
  module_defaults:
    group/an.example.described_twice: {msg: of a group}
    group/an.example.plain: {msg: of a group}
  tasks:
    - ansible.builtin.debug:
";

/// A collection's groups: `described_twice` leads to all that are odd.
const GROUPS: &str = "
action_groups:
  plain: [ansible.builtin.debug, {metadata: {}}]
  described_twice:
    - metadata: {extend_group: [number, several, list, mapping, unknown]}
    - metadata: {extend_group: [number, several, list, mapping, unknown]}
  number: [ansible.builtin.debug, {metadata: 1.50}]
  several: [ansible.builtin.debug, {other: 1, metadata: {extend_group: plain}}]
  list: [ansible.builtin.debug, {metadata: {extend_group: plain}}, {metadata: [it's, a, list]}]
  mapping: [ansible.builtin.debug, {metadata: {extend_group: {name: plain, more: ~}}}]
  unknown: [ansible.builtin.debug, {metadata: {one: 1, extend_group: plain}}]
";

fn run(mut command: Command, case: &Case) -> (String, Option<i32>) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let role = path.join("roles/early/tasks");
    std::fs::create_dir_all(&role).unwrap();
    std::fs::write(
        role.join("main.yml"),
        "- meta: end_role\n  when: inventory_hostname == 'h2'\n- debug: msg=on\n",
    )
    .unwrap();
    std::fs::write(path.join("reserved.yml"), "tags: 1\n").unwrap();
    let collection = path.join("collections/ansible_collections/an/example");
    std::fs::create_dir_all(collection.join("meta")).unwrap();
    std::fs::write(collection.join("meta/runtime.yml"), GROUPS).unwrap();
    std::fs::write(
        path.join("hosts"),
        "[all:vars]\nansible_connection=local\nansible_python_interpreter=/usr/bin/python3\n[some]\nh1\nh2\n",
    )
    .unwrap();
    std::fs::write(path.join("site.yml"), case.playbook).unwrap();
    let output = command
        .args(["-i", "hosts", "-vv", "site.yml"])
        .current_dir(path)
        .env("HOME", path)
        .env("ANSIBLE_NOCOLOR", "1")
        .env("ANSIBLE_FORKS", "1")
        .envs(case.environment.iter().copied())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = said(&String::from_utf8_lossy(&output.stdout), path);
    let warned = warned(&String::from_utf8_lossy(&output.stderr), path);
    (format!("{said}\n{warned}"), output.status.code())
}

/// The lines about `meta`, with the banners and what is passed over.
fn said(output: &str, directory: &Path) -> String {
    let wanted = [
        "PLAY [",
        "TASK",
        "RUNNING HANDLER",
        "META:",
        "Notification",
        "skipping:",
    ];
    let lines = output
        .lines()
        .filter(|line| wanted.iter().any(|start| line.starts_with(start)));
    let lines: Vec<&str> = lines.map(|line| line.trim_end_matches(['*', ' '])).collect();
    lines
        .join("\n")
        .replace(&directory.display().to_string(), "DIRECTORY")
}

/// The warnings, each in one line, sorted: Ansible's order is by chance where a task has several.
fn warned(output: &str, directory: &Path) -> String {
    let text = output.replace(&directory.display().to_string(), "DIRECTORY");
    let mut warnings: Vec<String> = Vec::new();
    for line in text.lines() {
        match warnings.last_mut() {
            Some(last) if !line.starts_with('[') => {
                last.push(' ');
                last.push_str(line);
            }
            _ => warnings.push(line.to_owned()),
        }
    }
    for warning in &mut warnings {
        *warning = warning.split_whitespace().collect::<Vec<&str>>().join(" ");
        // The classes that Ansible has for what it read in YAML.
        for (own, plain) in [
            ("AnsibleUnsafeText", "str"),
            ("AnsibleUnicode", "str"),
            ("AnsibleSequence", "list"),
            ("AnsibleMapping", "dict"),
        ] {
            *warning = warning.replace(own, plain);
        }
    }
    warnings.sort();
    warnings.join("\n")
}

#[test]
fn what_ansible_remarks_upon_is_remarked_upon() {
    let reference = Reference::new("remarks", &["tests/remarks.rs"]);
    let program = ansible("ansible-playbook");
    support::agent();
    assert_same(CASES.iter().collect(), 2, |case| {
        let (expected, code) = reference.says(case.name, || run(Command::new(&program), case));
        let (actual, own) = run(support::runner(), case);
        let diff = similar::TextDiff::from_lines(&expected, &actual);
        (expected != actual || code != own).then(|| {
            format!(
                "{}: exit code {code:?} of Ansible, {own:?} of ours\n{}",
                case.name,
                diff.unified_diff().header("ansible", "ours")
            )
        })
    });
}
