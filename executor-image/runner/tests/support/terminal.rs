//! A person at a terminal.

use std::process::Command;

/// Starts a program on a terminal of its own. Its arguments: what the script that follows is told, and the program with its own.
const START: &str = "
import fcntl, json, os, pty, select, signal, sys, termios, time
told, program = sys.argv[1], sys.argv[2:]
terminal, slave = pty.openpty()
child = os.fork()
if child == 0:
    os.setsid()
    fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
    for number in range(3):
        os.dup2(slave, number)
    os.execvp(program[0], program)
";

/// Answers what the program asks with keys, and prints what the terminal has shown and how the program ended.
const ANSWER: &str = r#"
answers = json.loads(told)
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

/// Python that starts a program on a terminal, and does this with it.
pub fn with_a_terminal(script: &str) -> Command {
    let mut command = Command::new("python3");
    command.args(["-c", &format!("{START}{script}")]);
    command
}

/// What the terminal shows of a playbook, with these keys as answers to these texts.
pub fn shown(playbook: &str, answers: &[(&str, &str)]) -> String {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("site.yml"), playbook).unwrap();
    let output = with_a_terminal(ANSWER)
        .arg(serde_json::to_string(answers).unwrap())
        .args([super::RUNNER, "-i", "localhost,", "-c", "local", "site.yml"])
        .current_dir(directory.path())
        .env("SLIPWAY_AGENT", super::agent())
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
