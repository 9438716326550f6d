//! `ansible.builtin.dpkg_selections`: what dpkg is told to do with a package when it is asked to act on its own.

use crate::answer::{Failure, Outcome, answer};
use crate::context::Context;
use crate::process::Process;

pub(super) fn run(context: &mut Context) -> Outcome {
    let name = context.args.required("name");
    let wanted = context.args.required("selection");
    let output = Process::tool(context, "dpkg")
        .args(["--get-selections", name])
        .run()?;
    let Some(current) = output
        .stdout
        .lines()
        .find_map(|line| line.split_whitespace().nth(1))
    else {
        return Err(Failure::new(format!(
            "Failed to find package '{name}' to perform selection '{wanted}'."
        )));
    };
    let changed = current != wanted;
    if changed && !context.check {
        let output = Process::tool(context, "dpkg")
            .arg("--set-selections")
            .input(format!("{name} {wanted}"))
            .run()?;
        if output.code != 0 {
            return Err(Failure::new(output.stderr.trim_end())
                .with("cmd", "dpkg --set-selections")
                .with("rc", output.code)
                .with("stdout", output.stdout)
                .with("stderr", output.stderr));
        }
    }
    Ok(answer!({"changed": changed, "before": current, "after": wanted}))
}
