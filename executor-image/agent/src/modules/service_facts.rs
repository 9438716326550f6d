//! `ansible.builtin.service_facts`: the services of this host as facts, of systemd and of scripts in `/etc/init.d`.

use serde_json::{Map, Value, json};

use super::systemd_service::is_running_here;
use crate::answer::{Outcome, answer};
use crate::context::Context;
use crate::process::{Process, find_program};

/// Services by name.
type Services = Map<String, Value>;

/// What `list-units` says of units that cannot run; it counts more than what their unit files say.
const BAD_STATES: [&str; 3] = ["not-found", "masked", "failed"];

pub(super) fn run(context: &mut Context) -> Outcome {
    let mut services = Services::new();
    if find_program("service".as_ref(), &context.environment).is_some() {
        let output = Process::tool(context, "service").arg("--status-all").run()?;
        scripts(&output.stdout, &mut services);
    }
    if is_running_here() && find_program("systemctl".as_ref(), &context.environment).is_some() {
        units(context, &mut services)?;
    }
    if services.is_empty() {
        return Ok(answer!({
            "skipped": true,
            "msg": "Failed to find any services. This can be due to privileges or some other configuration issue.",
        }));
    }
    Ok(answer!({"ansible_facts": {"services": services}}))
}

/// Lines of `service --status-all`: ` [ + ]  ssh`.
fn scripts(text: &str, services: &mut Services) {
    for line in text.lines() {
        let line = line.trim_start();
        let (state, name) = if let Some(name) = line.strip_prefix("[ + ]") {
            ("running", name)
        } else if let Some(name) = line.strip_prefix("[ - ]") {
            ("stopped", name)
        } else {
            continue;
        };
        let name = name.trim();
        services.insert(
            name.to_owned(),
            json!({"name": name, "state": state, "source": "sysv"}),
        );
    }
}

fn units(context: &Context, services: &mut Services) -> Result<(), crate::answer::Failure> {
    let list = |what: &str| {
        Process::tool(context, "systemctl")
            .args([what, "--no-pager", "--type", "service", "--all"])
            .args((what == "list-units").then_some("--plain"))
            .run()
    };
    for line in list("list-units")?.stdout.lines() {
        if let Some((name, state, status)) = loaded_unit(line) {
            services.insert(
                name.to_owned(),
                json!({"name": name, "state": state, "status": status, "source": "systemd"}),
            );
        }
    }
    for line in list("list-unit-files")?.stdout.lines() {
        let mut fields = line.split_whitespace();
        let (Some(name), Some(status)) = (fields.next(), fields.next()) else {
            continue;
        };
        if !name.contains(".service") {
            continue;
        }
        if let Some(known) = services.get_mut(name) {
            let is_bad = known["status"]
                .as_str()
                .is_some_and(|status| BAD_STATES.contains(&status));
            if !is_bad {
                known["status"] = status.into();
            }
            continue;
        }
        let shown = Process::tool(context, "systemctl")
            .args(["show", name, "--property=ActiveState"])
            .run()?;
        let state = match shown.stdout.trim().strip_prefix("ActiveState=") {
            Some(state) if shown.code == 0 && !state.is_empty() => state.to_owned(),
            _ => "unknown".to_owned(),
        };
        services.insert(
            name.to_owned(),
            json!({"name": name, "state": state, "status": status, "source": "systemd"}),
        );
    }
    Ok(())
}

/// Name, state and status of a line of `list-units`: `ssh.service loaded active running OpenBSD Secure Shell server`.
fn loaded_unit(line: &str) -> Option<(&str, &'static str, &'static str)> {
    let fields: Vec<&str> = line
        .split_whitespace()
        .skip_while(|field| *field == "●" || *field == "*")
        .collect();
    let name = fields.first().filter(|name| name.ends_with(".service"))?;
    let bad = BAD_STATES.into_iter().find(|bad| fields.contains(bad));
    let state = if fields.get(3) == Some(&"running") {
        "running"
    } else {
        "stopped"
    };
    Some((name, state, bad.unwrap_or("unknown")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_a_loaded_unit_says_its_state() {
        for (line, expected) in [
            (
                "ssh.service loaded active running OpenBSD Secure Shell server",
                Some(("ssh.service", "running", "unknown")),
            ),
            (
                "● x.service not-found inactive dead x.service",
                Some(("x.service", "stopped", "not-found")),
            ),
            ("a.socket loaded active listening A", None),
            ("LOAD = Reflects whether the unit definition was loaded.", None),
        ] {
            assert_eq!(loaded_unit(line), expected, "{line}");
        }
    }

    #[test]
    fn a_script_runs_or_does_not_or_cannot_tell() {
        let mut services = Services::new();
        scripts(" [ + ]  ssh\n [ - ]  dbus\n [ ? ]  hwclock.sh\n", &mut services);
        assert_eq!(services["ssh"]["state"], "running");
        assert_eq!(services["dbus"]["state"], "stopped");
        assert!(!services.contains_key("hwclock.sh"));
    }
}
