//! `ansible-vault` and this program: each reads what the other writes, and both answer mistakes with the same code.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod support;

use std::{
    io::Write,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    time::{Duration, Instant},
};

use support::reference::ansible;
use tempfile::TempDir;

/// A directory with files of passwords.
struct Desk {
    directory: TempDir,
}

/// One of the two programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Program {
    Ours,
    Theirs,
}

impl Desk {
    fn new() -> Self {
        let desk = Self {
            directory: tempfile::tempdir().unwrap(),
        };
        desk.write("one", "first password\n");
        desk.write("two", "second password\n");
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn write(&self, name: &str, content: &str) {
        std::fs::write(self.path(name), content).unwrap();
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    fn command(&self, program: Program, arguments: &[&str]) -> Command {
        let mut command = match program {
            // Without a terminal to ask on, whoever runs the test.
            Program::Ours => {
                let mut command = Command::new("setsid");
                command.args(["--wait", support::RUNNER, "ansible-vault"]);
                command
            }
            Program::Theirs => {
                let mut command = Command::new("setsid");
                command.arg("--wait").arg(ansible("ansible-vault"));
                command
            }
        };
        command
            .args(arguments)
            .current_dir(self.directory.path())
            .env("HOME", self.directory.path())
            .env_remove("EDITOR");
        command
    }

    fn run(&self, program: Program, arguments: &[&str], input: &str) -> Output {
        let mut child = self
            .command(program, arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    }

    /// What a run that must succeed prints.
    fn done(&self, program: Program, arguments: &[&str], input: &str) -> String {
        let output = self.run(program, arguments, input);
        assert!(output.status.success(), "{program:?} {arguments:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }
}

#[test]
fn each_program_reads_what_the_other_writes() {
    use Program::{Ours, Theirs};
    let desk = Desk::new();
    for (writer, reader) in [(Ours, Theirs), (Theirs, Ours)] {
        for (name, password, header) in [
            (
                "plain",
                ["--vault-password-file", "one"],
                "$ANSIBLE_VAULT;1.1;AES256\n",
            ),
            (
                "labelled",
                ["--vault-id", "dev@one"],
                "$ANSIBLE_VAULT;1.2;AES256;dev\n",
            ),
        ] {
            desk.write(name, "a: 1\nb: \u{e9}\n");
            let [option, value] = password;
            desk.done(writer, &["encrypt", option, value, name], "");
            assert!(desk.read(name).starts_with(header), "{}", desk.read(name));
            let seen = desk.done(reader, &["view", option, value, name], "");
            assert_eq!(seen.trim_end(), "a: 1\nb: \u{e9}");
            // Whoever encrypts again: the other still reads.
            desk.done(
                writer,
                &["rekey", option, value, "--new-vault-id", "prod@two", name],
                "",
            );
            assert!(desk.read(name).starts_with("$ANSIBLE_VAULT;1.2;AES256;prod\n"));
            desk.done(reader, &["decrypt", "--vault-id", "any@two", name], "");
            assert_eq!(desk.read(name), "a: 1\nb: \u{e9}\n");
            let mode = std::fs::metadata(desk.path(name)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }
}

#[test]
fn standard_input_and_output_stand_for_files() {
    use Program::{Ours, Theirs};
    let desk = Desk::new();
    let password = ["--vault-password-file", "one"];
    let encrypted = desk.done(Ours, &[&["encrypt"][..], &password].concat(), "secret");
    assert!(
        encrypted.starts_with("$ANSIBLE_VAULT;1.1;AES256\n"),
        "{encrypted}"
    );
    let plain = desk.done(
        Theirs,
        &[&["decrypt"][..], &password, &["-"]].concat(),
        &encrypted,
    );
    assert_eq!(plain, "secret");
    let plain = desk.done(
        Ours,
        &[&["decrypt"][..], &password, &["--output", "-", "-"]].concat(),
        &encrypted,
    );
    assert_eq!(plain, "secret");
    desk.done(
        Ours,
        &[&["encrypt"][..], &password, &["--output", "out"]].concat(),
        "secret",
    );
    assert_eq!(
        desk.done(Theirs, &[&["view"][..], &password, &["out"]].concat(), "")
            .trim(),
        "secret"
    );
}

#[test]
fn a_salt_of_ones_own_gives_the_same_text_in_both() {
    let desk = Desk::new();
    let texts: Vec<String> = [Program::Ours, Program::Theirs]
        .into_iter()
        .map(|program| {
            let mut command = desk.command(
                program,
                &[
                    "encrypt_string",
                    "--vault-id",
                    "dev@one",
                    "--name",
                    "word",
                    "plain",
                ],
            );
            let output = command
                .env("ANSIBLE_VAULT_ENCRYPT_SALT", "SALT")
                .stdin(Stdio::null())
                .output()
                .unwrap();
            String::from_utf8(output.stdout).unwrap()
        })
        .collect();
    assert_eq!(texts[0], texts[1]);
    assert!(texts[0].starts_with("word: !vault |\n          $ANSIBLE_VAULT;1.2;AES256;dev\n"));
}

#[test]
fn texts_are_named_by_their_options_and_told_apart_on_standard_error() {
    let desk = Desk::new();
    let arguments = [
        "encrypt_string",
        "--vault-password-file",
        "one",
        "--stdin-name",
        "from_input",
        "-n",
        "a",
        "alpha",
        "beta",
    ];
    // The encrypted lines differ each time.
    let shape = |program| {
        let output = desk.run(program, &arguments, "typed\n");
        let text = String::from_utf8(output.stdout).unwrap();
        let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with("     ")).collect();
        (
            lines.join("\n"),
            String::from_utf8(output.stderr).unwrap(),
            output.status.code(),
            text.ends_with('\n'),
        )
    };
    let ours = shape(Program::Ours);
    assert_eq!(ours.0, "from_input: !vault |\na: !vault |\n!vault |");
    assert_eq!(ours, shape(Program::Theirs));
}

#[test]
fn mistakes_have_the_same_code_in_both() {
    let desk = Desk::new();
    desk.write("plain", "x\n");
    desk.write("other", "y\n");
    desk.done(
        Program::Ours,
        &[
            "encrypt",
            "--vault-password-file",
            "one",
            "--output",
            "coded",
            "plain",
        ],
        "",
    );
    let both = &["--vault-id", "a@one", "--vault-id", "b@two"][..];
    let cases: &[(&[&str], &str)] = &[
        (&["view", "--vault-password-file", "two", "coded"], "coded"),
        (&["view", "--vault-password-file", "nowhere", "coded"], "nowhere"),
        (
            &["view", "--vault-password-file", "one", "plain"],
            "not vault encrypted",
        ),
        (&["view", "--vault-password-file", "one", "nothing"], "nothing"),
        (
            &["encrypt", "--vault-password-file", "one", "coded"],
            "already encrypted",
        ),
        (
            &[
                "encrypt",
                "--vault-password-file",
                "one",
                "--output",
                "x",
                "plain",
                "other",
            ],
            "At most one input file",
        ),
        (&["encrypt", "plain"], ""),
        (
            &[&["encrypt"][..], both, &["plain"]].concat(),
            "--encrypt-vault-id",
        ),
        (
            &[&["encrypt"][..], both, &["--encrypt-vault-id", "c", "plain"]].concat(),
            "--encrypt-vault-id=c",
        ),
        (
            &["encrypt", "--vault-id", "a;b@one", "plain"],
            "not a valid vault id",
        ),
        (
            &["encrypt_string", "--vault-password-file", "one", "--prompt", "-"],
            "--prompt",
        ),
        (
            &["encrypt_string", "--vault-password-file", "one"],
            "stdin was empty",
        ),
        (&["create", "--vault-password-file", "one", "new"], "not a tty"),
        (
            &[
                "create",
                "--vault-password-file",
                "one",
                "--skip-tty-check",
                "plain",
            ],
            "exists",
        ),
        (
            &["create", "--vault-password-file", "one", "a", "b"],
            "only one filename",
        ),
        (
            &[
                "rekey",
                "--vault-password-file",
                "one",
                "--new-vault-id",
                "c@nowhere",
                "coded",
            ],
            "nowhere",
        ),
        (&[], ""),
        (&["frobnicate"], ""),
    ];
    for (arguments, said) in cases {
        let ours = desk.run(Program::Ours, arguments, "");
        let theirs = desk.run(Program::Theirs, arguments, "");
        assert_eq!(
            ours.status.code(),
            theirs.status.code(),
            "{arguments:?}: {ours:?} {theirs:?}"
        );
        for output in [ours, theirs] {
            let text = String::from_utf8_lossy(&output.stderr).replace('\n', " ");
            assert!(text.contains(said), "{arguments:?}: {text}");
        }
    }
    assert_eq!(desk.read("plain"), "x\n");
}

#[test]
fn passwords_are_asked_for_and_new_ones_twice() {
    let desk = Desk::new();
    desk.write("plain", "x\n");
    let output = desk.run(Program::Ours, &["encrypt", "plain"], "pass\npast\n");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("Passwords do not match"), "{said}");
    desk.done(Program::Ours, &["encrypt", "-J", "plain"], "pass\npass\n");
    let seen = desk.done(
        Program::Ours,
        &["view", "--vault-id", "prompt", "plain"],
        "pass\n",
    );
    assert_eq!(seen, "x\n");
    desk.write("word", "pass");
    assert_eq!(
        desk.done(
            Program::Theirs,
            &["view", "--vault-password-file", "word", "plain"],
            ""
        ),
        "x\n"
    );
}

/// An editor that writes what it sees and where, and changes the file.
fn editor(desk: &Desk, change: &str) -> String {
    let script = format!(
        "#!/bin/sh\nstat -c '%a %n' \"$1\" > {0}/seen\ncat \"$1\" >> {0}/seen\ntr '\\0' ' ' < /proc/$PPID/cmdline >> {0}/seen\ncp \"$1\" \"$1~\"\n{change}\n",
        desk.directory.path().display()
    );
    desk.write("editor", &script);
    std::fs::set_permissions(desk.path("editor"), std::fs::Permissions::from_mode(0o700)).unwrap();
    desk.path("editor").display().to_string()
}

fn files_below(directory: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    entries
        .flat_map(|entry| {
            let path = entry.path();
            if path.is_dir() {
                files_below(&path)
            } else {
                vec![path]
            }
        })
        .collect()
}

#[test]
fn the_editor_works_on_a_private_copy_that_leaves_nothing_behind() {
    let desk = Desk::new();
    let password = ["--vault-password-file", "one"];
    let create = [&["create", "--skip-tty-check"][..], &password, &["new.yml"]].concat();
    let output = desk
        .command(Program::Ours, &create)
        .env("EDITOR", editor(&desk, "echo 'a: 1' > \"$1\""))
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let seen = desk.read("seen");
    assert!(seen.starts_with("600 "), "{seen}");
    assert!(seen.lines().next().unwrap().ends_with("content.yml"), "{seen}");
    assert_eq!(
        desk.done(
            Program::Theirs,
            &[&["view"][..], &password, &["new.yml"]].concat(),
            ""
        ),
        "a: 1\n"
    );
    let edit = [&["edit"][..], &password, &["new.yml"]].concat();
    let mode = std::fs::Permissions::from_mode(0o640);
    std::fs::set_permissions(desk.path("new.yml"), mode).unwrap();
    let unchanged = desk.read("new.yml");
    let run = |change: &str| {
        desk.command(Program::Ours, &edit)
            .env("EDITOR", editor(&desk, change))
            .output()
            .unwrap()
    };
    assert!(run("true").status.success());
    assert_eq!(desk.read("new.yml"), unchanged);
    assert!(run("echo 'b: 2' >> \"$1\"").status.success());
    assert!(desk.read("seen").contains("a: 1"));
    assert!(!desk.read("seen").contains("first password"));
    assert_eq!(
        desk.done(
            Program::Theirs,
            &[&["view"][..], &password, &["new.yml"]].concat(),
            ""
        ),
        "a: 1\nb: 2\n"
    );
    let mode = std::fs::metadata(desk.path("new.yml"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o640);
    assert_eq!(files_below(&desk.path(".ansible/tmp")), Vec::<PathBuf>::new());
}

#[test]
fn a_signal_removes_the_copy_and_leaves_the_file() {
    let desk = Desk::new();
    let password = ["--vault-password-file", "one"];
    desk.write("file", "a: 1\n");
    desk.done(
        Program::Ours,
        &[&["encrypt"][..], &password, &["file"]].concat(),
        "",
    );
    let before = desk.read("file");
    let edit = [&["edit"][..], &password, &["file"]].concat();
    let mut child = Command::new(support::RUNNER)
        .arg("ansible-vault")
        .args(&edit)
        .current_dir(desk.directory.path())
        .env("HOME", desk.directory.path())
        .env("EDITOR", editor(&desk, "echo changed > \"$1\"; exec sleep 100"))
        .stdin(Stdio::null())
        .spawn()
        .unwrap();
    let started = Instant::now();
    while files_below(&desk.path(".ansible/tmp")).len() < 2 {
        assert!(
            started.elapsed() < Duration::from_mins(1),
            "the editor did not start"
        );
        std::thread::sleep(Duration::from_millis(50));
    }
    let kill = Command::new("kill").arg(child.id().to_string()).status();
    assert!(kill.unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(143));
    assert_eq!(desk.read("file"), before);
    assert_eq!(files_below(&desk.path(".ansible/tmp")), Vec::<PathBuf>::new());
}

#[test]
fn an_editor_that_is_not_there_is_named() {
    let desk = Desk::new();
    let arguments = [
        "create",
        "--skip-tty-check",
        "--vault-password-file",
        "one",
        "new",
    ];
    for program in [Program::Ours, Program::Theirs] {
        let output = desk
            .command(program, &arguments)
            .env("EDITOR", "/nonexistent/editor --wait")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains("/nonexistent/editor"), "{said}");
        assert!(!desk.path("new").exists());
    }
}
