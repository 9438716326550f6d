//! `ansible.builtin.sysvinit`: services that are scripts in `/etc/init.d`.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use crate::answer::{Failure, Outcome, answer};
use crate::context::Context;
use crate::init_scripts;
use crate::process::{Output, Process};

pub(super) fn run(context: &mut Context) -> Outcome {
    let args = &context.args;
    let name = args.required("name").to_owned();
    let enabled = args.optional_flag("enabled");
    let state = args.text("state").map(str::to_owned);
    if enabled.is_none() && state.is_none() {
        return Err(Failure::new("one of the following is required: state, enabled"));
    }
    let script = init_scripts::script(&name)
        .ok_or_else(|| Failure::new(format!("Could not find the requested service {name}: ")))?;
    let mut warnings = Vec::new();
    let mut changed = false;
    let mut answer = answer!({"name": name, "changed": false, "status": {"enabled": {"changed": false}}});
    if let Some(enabled) = enabled {
        let levels = args.list("runlevels");
        let changes = init_scripts::is_enabled(&name, &levels) != enabled;
        changed |= changes;
        if changes {
            answer["status"]["enabled"]["changed"] = true.into();
            let output = if context.check {
                None
            } else {
                Some(init_scripts::set_enabled(context, &name, enabled, &levels)?)
            };
            if !levels.is_empty() {
                answer["status"]["enabled"]["runlevels"] = levels.into();
            }
            if let Some(output) = output {
                answer["status"]["enabled"]["rc"] = output.code.into();
                answer["status"]["enabled"]["stdout"] = output.stdout.into();
                answer["status"]["enabled"]["stderr"] = output.stderr.into();
            }
        }
    }
    if let Some(state) = state {
        let service = Service {
            context,
            script: &script,
        };
        let mut did = json!({"changed": false, "rc": null, "stdout": null, "stderr": null});
        let verbs = service.verbs(&state)?;
        if context
            .args
            .text("pattern")
            .is_some_and(|pattern| !init_scripts::is_process(pattern))
        {
            warnings.push("Unable to determine if service is up, assuming it is down".to_owned());
        }
        if !verbs.is_empty() {
            changed = true;
            did["changed"] = true.into();
            if !context.check {
                service.carry_out(&name, &verbs, &mut did)?;
            }
        }
        answer["status"][&state] = did;
    } else {
        // What Ansible makes of a state that is not given.
        answer["status"]["null"] = json!({"changed": false});
    }
    answer.insert("changed".to_owned(), changed.into());
    context.warnings.append(&mut warnings);
    Ok(answer)
}

struct Service<'a> {
    context: &'a Context,
    script: &'a Path,
}

impl Service<'_> {
    fn call(&self, verb: &str) -> Result<Output, Failure> {
        let arguments = self.context.args.text("arguments").unwrap_or_default();
        Process::tool(self.context, &self.script.to_string_lossy())
            .arg(verb)
            .args(shlex::split(arguments).unwrap_or_default())
            .run()
    }

    fn is_started(&self) -> Result<bool, Failure> {
        match self.context.args.text("pattern") {
            Some(pattern) => Ok(init_scripts::is_process(pattern)),
            None => Ok(self.call("status")?.code == 0),
        }
    }

    /// What leads to the state.
    fn verbs(&self, state: &str) -> Result<Vec<&'static str>, Failure> {
        let started = self.is_started()?;
        Ok(match state {
            "started" if !started => vec!["start"],
            "stopped" if started => vec!["stop"],
            "restarted" if started => vec!["stop", "start"],
            "reloaded" if started => vec!["reload"],
            "restarted" | "reloaded" => vec!["start"],
            _ => Vec::new(),
        })
    }

    fn carry_out(&self, name: &str, verbs: &[&'static str], did: &mut Value) -> Result<(), Failure> {
        let pause = self.context.args.count("sleep").unwrap_or(1);
        for (index, verb) in verbs.iter().enumerate() {
            if index > 0 {
                self.context.control.sleep(Duration::from_secs(pause));
            }
            let output = self.call(verb)?;
            *did = json!({
                "changed": true, "rc": output.code, "stdout": output.stdout, "stderr": output.stderr,
            });
            if output.code != 0 {
                return Err(Failure::new(format!("Failed to {verb} service: {name}"))
                    .with("rc", output.code)
                    .with("stdout", output.stdout)
                    .with("stderr", output.stderr));
            }
        }
        Ok(())
    }
}
