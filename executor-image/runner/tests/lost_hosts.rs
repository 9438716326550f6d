//! Hosts that are lost in the middle of a task: each is told with the reason, the others go on, nothing is left running.
//!
//! A proxy on loopback stands between the runner and a real SSH server, and breaks the connection as networks do.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod support;

use std::{
    io::{Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use support::{Played, Sshd};

/// What passes a proxy until it is told otherwise.
#[derive(Default)]
struct Line {
    /// Nothing is forwarded any more, and nobody is told.
    silent: AtomicBool,
    /// How many bytes from the host pass before the connection is closed; 0 for no end.
    limit: AtomicU64,
    passed: AtomicU64,
}

/// A proxy before a port of loopback; its connections end with the process.
struct Proxy {
    port: u16,
    line: Arc<Line>,
}

impl Proxy {
    fn to(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let line = Arc::new(Line::default());
        let shared = Arc::clone(&line);
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let client = client.unwrap();
                let host = TcpStream::connect(("127.0.0.1", server)).unwrap();
                forward(
                    client.try_clone().unwrap(),
                    host.try_clone().unwrap(),
                    &shared,
                    false,
                );
                forward(host, client, &shared, true);
            }
        });
        Self { port, line }
    }
}

fn forward(mut from: TcpStream, mut to: TcpStream, line: &Arc<Line>, answers: bool) {
    let line = Arc::clone(line);
    std::thread::spawn(move || {
        let mut buffer = [0; 16 * 1024];
        while let Ok(read) = from.read(&mut buffer) {
            while line.silent.load(Ordering::Relaxed) {
                std::thread::sleep(Duration::from_millis(20));
            }
            if read == 0 || to.write_all(&buffer[..read]).is_err() {
                break;
            }
            if answers {
                let passed = line.passed.fetch_add(read as u64, Ordering::Relaxed) + read as u64;
                let limit = line.limit.load(Ordering::Relaxed);
                if limit > 0 && passed > limit {
                    break;
                }
            }
        }
        // ok: the other direction may have closed them.
        let _ = from.shutdown(Shutdown::Both);
        let _ = to.shutdown(Shutdown::Both);
    });
}

/// Plays tasks on the host `lost` behind the proxy, and on `kept` beside it.
fn play(server: &Sshd, proxy: &Proxy, tasks: &str) -> Played {
    let key = server.path("user").display().to_string();
    let public = std::fs::read_to_string(server.path("host.pub")).unwrap();
    let words: Vec<&str> = public.split_whitespace().take(2).collect();
    let entry = |port: u16| format!("[127.0.0.1]:{port} {}\n", words.join(" "));
    let known = entry(server.port) + &entry(proxy.port);
    std::fs::write(server.path("known_hosts"), known).unwrap();
    let host = |name: &str, port: u16| {
        format!(
            "{name} ansible_host=127.0.0.1 ansible_port={port} ansible_user=root ansible_ssh_private_key_file={key} \
             ansible_ssh_common_args='-o ServerAliveInterval=1 -o ServerAliveCountMax=2'\n"
        )
    };
    std::fs::write(
        server.path("hosts"),
        host("lost", proxy.port) + &host("kept", server.port),
    )
    .unwrap();
    let playbook = format!("- hosts: all\n  gather_facts: false\n  tasks:\n{tasks}");
    let hosts = server.path("hosts").display().to_string();
    let known = server.path("known_hosts").display().to_string();
    support::play(&playbook, &["-i", &hosts, "--known-hosts", &known])
}

/// Whether a process with this argument runs on this machine.
fn runs(argument: &str) -> bool {
    std::fs::read_dir("/proc").unwrap().flatten().any(|entry| {
        std::fs::read(entry.path().join("cmdline")).is_ok_and(|line| {
            line.split(|byte| *byte == 0)
                .any(|word| word == argument.as_bytes())
        })
    })
}

fn within(limit: Duration, what: &str, mut is_so: impl FnMut() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < limit, "{what}: not so after {limit:?}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

const RECAP_OF_KEPT: &str = "kept                       : ok=3    changed=2    unreachable=0    failed=0";
const RECAP_OF_LOST: &str = "lost                       : ok=1    changed=0    unreachable=1    failed=0";

#[test]
fn a_connection_that_breaks_in_the_middle_of_an_answer_loses_its_host_alone() {
    let server = Sshd::start("", "");
    let proxy = Proxy::to(server.port);
    // The agent's upload goes the other way: all that the host has said before is small.
    proxy.line.limit.store(500_000, Ordering::Relaxed);
    let tasks = "  - ping:\n  - shell: head -c 2000000 /dev/zero | tr '\\0' 'x'\n  - command: \"true\"\n";
    let played = play(&server, &proxy, tasks);
    played.assert(
        4,
        &[
            RECAP_OF_KEPT,
            RECAP_OF_LOST,
            "the connection to the host was lost: it was closed",
        ],
    );
    assert!(
        proxy.line.passed.load(Ordering::Relaxed) > 500_000,
        "the answer was cut"
    );
}

#[test]
fn a_host_that_falls_silent_is_unreachable_in_time_and_what_ran_there_ends() {
    let server = Sshd::start("", "");
    let proxy = Proxy::to(server.port);
    let line = Arc::clone(&proxy.line);
    let cutter = std::thread::spawn(move || {
        within(Duration::from_mins(1), "the task runs", || runs("31415.9265"));
        line.silent.store(true, Ordering::Relaxed);
        Instant::now()
    });
    let tasks = "  - ping:\n  - command: \"{{ (inventory_hostname == 'lost') | ternary('sleep 31415.9265', 'true') }}\"\n  - command: \"true\"\n";
    let played = play(&server, &proxy, tasks);
    let silent_for = cutter.join().unwrap().elapsed();
    played.assert(
        4,
        &[
            RECAP_OF_KEPT,
            RECAP_OF_LOST,
            "the connection to the host was lost: the host does not answer",
        ],
    );
    assert!(silent_for < Duration::from_secs(30), "told after {silent_for:?}");
    // The host's own side notices once the network says so, and else by the runner's silence.
    proxy.line.silent.store(false, Ordering::Relaxed);
    within(Duration::from_mins(1), "the command has ended", || {
        !runs("31415.9265")
    });
}

#[test]
fn an_agent_that_is_killed_loses_its_host_alone() {
    let server = Sshd::start("", "");
    let proxy = Proxy::to(server.port);
    let tasks = "  - ping:\n  - shell: \"{{ (inventory_hostname == 'lost') | ternary('kill -9 $PPID; sleep 2', 'true') }}\"\n  - command: \"true\"\n";
    let played = play(&server, &proxy, tasks);
    played.assert(
        4,
        &[
            RECAP_OF_KEPT,
            RECAP_OF_LOST,
            "the connection to the host was lost: the agent was killed by signal KILL",
        ],
    );
}

#[test]
fn sudo_that_is_taken_away_between_two_tasks_fails_the_second_with_what_sudo_says() {
    let server = Sshd::with_users("");
    server.inventory("free");
    let playbook = "- hosts: all\n  gather_facts: false\n  become: true\n  tasks:\n  - command: rm /etc/sudoers.d/slipway\n  \
                    - command: id\n    become_user: other\n";
    let hosts = server.path("hosts").display().to_string();
    let known = server.path("known_hosts").display().to_string();
    let played = support::play(playbook, &["-i", &hosts, "--known-hosts", &known]);
    played.assert(
        2,
        &[
            "server                     : ok=1    changed=1    unreachable=0    failed=1",
            "password",
        ],
    );
}
