//! Passwords over a real SSH server with real users: logging in, `sudo`, `su`, and the ways in which passwords are given.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod support;

use std::{
    io::Write,
    process::{Command, Stdio},
};

use support::{Sshd, USERS, reference::ansible};

const WHO: &str = "id -un";

/// The password of a user.
fn password(user: &str) -> &'static str {
    USERS.iter().find(|(name, _)| *name == user).unwrap().1
}

/// What a command of `ansible` prints, and its exit code.
#[derive(Debug)]
struct Said {
    text: String,
    code: Option<i32>,
}

impl Said {
    fn assert(&self, code: i32, said: &[&str]) {
        assert_eq!(self.code, Some(code), "{}", self.text);
        for text in said {
            assert!(self.text.contains(text), "{text:?} was not said:\n{}", self.text);
        }
    }
}

/// Runs a program that asks on standard input: it has no terminal.
fn run(program: &std::path::Path, first: &[&str], server: &Sshd, arguments: &[&str], input: &str) -> Said {
    let mut child = Command::new("setsid")
        .arg("--wait")
        .arg(program)
        .args(first)
        .args(["server", "-i"])
        .arg(server.path("hosts"))
        .args(arguments)
        .current_dir(server.directory.path())
        .env("SLIPWAY_AGENT", support::agent())
        .env("HOME", server.directory.path())
        .env("ANSIBLE_HOST_KEY_CHECKING", "false")
        .env("ANSIBLE_NOCOLOR", "1")
        .env("ANSIBLE_PYTHON_INTERPRETER", "/usr/bin/python3")
        .env_remove("ANSIBLE_INVENTORY")
        .env_remove("SSH_AUTH_SOCK")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    Said {
        text: String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned(),
        code: output.status.code(),
    }
}

fn ours(server: &Sshd, arguments: &[&str], input: &str) -> Said {
    run(support::RUNNER.as_ref(), &["ansible"], server, arguments, input)
}

#[test]
fn a_password_logs_in_however_it_is_given() {
    let server = Sshd::with_users("PasswordAuthentication yes");
    std::fs::write(
        server.path("hosts"),
        format!(
            "server ansible_host=127.0.0.1 ansible_port={} ansible_user=admin\n",
            server.port
        ),
    )
    .unwrap();
    let word = password("admin");
    std::fs::write(server.path("word"), format!("{word}\n")).unwrap();
    let variable = |name: &str| format!("{{\"{name}\": \"{word}\"}}");
    let (one, two) = (variable("ansible_password"), variable("ansible_ssh_pass"));
    for (arguments, input) in [
        (vec!["-k"], format!("{word}\n")),
        (vec!["--connection-password-file", "word"], String::new()),
        (vec!["--conn-pass-file", "-"], format!("{word}\n")),
        (vec!["-e", &one], String::new()),
        (vec!["-e", &two], String::new()),
    ] {
        let said = ours(&server, &[&arguments[..], &["-a", WHO]].concat(), &input);
        said.assert(0, &["server | CHANGED | rc=0 >>\nadmin"]);
        assert!(!said.text.contains(word), "{}", said.text);
    }
    let wrong = ours(&server, &["-k", "-a", WHO], "wrong\n");
    wrong.assert(
        4,
        &["UNREACHABLE", "Invalid/incorrect password", "admin@127.0.0.1"],
    );
    assert!(!wrong.text.contains("wrong\n"), "{}", wrong.text);
    ours(&server, &["-a", WHO], "").assert(4, &["Permission denied", "--ask-pass"]);
}

#[test]
fn a_server_that_asks_questions_gets_the_password() {
    let server = Sshd::with_users("UsePAM yes\nKbdInteractiveAuthentication yes\nPasswordAuthentication no");
    server.inventory("admin");
    let key = server.path("other_user").display().to_string();
    let key = format!("ansible_ssh_private_key_file={key}");
    let input = format!("{}\n", password("admin"));
    ours(&server, &["-k", "-e", &key, "-a", WHO], &input).assert(0, &["rc=0 >>\nadmin"]);
    ours(&server, &["-k", "-e", &key, "-a", WHO], "wrong\n").assert(4, &["Invalid/incorrect password"]);
}

