//! Secrets are nowhere but where they are used: not in any output, not on any command line, not in files that stay.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod support;

use std::{
    collections::HashSet,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, SystemTime},
};

use support::{Sshd, USERS};

/// A value that `no_log` hides.
const HIDDEN: &str = "hidden-by-no-log-47110";
/// A value that the vault holds.
const VAULTED: &str = "from-the-vault-0815";
/// A value of `environment:`. Whoever it is given to has it in his environment, and nobody else.
const ENVIRONED: &str = "in-the-environment-2718";
/// The password of the vault.
const VAULT_PASSWORD: &str = "opens-the-vault-1234";

const PLAYBOOK: &str = "- hosts: server
  gather_facts: false
  become: true
  vars_files: [secrets.yml]
  vars:
    hidden: \"{{ lookup('file', 'hidden') }}\"
    environed: \"{{ lookup('file', 'environed') }}\"
  tasks:
    - name: a file is made of it
      copy: {content: \"{{ vaulted }}\", dest: \"/root/secret-file\", mode: \"0600\"}
      no_log: true
    - name: a command that does not show it
      shell: test $(head -c 22 | wc -c) = 22 && sleep 1
      args: {stdin: \"{{ hidden }}\"}
      no_log: true
    - name: a template of it
      template: {src: word.j2, dest: /root/secret-template, mode: \"0600\", validate: \"test -s %s\"}
      diff: false
      no_log: true
    - name: loops hide their items
      debug: {msg: \"{{ item }}\"}
      loop: [\"{{ hidden }}\", \"{{ vaulted }}\"]
      no_log: true
    - name: a failure hides it too
      fail: {msg: \"{{ hidden }} {{ vaulted }}\"}
      no_log: true
      ignore_errors: true
    - name: a program that the vault holds
      script: program.sh
      no_log: true
    - name: nothing of it is left for the tasks behind
      shell: grep -rl 'from-the-[v]ault' /var/tmp/slipway-agent-store-*
      register: left
      failed_when: left.rc != 1
    - name: a module in Python
      own_word: {word: \"{{ vaulted }}\"}
      register: own
    - assert: {that: own.length == 19}
    - name: a module in Python that fails
      own_word: {word: \"{{ vaulted }}\", fail: true}
      ignore_errors: true
    - name: a program that wants JSON
      own_program: {word: \"{{ hidden }}\"}
      no_log: true
    - name: a job
      shell: test $(head -c 22 | wc -c) = 22
      args: {stdin: \"{{ item }}\"}
      loop: [\"{{ hidden }}\"]
      no_log: true
      async: 20
      poll: 1
    - name: jobs in Python
      own_word: {word: \"{{ vaulted }}\", fail: \"{{ item }}\"}
      loop: [false, true]
      async: 20
      poll: 1
      ignore_errors: true
    - name: a job for which nobody waits
      own_word: {word: \"{{ vaulted }}\"}
      async: 20
      poll: 0
      register: job
    - name: how it goes on
      async_status: {jid: \"{{ job.ansible_job_id }}\"}
      until: done.finished == 1
      retries: 20
      delay: 1
      register: done
    - name: what it has left
      async_status: {jid: \"{{ job.ansible_job_id }}\", mode: cleanup}
    - name: an environment
      shell: test $(printf %s $SECRET | wc -c) = 23
      environment: {SECRET: \"{{ environed }}\"}
      no_log: true
    - name: the environment of a module in Python
      own_word: {word: word}
      environment: {SECRET: \"{{ environed }}\"}
      no_log: true
    - name: the environment of a job
      shell: test $(printf %s $SECRET | wc -c) = 23
      environment: {SECRET: \"{{ environed }}\"}
      no_log: true
      async: 20
      poll: 1
    - name: tried again
      shell: cat; false
      args: {stdin: \"{{ hidden }}\"}
      register: tried
      until: tried is succeeded
      retries: 1
      delay: 0
      no_log: true
      ignore_errors: true
    - name: a lookup that fails
      debug: {msg: \"{{ lookup('file', '/nowhere/' ~ vaulted) }}\"}
      no_log: true
      ignore_errors: true
    - name: a lookup that is only warned of
      debug: {msg: \"{{ lookup('file', '/nowhere/' ~ hidden, errors='warn') }}\"}
      no_log: true
    - name: a condition that cannot be known
      debug: {msg: never}
      when: '{\"word\": 1}[vaulted] == 1'
      no_log: true
      ignore_errors: true
    - name: a failure that the task judges
      command: \"true\"
      failed_when: hidden ~ vaulted | int
      no_log: true
      ignore_errors: true
    - name: an argument that is wrong
      file: {path: /root/secret-never, state: touch, mode: \"{{ hidden }}\"}
      no_log: true
      ignore_errors: true
    - name: a password of a server that is not there
      uri: {url: \"http://127.0.0.1:1/\", url_username: name, url_password: \"{{ vaulted }}\", force_basic_auth: true}
      ignore_errors: true
    - name: a fact
      set_fact: {kept: \"{{ hidden }}\"}
      no_log: true
    - name: it goes again
      file: {path: \"/root/{{ item }}\", state: absent}
      loop: [secret-file, secret-template]
";

const MODULE: &str = "#!/usr/bin/python
from ansible.module_utils.basic import AnsibleModule
module = AnsibleModule(argument_spec={'word': {'type': 'str', 'no_log': True}, 'fail': {'type': 'bool'}})
if module.params['fail']:
    module.fail_json(msg='not with %s' % module.params['word'])
module.exit_json(changed=False, length=len(module.params['word']), said=module.params['word'])
";

const PROGRAM: &str = "#!/bin/sh
# WANT_JSON
grep -q word \"$1\" && echo '{\"changed\": false}'
";

/// Every command line and every environment that was seen while a program ran.
#[derive(Default)]
struct Seen {
    command_lines: HashSet<Vec<u8>>,
    environments: HashSet<Vec<u8>>,
}

fn watch(done: &AtomicBool) -> Seen {
    let mut seen = Seen::default();
    while !done.load(Ordering::Relaxed) {
        for entry in std::fs::read_dir("/proc").unwrap().flatten() {
            if entry.file_name().to_string_lossy().parse::<u32>().is_err() {
                continue;
            }
            let read = |file: &str| std::fs::read(entry.path().join(file));
            seen.command_lines.extend(read("cmdline"));
            seen.environments.extend(read("environ"));
        }
        std::thread::sleep(Duration::from_millis(3));
    }
    seen
}

/// Files below a directory that were written since then; `deep` for all below it.
fn written_since(directory: &Path, since: SystemTime, deep: bool, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
        let path = entry.path();
        let Ok(metadata) = std::fs::symlink_metadata(&path) else {
            continue;
        };
        if metadata.is_dir() && deep {
            written_since(&path, since, deep, found);
        } else if metadata.is_file() && metadata.modified().is_ok_and(|changed| changed >= since) {
            found.push(path);
        }
    }
}

fn contains(haystack: &[u8], needle: &str) -> bool {
    haystack
        .windows(needle.len())
        .any(|window| window == needle.as_bytes())
}

#[test]
fn no_secret_is_in_output_command_lines_or_files() {
    let server = Sshd::with_users("");
    server.inventory("admin");
    let project = tempfile::tempdir().unwrap();
    let path = |name: &str| project.path().join(name);
    let become_password = USERS[0].1;
    std::fs::create_dir(path("library")).unwrap();
    for (name, content) in [
        ("site.yml", PLAYBOOK),
        ("hidden", HIDDEN),
        ("environed", ENVIRONED),
        ("word.j2", "{{ hidden }} {{ vaulted }}\n"),
        ("vault-word", VAULT_PASSWORD),
        ("become-word", become_password),
        ("library/own_word.py", MODULE),
        ("library/own_program", PROGRAM),
        (
            "ansible.cfg",
            "[defaults]\nlog_path = log\nhost_key_checking = false\n",
        ),
    ] {
        std::fs::write(path(name), content).unwrap();
    }
    let mut encrypt = support::runner();
    encrypt
        .args([
            "ansible-vault",
            "encrypt_string",
            "--vault-password-file",
            "vault-word",
        ])
        .args(["--stdin-name", "vaulted"])
        .current_dir(project.path());
    let output = {
        let mut child = encrypt
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), VAULTED.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    };
    std::fs::write(path("secrets.yml"), &output.stdout).unwrap();
    std::fs::write(path("program.sh"), format!("#!/bin/sh\n# {VAULTED}\n")).unwrap();
    let encrypted = support::runner()
        .args(["ansible-vault", "encrypt", "--vault-password-file", "vault-word"])
        .arg("program.sh")
        .current_dir(project.path())
        .output()
        .unwrap();
    assert!(encrypted.status.success(), "{encrypted:?}");
    std::fs::set_permissions(path("become-word"), std::fs::Permissions::from_mode(0o600)).unwrap();

    let started = SystemTime::now();
    let done = AtomicBool::new(false);
    let (output, seen) = std::thread::scope(|scope| {
        let watcher = scope.spawn(|| watch(&done));
        let output = Command::new(support::RUNNER)
            .args(["-vvvv", "--diff", "--events", "--result-file", "result.json"])
            .args(["--vault-password-file", "vault-word"])
            .args(["--become-password-file", "become-word", "-i"])
            .arg(server.path("hosts"))
            .arg("site.yml")
            .current_dir(project.path())
            .env("SLIPWAY_AGENT", support::agent())
            .env("SLIPWAY_ANSIBLE_CORE", support::ansible_core())
            .stdin(Stdio::null())
            .output()
            .unwrap();
        done.store(true, Ordering::Relaxed);
        (output, watcher.join().unwrap())
    });
    let said = [output.stdout, output.stderr].concat();
    let shown = String::from_utf8_lossy(&said);
    assert_eq!(output.status.code(), Some(0), "{shown}");
    assert!(
        contains(&said, "a module in Python") && contains(&said, "\"event\""),
        "{shown}"
    );
    // The watcher has seen what ran.
    assert!(
        seen.command_lines
            .iter()
            .any(|line| contains(line, "become-word")),
        "no command line was seen"
    );
    let mut files = Vec::new();
    for (directory, deep) in [
        (project.path(), true),
        (server.homes.as_deref().unwrap(), true),
        (Path::new("/root/.ansible"), true),
        (Path::new("/root/.ansible_async"), true),
        // Others work in directories of it.
        (Path::new("/tmp"), false),
    ] {
        written_since(directory, started, deep, &mut files);
    }
    assert!(files.iter().any(|file| file.ends_with("log")), "{files:?}");
    for (what, secret) in [
        ("no_log", HIDDEN),
        ("the vault", VAULTED),
        ("the vault's password", VAULT_PASSWORD),
        ("become", become_password),
        ("environment", ENVIRONED),
    ] {
        assert!(!contains(&said, secret), "{what}: {shown}");
        let environments = seen.environments.iter().filter(|_| secret != ENVIRONED);
        for line in seen.command_lines.iter().chain(environments) {
            assert!(
                !contains(line, secret),
                "{what}: {}",
                String::from_utf8_lossy(line)
            );
        }
        for file in &files {
            let content = std::fs::read(file).unwrap_or_default();
            assert!(!contains(&content, secret), "{what}: {}", file.display());
        }
    }
    // What the agent leaves where only the server sees it.
    let secrets = [HIDDEN, VAULTED, ENVIRONED, VAULT_PASSWORD, become_password].join("\n");
    std::fs::write(path("patterns"), secrets).unwrap();
    let look = format!(
        "- hosts: server\n  gather_facts: false\n  tasks:\n    - raw: find /var/tmp -type f; grep -rlFf {} /var/tmp && exit 9 || exit 0\n      register: found\n    - debug: var=found.stdout_lines\n",
        path("patterns").display()
    );
    server.play(&look, &[]).assert(0, &["slipway-agent-"]);
}

#[test]
fn a_task_of_the_command_line_is_hidden_where_results_are() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("vars.yml"), format!("hidden: {HIDDEN}\n")).unwrap();
    for arguments in [
        ["-m", "debug", "-a", "msg={{ hidden }}"],
        ["-m", "fail", "-a", "msg={{ hidden }}"],
        ["-m", "command", "-a", "/nowhere/{{ hidden }}"],
        [
            "-m",
            "debug",
            "-a",
            "msg={{ lookup('file', '/nowhere/' ~ hidden) }}",
        ],
        ["-m", "set_fact", "-a", "kept={{ hidden }}"],
    ] {
        for form in [&[][..], &["-o"], &["-t", "tree"]] {
            let output = support::runner()
                .args(["ansible", "localhost", "-i", "localhost,", "-c", "local", "-vvvv"])
                .args(["-e", "@vars.yml"])
                .args(arguments)
                .args(form)
                .env("ANSIBLE_NO_LOG", "true")
                .current_dir(directory.path())
                .output()
                .unwrap();
            let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
            assert!(said.contains("localhost"), "{said}");
            assert!(!said.contains(HIDDEN), "{arguments:?} {form:?}: {said}");
        }
    }
    let kept = std::fs::read_to_string(directory.path().join("tree/localhost")).unwrap();
    assert!(!kept.contains(HIDDEN), "{kept}");
}
