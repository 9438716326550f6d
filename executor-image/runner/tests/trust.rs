//! What a host answers stays data, whichever way it takes through a playbook: it is never a template, and never an expression.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use std::fmt::Write;

use support::{Played, play_in};

const LOCAL: &[&str] = &["-i", "localhost,", "-c", "local"];

/// Everything that looks at a value: as text, and where a playbook could take it for an expression.
const USES: &str = r#"
- name: "as a name: {{ evil }}"
  debug: {msg: "{{ evil }}"}
- debug: {var: "evil"}
- debug: {var: "{{ evil }}"}
- debug: {msg: "{{ evil | string | trim }}"}
- fail: {msg: "{{ evil }}"}
  ignore_errors: true
- assert: {that: false, fail_msg: "{{ evil }}"}
  ignore_errors: true
- assert: {that: "{{ evil }}"}
  ignore_errors: true
- assert: {that: "{{ [evil] }}"}
  ignore_errors: true
- debug: {msg: reached}
  when: "{{ evil }}"
  ignore_errors: true
- debug: {msg: reached}
  changed_when: "{{ evil }}"
  failed_when: "{{ evil }}"
  ignore_errors: true
- debug: {msg: "{{ item }}"}
  loop: ["{{ evil }}"]
  loop_control: {label: "{{ item }}", break_when: ["{{ item }}"]}
- debug: {}
  module_defaults:
    debug: {var: "{{ evil }}"}
- set_fact: {again: "{{ evil }}"}
- debug: {var: "{{ again }}"}
- debug: {msg: "{{ again }}"}
  when: "{{ again }}"
  ignore_errors: true
- copy: {content: "{{ evil }}", dest: "{{ playbook_dir }}/written"}
- template: {src: page.j2, dest: "{{ playbook_dir }}/page"}
"#;

/// Ways of a value: tasks that carry it (of `answer.stdout`), and what names it afterwards.
const WAYS: &[(&str, &str)] = &[
    ("", "answer.stdout"),
    ("", "hostvars[inventory_hostname].answer.stdout"),
    ("", "hostvars['localhost']['answer']['stdout']"),
    ("", "vars['answer'].stdout"),
    ("", "vars.answer.stdout"),
    ("", "lookup('vars', 'answer').stdout"),
    ("", "lookup('file', playbook_dir ~ '/value')"),
    ("", "lookup('pipe', 'cat ' ~ playbook_dir ~ '/value')"),
    ("", "lookup('template', playbook_dir ~ '/answer.j2')"),
    ("", "[answer.stdout] | first"),
    ("", "{'key': answer.stdout}['key']"),
    ("", "answer.stdout | b64encode | b64decode"),
    ("", "answer.stdout | to_json | from_json"),
    ("", "answer.stdout_lines[0]"),
    ("- set_fact: {carried: \"{{ answer.stdout }}\"}\n", "carried"),
    (
        "- set_fact: {carried: {deep: [\"{{ answer.stdout }}\"]}}\n",
        "carried.deep[0]",
    ),
    (
        "- set_fact: {carried: {own: \"{{ '{{ 1 }}' }}\", deep: [\"{{ answer.stdout }}\"]}}\n",
        "carried.deep[0]",
    ),
    (
        "- set_fact: {carried: {own: \"{{ '{{ 1 }}' }}\", deep: [\"{{ answer.stdout }}\"]}}\n",
        "hostvars['localhost']['carried'].deep[0]",
    ),
    (
        "- set_fact: {carried: \"{{ answer.stdout }}\"}\n  register: shown\n",
        "shown.ansible_facts.carried",
    ),
    (
        "- set_fact: {carried: \"{{ item }}\"}\n  loop: [\"{{ '{{ 1 }}' }}\", \"{{ answer.stdout }}\"]\n",
        "carried",
    ),
    (
        "- set_fact: {carried_on: \"{{ answer.stdout }}\", cacheable: true}\n",
        "ansible_facts.carried_on",
    ),
    (
        "- debug: {msg: \"{{ answer.stdout }}\"}\n  register: shown\n",
        "shown.msg",
    ),
    (
        "- command: cat value\n  loop: [1, 2]\n  register: looped\n",
        "looped.results[1].stdout",
    ),
    (
        "- add_host: {name: added, groups: more, carried: \"{{ answer.stdout }}\"}\n",
        "hostvars['added'].carried",
    ),
    (
        "- group_by: {key: \"g {{ answer.stdout }}\"}\n",
        "group_names | last",
    ),
    (
        "- group_by: {key: \"g {{ answer.stdout }}\"}\n",
        "groups.keys() | last",
    ),
    (
        "- setup: {gather_subset: ['!all'], fact_path: \"{{ playbook_dir }}/facts\"}\n",
        "ansible_local.hostile.value",
    ),
    (
        "- setup: {gather_subset: ['!all'], fact_path: \"{{ playbook_dir }}/facts\"}\n",
        "ansible_facts.ansible_local.hostile.value",
    ),
    (
        "- slurp: {src: value}\n  register: read\n",
        "read.content | b64decode",
    ),
    ("- include_vars: {file: more.yml}\n", "included"),
    (
        "- set_fact: {mapping: {theirs: \"{{ answer.stdout }}\"}}\n- include_vars: {file: merged.yml, hash_behaviour: merge}\n",
        "mapping.theirs",
    ),
    (
        "- block:\n    - fail: {msg: \"{{ answer.stdout }}\"}\n  rescue:\n    - debug: {msg: rescued}\n",
        "ansible_failed_result.msg",
    ),
    (
        "- command: cat value\n  delegate_to: localhost\n  delegate_facts: true\n  register: delegated\n",
        "delegated.stdout",
    ),
    (
        "- add_host: {name: other}\n- set_fact: {carried_far: \"{{ answer.stdout }}\"}\n  delegate_to: other\n  delegate_facts: true\n",
        "hostvars['other'].carried_far",
    ),
];

