//! A real SSH server on loopback: what works, and what is said when something does not.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod support;

use std::os::unix::process::CommandExt;

use support::Sshd;

const PING: &str = "- hosts: all\n  gather_facts: false\n  tasks:\n    - ping:\n";

#[test]
fn a_play_runs_over_ssh_and_becomes_another_user() {
    let server = Sshd::start("", "");
    let playbook = "- hosts: server
  gather_facts: false
  tasks:
    - command: id -un
      register: who
    - debug: {var: who.stdout}
    - command: id -un
      become: true
      become_user: nobody
      register: other
    - debug: {var: other.stdout}
    - raw: echo through the shell
      register: raw
    - debug: {var: raw.stdout_lines}
    - copy: {src: site.yml, dest: \"{{ playbook_dir }}/copied\", mode: \"0600\"}
    - command: \"cmp {{ playbook_dir }}/site.yml {{ playbook_dir }}/copied\"
";
    let played = server.play(playbook, &[]);
    played.assert(
        0,
        &[
            "\"who.stdout\": \"root\"",
            "\"other.stdout\": \"nobody\"",
            "through the shell",
        ],
    );
}

#[test]
fn an_account_that_was_become_can_be_removed() {
    let server = Sshd::start("", "");
    let name = format!("slipway{}", std::process::id());
    let playbook = format!(
        "- hosts: server
  gather_facts: false
  tasks:
    - user: {{name: {name}, create_home: false}}
    - command: id -un
      become: true
      become_user: {name}
      register: who
    - user: {{name: {name}, state: absent}}
    - debug: {{var: who.stdout}}
    - user: {{name: {name}, create_home: false}}
    - command: id -un
      become: true
      become_user: {name}
    - user: {{name: {name}, state: absent}}
"
    );
    let played = server.play(&playbook, &[]);
    played.assert(0, &[&format!("\"who.stdout\": \"{name}\""), "failed=0"]);
}

#[test]
fn a_result_that_is_too_large_fails_its_task_and_the_host_goes_on() {
    let server = Sshd::start("", "");
    let playbook = "- hosts: server
  gather_facts: false
  tasks:
    - shell: head -c 2000000 /dev/zero
      register: large
      ignore_errors: true
    - assert:
        that:
          - large is failed
          - large is changed
          - large.rc == 0
          - large.stdout is undefined
    - shell: head -c 2000000 /dev/zero
      async: 60
      poll: 1
      register: larger
      ignore_errors: true
    - assert: {that: larger is failed}
    - shell: head -c 3000000 /dev/zero | tr '\\0' x
      register: fits
    - debug: {msg: \"whole: {{ fits.stdout | length }}\"}
    - shell: yes | head -c 9000000; exit 3
      register: longer
      ignore_errors: true
    - assert:
        that:
          - longer is failed
          - longer is changed
          - longer.rc == 3
          - longer.stdout is undefined
";
    let played = server.play(playbook, &[]);
    played.assert(
        0,
        &[
            "more than the 8388608 that a host may answer",
            "whole: 3000000",
            "has printed more than 8388608 bytes",
        ],
    );
    assert!(!played.stdout.contains("UNREACHABLE"), "{}", played.stdout);
}

#[test]
fn arguments_that_are_too_large_fail_their_task_and_the_host_goes_on() {
    let server = Sshd::start("", "");
    let playbook = "- hosts: server
  gather_facts: false
  tasks:
    - name: Send much
      command: {argv: [cat], stdin: \"{{ 'x' * 9000000 }}\"}
      ignore_errors: true
    - ping:
";
    let played = server.play(playbook, &[]);
    played.assert(
        0,
        &[
            "the arguments of the task \\\"Send much\\\" (site.yml:4:7) are too large",
            "ok=2",
        ],
    );
    assert!(!played.stdout.contains("UNREACHABLE"), "{}", played.stdout);
}

#[test]
fn another_host_key_than_the_known_one_is_refused_with_both_fingerprints() {
    let server = Sshd::start("", "");
    server.trust("other_host");
    let played = server.play(PING, &[]);
    played.assert(
        4,
        &[
            "UNREACHABLE",
            "Host key verification failed",
            "known_hosts expects ssh-ed25519 SHA256:",
            "the host offers ssh-ed25519 SHA256:",
        ],
    );
}

#[test]
fn an_unknown_host_key_is_refused_or_accepted_at_first_use() {
    let server = Sshd::start("", "");
    std::fs::write(server.path("known_hosts"), "").unwrap();
    server
        .play(PING, &[])
        .assert(4, &["has no key for [127.0.0.1]:", "accept-new"]);
    let played = server.play(
        PING,
        &["-e", "ansible_ssh_host_key_checking=accept-new", "--events"],
    );
    played.assert(
        0,
        &["\"event\":\"host_key\",\"host\":\"server\",\"key\":\"ssh-ed25519 AAAA"],
    );
    // From then on it is known.
    server.play(PING, &[]).assert(0, &["ok=1"]);
}

#[test]
fn a_key_that_the_host_does_not_accept_is_named() {
    let server = Sshd::start("", "");
    let key = server.path("other_user").display().to_string();
    let played = server.play(PING, &["-e", &format!("ansible_ssh_private_key_file={key}")]);
    played.assert(4, &["root@127.0.0.1: Permission denied (publickey)", &key]);
}

#[test]
fn a_port_on_which_nobody_listens_is_unreachable() {
    let server = Sshd::start("", "");
    server
        .play(PING, &["-e", "ansible_port=1"])
        .assert(4, &["127.0.0.1 port 1: Connection refused", "unreachable=1"]);
}

#[test]
fn a_full_disk_is_named() {
    let server = Sshd::start("mount -t tmpfs -o size=64k tmpfs /var/tmp;", "");
    server.play(PING, &[]).assert(
        4,
        &[
            "cannot store the agent in /var/tmp/slipway-agent-0",
            "No space left on device",
        ],
    );
}

#[test]
fn a_file_system_without_execution_is_named() {
    let server = Sshd::start("mount -t tmpfs -o noexec tmpfs /var/tmp;", "");
    server
        .play(PING, &[])
        .assert(4, &["cannot run the agent /var/tmp/slipway-agent-0", "noexec"]);
}

#[test]
fn a_directory_of_somebody_else_is_not_trusted() {
    let server = Sshd::start(
        "mount -t tmpfs tmpfs /var/tmp; mkdir /var/tmp/slipway-agent-0; chown 65534 /var/tmp/slipway-agent-0;",
        "",
    );
    server
        .play(PING, &[])
        .assert(4, &["/var/tmp/slipway-agent-0 does not belong to root"]);
}

#[test]
fn another_architecture_is_named() {
    let programs = tempfile::tempdir().unwrap();
    let uname = programs.path().join("uname");
    std::fs::write(&uname, "#!/bin/sh\necho riscv64\n").unwrap();
    std::fs::set_permissions(&uname, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let path = format!("SetEnv PATH={}:/usr/bin:/bin", programs.path().display());
    // An empty directory, so that the agent is asked for.
    let server = Sshd::start("mount -t tmpfs tmpfs /var/tmp;", &path);
    server
        .play(PING, &[])
        .assert(4, &["the host's architecture is riscv64"]);
}

#[test]
fn a_cached_agent_that_was_changed_is_replaced() {
    let server = Sshd::start("mount -t tmpfs tmpfs /var/tmp;", "");
    let spoil = "- hosts: all\n  gather_facts: false\n  tasks:\n    - raw: cd /var/tmp/slipway-agent-0; f=$(ls | grep -v note); mv $f x; (head -c 100 x; echo junk; tail -c +106 x) > $f; chmod 755 $f; touch -r x $f; ls -l | grep -c note\n    - ping:\n";
    server.play(PING, &[]).assert(0, &["ok=1"]);
    server.play(spoil, &[]).assert(0, &["ok=2"]);
}

#[test]
fn programs_are_asked_once_what_they_are_and_again_when_they_are_others() {
    let server = Sshd::start(
        "mount -t tmpfs tmpfs /var/tmp; mkdir /var/tmp/bin; cp -L /bin/true /var/tmp/bin/capsh;",
        "SetEnv PATH=/var/tmp/bin:/usr/bin:/bin",
    );
    // It says nothing, and so of no capability: what another program says in its place is seen.
    let facts = |before: &str| {
        format!(
            "- hosts: all\n  gather_facts: false\n  tasks:\n    - raw: \"{before}\"\n    - setup: {{gather_subset: '!all,!min,caps'}}\n    \
             - raw: grep -c capsh /var/tmp/slipway-agent-0/*.answers\n      register: kept\n    \
             - debug: {{msg: \"{{{{ ansible_facts.system_capabilities_enforced }}}} {{{{ kept.stdout | trim }}}}\"}}\n"
        )
    };
    server
        .play(&facts("true"), &[])
        .assert(0, &["\"msg\": \"False 1\""]);
    server
        .play(&facts("true"), &[])
        .assert(0, &["\"msg\": \"False 1\""]);
    let other = "cp -L /bin/false /var/tmp/bin/capsh";
    server.play(&facts(other), &[]).assert(0, &["\"msg\": \"N/A "]);
}

#[test]
fn no_agent_stays_behind_if_it_is_not_to_be_kept() {
    let server = Sshd::start("mount -t tmpfs tmpfs /var/tmp;", "");
    // With facts, for which answers of the host's programs are kept.
    server
        .play("- hosts: all\n  tasks: []\n", &["--no-agent-cache"])
        .assert(0, &["ok=1"]);
    let look = "- hosts: all\n  gather_facts: false\n  tasks:\n    - raw: ls -d /var/tmp/slipway-agent-0\n";
    server.play(look, &[]).assert(2, &["No such file or directory"]);
}

#[test]
fn a_user_without_sudo_is_told_that_a_password_is_missing() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::set_permissions(
        directory.path(),
        std::os::unix::fs::PermissionsExt::from_mode(0o755),
    )
    .unwrap();
    let agent = directory.path().join("slipway-agent");
    let program = directory.path().join("slipway-playbook");
    std::fs::copy(support::agent(), &agent).unwrap();
    std::fs::copy(support::RUNNER, &program).unwrap();
    std::fs::write(
        directory.path().join("site.yml"),
        "- hosts: localhost\n  gather_facts: false\n  become: true\n  tasks:\n    - ping:\n",
    )
    .unwrap();
    // The user `nobody` has no right to sudo on any machine.
    let output = std::process::Command::new(&program)
        .args(["-c", "local", "-i", "localhost,", "site.yml"])
        .current_dir(directory.path())
        .env("HOME", "/")
        .env_remove("SLIPWAY_AGENT")
        .uid(65534)
        .gid(65534)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    // The host is there: the task fails, as under Ansible.
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("Missing sudo password"), "{said}");
}
