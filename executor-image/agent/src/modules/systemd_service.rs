//! `ansible.builtin.systemd_service`: units of systemd.

use std::path::Path;

use serde_json::{Map, Value};

use crate::answer::{Failure, Outcome, answer};
use crate::context::Context;
use crate::init_scripts;
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
    let mut warnings = Vec::new();
    let systemd = Systemd {
        context,
        name: name.clone().unwrap_or_default(),
    };
    let outcome = systemd.reload_manager(&mut warnings).and_then(|()| match &name {
        Some(name) => systemd.apply(name, &mut warnings),
        None => Ok(answer!({"name": null, "changed": false, "status": {}})),
    });
    context.warnings.append(&mut warnings);
    outcome
}

/// Whether systemd manages this host.
pub(super) fn is_running_here() -> bool {
    Path::new("/run/systemd/system").is_dir()
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

    fn reload_manager(&self, warnings: &mut Vec<String>) -> Result<(), Failure> {
        for (parameter, verb) in [
            ("daemon_reload", "daemon-reload"),
            ("daemon_reexec", "daemon-reexec"),
        ] {
            if !self.context.args.flag(parameter) || self.context.check {
                continue;
            }
            let output = self.systemctl([verb])?;
            if output.code == 0 {
                continue;
            }
            if !self.is_offline() {
                return Err(Failure::new(format!(
                    "failure {} during {verb}: {}",
                    output.code, output.stderr
                )));
            }
            warnings.push(format!(
                "{verb} failed, but target is a chroot or systemd is offline. Continuing. Error was: {} / {}",
                output.code, output.stderr
            ));
        }
        Ok(())
    }

    /// Whether no systemd runs here: a chroot, a container without one.
    fn is_offline(&self) -> bool {
        self.systemctl(["is-system-running"])
            .is_ok_and(|output| output.stdout.trim() == "offline")
    }

    fn apply(&self, name: &str, warnings: &mut Vec<String>) -> Outcome {
        let unit = &self.name;
        let shown = self.systemctl(["show", unit])?;
        let was_ignored = [&shown.stdout, &shown.stderr]
            .iter()
            .any(|text| text.contains('=') && text.contains("ignoring request"));
        let mut status = Map::new();
        let mut is_unit = false;
        if shown.code == 0 && !was_ignored {
            status = parse_status(&shown.stdout);
            let load_state = text_of(&status, "LoadState");
            is_unit = !load_state.is_empty() && load_state != "not-found";
            if let Some(error) = status.get("LoadError").and_then(Value::as_str)
                && is_unit
                && load_state != "masked"
            {
                return Err(Failure::new(format!("Error loading unit file '{unit}': {error}")));
            }
        } else if self.is_known(unit)? {
            is_unit = true;
        }
        let is_script = init_scripts::script(unit).is_some();
        if is_script && !is_unit {
            warnings.push(format!(
                "The service ({unit}) is actually an init script but the system is managed by systemd"
            ));
        }
        let active_state = status
            .get("ActiveState")
            .and_then(Value::as_str)
            .map(str::to_owned);
        let mut answer = answer!({"name": name, "changed": false, "status": status});
        let must_be_there = || {
            if is_unit || is_script {
                Ok(())
            } else {
                Err(Failure::new(format!(
                    "Could not find the requested service {unit}: host"
                )))
            }
        };
        let mut changed = self.mask(unit, must_be_there)?;
        if let Some(enabled) = self.context.args.optional_flag("enabled") {
            must_be_there()?;
            changed |= self.enable(unit, enabled, is_script)?;
            answer.insert("enabled".to_owned(), enabled.into());
        }
        if let Some(state) = self.context.args.text("state") {
            must_be_there()?;
            let reached = if state == "stopped" { "stopped" } else { "started" };
            answer.insert("state".to_owned(), reached.into());
            match active_state {
                Some(active_state) => changed |= self.reach(unit, state, &active_state)?,
                None if self.is_offline() => warnings.push(
                    "Target is a chroot or systemd is offline. This can lead to false positives or prevent the init system tools \
                     from working."
                        .to_owned(),
                ),
                None => {
                    return Err(Failure::new("Service is in unknown state").with("status", answer["status"].clone()));
                }
            }
        }
        answer.insert("changed".to_owned(), changed.into());
        Ok(answer)
    }

    /// Whether systemd knows a unit that it does not show, as in a chroot.
    fn is_known(&self, unit: &str) -> Result<bool, Failure> {
        let state = self.systemctl(["is-enabled", unit])?;
        if UNIT_FILE_STATES.contains(&state.stdout.trim()) {
            return Ok(true);
        }
        let listed = self.systemctl(["list-unit-files", unit])?;
        if listed.code == 0 {
            return Ok(true);
        }
        Err(Failure::new(listed.stderr.clone())
            .with("rc", listed.code)
            .with("stdout", listed.stdout)
            .with("stderr", listed.stderr))
    }

    fn mask(&self, unit: &str, must_be_there: impl Fn() -> Result<(), Failure>) -> Result<bool, Failure> {
        let Some(wanted) = self.context.args.optional_flag("masked") else {
            return Ok(false);
        };
        let state = self.systemctl(["is-enabled", unit])?;
        if (state.stdout.trim() == "masked") == wanted {
            return Ok(false);
        }
        if !self.context.check {
            let verb = if wanted { "mask" } else { "unmask" };
            let output = self.systemctl([verb, unit])?;
            if output.code != 0 {
                // Units that are not there can be masked too, by most versions.
                must_be_there()?;
                return Err(Failure::new(format!(
                    "Failed to {verb} the service ({unit}): {}",
                    output.stderr.trim()
                )));
            }
        }
        Ok(true)
    }

    fn enable(&self, unit: &str, wanted: bool, is_script: bool) -> Result<bool, Failure> {
        let state = self.systemctl(["is-enabled", unit, "-l"])?;
        let said = state.stdout.trim();
        let enabled = match state.code {
            0 => !matches!(said, "indirect" | "alias"),
            // A script may be started by links that systemd does not know.
            1 => {
                self.context.args.required("scope") == "system"
                    && is_script
                    && !said.ends_with("disabled")
                    && init_scripts::starts_in(unit, None)
            }
            _ => false,
        };
        if enabled == wanted {
            return Ok(false);
        }
        if !self.context.check {
            let verb = if wanted { "enable" } else { "disable" };
            let output = self.systemctl([verb, unit])?;
            if output.code != 0 {
                return Err(Failure::new(format!(
                    "Unable to {verb} service {unit}: {}{}",
                    output.stdout, output.stderr
                )));
            }
        }
        Ok(true)
    }

    fn reach(&self, unit: &str, state: &str, active_state: &str) -> Result<bool, Failure> {
        let Some(verb) = action(state, active_state) else {
            return Ok(false);
        };
        if !self.context.check {
            let output = self.systemctl([verb, unit])?;
            if output.code != 0 {
                return Err(Failure::new(format!(
                    "Unable to {verb} service {unit}: {}",
                    output.stderr
                )));
            }
        }
        Ok(true)
    }
}

/// What `is-enabled` says of units that there are.
const UNIT_FILE_STATES: [&str; 11] = [
    "enabled",
    "enabled-runtime",
    "linked",
    "linked-runtime",
    "masked",
    "masked-runtime",
    "static",
    "indirect",
    "disabled",
    "generated",
    "transient",
];

fn text_of(status: &Map<String, Value>, key: &str) -> String {
    status
        .get(key)
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned()
}

/// The verb that leads from this active state to the wanted state.
fn action(wanted: &str, active_state: &str) -> Option<&'static str> {
    let running = matches!(active_state, "active" | "activating");
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
