//! The configuration files of `ssh`: what they say of a host is what OpenSSH says that they say, and connections heed it.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod support;

use std::{
    path::Path,
    process::{Command, Stdio},
};

use slipway_playbook::transport::{SshArguments, SshConfig};
use support::{Played, Sshd};

/// Every section is for some of [`HOSTS`].
const CONFIG: &str = r#"
# The first value counts.
Port 2200
Host web-1 alias
    HostName 192.0.2.1
    User "deploy"
    Port 2222
Host web-* !web-2
    User=web
    ServerAliveInterval 7
    StrictHostKeyChecking accept-new
  host=web-3
    HostName %h.example.org
Host WEB-2
    Port 1
Match host WEB-3.example.org
    ServerAliveCountMax 5
Match host 192.0.2.1
    ProxyJump gate,second@gate:99
Match originalhost db?,other user root
    ServerAliveCountMax 9
Match all
    ConnectionAttempts 4
Include more/*.conf
Host *
    User everybody
    SendEnv LANG
Host gate
    HostName 192.0.2.9
    User too-late
"#;

const INCLUDED: &str = "Host db1\n  HostName 192.0.2.50\n";

const HOSTS: &[&str] = &[
    "web-1",
    "alias",
    "web-2",
    "web-3",
    "db1",
    "dbx",
    "other",
    "gate",
    "192.0.2.1",
];

/// What OpenSSH itself makes of a file, as `option value` lines.
fn openssh(file: &Path, host: &str) -> Vec<String> {
    let output = Command::new("ssh")
        .args(["-G", "-F"])
        .arg(file)
        .arg(host)
        .output();
    let output = output
        .unwrap_or_else(|error| panic!("this test needs ssh (apt-get install openssh-client): {error}"));
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let said = String::from_utf8(output.stdout).unwrap();
    said.lines().map(str::to_owned).collect()
}

#[test]
fn files_say_of_a_host_what_openssh_says_that_they_say() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("config");
    let included = directory.path().join("more");
    std::fs::create_dir(&included).unwrap();
    std::fs::write(included.join("a.conf"), INCLUDED).unwrap();
    let config = CONFIG.replace("more/", &format!("{}/", included.display()));
    std::fs::write(&file, config).unwrap();
    let read = SshConfig::read(Some(&file)).unwrap();
    assert_eq!(read.unheeded, Vec::<String>::new());
    for host in HOSTS {
        let expected = openssh(&file, host);
        let mut ours = SshArguments::default();
        ours.add_config(&read, host, "root").unwrap();
        let mut said = vec![
            format!("hostname {}", ours.host_name.as_deref().unwrap_or(host)),
            format!("user {}", ours.user.as_deref().unwrap_or("root")),
            format!("port {}", ours.port.unwrap_or(22)),
            format!("serveraliveinterval {}", ours.alive_interval.unwrap_or(0)),
            format!("serveralivecountmax {}", ours.alive_count.unwrap_or(3)),
            format!("connectionattempts {}", ours.attempts.unwrap_or(1)),
        ];
        if ours.host_key_checking.is_some() {
            said.push("stricthostkeychecking accept-new".to_owned());
        }
        for line in said {
            assert!(
                expected.contains(&line),
                "{host}: {line} is not said by OpenSSH:\n{}",
                expected.join("\n")
            );
        }
        let jumps = expected.iter().any(|line| line.starts_with("proxyjump "));
        assert_eq!(!ours.jumps.is_empty(), jumps, "{host}: the way there");
    }
    let mut jumps = SshArguments::default();
    jumps.add_config(&read, "web-1", "root").unwrap();
    let way: Vec<String> = jumps
        .jumps
        .iter()
        .map(|jump| {
            format!(
                "{}@{}:{:?}",
                jump.user.as_deref().unwrap_or("-"),
                jump.address,
                jump.port
            )
        })
        .collect();
    assert_eq!(
        way,
        ["everybody@192.0.2.9:Some(2200)", "second@192.0.2.9:Some(99)"]
    );
}

#[test]
fn a_line_that_is_wrong_is_named_and_a_file_that_is_not_there_too() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("config");
    let told = |text: &str| {
        std::fs::write(&file, text).unwrap();
        let read = SshConfig::read(Some(&file));
        read.and_then(|config| SshArguments::default().add_config(&config, "h", "root"))
            .unwrap_err()
            .to_string()
    };
    for (text, said) in [
        (
            "\nHost h\n  Port many\n",
            "config:3: the option Port of ssh cannot be \"many\": a port is needed",
        ),
        ("Host \"h\n", "config:1: an open quotation mark"),
        ("Host h\nUser\n", "config:2: User needs a value"),
    ] {
        let told = told(text);
        assert!(told.contains(said), "{told}");
    }
    let missing = SshConfig::read(Some(&directory.path().join("nothing"))).unwrap_err();
    assert!(missing.to_string().contains("nothing: No such file"), "{missing}");
    std::fs::write(&file, "Match exec \"true\"\n  User x\n").unwrap();
    let passed_over = SshConfig::read(Some(&file)).unwrap().unheeded;
    assert!(
        passed_over[0].ends_with("config:1: Match exec"),
        "{passed_over:?}"
    );
    assert!(SshConfig::read(Some(Path::new("none"))).is_ok());
}

/// Plays `id` on the host `server` of a configuration file, with this home.
fn play(home: &Path, arguments: &[&str]) -> Played {
    let directory = tempfile::tempdir().unwrap();
    let playbook = "- hosts: all\n  gather_facts: false\n  tasks:\n    - command: id -un\n      register: it\n    - debug: {msg: \"I am {{ it.stdout }}\"}\n";
    std::fs::write(directory.path().join("site.yml"), playbook).unwrap();
    let output = support::runner()
        .current_dir(directory.path())
        .env("HOME", home)
        .args(["-i", "server,"])
        .args(arguments)
        .arg("site.yml")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    Played::new(directory, &output)
}

#[test]
fn connections_heed_the_users_own_file_and_arguments_count_before_it() {
    let gate = Sshd::with_users("");
    let server = Sshd::with_users("");
    std::fs::copy(server.path("authorized"), gate.path("authorized")).unwrap();
    let home = tempfile::tempdir().unwrap();
    std::fs::create_dir(home.path().join(".ssh")).unwrap();
    let public = |sshd: &Sshd| {
        let text = std::fs::read_to_string(sshd.path("host.pub")).unwrap();
        let words: Vec<&str> = text.split_whitespace().take(2).collect();
        format!("[127.0.0.1]:{} {}\n", sshd.port, words.join(" "))
    };
    std::fs::write(home.path().join("known"), public(&gate) + &public(&server)).unwrap();
    let config = |more: &str| {
        let text = format!(
            "Host server gate\n  HostName 127.0.0.1\n  IdentityFile ~/nothing\n  IdentityFile {}\n  UserKnownHostsFile {}\n\
             Host server\n  Port {}\n  User free\n{more}\nHost gate\n  User admin\n  Port {}\n",
            server.path("user").display(),
            home.path().join("known").display(),
            server.port,
            gate.port
        );
        std::fs::write(home.path().join(".ssh/config"), text).unwrap();
    };
    config("");
    play(home.path(), &[]).assert(0, &["I am free"]);
    play(home.path(), &["-u", "other"]).assert(0, &["I am other"]);
    play(home.path(), &["--ssh-common-args", "-l admin"]).assert(0, &["I am admin"]);
    play(home.path(), &["--ssh-common-args", "-F none"]).assert(4, &["UNREACHABLE"]);
    play(home.path(), &["--known-hosts", "/dev/null"]).assert(4, &["Host key verification failed"]);
    config("  ProxyJump gate");
    play(home.path(), &[]).assert(0, &["I am free"]);
    config("  ProxyJump keeper@gate");
    play(home.path(), &[]).assert(4, &["keeper@127.0.0.1"]);
    config("  Port many");
    config("  ServerAliveInterval soon");
    play(home.path(), &[]).assert(4, &["config", "ServerAliveInterval", "a number is needed"]);
}
