//! `ansible.builtin.systemd_service`: units of systemd.

use serde_json::{Map, Value};

use crate::answer::{Failure, Outcome, answer};
use crate::context::Context;
use crate::process::{Output, Process};

pub(super) fn run(context: &mut Context) -> Outcome {
    let name = context.args.text("name").map(str::to_owned);
    if let Some(name) = &name
        && let Some(pattern) = ["*", "?", "["].into_iter().find(|pattern| name.contains(pattern))
    {
        return Err(Failure::new(format!(
            "This module does not currently support using glob patterns, found '{pattern}' in service name: {name}"
        )));
    }
    if name.is_none() {
        for parameter in ["state", "enabled", "masked"] {
            if context.args.value(parameter).is_some() {
                return Err(Failure::new(format!(
                    "missing parameter(s) required by '{parameter}': name"
                )));
            }
        }
    }
    let systemd = Systemd {
        context,
        name: name.clone().unwrap_or_default(),
    };
    systemd.reload_manager()?;
    let Some(name) = name else {
        return Ok(answer!({"name": null, "changed": false, "status": {}}));
    };
    systemd.apply(&name)
}

/// systemd as one call sees it.
struct Systemd<'a> {
    context: &'a Context,
    name: String,
}

impl Systemd<'_> {
    fn systemctl<'b>(&self, arguments: impl IntoIterator<Item = &'b str>) -> Result<Output, Failure> {
        let mut process = Process::tool(self.context, "systemctl");
        match self.context.args.required("scope") {
            "system" => {}
            scope => {
                process = process.arg(format!("--{scope}"));
                if self.context.variable("XDG_RUNTIME_DIR").is_none() {
                    let directory = format!("/run/user/{}", rustix::process::geteuid().as_raw());
                    process = process.environment("XDG_RUNTIME_DIR", &directory);
                }
            }
        }
        if self.context.args.flag("no_block") {
            process = process.arg("--no-block");
        }
        if self.context.args.flag("force") {
            process = process.arg("--force");
        }
        process.args(arguments).run()
    }

    fn reload_manager(&self) -> Result<(), Failure> {
        for (parameter, verb) in [
            ("daemon_reload", "daemon-reload"),
            ("daemon_reexec", "daemon-reexec"),
        ] {
            if !self.context.args.flag(parameter) || self.context.check {
                continue;
            }
            let output = self.systemctl([verb])?;
            if output.code != 0 && !self.is_offline() {
                return Err(Failure::new(format!(
                    "failure {} during {verb}: {}",
                    output.code, output.stderr
                )));
            }
        }
        Ok(())
    }

    /// Whether no systemd runs here: a chroot, a container without one.
    fn is_offline(&self) -> bool {
        self.systemctl(["is-system-running"])
            .is_ok_and(|output| output.stdout.trim() == "offline")
    }

    fn apply(&self, name: &str) -> Outcome {
        let unit = &self.name;
        let shown = self.systemctl(["show", unit])?;
        let status = parse_status(&shown.stdout);
        let property = |key: &str| {
            status
                .get(key)
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        let offline = shown.code != 0 && self.is_offline();
        if shown.code != 0 && !offline {
            return Err(
                Failure::new(format!("Service is in unknown state: {}", shown.stderr.trim()))
                    .with("name", name)
                    .with("status", Value::Object(status)),
            );
        }
        let load_state = property("LoadState");
        let found = !load_state.is_empty() && load_state != "not-found";
        let masked_now = load_state == "masked";
        let mut changed = false;
        let mut answer = answer!({"name": name, "status": status});
        let refuse = |message: String| {
            Failure::new(message)
                .with("name", name)
                .with("status", answer["status"].clone())
        };

        if let Some(masked) = self.context.args.optional_flag("masked")
            && masked != masked_now
        {
            changed = true;
            if !self.context.check {
                let verb = if masked { "mask" } else { "unmask" };
                let output = self.systemctl([verb, unit])?;
                if output.code != 0 {
                    return Err(refuse(format!(
                        "Unable to {verb} service {unit}: {}",
                        output.stderr
                    )));
                }
            }
        }
        let enabled = self.context.args.optional_flag("enabled");
        let state = self.context.args.text("state");
        if (enabled.is_some() || state.is_some()) && !found && !self.has_unit_file(unit)? {
            return Err(refuse(format!(
                "Could not find the requested service {unit}: host"
            )));
        }
        if let Some(enabled) = enabled {
            let enabled_now = self.is_enabled(unit)?;
            answer.insert("enabled".to_owned(), enabled.into());
            if enabled != enabled_now {
                changed = true;
                if !self.context.check {
                    let verb = if enabled { "enable" } else { "disable" };
                    let output = self.systemctl([verb, unit])?;
                    if output.code != 0 {
                        let message = format!(
                            "Unable to {verb} service {unit}: {}{}",
                            output.stdout, output.stderr
                        );
                        return Err(Failure::new(message)
                            .with("name", name)
                            .with("status", answer["status"].clone()));
                    }
                }
            }
        }
        if let Some(state) = state {
            answer.insert("state".to_owned(), state.into());
            if let Some(verb) = action(state, &property("ActiveState")) {
                changed = true;
                let reached = if state == "stopped" { "stopped" } else { "started" };
                answer.insert("state".to_owned(), reached.into());
                if !self.context.check {
                    let output = self.systemctl([verb, unit])?;
                    if output.code != 0 {
                        let message = format!("Unable to {verb} service {unit}: {}", output.stderr);
                        return Err(Failure::new(message)
                            .with("name", name)
                            .with("status", answer["status"].clone()));
                    }
                    // A unit that fails at once is reported when it is asked for without waiting, too.
                    if verb != "stop" && self.is_failed(unit)? && property("ActiveState") != "failed" {
                        let message =
                            format!("Unable to {verb} service {unit}: it failed, see journalctl -u {unit}");
                        return Err(Failure::new(message)
                            .with("name", name)
                            .with("status", answer["status"].clone()));
                    }
                }
            }
        }
        answer.insert("changed".to_owned(), changed.into());
        Ok(answer)
    }

    /// Whether a unit file of this name is known, also when the unit cannot be loaded.
    fn has_unit_file(&self, unit: &str) -> Result<bool, Failure> {
        let output = self.systemctl(["list-unit-files", "--no-legend", unit])?;
        Ok(output.code == 0 && !output.stdout.trim().is_empty())
    }

    fn is_enabled(&self, unit: &str) -> Result<bool, Failure> {
        let output = self.systemctl(["is-enabled", unit])?;
        let state = output.stdout.trim();
        Ok(output.code == 0 && !matches!(state, "indirect" | "alias" | "enabled-runtime"))
    }

    fn is_failed(&self, unit: &str) -> Result<bool, Failure> {
        let output = self.systemctl(["show", "--property", "ActiveState", unit])?;
        Ok(output.stdout.trim() == "ActiveState=failed")
    }
}

