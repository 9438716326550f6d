//! `ansible.builtin.group`: groups of users.

use crate::accounts::{Group, group_by_name};
use crate::answer::{Answer, Failure, Outcome, answer};
use crate::context::Context;
use crate::process::{Output, Process};

pub(super) fn run(context: &mut Context) -> Outcome {
    let args = &context.args;
    let name = args.required("name").to_owned();
    let state = args.required("state").to_owned();
    let gid = args.integer("gid");
    if args.flag("non_unique") && gid.is_none() {
        return Err(Failure::new(
            "non_unique is True but all of the following are missing: gid",
        ));
    }
    let answer = answer!({"name": name, "state": state});
    let existing = group_by_name(&name);
    if state == "absent" {
        if existing.is_none() {
            return Ok(with(answer, false, None));
        }
        if context.check {
            return Ok(answer!({"changed": true}));
        }
        let mut process = program(context, "groupdel");
        if args.flag("force") {
            process = process.arg("--force");
        }
        let output = check(process.arg(&name).run()?, &name)?;
        return Ok(with(answer, true, Some(output)));
    }
    let output = match &existing {
        Some(group) => modify(context, group, gid)?,
        None if context.check => return Ok(answer!({"changed": true})),
        None => Some(create(context, &name, gid)?),
    };
    let mut answer = with(answer, output.is_some(), output);
    answer.insert("system".to_owned(), args.flag("system").into());
    if let Some(group) = group_by_name(&name) {
        answer.insert("gid".to_owned(), group.gid.into());
    }
    Ok(answer)
}

/// The program of an action: with `local` that of libuser, which leaves groups of the network alone.
fn program(context: &Context, name: &'static str) -> Process {
    if context.args.flag("local") {
        Process::tool(context, &format!("l{name}"))
    } else {
        Process::tool(context, name)
    }
}

fn create(context: &Context, name: &str, gid: Option<i64>) -> Result<Output, Failure> {
    let args = &context.args;
    let mut process = program(context, "groupadd");
    if let Some(gid) = gid {
        process = process.arg("-g").arg(gid.to_string());
        if args.flag("non_unique") {
            process = process.arg("-o");
        }
    }
    if args.flag("system") {
        process = process.arg("-r");
    }
    for (parameter, key) in [("gid_min", "GID_MIN"), ("gid_max", "GID_MAX")] {
        if let Some(number) = args.integer(parameter) {
            process = process.arg("-K").arg(format!("{key}={number}"));
        }
    }
    check(process.arg(name).run()?, name)
}

fn modify(context: &Context, group: &Group, gid: Option<i64>) -> Result<Option<Output>, Failure> {
    let Some(gid) = gid.filter(|gid| *gid != i64::from(group.gid)) else {
        return Ok(None);
    };
    if context.check {
        return Ok(Some(Output::default()));
    }
    let mut process = program(context, "groupmod").arg("-g").arg(gid.to_string());
    if context.args.flag("non_unique") {
        process = process.arg("-o");
    }
    check(process.arg(&group.name).run()?, &group.name).map(Some)
}

fn check(output: Output, name: &str) -> Result<Output, Failure> {
    if output.code == 0 {
        return Ok(output);
    }
    Err(Failure::new(output.stderr).with("name", name))
}

fn with(mut answer: Answer, changed: bool, output: Option<Output>) -> Answer {
    answer.insert("changed".to_owned(), changed.into());
    if let Some(output) = output {
        for (key, text) in [("stdout", output.stdout), ("stderr", output.stderr)] {
            if !text.is_empty() {
                answer.insert(key.to_owned(), text.into());
            }
        }
    }
    answer
}
