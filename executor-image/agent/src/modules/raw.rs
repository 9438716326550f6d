//! `ansible.builtin.raw`: a command line given to a shell as it is.

use crate::answer::{Failure, Outcome, answer};
use crate::context::Context;
use crate::process::Process;

pub(super) fn run(context: &mut Context) -> Outcome {
    if context.check {
        return Ok(answer!({"skipped": true}));
    }
    let command = context.args.required("_raw_params");
    if command.trim().is_empty() {
        return Err(Failure::new("no command given"));
    }
    let shell = context.args.text("executable").unwrap_or("/bin/sh");
    let output = Process::new(context, shell).args(["-c", command]).run()?;
    let answer = answer!({
        "changed": true, "rc": output.code, "stdout": output.stdout, "stderr": output.stderr,
    });
    if output.code == 0 {
        Ok(answer)
    } else {
        Err(Failure::new("non-zero return code").with_all(answer))
    }
}
