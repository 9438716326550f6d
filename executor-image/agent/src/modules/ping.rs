//! `ansible.builtin.ping`: answers.

use crate::answer::{Failure, Outcome, answer};
use crate::context::Context;

pub(super) fn run(context: &mut Context) -> Outcome {
    let data = context.args.required("data");
    if data == "crash" {
        // As a program in Python that ends with an exception.
        return Err(Failure::new(
            "MODULE FAILURE: No start of json char found\nSee stdout/stderr for the exact error",
        )
        .with("module_stderr", "Exception: boom\n")
        .with("module_stdout", "")
        .with("rc", 1));
    }
    Ok(answer!({"ping": data}))
}
