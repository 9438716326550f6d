//! `ansible.builtin.script`: runs a script of the runner's side. The runner sends its content under `src`; `_raw_params` (or `cmd`) is
//! a line for the shell that begins with the script's name.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::answer::{Failure, Outcome, answer};
use crate::context::Context;
use crate::process::Process;

pub(super) fn run(context: &mut Context) -> Outcome {
    let exists = |path: &&str| Path::new(path).exists();
    if let Some(creates) = context.args.text("creates").filter(exists) {
        let message = format!("{creates} exists, matching creates option");
        return Ok(answer!({"skipped": true, "msg": message}));
    }
    if let Some(removes) = context.args.text("removes").filter(|path| !exists(path)) {
        let message = format!("{removes} does not exist, matching removes option");
        return Ok(answer!({"skipped": true, "msg": message}));
    }
    let directory = context.args.text("chdir").map(PathBuf::from);
    if let Some(directory) = directory.as_ref().filter(|directory| !directory.is_absolute()) {
        return Err(Failure::new(format!(
            "chdir {} must be an absolute path for a Unix-aware remote node",
            directory.display()
        )));
    }
    if context.check {
        // Only where a file decides whether the script runs is it known that it would.
        let decided = ["creates", "removes"]
            .iter()
            .any(|name| context.args.text(name).is_some());
        return Ok(if decided {
            answer!({"changed": true})
        } else {
            answer!({"changed": false, "skipped": true, "msg": "Check mode is not supported for this task."})
        });
    }
    let command = context
        .args
        .text("_raw_params")
        .or_else(|| context.args.text("cmd"))
        .unwrap_or_default();
    let source = context
        .file("src")
        .ok_or_else(|| Failure::new("the script's content was not sent to the agent"))?;
    let work = tempfile::Builder::new()
        .prefix("script-")
        .tempdir_in(&context.temporary)
        .map_err(|error| Failure::io("making a directory for the script", &error))?;
    let name = context.args.text("_original_basename").unwrap_or("script");
    let script = work
        .path()
        .join(Path::new(name).file_name().unwrap_or("script".as_ref()));
    std::fs::copy(source, &script)
        .and_then(|_| std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o700)))
        .map_err(|error| Failure::io(format!("writing the script to {}", script.display()), &error))?;

    let mut line = String::new();
    if let Some(directory) = &directory {
        line = format!("cd {} && ", quoted(&directory.to_string_lossy()));
    }
    if let Some(executable) = context.args.text("executable").filter(|text| !text.is_empty()) {
        line.push_str(executable);
        line.push(' ');
    }
    line.push_str(&with_script(command, &script.to_string_lossy())?);
    let output = Process::new(context, "/bin/sh").args(["-c", &line]).run()?;
    // What a shell says of a program that a signal has ended.
    let code = if output.code < 0 {
        128 - output.code
    } else {
        output.code
    };
    let answer = answer!({
        "changed": true, "rc": code, "stdout": output.stdout, "stderr": output.stderr,
    });
    if code == 0 {
        Ok(answer)
    } else {
        Err(Failure::new("non-zero return code").with_all(answer))
    }
}

/// The line with the script's path on this host in the place of its name, which may stand between quotation marks.
fn with_script(line: &str, path: &str) -> Result<String, Failure> {
    let words = shlex::split(line)
        .ok_or_else(|| Failure::new(format!("the script's arguments have an open quotation: {line}")))?;
    let (name, arguments) = words
        .split_first()
        .ok_or_else(|| Failure::new("the script has no name"))?;
    Ok(if line.contains(name.as_str()) {
        line.trim().replacen(name.as_str(), path, 1)
    } else {
        let arguments = arguments.iter().map(|argument| quoted(argument));
        std::iter::once(quoted(path))
            .chain(arguments)
            .collect::<Vec<_>>()
            .join(" ")
    })
}

/// A text as one word of a shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::with_script;

    #[test]
    fn the_script_is_named_as_the_line_names_it() {
        for (line, expected) in [
            ("a.sh x | tr a b", "/t/a.sh x | tr a b"),
            (" 'a b.sh' \"x y\" ", "'/t/a.sh' \"x y\""),
            (r"a\ b.sh x\ y", "'/t/a.sh' 'x y'"),
        ] {
            assert_eq!(with_script(line, "/t/a.sh").unwrap(), expected);
        }
        assert!(with_script("a.sh 'open", "/t/a.sh").is_err());
    }
}
