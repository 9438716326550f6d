//! `ansible.builtin.command`: runs a program without a shell.

use serde_json::Value;

use super::shell::{Invocation, Prepared, prepare, run_prepared};
use crate::answer::{Failure, Outcome};
use crate::arguments::expand_path;
use crate::context::Context;

pub(super) fn run(context: &mut Context) -> Outcome {
    if let Some(executable) = context.args.text("executable") {
        let warning = format!(
            "As of Ansible 2.4, the parameter 'executable' is no longer supported with the 'command' module. Not using '{executable}'."
        );
        context.warn(warning);
    }
    let raw = context
        .args
        .text("_raw_params")
        .or_else(|| context.args.text("cmd"))
        .unwrap_or_default()
        .to_owned();
    let argv = context.args.list("argv");
    let no_command = |message: &str| Err(Failure::new(message).with_all(Prepared::empty()).with("rc", 256));
    if raw.trim().is_empty() && argv.is_empty() {
        return no_command("no command given");
    }
    if !raw.is_empty() && !argv.is_empty() {
        return no_command("only command or argv can be given, not both");
    }
    let words = if argv.is_empty() {
        shlex::split(&raw).ok_or_else(|| Failure::new(format!("the command has an open quotation: {raw}")))?
    } else {
        argv
    };
    let shown = Value::from(words.clone());
    let words = if context.args.flag("expand_argument_vars") {
        words
            .iter()
            .map(|word| expand_path(word, &context.environment))
            .collect()
    } else {
        words
    };
    match prepare(context, shown)? {
        Prepared::Answered(answer) => Ok(answer),
        Prepared::Ready(shown) => run_prepared(
            context,
            shown,
            &Invocation {
                words,
                shell_command: None,
            },
        ),
    }
}