#[test]
fn sudo_takes_its_password_however_it_is_given() {
    let server = Sshd::with_users("");
    server.inventory("admin");
    let word = password("admin");
    std::fs::write(server.path("word"), format!("{word}\n")).unwrap();
    let script = server.path("script");
    std::fs::write(&script, format!("#!/bin/sh\necho '{word}'\n")).unwrap();
    std::fs::set_permissions(&script, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    let variable = |name: &str| format!("{{\"{name}\": \"{word}\"}}");
    let (one, two, three) = (
        variable("ansible_become_password"),
        variable("ansible_become_pass"),
        variable("ansible_sudo_pass"),
    );
    let ssh_too = variable("ansible_password");
    for (arguments, input) in [
        (vec!["-K"], format!("{word}\n")),
        // An empty answer stands for the password of the login.
        (vec!["-k", "-K"], format!("{word}\n\n")),
        (vec!["--become-password-file", "word"], String::new()),
        (vec!["--become-pass-file", "./script"], String::new()),
        (vec!["-e", &one], String::new()),
        (vec!["-e", &two, "-e", &ssh_too], String::new()),
        (vec!["-e", &three], String::new()),
    ] {
        for action in [&["-a", WHO][..], &["-m", "raw", "-a", WHO]] {
            let said = ours(&server, &[&arguments[..], &["-b"], action].concat(), &input);
            said.assert(0, &["server | CHANGED | rc=0 >>\nroot"]);
            assert!(!said.text.contains(word), "{}", said.text);
        }
    }
    // Who needs none may have one.
    server.inventory("free");
    ours(&server, &["-K", "-b", "-a", WHO], "nonsense\n").assert(0, &["rc=0 >>\nroot"]);
    ours(&server, &["-b", "--become-user", "other", "-a", WHO], "").assert(0, &["rc=0 >>\nother"]);
}

#[test]
fn what_sudo_refuses_fails_the_task_as_under_ansible() {
    let server = Sshd::with_users("");
    server.inventory("admin");
    let theirs = |arguments: &[&str], input: &str| run(&ansible("ansible"), &[], &server, arguments, input);
    for (arguments, input, said) in [
        (&["-b", "-a", WHO][..], "", "Missing sudo password"),
        (&["-b", "-K", "-a", WHO][..], "wrong\n", "Incorrect sudo password"),
    ] {
        let (ours, theirs) = (ours(&server, arguments, input), theirs(arguments, input));
        for output in [&ours, &theirs] {
            output.assert(2, &["server | FAILED", said]);
        }
    }
}

#[test]
fn su_takes_the_password_of_the_other_user() {
    let server = Sshd::with_users("");
    server.inventory("admin");
    let input = format!("{}\n", password("other"));
    let su = ["-b", "--become-method", "su", "--become-user", "other"];
    for action in [&["-a", WHO][..], &["-m", "raw", "-a", WHO]] {
        let said = ours(&server, &[&su[..], &["-K"], action].concat(), &input);
        said.assert(0, &["rc=0 >>\nother"]);
    }
    ours(&server, &[&su[..], &["-K", "-a", WHO]].concat(), "wrong\n").assert(2, &["Incorrect su password"]);
    ours(&server, &[&su[..], &["-a", WHO]].concat(), "").assert(2, &["Missing su password"]);
}

#[test]
fn program_and_flags_can_be_set_and_each_method_has_its_own() {
    let server = Sshd::with_users("");
    server.inventory("free");
    let program = server.homes.clone().unwrap().join("my-sudo");
    std::fs::write(
        &program,
        "#!/bin/sh\nexport MY=sudo; exec sudo --preserve-env=MY,FLAG \"$@\"\n",
    )
    .unwrap();
    std::fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let program = program.display().to_string();
    let config = format!(
        "[privilege_escalation]\nbecome = true\nbecome_user = other\nbecome_exe = /nonexistent\nbecome_flags = -H -S -n FLAG=set\n[sudo_become_plugin]\nexecutable = {program}\n"
    );
    std::fs::write(server.path("ansible.cfg"), config).unwrap();
    let said = ours(&server, &["-m", "shell", "-a", "echo $(id -un) $MY $FLAG"], "");
    said.assert(0, &["other sudo set"]);
    let wrong = "ansible_become_exe=/nonexistent/sudo ansible_sudo_exe=/nonexistent/sudo";
    ours(&server, &["-e", wrong, "-a", WHO], "").assert(2, &["FAILED", "/nonexistent/sudo"]);
}

#[test]
fn arguments_of_ssh_lead_through_other_hosts_and_name_known_hosts() {
    let gate = Sshd::with_users("");
    let server = Sshd::with_users("");
    // The server's own port is known to the gate alone by this name.
    let key = server.path("user").display().to_string();
    std::fs::copy(gate.path("authorized"), gate.path("authorized.own")).unwrap();
    std::fs::copy(server.path("authorized"), gate.path("authorized")).unwrap();
    std::fs::write(server.path("hosts"), "server ansible_host=127.0.0.1\n").unwrap();
    let public = |sshd: &Sshd| {
        let text = std::fs::read_to_string(sshd.path("host.pub")).unwrap();
        let words: Vec<&str> = text.split_whitespace().take(2).collect();
        format!("[127.0.0.1]:{} {}\n", sshd.port, words.join(" "))
    };
    std::fs::write(server.path("both"), public(&gate) + &public(&server)).unwrap();
    let both = server.path("both").display().to_string();
    let common = format!(
        "-o Port={} -o User=free -i {key} -o UserKnownHostsFile={both} -o StrictHostKeyChecking=yes -o SendEnv=LANG",
        server.port
    );
    let strict = ["-e", "ansible_ssh_host_key_checking=true"];
    let task = ["-m", "shell", "-a", "id -un; echo $SSH_CONNECTION"];
    let play = |more: &str| {
        let common = format!("{common} {more}");
        ours(
            &server,
            &[&strict[..], &["--ssh-common-args", &common], &task].concat(),
            "",
        )
    };
    let direct = play("");
    direct.assert(
        0,
        &[
            "rc=0 >>\nfree",
            "SendEnv among the arguments of ssh is not heeded",
        ],
    );
    play(&format!("-J admin@127.0.0.1:{}", gate.port)).assert(0, &["rc=0 >>\nfree"]);
    let command = format!(
        "-o ProxyCommand=\"ssh -F none -i {key} -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -p {} -W %h:%p admin@127.0.0.1\"",
        gate.port
    );
    play(&command).assert(0, &["rc=0 >>\nfree"]);
    // A gate that is not there is named, and so is one whose key nobody knows.
    play("-J admin@127.0.0.1:1").assert(4, &["UNREACHABLE", "127.0.0.1 port 1"]);
    std::fs::write(server.path("both"), public(&server)).unwrap();
    play(&format!("-J admin@127.0.0.1:{}", gate.port)).assert(4, &["UNREACHABLE", "Host key verification"]);
    // What cannot be understood is told.
    let wrong = ours(&server, &["--ssh-extra-args", "-o Port=x", "-a", WHO], "");
    wrong.assert(4, &["Port"]);
}

#[test]
fn a_key_with_a_passphrase_is_used_through_an_agent() {
    let server = Sshd::with_users("");
    server.inventory("free");
    let socket = server.path("agent.socket");
    let mut agent = Command::new("ssh-agent")
        .args(["-D", "-a"])
        .arg(&socket)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let started = std::time::Instant::now();
    while !socket.exists() {
        assert!(started.elapsed().as_secs() < 20, "ssh-agent did not start");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let keygen = |program: &mut Command| {
        let status = program
            .env("SSH_AUTH_SOCK", &socket)
            .stderr(Stdio::null())
            .status();
        assert!(status.unwrap().success());
    };
    keygen(Command::new("ssh-add").arg("-q").arg(server.path("user")));
    keygen(
        Command::new("ssh-keygen")
            .args(["-q", "-p", "-N", "a passphrase", "-f"])
            .arg(server.path("user"))
            .stdout(Stdio::null()),
    );
    ours(&server, &["-a", WHO], "").assert(4, &["has a passphrase", "ssh-agent"]);
    let output = Command::new(support::RUNNER)
        .args(["ansible", "server", "-a", WHO, "-i"])
        .arg(server.path("hosts"))
        .current_dir(server.directory.path())
        .env("SLIPWAY_AGENT", support::agent())
        .env("ANSIBLE_HOST_KEY_CHECKING", "false")
        .env("SSH_AUTH_SOCK", &socket)
        .output()
        .unwrap();
    let _ = agent.kill();
    let _ = agent.wait();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("rc=0 >>\nfree"), "{said} {output:?}");
}

#[test]
fn a_connection_is_tried_again_as_often_as_the_settings_say() {
    let server = Sshd::with_users("");
    server.inventory("free");
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let late = port.local_addr().unwrap().port();
    drop(port);
    let target = server.port;
    // Nobody listens at first; then everything is handed on to the server.
    let handing_on = std::thread::spawn(move || {
        std::thread::sleep(std::time::Duration::from_millis(500));
        let listener = std::net::TcpListener::bind(("127.0.0.1", late)).unwrap();
        let (mut from, _) = listener.accept().unwrap();
        let mut to = std::net::TcpStream::connect(("127.0.0.1", target)).unwrap();
        let (mut back_from, mut back_to) = (to.try_clone().unwrap(), from.try_clone().unwrap());
        std::thread::spawn(move || std::io::copy(&mut back_from, &mut back_to));
        let _ = std::io::copy(&mut from, &mut to);
    });
    let port = format!("ansible_port={late}");
    let said = ours(
        &server,
        &["-e", &port, "-e", "ansible_ssh_retries=4", "-a", WHO],
        "",
    );
    said.assert(0, &["rc=0 >>\nfree"]);
    handing_on.join().unwrap();
}

/// Waits until nothing that is typed shows, sends a signal or a key, and prints whether it shows again, and how the program ended.
const INTERRUPT: &str = r"
shows = lambda: bool(termios.tcgetattr(slave)[3] & termios.ECHO)
for _ in range(600):
    if not shows(): break
    time.sleep(0.05)
else:
    sys.exit('never hidden')
time.sleep(0.1)
if told == 'key':
    os.write(terminal, b'\x03')
else:
    os.kill(child, getattr(signal, told))
_, status = os.waitpid(child, 0)
print('shows' if shows() else 'hidden', os.waitstatus_to_exitcode(status))
";

#[test]
fn a_signal_while_a_password_is_asked_for_leaves_a_terminal_that_shows_what_is_typed() {
    for (how, said) in [
        ("key", "shows 130\n"),
        ("SIGINT", "shows 130\n"),
        ("SIGTERM", "shows 143\n"),
        ("SIGQUIT", "shows 131\n"),
    ] {
        let output = support::terminal::with_a_terminal(INTERRUPT)
            .args([how, support::RUNNER])
            .args([
                "ansible",
                "localhost",
                "-i",
                "localhost,",
                "-c",
                "local",
                "-K",
                "-a",
                "true",
            ])
            .env("SLIPWAY_AGENT", support::agent())
            .output()
            .unwrap();
        assert_eq!(
            String::from_utf8_lossy(&output.stdout),
            said,
            "{how}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
}
