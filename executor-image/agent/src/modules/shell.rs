//! `ansible.builtin.shell`: runs text through a shell; and what it has in common with `command`.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::answer::{Answer, Failure, Outcome, answer};
use crate::context::Context;
use crate::glob_paths::anything_matches;
use crate::process::Process;
use crate::python_text::os_error;

pub(super) fn run(context: &mut Context) -> Outcome {
    let raw = context
        .args
        .text("_raw_params")
        .or_else(|| context.args.text("cmd"))
        .unwrap_or_default()
        .to_owned();
    if raw.trim().is_empty() {
        return Err(Failure::new("no command given")
            .with_all(Prepared::empty())
            .with("rc", 256));
    }
    let shell = context.args.text("executable").unwrap_or("/bin/sh").to_owned();
    match prepare(context, Value::from(raw.clone()))? {
        Prepared::Answered(answer) => Ok(answer),
        Prepared::Ready(shown) => {
            let invocation = Invocation {
                words: vec![shell, "-c".to_owned(), raw.clone()],
                shell_command: Some(raw),
            };
            run_prepared(context, shown, &invocation)
        }
    }
}

/// What is started.
pub(super) struct Invocation {
    /// The program and its arguments.
    pub words: Vec<String>,
    /// The text that a shell is given, for messages.
    pub shell_command: Option<String>,
}

/// What `creates`, `removes` and check mode leave to do.
pub(super) enum Prepared {
    /// Nothing: this is the answer.
    Answered(Answer),
    /// Run it; this is how the result shows the command.
    Ready(Value),
}

impl Prepared {
    /// The keys that every result of a command has.
    pub(super) fn empty() -> Answer {
        answer!({
            "changed": false, "stdout": "", "stderr": "", "rc": null, "cmd": null,
            "start": null, "end": null, "delta": null, "msg": "",
        })
    }
}

fn directory_of(context: &Context) -> Option<PathBuf> {
    context.args.text("chdir").map(PathBuf::from)
}

/// Looks at `chdir`, `creates`, `removes` and check mode.
pub(super) fn prepare(context: &Context, shown: Value) -> Result<Prepared, Failure> {
    let mut answer = Prepared::empty();
    answer.insert("cmd".to_owned(), shown.clone());
    let directory = directory_of(context);
    if let Some(directory) = &directory {
        std::fs::read_dir(directory).map_err(|error| {
            let message = format!(
                "Unable to change directory before execution: {}: b'{}'",
                os_error(&error),
                directory.display()
            );
            Failure::new(message).with_all(answer.clone())
        })?;
    }
    let would = if context.check { "Would" } else { "Did" };
    let creates = context.args.text("creates");
    let removes = context.args.text("removes");
    let exists = |pattern: &str| anything_matches(pattern, directory.as_deref());
    let reason = match (creates, removes) {
        (Some(creates), _) if exists(creates) => Some((creates, "since", "exists")),
        (_, Some(removes)) if !exists(removes) => Some((removes, "since", "does not exist")),
        _ => None,
    };
    if let Some((path, since, how)) = reason {
        answer.insert("rc".to_owned(), 0.into());
        answer.insert(
            "msg".to_owned(),
            format!("{would} not run command {since} '{path}' {how}").into(),
        );
        answer.insert("stdout".to_owned(), format!("skipped, since {path} {how}").into());
        return Ok(Prepared::Answered(answer));
    }
    if context.check {
        answer.insert("rc".to_owned(), 0.into());
        answer.insert(
            "msg".to_owned(),
            "Command would have run if not in check mode".into(),
        );
        let judged_by_files = creates.is_some() || removes.is_some();
        answer.insert("changed".to_owned(), judged_by_files.into());
        if !judged_by_files {
            answer.insert("skipped".to_owned(), true.into());
        }
        return Ok(Prepared::Answered(answer));
    }
    Ok(Prepared::Ready(shown))
}

/// Runs a prepared command.
#[allow(clippy::needless_pass_by_value)] // it becomes part of the answer
pub(super) fn run_prepared(context: &Context, shown: Value, invocation: &Invocation) -> Outcome {
    let Some((program, arguments)) = invocation.words.split_first() else {
        return Err(Failure::new("no command given").with("rc", 256));
    };
    let directory = directory_of(context);
    // A relative program is meant from the command's directory.
    let program = match &directory {
        Some(directory) if program.contains('/') && Path::new(program).is_relative() => {
            directory.join(program).to_string_lossy().into_owned()
        }
        _ => program.clone(),
    };
    let mut process = Process::new(context, program).args(arguments);
    if let Some(directory) = &directory {
        process = process.directory(directory);
    }
    if let Some(mut input) = context.args.text("stdin").map(str::to_owned) {
        if context.args.optional_flag("stdin_add_newline").unwrap_or(true) {
            input.push('\n');
        }
        process = process.input(input);
    }
    let start = chrono::Local::now();
    let output = process.run().map_err(|failure| {
        let command = invocation.shell_command.clone().unwrap_or_else(|| {
            let words: Vec<String> = invocation.words.iter().map(|word| quote(word)).collect();
            words.join(" ")
        });
        failure.with("cmd", command)
    })?;
    let end = chrono::Local::now();
    let strip = context.args.optional_flag("strip_empty_ends").unwrap_or(true);
    let text = |text: String| {
        if strip {
            text.trim_end_matches(['\r', '\n']).to_owned()
        } else {
            text
        }
    };
    let answer = answer!({
        "changed": true,
        "cmd": shown,
        "rc": output.code,
        "stdout": text(output.stdout),
        "stderr": text(output.stderr),
        "start": start.format("%Y-%m-%d %H:%M:%S%.6f").to_string(),
        "end": end.format("%Y-%m-%d %H:%M:%S%.6f").to_string(),
        "delta": duration_text(end - start),
        "msg": if output.code == 0 { "" } else { "non-zero return code" },
    });
    if output.code == 0 {
        Ok(answer)
    } else {
        Err(Failure(answer))
    }
}

fn quote(word: &str) -> String {
    shlex::try_quote(word).map_or_else(|_| word.to_owned(), std::borrow::Cow::into_owned)
}

/// A duration as Python prints one: `0:00:01.500000`, `1 day, 0:00:00.000000`.
fn duration_text(duration: chrono::TimeDelta) -> String {
    let seconds = duration.num_seconds().max(0);
    let microseconds = duration.subsec_nanos().max(0) / 1000;
    let days = match seconds / 86400 {
        0 => String::new(),
        1 => "1 day, ".to_owned(),
        days => format!("{days} days, "),
    };
    let (hours, minutes, seconds) = (seconds % 86400 / 3600, seconds % 3600 / 60, seconds % 60);
    format!("{days}{hours}:{minutes:02}:{seconds:02}.{microseconds:06}")
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    #[test]
    fn durations_are_written_as_python_writes_them() {
        for (duration, text) in [
            (TimeDelta::microseconds(4321), "0:00:00.004321"),
            (TimeDelta::seconds(3661), "1:01:01.000000"),
            (TimeDelta::seconds(86400), "1 day, 0:00:00.000000"),
            (TimeDelta::days(3), "3 days, 0:00:00.000000"),
        ] {
            assert_eq!(duration_text(duration), text);
        }
    }
}
