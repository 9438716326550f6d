//! Running other programs, with errors that name the command and what it answered.

use std::ffi::OsStr;
use std::path::Path;
use std::process::Stdio;

use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use crate::error::{Error, Result};

const INSTALL_HINT: &str = "install the packages listed in ci/lab/apt-packages.txt";

/// Runs a command to its end and returns its standard output.
pub(crate) async fn run<S: AsRef<OsStr>>(arguments: &[S]) -> Result<String> {
    run_with_input(arguments, "").await
}

/// As [`run`], for programs that report their own progress: standard error goes where this process's own goes.
pub(crate) async fn run_showing<S: AsRef<OsStr>>(arguments: &[S]) -> Result<String> {
    collect(arguments, "", Stdio::inherit()).await
}

/// Runs a command whose output a person watches: it goes where this process's own goes.
pub(crate) async fn run_visibly(words: &[String]) -> Result<()> {
    let program = words.first().map_or("", String::as_str);
    let status = Command::new(program)
        .args(words.iter().skip(1))
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .status();
    let status = status.await.map_err(|source| start_error(program, source))?;
    if status.success() {
        return Ok(());
    }
    Err(Error::Command {
        command: words.join(" "),
        status,
        output: "it said why above".to_owned(),
    })
}

/// Makes an SSH key pair without passphrase: `file` and `file.pub`.
pub(crate) async fn make_ssh_key(file: &Path, comment: &str) -> Result<()> {
    let file = file.display().to_string();
    run(&[
        "ssh-keygen",
        "-q",
        "-t",
        "ed25519",
        "-N",
        "",
        "-C",
        comment,
        "-f",
        &file,
    ])
    .await?;
    Ok(())
}

/// As [`run`], with something to read on standard input.
pub(crate) async fn run_with_input<S: AsRef<OsStr>>(arguments: &[S], input: &str) -> Result<String> {
    collect(arguments, input, Stdio::piped()).await
}

async fn collect<S: AsRef<OsStr>>(arguments: &[S], input: &str, errors: Stdio) -> Result<String> {
    let words: Vec<String> = arguments
        .iter()
        .map(|word| word.as_ref().to_string_lossy().into_owned())
        .collect();
    let (program, rest) = words
        .split_first()
        .map_or(("", &[][..]), |(first, rest)| (first.as_str(), rest));
    let mut child = Command::new(program)
        .args(rest)
        .stdin(if input.is_empty() {
            Stdio::null()
        } else {
            Stdio::piped()
        })
        .stdout(Stdio::piped())
        .stderr(errors)
        .kill_on_drop(true)
        .spawn()
        .map_err(|source| start_error(program, source))?;
    if let Some(mut pipe) = child.stdin.take() {
        // A program that ends before it read its input says why by itself.
        let _ = pipe.write_all(input.as_bytes()).await;
    }
    let output = child
        .wait_with_output()
        .await
        .map_err(|source| start_error(program, source))?;
    let standard = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(standard);
    }
    let errors = String::from_utf8_lossy(&output.stderr);
    let said = if errors.trim().is_empty() {
        standard.trim()
    } else {
        errors.trim()
    };
    Err(Error::Command {
        command: words.join(" "),
        status: output.status,
        output: last_lines(said, 20),
    })
}

/// The error for a program that cannot be started.
pub(crate) fn start_error(program: &str, source: std::io::Error) -> Error {
    Error::Start {
        program: program.to_owned(),
        source,
        hint: INSTALL_HINT,
    }
}

/// The end of a text, where programs say why they failed.
pub(crate) fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_failed_command_is_named_with_what_it_said() {
        let error = run(&["sh", "-c", "echo no such thing >&2; exit 3"])
            .await
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("exit status: 3") && error.contains("no such thing"),
            "{error}"
        );
    }

    #[tokio::test]
    async fn a_missing_program_says_what_to_install() {
        let error = run(&["slipway-no-such-program"]).await.unwrap_err().to_string();
        assert!(
            error.contains("slipway-no-such-program") && error.contains("apt-packages.txt"),
            "{error}"
        );
    }

    #[tokio::test]
    async fn input_reaches_the_program() {
        assert_eq!(run_with_input(&["cat"], "hello").await.unwrap(), "hello");
    }
}
