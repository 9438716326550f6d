//! `pause` with a person at the terminal. Real Ansible asks and goes on in the same way, by the same keys.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod support;

use std::process::Command;

/// Starts a program on a terminal, answers what it asks with keys, and prints what the terminal has shown and how it ended.
const AT_A_TERMINAL: &str = r#"
import fcntl, json, os, pty, select, sys, termios, time
answers, program = json.loads(sys.argv[1]), sys.argv[2:]
terminal, slave = pty.openpty()
child = os.fork()
if child == 0:
    os.setsid()
    fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
    for number in range(3):
        os.dup2(slave, number)
    os.execvp(program[0], program)
os.close(slave)
shown, after, end = b"", 0, time.time() + 60
while time.time() < end:
    ready, _, _ = select.select([terminal], [], [], 0.2)
    if ready:
        try:
            said = os.read(terminal, 4096)
        except OSError:
            break
        if not said:
            break
        shown += said
    elif answers and answers[0][0].encode() in shown[after:]:
        question, keys = answers.pop(0)
        after = len(shown)
        os.write(terminal, keys.encode())
_, status = os.waitpid(child, 0)
print(shown.decode().replace("\r\n", "\n"))
print("exit code", os.waitstatus_to_exitcode(status), "left", len(answers))
"#;

/// What the terminal shows of tasks, with these keys as answers to these texts.
fn shown(tasks: &str, answers: &[(&str, &str)]) -> String {
    let directory = tempfile::tempdir().unwrap();
    let playbook = format!("- hosts: localhost\n  gather_facts: false\n  tasks:\n{tasks}");
    std::fs::write(directory.path().join("site.yml"), playbook).unwrap();
    let output = Command::new("python3")
        .args(["-c", AT_A_TERMINAL, &serde_json::to_string(answers).unwrap()])
        .args([support::RUNNER, "-i", "localhost,", "-c", "local", "site.yml"])
        .current_dir(directory.path())
        .env("SLIPWAY_AGENT", support::agent())
        .env("ANSIBLE_NOCOLOR", "1")
        .output()
        .unwrap();
    let shown = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{shown}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    shown
}

#[test]
fn a_line_is_the_answer_and_can_be_hidden() {
    let tasks = "    - {name: asks, pause: {prompt: What}, register: said}
    - debug: {msg: \"<{{ said.user_input }}>\"}
    - {name: hides, pause: {prompt: Which, echo: false}, register: hidden}
    - debug: {msg: \"{{ hidden.user_input | length }} letters\"}
    - pause:
    - debug: {msg: goes on}
";
    let answers = [
        ("[asks]\r\nWhat:", "on\u{e9}\u{7f}e\r"),
        ("Which (output is hidden):", "secret\n"),
        ("Press enter to continue, Ctrl+C to interrupt:", "\r"),
    ];
    let shown = shown(tasks, &answers);
    for said in ["<one>", "6 letters", "goes on", "exit code 0 left 0"] {
        assert!(shown.contains(said), "{said:?}: {shown}");
    }
    assert!(!shown.contains("secret"), "{shown}");
}

#[test]
fn a_time_can_be_ended_early_and_a_play_aborted() {
    let tasks = "    - {pause: {seconds: 40, prompt: waits}, register: early}
    - debug: {msg: \"<{{ early.user_input }}> {{ early.delta < 20 }}\"}
    - pause: {prompt: again}
    - pause: {minutes: 1}
    - debug: {msg: never}
";
    let answers = [
        ("[pause]\r\nwaits:", "sooner\r\u{3}"),
        ("Press 'C' to continue the play or 'A' to abort", "C"),
        ("again:", "\u{3}"),
        ("Press 'C' to continue the play or 'A' to abort", "c"),
        (
            "(ctrl+C then 'C' = continue early, ctrl+C then 'A' = abort)",
            "\u{3}",
        ),
        ("Press 'C' to continue the play or 'A' to abort", "a"),
    ];
    let shown = shown(tasks, &answers);
    for said in [
        "Pausing for 40 seconds",
        "<> True",
        "Pausing for 60 seconds",
        "{\"msg\": \"user requested abort!\"}",
        "exit code 2 left 0",
    ] {
        assert!(shown.contains(said), "{said:?}: {shown}");
    }
    assert!(!shown.contains("never") && !shown.contains("sooner"), "{shown}");
}

#[test]
fn nobody_is_waited_for_where_nobody_is() {
    let tasks = "- hosts: localhost
  gather_facts: false
  tasks:
    - {name: asks, pause: {prompt: What}, register: said}
    - pause: {seconds: 1, prompt: waits}
    - debug: {msg: \"<{{ said.user_input }}>\"}
";
    let played = support::play(tasks, &["-i", "localhost,", "-c", "local"]);
    played.assert(
        0,
        &[
            "Not waiting for response to prompt as stdin is not interactive",
            "Pausing for 1 seconds",
            "<>",
        ],
    );
    assert!(!played.stdout.contains("What"), "{}", played.stdout);
}