/// The verb that leads from this active state to the wanted state.
fn action(wanted: &str, active_state: &str) -> Option<&'static str> {
    let running = matches!(active_state, "active" | "activating" | "reloading" | "refreshing");
    match wanted {
        "started" => (!running).then_some("start"),
        "stopped" => (running || active_state == "deactivating").then_some("stop"),
        "restarted" => Some(if running { "restart" } else { "start" }),
        "reloaded" => Some(if running { "reload" } else { "start" }),
        _ => None,
    }
}

/// The properties of `systemctl show`. A value in braces may go over several lines.
fn parse_status(text: &str) -> Map<String, Value> {
    let mut status = Map::new();
    let mut open: Option<(String, String)> = None;
    for line in text.lines() {
        if let Some((key, mut value)) = open.take() {
            value.push('\n');
            value.push_str(line);
            if line.trim_end().ends_with('}') {
                status.insert(key, value.trim().into());
            } else {
                open = Some((key, value));
            }
            continue;
        }
        let Some((key, value)) = line.split_once('=') else {
            continue;
        };
        let begins_block = key.starts_with("Exec") && value.trim_start().starts_with('{');
        if begins_block && !value.trim_end().ends_with('}') {
            open = Some((key.to_owned(), value.to_owned()));
        } else {
            status.insert(key.to_owned(), value.trim().into());
        }
    }
    status
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_reached_by_the_verb_that_systemd_needs() {
        for (wanted, active, verb) in [
            ("started", "active", None),
            ("started", "activating", None),
            ("started", "inactive", Some("start")),
            ("started", "failed", Some("start")),
            ("stopped", "active", Some("stop")),
            ("stopped", "deactivating", Some("stop")),
            ("stopped", "inactive", None),
            ("restarted", "active", Some("restart")),
            ("restarted", "inactive", Some("start")),
            ("reloaded", "active", Some("reload")),
            ("reloaded", "inactive", Some("start")),
        ] {
            assert_eq!(action(wanted, active), verb, "{wanted} from {active}");
        }
    }

    #[test]
    fn a_property_may_go_over_several_lines() {
        let status = parse_status(
            "Id=a.service\nExecStart={ path=/bin/sh ; argv[]=sh -c a\nb ; }\nActiveState=active\n",
        );
        assert_eq!(status["Id"], "a.service");
        assert_eq!(status["ExecStart"], "{ path=/bin/sh ; argv[]=sh -c a\nb ; }");
        assert_eq!(status["ActiveState"], "active");
    }
}
