//! `ansible.builtin.ping`: answers.

use crate::answer::{Failure, Outcome, answer};
use crate::context::Context;

pub(super) fn run(context: &mut Context) -> Outcome {
    let data = context.args.required("data");
    if data == "crash" {
        return Err(Failure::new("boom"));
    }
    Ok(answer!({"ping": data}))
}