/// Ways in which what uses the value is included by what carries it.
const CARRIERS: &[&str] = &[
    "- include_tasks: uses.yml\n  loop: [\"{{ answer.stdout }}\"]\n  loop_control: {loop_var: evil}\n",
    "- include_tasks: uses_item.yml\n  loop: [\"{{ answer.stdout }}\"]\n",
    "- include_tasks: uses_item.yml\n  with_items: \"{{ answer.stdout_lines }}\"\n",
    "- include_tasks: uses_item.yml\n  with_file: value\n",
    "- include_tasks: uses_extended.yml\n  loop: [\"{{ answer.stdout }}\"]\n  loop_control: {extended: true}\n",
    "- include_role: {name: uses}\n  loop: [\"{{ answer.stdout }}\"]\n  loop_control: {loop_var: evil}\n",
    "- include_role: {name: uses}\n  vars: {evil: \"{{ answer.stdout }}\"}\n",
    "- include_tasks:\n    file: uses.yml\n    apply:\n      vars: {evil: \"{{ answer.stdout }}\"}\n",
    "- import_tasks: uses.yml\n  vars: {evil: \"{{ answer.stdout }}\"}\n",
    "- vars: {evil: \"{{ answer.stdout }}\"}\n  block:\n    - import_tasks: uses.yml\n",
    "- command: cat value\n  delegate_to: \"{{ answer.stdout }}\"\n  ignore_unreachable: true\n",
    "- block:\n    - include_tasks: \"{{ answer.stdout }}\"\n  rescue:\n    - debug: {msg: rescued}\n",
    "- command: cat value\n  register: tried\n  until: \"{{ tried.stdout }}\"\n  retries: 1\n  delay: 0\n  ignore_errors: true\n",
    "- command: cat value\n  register: tried\n  loop: [1, 2]\n  loop_control: {break_when: \"{{ tried.stdout }}\"}\n",
    "- command: cat value\n  environment: {evil: \"{{ answer.stdout }}\"}\n",
];

