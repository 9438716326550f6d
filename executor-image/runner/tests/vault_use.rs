//! What the vault holds is used wherever a file or a value may be encrypted, as under real Ansible.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod support;

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use regex::Regex;
use support::reference::ansible;
use tempfile::TempDir;

/// A project in which nearly everything is encrypted.
struct Project {
    directory: TempDir,
}

impl Project {
    fn new() -> Self {
        let project = Self {
            directory: tempfile::tempdir().unwrap(),
        };
        project.write("word", "the password\n");
        project.write("other-word", "another password\n");
        project.write(
            "ansible.cfg",
            "[defaults]\nvault_identity_list = default@word, lab@other-word\n",
        );
        let secret = |name: &str, content: &str| {
            project.write(name, content);
            project.encrypt(name, "default");
        };
        secret(
            "hosts",
            "[some]\nh1\nh2\n[all:vars]\nansible_connection=local\nansible_python_interpreter=/usr/bin/python3\nof_inventory=one\n",
        );
        secret("group_vars/some.yml", "of_group: two\n");
        secret("host_vars/h1/secret.json", "{\"of_host\": \"three\"}\n");
        secret("vars.yml", "of_file: four\n");
        secret("more.yml", "of_command_line: five\n");
        secret("included.yml", "of_include: six\n");
        secret("roles/one/defaults/main.yml", "of_defaults: seven\n");
        secret("roles/one/tasks/main.yml", "- debug: msg={{ of_defaults }}\n");
        secret("tasks.yml", "- debug: msg=tasks\n");
        secret("files/plain", "eight\n");
        secret("templates/word.j2", "{{ of_file }} nine\n");
        secret("files/script.sh", "#!/bin/sh\necho ten\n");
        project.write("packed/inner", "eleven\n");
        let packed = Command::new("tar")
            .args(["-C", "packed", "-czf", "files/archive.tgz", "inner"])
            .current_dir(project.path())
            .status();
        assert!(packed.unwrap().success());
        project.encrypt("files/archive.tgz", "default");
        let inline = project.inline("inline", "lab");
        project.write(
            "site.yml",
            &format!(
                "- import_playbook: play.yml\n- hosts: h1\n  gather_facts: false\n  vars:\n    of_value:\n      deep:\n        - {inline}  tasks:\n    - debug: msg={{{{ of_value.deep[0] }}}}\n"
            ),
        );
        project.write("play.yml", PLAY);
        project.encrypt("play.yml", "lab");
        project
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }

