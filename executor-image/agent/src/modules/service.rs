//! `ansible.builtin.service`: services of whatever manages them here, systemd or scripts in `/etc/init.d`.

use std::path::Path;
use std::time::Duration;

use slipway_protocol::spec::{self, ModuleSpec};

use super::{systemd_service, sysvinit};
use crate::answer::{Failure, Outcome, answer};
use crate::context::Context;
use crate::init_scripts;
use crate::process::{Output, Process};

/// Parameters that systemd has no use for.
const NOT_OF_SYSTEMD: [&str; 4] = ["pattern", "runlevel", "sleep", "arguments"];

/// Parameters that the module `sysvinit` does not have.
const NOT_OF_SYSVINIT: &[&str] = &["use", "runlevel"];

pub(super) fn run(context: &mut Context) -> Outcome {
    let manager = context.args.required("use").to_owned();
    let manager = manager.rsplit('.').next().unwrap_or_default();
    match manager {
        "auto" if systemd_service::is_running_here() => run_systemd(context),
        "systemd" | "systemd_service" => run_systemd(context),
        "sysvinit" => {
            context.args =
                context
                    .args
                    .handed_on(known("sysvinit")?, NOT_OF_SYSVINIT, &context.environment)?;
            sysvinit::run(context)
        }
        "auto" | "service" => run_scripts(context),
        other => Err(Failure::new(format!(
            "services of {other} are not supported, those of systemd and of scripts in /etc/init.d are"
        ))),
    }
}

fn check_arguments(context: &Context) -> Result<(), Failure> {
    if context.args.value("state").is_none() && context.args.value("enabled").is_none() {
        return Err(Failure::new("one of the following is required: state, enabled"));
    }
    Ok(())
}

fn run_systemd(context: &mut Context) -> Outcome {
    for parameter in NOT_OF_SYSTEMD {
        let is_default = match parameter {
            "runlevel" => context.args.text(parameter) == Some("default"),
            "arguments" => context.args.text(parameter) == Some(""),
            _ => context.args.value(parameter).is_none(),
        };
        if !is_default {
            context.warn(format!(
                "Ignoring \"{parameter}\" as it is not used in \"ansible.legacy.systemd\""
            ));
        }
    }
    if !Path::new("/run/systemd/system").is_dir() && !context.check {
        return Err(Failure::new("this host does not run systemd"));
    }
    let systemd = known("systemd_service")?;
    let dropped = [NOT_OF_SYSTEMD.as_slice(), &["use"]].concat();
    context.args = context.args.handed_on(systemd, &dropped, &context.environment)?;
    systemd_service::run(context)
}

fn known(name: &str) -> Result<&'static ModuleSpec, Failure> {
    spec::find(name).ok_or_else(|| Failure::new(format!("the module {name} is not known")))
}

fn run_scripts(context: &mut Context) -> Outcome {
    context.args.are_of(known("service")?)?;
    check_arguments(context)?;
    let name = context.args.required("name").to_owned();
    if init_scripts::script(&name).is_none() {
        return Err(Failure::new(format!(
            "Could not find the requested service {name}: host"
        )));
    }
    let mut changed = false;
    let mut answer = answer!({"name": name});
    if let Some(enabled) = context.args.optional_flag("enabled") {
        answer.insert("enabled".to_owned(), enabled.into());
        if init_scripts::starts_in(&name, None) != enabled {
            changed = true;
            if !context.check {
                init_scripts::set_enabled(context, &name, enabled, &[])?;
            }
        }
    }
    if let Some(state) = context.args.text("state") {
        let reached = if state == "stopped" { "stopped" } else { "started" };
        answer.insert("state".to_owned(), reached.into());
        let verbs = verbs(state, is_running(context, &name)?);
        if !verbs.is_empty() && context.check {
            return Ok(answer!({"changed": true, "msg": "service state changed"}));
        }
        changed |= !verbs.is_empty();
        if !context.check {
            carry_out(context, &name, verbs)?;
        }
    }
    answer.insert("changed".to_owned(), changed.into());
    Ok(answer)
}

fn call(context: &Context, name: &str, verb: &str) -> Result<Output, Failure> {
    let arguments = context.args.text("arguments").unwrap_or_default();
    Process::tool(context, "service")
        .args([name, verb])
        .args(shlex::split(arguments).unwrap_or_default())
        .run()
}

fn is_running(context: &Context, name: &str) -> Result<bool, Failure> {
    if let Some(pattern) = context.args.text("pattern") {
        return Ok(init_scripts::is_process(pattern));
    }
    let output = call(context, name, "status")?;
    if output.code != 0 {
        return Ok(false);
    }
    // Scripts that always end well say that nothing runs.
    let said = output.stdout.to_ascii_lowercase();
    Ok(!["not running", "is stopped", "stopped"]
        .iter()
        .any(|words| said.contains(words)))
}

/// What leads to the state.
fn verbs(state: &str, running: bool) -> &'static [&'static str] {
    match (state, running) {
        ("started" | "restarted" | "reloaded", false) => &["start"],
        ("stopped", true) => &["stop"],
        ("restarted", true) => &["stop", "start"],
        ("reloaded", true) => &["reload"],
        _ => &[],
    }
}

fn carry_out(context: &Context, name: &str, verbs: &[&str]) -> Result<(), Failure> {
    let pause = context.args.count("sleep").unwrap_or(0);
    for (index, verb) in verbs.iter().enumerate() {
        if index > 0 {
            context.control.sleep(Duration::from_secs(pause));
        }
        let output = call(context, name, verb)?;
        if output.code != 0 {
            let message = if output.stderr.is_empty() {
                output.stdout
            } else {
                output.stderr
            };
            return Err(Failure::new(message));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_reached_by_what_scripts_understand() {
        for (state, running, expected) in [
            ("started", true, &[][..]),
            ("started", false, &["start"]),
            ("restarted", true, &["stop", "start"]),
            ("restarted", false, &["start"]),
            ("reloaded", true, &["reload"]),
            ("stopped", false, &[]),
        ] {
            assert_eq!(verbs(state, running), expected, "{state} {running}");
        }
    }
}
