//! `ansible.builtin.script`: runs a script of the runner's side. The runner sends its content under `src`; the text after
//! the script's name in `_raw_params` (or `cmd`) are its arguments.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use crate::answer::{Failure, Outcome, answer};
use crate::context::Context;
use crate::glob_paths::anything_matches;
use crate::process::Process;
use crate::python_text::os_error;

pub(super) fn run(context: &mut Context) -> Outcome {
    let directory = context.args.text("chdir").map(PathBuf::from);
    let exists = |pattern: &str| anything_matches(pattern, directory.as_deref());
    if let Some(creates) = context.args.text("creates").filter(|path| exists(path)) {
        let message = format!("{creates} exists, matching creates option");
        return Ok(answer!({"skipped": true, "msg": message}));
    }
    if let Some(removes) = context.args.text("removes").filter(|path| !exists(path)) {
        let message = format!("{removes} does not exist, matching removes option");
        return Ok(answer!({"skipped": true, "msg": message}));
    }
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
    let words = shlex::split(command).ok_or_else(|| {
        Failure::new(format!(
            "the script's arguments have an open quotation: {command}"
        ))
    })?;
    let source = context
        .file("src")
        .ok_or_else(|| Failure::new("the script's content was not sent to the agent"))?;
    let work = tempfile::Builder::new()
        .prefix("script-")
        .tempdir_in(&context.temporary)
        .map_err(|error| Failure::io("making a directory for the script", &error))?;
    let name = context.args.text("_original_basename").unwrap_or("script");
    let script = work.path().join(
        std::path::Path::new(name)
            .file_name()
            .unwrap_or("script".as_ref()),
    );
    std::fs::copy(source, &script)
        .and_then(|_| std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o700)))
        .map_err(|error| Failure::io(format!("writing the script to {}", script.display()), &error))?;

    let mut process = match context.args.text("executable").and_then(shlex::split) {
        Some(interpreter) if !interpreter.is_empty() => Process::new(context, &interpreter[0])
            .args(&interpreter[1..])
            .arg(&script),
        _ => Process::new(context, &script),
    };
    process = process.args(words.iter().skip(1));
    if let Some(directory) = &directory {
        directory.read_dir().map_err(|error| {
            Failure::new(format!(
                "cannot change to {}: {}",
                directory.display(),
                os_error(&error)
            ))
        })?;
        process = process.directory(directory);
    }
    let output = process.run()?;
    let answer = answer!({
        "changed": true, "rc": output.code, "stdout": output.stdout, "stderr": output.stderr,
    });
    if output.code == 0 {
        Ok(answer)
    } else {
        Err(Failure::new("non-zero return code").with_all(answer))
    }
}