/// Runs the tasks in a directory in which `value` is what a host answers; whether it was evaluated, and what was said.
fn evaluated(value: &str, tasks: &str, settings: &str) -> (bool, Played) {
    let directory = tempfile::tempdir().unwrap();
    let mark = directory.path().join("mark");
    let value = value.replace("MARK", &mark.display().to_string());
    let write = |name: &str, content: &str| {
        let path = directory.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    };
    write("value", &value);
    write(
        "facts/hostile.fact",
        &serde_json::json!({"value": value}).to_string(),
    );
    write("uses.yml", USES);
    write(
        "uses_item.yml",
        &USES.replace("evil", "item").replace(
            "[\"{{ item }}\"]\n  loop_control: {",
            "[\"{{ item }}\"]\n  loop_control: {loop_var: inner, ",
        ),
    );
    write(
        "uses_extended.yml",
        &USES.replace("evil", "ansible_loop.allitems[0]"),
    );
    write("roles/uses/tasks/main.yml", USES);
    write("roles/uses/templates/page.j2", "{{ evil }}");
    write("page.j2", "{{ evil | default(item) | default('') }}");
    write("answer.j2", "{{ answer.stdout }}");
    write("more.yml", "included: \"{{ answer.stdout }}\"\n");
    write("merged.yml", "mapping: {ours: 1}\n");
    write("ansible.cfg", &format!("[defaults]\n{settings}"));
    let playbook = format!(
        "- hosts: localhost\n  gather_facts: false\n  tasks:\n    - command: cat value\n      register: answer\n{}",
        indented(tasks)
    );
    let played = play_in(directory, &playbook, LOCAL);
    (mark.exists(), played)
}

fn indented(tasks: &str) -> String {
    tasks.lines().fold(String::new(), |mut all, line| {
        let _ = writeln!(all, "    {line}");
        all
    })
}

/// As a template, as an expression, and as a part of an expression.
const VALUES: &[&str] = &[
    "{{ lookup('pipe', 'touch MARK') }}",
    "lookup('pipe', 'touch MARK')",
    "{% if lookup('pipe', 'touch MARK') %}{% endif %}",
];

#[test]
fn what_a_host_answers_is_never_evaluated_whichever_way_it_takes() {
    let mut wrong = String::new();
    let mut check = |value: &str, tasks: &str, settings: &str| {
        let (evaluated, played) = evaluated(value, tasks, settings);
        let all = format!("{}{}", played.stdout, played.stderr);
        if evaluated {
            let _ = writeln!(wrong, "evaluated: {value}\n{tasks}\n{all}");
        } else if played.code != 0 {
            // A way that is not gone proves nothing.
            let _ = writeln!(wrong, "not carried: {value}\n{tasks}\n{all}");
        }
    };
    for value in VALUES {
        for (carry, name) in WAYS {
            let tasks = format!("{carry}- include_tasks: uses.yml\n  vars: {{evil: \"{{{{ {name} }}}}\"}}\n");
            check(value, &tasks, "");
        }
        for tasks in CARRIERS {
            check(value, tasks, "");
        }
        let merged = "- set_fact: {mapping: {theirs: \"{{ answer.stdout }}\"}}\n- include_tasks: uses.yml\n  vars: {evil: \"{{ mapping.theirs }}\"}\n";
        check(value, merged, "hash_behaviour = merge\n");
        check(value, merged, "jinja2_native = true\n");
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn the_same_uses_evaluate_what_the_playbook_says() {
    let tasks =
        "- include_tasks: uses.yml\n  vars: {evil: \"lookup('pipe', 'touch ' ~ playbook_dir ~ '/mark')\"}\n";
    let (evaluated, played) = evaluated("", tasks, "");
    assert!(evaluated, "{}{}", played.stdout, played.stderr);
}

#[test]
fn facts_do_not_say_how_a_host_is_reached() {
    let directory = tempfile::tempdir().unwrap();
    let library = directory.path().join("library");
    std::fs::create_dir(&library).unwrap();
    let module = "#!/bin/sh\n# WANT_JSON\necho '{\"changed\": false, \"ansible_facts\": {\"ansible_connection\": \"ssh\", \
                  \"ansible_ssh_common_args\": \"-o ProxyCommand=false\", \"become_exe\": \"/bin/false\", \
                  \"ansible_python_interpreter\": \"/bin/false\", \"honest\": 1}}'\n";
    std::fs::write(library.join("hostile"), module).unwrap();
    let playbook = "- hosts: localhost\n  gather_facts: false\n  tasks:\n    - hostile:\n    - command: echo still here\n    \
                    - assert:\n        that:\n          - honest == 1\n          - ansible_connection == 'local'\n          \
                    - ansible_ssh_common_args is undefined\n          - ansible_become_exe is undefined\n          \
                    - ansible_python_interpreter is undefined\n          \
                    - ansible_facts.connection == 'ssh'\n";
    let played = play_in(directory, playbook, LOCAL);
    played.assert(
        0,
        &["Removed restricted key from module data: ansible_ssh_common_args"],
    );
}