    fn write(&self, name: &str, content: &str) {
        let file = self.path().join(name);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, content).unwrap();
    }

    fn vault(&self, arguments: &[&str]) -> String {
        let output = Command::new(support::RUNNER)
            .arg("ansible-vault")
            .args(arguments)
            .current_dir(self.path())
            .stdin(Stdio::null())
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    fn encrypt(&self, name: &str, label: &str) {
        self.vault(&["encrypt", "--encrypt-vault-id", label, name]);
    }

    fn inline(&self, text: &str, label: &str) -> String {
        self.vault(&["encrypt_string", "--encrypt-vault-id", label, text])
    }

    /// What a program prints here, without what differs each time, and its exit code.
    fn run(&self, mut command: Command, arguments: &[&str]) -> (String, Option<i32>) {
        let output = command
            .args(arguments)
            .current_dir(self.path())
            .env("HOME", self.path())
            .env("ANSIBLE_NOCOLOR", "1")
            .env("ANSIBLE_FORKS", "1")
            .env_remove("ANSIBLE_INVENTORY")
            .env_remove("ANSIBLE_CONFIG")
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let times = Regex::new(r#""(delta|start|end)": "[^"]*""#).unwrap();
        let text = times.replace_all(&text, r#""$1": "TIME""#).into_owned();
        (text, output.status.code())
    }

    fn ours(&self, program: &str, arguments: &[&str]) -> (String, Option<i32>) {
        let mut command = support::runner();
        command.arg(program);
        self.run(command, arguments)
    }

    fn theirs(&self, program: &str, arguments: &[&str]) -> (String, Option<i32>) {
        self.run(Command::new(ansible(program)), arguments)
    }
}

const PLAY: &str = "- hosts: some
  gather_facts: false
  vars_files: [vars.yml]
  roles: [one]
  tasks:
    - debug: msg={{ [of_inventory, of_group, of_host | default('none'), of_file, of_command_line] }}
    - include_vars: included.yml
    - debug: msg={{ of_include }}
    - include_tasks: tasks.yml
    - import_tasks: tasks.yml
    - copy: {src: plain, dest: \"{{ playbook_dir }}/out-plain\"}
      run_once: true
    - copy: {src: plain, dest: \"{{ playbook_dir }}/out-coded\", decrypt: false}
      run_once: true
    - template: {src: word.j2, dest: \"{{ playbook_dir }}/out-template\"}
      run_once: true
    - file: {path: \"{{ playbook_dir }}/out\", state: directory}
      run_once: true
    - unarchive: {src: archive.tgz, dest: \"{{ playbook_dir }}/out\"}
      run_once: true
    - script: script.sh
      register: script
    - debug: msg={{ script.stdout_lines }}
    - debug: msg={{ [lookup('file', 'plain'), lookup('unvault', 'files/plain') | trim] }}
    - debug: msg={{ lookup('template', 'word.j2') }}
";

#[test]
fn variables_of_a_file_that_was_encrypted_are_included_and_not_shown() {
    let project = Project::new();
    project.write("plain.yml", "plain_one: shown\n");
    project.write(
        "include.yml",
        "- hosts: h1\n  gather_facts: false\n  tasks:\n    - include_vars: plain.yml\n    - include_vars: included.yml\n    - include_vars: '{{ item }}'\n      loop: [included.yml]\n    - assert: {that: of_include == 'six'}\n",
    );
    let (said, code) = project.ours("ansible-playbook", &["-i", "hosts", "-vv", "include.yml"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("\"plain_one\": \"shown\""), "{said}");
    // As under Ansible, a loop of which items are hidden has no line of its own.
    assert_eq!(said.matches("output has been hidden").count(), 2, "{said}");
    assert!(!said.contains("\"six\""), "{said}");
}

#[test]
fn everything_that_may_be_encrypted_is_decrypted() {
    let arguments = ["-i", "hosts", "-e", "@more.yml", "site.yml"];
    let outcome = |ours: bool| {
        let project = Project::new();
        let said = if ours {
            project.ours("ansible-playbook", &arguments)
        } else {
            project.theirs("ansible-playbook", &arguments)
        };
        let files = ["out-plain", "out-template", "out/inner"]
            .map(|name| std::fs::read_to_string(project.path().join(name)).unwrap_or_default());
        let coded: PathBuf = project.path().join("out-coded");
        let coded = std::fs::read_to_string(coded).unwrap_or_default();
        let text = said.0.replace(&project.path().display().to_string(), "DIRECTORY");
        (
            text,
            said.1,
            files,
            coded.starts_with("$ANSIBLE_VAULT;1.1;AES256\n"),
        )
    };
    let ours = outcome(true);
    let theirs = outcome(false);
    let diff = similar::TextDiff::from_lines(&theirs.0, &ours.0);
    assert_eq!(
        ours.1,
        Some(0),
        "{}",
        diff.unified_diff().header("ansible", "ours")
    );
    assert!(
        ours == theirs,
        "{}",
        diff.unified_diff().header("ansible", "ours")
    );
    assert_eq!(ours.2, ["eight\n", "four nine\n", "eleven\n"]);
}

#[test]
fn inventories_are_decrypted_and_their_encrypted_values_stay_encrypted() {
    let project = Project::new();
    // On one host alone: Ansible writes a value that stands twice as an alias.
    let value = project.inline("hidden", "lab").replace("\n          ", "\n    ");
    project.write("host_vars/h1/open.yml", &format!("of_all: {value}"));
    for arguments in [
        &["-i", "hosts", "--list"][..],
        &["-i", "hosts", "--list", "--yaml"],
        &["-i", "hosts", "--host", "h1"],
    ] {
        let ours = project.ours("ansible-inventory", arguments);
        assert_eq!(
            ours,
            project.theirs("ansible-inventory", arguments),
            "{arguments:?}"
        );
        assert!(!ours.0.contains("hidden"), "{}", ours.0);
    }
    // Ansible shows it here; a listing is no place for a secret.
    let graph = project.ours("ansible-inventory", &["-i", "hosts", "--graph", "--vars"]);
    assert!(
        graph.1 == Some(0) && graph.0.contains("of_all") && !graph.0.contains("hidden"),
        "{graph:?}"
    );
    let task = ["h1", "-i", "hosts", "-m", "debug", "-a", "msg={{ of_all }}"];
    let ours = project.ours("ansible", &task);
    assert!(ours.0.contains("hidden"), "{ours:?}");
    assert_eq!(ours, project.theirs("ansible", &task));
}

#[test]
fn without_the_password_the_file_is_named() {
    let project = Project::new();
    project.write("ansible.cfg", "[defaults]\n");
    std::fs::write(project.path().join("open"), "h1 ansible_connection=local\n").unwrap();
    for (program, arguments, said) in [
        ("ansible-playbook", &["-i", "open", "play.yml"][..], "play.yml"),
        (
            "ansible-playbook",
            &["-i", "open", "-e", "@more.yml", "site.yml"],
            "more.yml",
        ),
        // Its own variables are encrypted too.
        ("ansible", &["h1", "-i", "open", "-m", "debug"], "host_vars/h1"),
        (
            "ansible",
            &[
                "h2",
                "-i",
                "h2,",
                "-c",
                "local",
                "-m",
                "copy",
                "-a",
                "src=files/plain dest=/nonexistent",
            ],
            "plain",
        ),
    ] {
        let mut command = support::runner();
        let output = command
            .arg(program)
            .args(arguments)
            .current_dir(project.path())
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).replace('\n', " ");
        assert!(
            text.contains(said) && text.contains("vault"),
            "{arguments:?}: {text}"
        );
        let theirs = project.theirs(program, arguments);
        assert_eq!(
            output.status.code(),
            theirs.1,
            "{arguments:?}: {text} {}",
            theirs.0
        );
    }
}

#[test]
fn a_file_that_cannot_be_decrypted_is_a_matter_of_those_whom_it_is_for() {
    let project = Project::new();
    project.write("ansible.cfg", "[defaults]\n");
    project.write(
        "two",
        "[some]\nh2\n[free]\nf1\n[all:vars]\nansible_connection=local\n",
    );
    project.write(
        "names.yml",
        "- hosts: all\n  gather_facts: false\n  tasks:\n    - debug: {var: inventory_hostname}\n",
    );
    project.write(
        "of-others.yml",
        "- hosts: free\n  gather_facts: false\n  tasks:\n    - debug: {msg: \"{{ hostvars.h2.of_group | default('none') }}\"}\n",
    );
    for (arguments, code, said) in [
        (&["-i", "two", "names.yml", "--limit", "free"][..], 0, "ok: [f1]"),
        (&["-i", "two", "names.yml", "--list-hosts"], 0, "h2"),
        (&["-i", "two", "names.yml"], 4, "PLAY [all]"),
        (&["-i", "two", "of-others.yml"], 2, "fatal: [f1]: FAILED!"),
    ] {
        for (text, ended) in [
            project.ours("ansible-playbook", arguments),
            project.theirs("ansible-playbook", arguments),
        ] {
            assert!(text.contains(said), "{arguments:?}: {text}");
            assert_eq!(ended, Some(code), "{arguments:?}: {text}");
        }
    }
}
