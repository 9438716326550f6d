//! git as the call wants it run: its program, its mask of new files' modes, how it uses ssh.

use std::path::Path;

use serde_json::Value;

use crate::answer::Failure;
use crate::context::Context;
use crate::process::{Output, Process, require_program};
use crate::python_text::display;

/// The program, ready to be run.
pub(super) struct Git<'a> {
    context: &'a Context,
    program: String,
    umask: Option<String>,
    ssh: String,
}

impl<'a> Git<'a> {
    pub(super) fn new(context: &'a Context) -> Result<Self, Failure> {
        let program = match context.args.text("executable") {
            Some(program) => program.to_owned(),
            None => require_program(context, "git")?.to_string_lossy().into_owned(),
        };
        Ok(Self {
            context,
            program,
            umask: umask(context.args.value("umask"))?,
            ssh: ssh_command(context),
        })
    }

    /// Runs git and returns what it says, whatever that is.
    pub(super) fn run(&self, directory: Option<&Path>, arguments: &[&str]) -> Result<Output, Failure> {
        let process = match &self.umask {
            // A mask holds for a whole process: a shell of its own sets it, so that other calls keep theirs.
            Some(mask) => Process::tool(self.context, "sh").args([
                "-c",
                "umask \"$0\" && exec \"$@\"",
                mask,
                &self.program,
            ]),
            None => Process::tool(self.context, &self.program),
        };
        let process = process
            .environment("GIT_TERMINAL_PROMPT", "0")
            .environment("GIT_SSH_COMMAND", &self.ssh)
            .args(arguments);
        match directory {
            Some(directory) => process.directory(directory).run(),
            None => process.run(),
        }
    }

    /// Runs git and returns what it printed.
    ///
    /// # Errors
    /// When it does not exit 0; the message is what it complained of.
    pub(super) fn read(&self, directory: Option<&Path>, arguments: &[&str]) -> Result<String, Failure> {
        let output = self.run(directory, arguments)?;
        if output.code == 0 {
            return Ok(output.stdout);
        }
        Err(self.failure(arguments, output))
    }

    /// A command, word by word.
    pub(super) fn command(&self, arguments: &[&str]) -> Vec<String> {
        std::iter::once(self.program.as_str())
            .chain(arguments.iter().copied())
            .map(str::to_owned)
            .collect()
    }

    /// The failure of a command.
    pub(super) fn failure(&self, arguments: &[&str], output: Output) -> Failure {
        let command = self.command(arguments);
        let command = shlex::try_join(command.iter().map(String::as_str)).unwrap_or_default();
        Failure::new(output.stderr.trim_end())
            .with("cmd", command)
            .with("rc", output.code)
            .with("stdout", output.stdout)
            .with("stderr", output.stderr)
    }
}

/// The mask as a shell takes it: text is octal, as a mode's is.
fn umask(value: Option<&Value>) -> Result<Option<String>, Failure> {
    let Some(value) = value else { return Ok(None) };
    match value {
        Value::Number(number) => Ok(number.as_u64().map(|mask| format!("{mask:04o}"))),
        other => {
            let text = display(other);
            match u32::from_str_radix(&text, 8) {
                Ok(mask) => Ok(Some(format!("{mask:04o}"))),
                Err(_) => Err(Failure::new("umask must be an octal integer").with("details", text)),
            }
        }
    }
}

/// ssh with what the call asks of it. It never asks questions, because nobody is there to answer.
fn ssh_command(context: &Context) -> String {
    let args = &context.args;
    let mut command = context
        .variable("GIT_SSH_COMMAND")
        .or_else(|| {
            let program = context.variable("GIT_SSH")?;
            shlex::try_quote(&program).ok().map(std::borrow::Cow::into_owned)
        })
        .unwrap_or_else(|| "ssh".to_owned());
    let asked = args.text("ssh_opts").unwrap_or_default();
    let mut add = |option: &str| {
        if !command.contains(option) {
            command.push(' ');
            command.push_str(option);
        }
    };
    if !asked.is_empty() {
        add(asked);
    }
    if args.flag("accept_hostkey") {
        add("-o StrictHostKeyChecking=no");
    }
    if args.flag("accept_newhostkey") {
        add("-o StrictHostKeyChecking=accept-new");
    }
    if let Some(key) = args.text("key_file") {
        let quoted = shlex::try_quote(key).map_or_else(|_| key.to_owned(), std::borrow::Cow::into_owned);
        add(&format!("-i {quoted}"));
        add("-o IdentitiesOnly=yes");
    }
    add("-o BatchMode=yes");
    command
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_mask_is_octal_as_text_and_itself_as_a_number() {
        for (value, mask) in [(json!("022"), "0022"), (json!("77"), "0077"), (json!(18), "0022")] {
            assert_eq!(umask(Some(&value)).unwrap().as_deref(), Some(mask));
        }
        assert_eq!(umask(None).unwrap(), None);
        assert!(umask(Some(&json!("rwx"))).is_err());
    }
}
