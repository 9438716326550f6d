//! `ansible.posix.seboolean`: switches of the SELinux policy.

use crate::answer::{Failure, Outcome, answer};
use crate::context::Context;
use crate::process::{Process, require_program};
use crate::selinux;

pub(super) fn run(context: &mut Context) -> Outcome {
    let args = &context.args;
    let (name, wanted) = (args.required("name").to_owned(), args.flag("state"));
    let persistent = args.flag("persistent");
    if !selinux::is_enabled() && !args.flag("ignore_selinux_state") {
        return Err(Failure::new("SELinux is disabled on this host."));
    }
    require_program(context, "getsebool")?;
    require_program(context, "setsebool")?;
    let shown = Process::tool(context, "getsebool").arg(&name).run()?;
    // `name --> on`; nothing of this when the policy does not know the name.
    let now = shown
        .stdout
        .split_once("-->")
        .and_then(|(_, state)| state.split_whitespace().next().map(|state| state == "on"));
    let Some(now) = now.filter(|_| shown.code == 0) else {
        return Err(Failure::new(format!("SELinux boolean {name} does not exist.")));
    };
    let kept = if persistent {
        kept_value(context, &name)?
    } else {
        None
    };
    let changed = now != wanted || kept.is_some_and(|kept| kept != wanted);
    if changed && !context.check {
        let output = Process::tool(context, "setsebool")
            .args(persistent.then_some("-P"))
            .args([name.as_str(), if wanted { "on" } else { "off" }])
            .run()?;
        if output.code != 0 {
            return Err(Failure::new(format!(
                "Failed to set boolean {name} to {wanted}: {}",
                output.stderr.trim()
            )));
        }
    }
    Ok(answer!({"changed": changed, "name": name, "persistent": persistent, "state": wanted}))
}

/// What the boolean will be after a restart: the line `name (on , off) text` of `semanage`. Unknown without that program.
fn kept_value(context: &Context, name: &str) -> Result<Option<bool>, Failure> {
    if require_program(context, "semanage").is_err() {
        return Ok(None);
    }
    let output = Process::tool(context, "semanage")
        .args(["boolean", "--list"])
        .run()?;
    Ok(output.stdout.lines().find_map(|line| {
        let rest = line.strip_prefix(name)?.trim_start().strip_prefix('(')?;
        let (_, kept) = rest.split_once(',')?;
        let kept = kept.split(')').next()?.trim();
        Some(kept == "on")
    }))
}
