//! `ansible.posix.selinux`: whether SELinux enforces, now and after a restart, and by which policy.

use std::path::Path;

use crate::answer::{Failure, Outcome, answer};
use crate::atomic_write::{Content, replace};
use crate::context::Context;
use crate::file_attributes::real_path;
use crate::process::{Process, require_program};
use crate::selinux_mode::{current_mode, set_mode, setting, with_setting};

pub(super) fn run(context: &mut Context) -> Outcome {
    let state = context.args.required("state").to_owned();
    let shown_file = context.args.required("configfile").to_owned();
    let file = real_path(Path::new(&shown_file));
    let text = std::fs::read_to_string(&file).map_err(|_| {
        Failure::new(format!(
            "Unable to find file {shown_file}; install SELinux-policy if this file is not found."
        ))
    })?;
    let policy_now = setting(&text, "SELINUXTYPE").unwrap_or_default().to_owned();
    let state_now = setting(&text, "SELINUX").unwrap_or_default().to_owned();
    let policy = match (context.args.text("policy"), state.as_str()) {
        (Some(policy), _) => policy.to_owned(),
        (None, "disabled") => policy_now.clone(),
        (None, _) => return Err(Failure::new("Policy is required if state is not 'disabled'")),
    };
    let mut plan = Plan {
        context,
        new: text.clone(),
        messages: Vec::new(),
        reboot_required: false,
    };
    if policy != policy_now {
        plan.policy(&file, &policy, &policy_now)?;
    }
    plan.running(&state)?;
    if state != state_now {
        plan.configured(&state, &state_now);
    }
    let kernel_changed = plan.kernel_parameter(&state)?;
    let changed = !plan.messages.is_empty() || kernel_changed;
    let (new, messages, reboot_required) = (plan.new, plan.messages.join(", "), plan.reboot_required);
    if new != text && !context.check {
        replace(Content::Bytes(new.as_bytes()), &file, false)?;
    }
    Ok(answer!({
        "changed": changed,
        "msg": messages,
        "configfile": shown_file,
        "policy": policy,
        "state": state,
        "reboot_required": reboot_required,
    }))
}

/// What is to be done, and what was.
struct Plan<'a> {
    context: &'a mut Context,
    /// The configuration file to be.
    new: String,
    messages: Vec<String>,
    reboot_required: bool,
}

impl Plan<'_> {
    fn policy(&mut self, file: &Path, policy: &str, before: &str) -> Result<(), Failure> {
        let beside = file.parent().unwrap_or(Path::new("/etc/selinux")).join(policy);
        if !beside.is_dir() && !self.context.check {
            return Err(Failure::new(format!(
                "Policy {policy} does not exist in {}",
                beside.parent().unwrap_or(Path::new("/")).display()
            )));
        }
        self.new = with_setting(&self.new, "SELINUXTYPE", policy);
        self.messages.push(format!(
            "SELinux policy configuration in '{}' changed from '{before}' to '{policy}'",
            file.display()
        ));
        Ok(())
    }

    /// The kernel's mode now: it can be set as long as SELinux is on; turning it off or on takes a restart.
    fn running(&mut self, state: &str) -> Result<(), Failure> {
        let now = current_mode();
        if state == now {
            return Ok(());
        }
        if now == "disabled" {
            self.context
                .warn("Reboot is required to set SELinux state to 'enforcing'".replace("enforcing", state));
            self.reboot_required = true;
            return Ok(());
        }
        let reachable = if state == "disabled" {
            self.context
                .warn("SELinux state change will take effect next reboot");
            self.reboot_required = true;
            "permissive"
        } else {
            state
        };
        if reachable != now {
            if !self.context.check {
                set_mode(reachable)
                    .map_err(|error| Failure::io(format!("setting SELinux to {reachable}"), &error))?;
            }
            self.messages.push(if reachable == state {
                format!("SELinux state changed from '{now}' to '{state}'")
            } else {
                format!("SELinux state temporarily changed from '{now}' to '{reachable}'. State change will take effect next reboot.")
            });
        }
        Ok(())
    }

    fn configured(&mut self, state: &str, before: &str) {
        self.new = with_setting(&self.new, "SELINUX", state);
        self.messages.push(format!(
            "Config SELinux state changed from '{before}' to '{state}'"
        ));
    }

    /// `selinux=0` of the kernels that are started: with newer ones only this turns SELinux off.
    fn kernel_parameter(&mut self, state: &str) -> Result<bool, Failure> {
        if !self.context.args.flag("update_kernel_param") {
            return Ok(false);
        }
        require_program(self.context, "grubby")?;
        let shown = Process::tool(self.context, "grubby").args(["--info=ALL"]).run()?;
        let kernels = shown.stdout.lines().filter(|line| line.starts_with("args="));
        let off = kernels.clone().filter(|line| line.contains("selinux=0")).count();
        let disables = state == "disabled";
        let changed = if disables { off < kernels.count() } else { off > 0 };
        if !changed {
            return Ok(false);
        }
        if !self.context.check {
            let option = if disables { "--args" } else { "--remove-args" };
            let output = Process::tool(self.context, "grubby")
                .args(["--update-kernel=ALL", option, "selinux=0"])
                .run()?;
            if output.code != 0 {
                return Err(Failure::new(format!(
                    "unable to {} kernel param",
                    if disables { "add" } else { "remove" }
                )));
            }
        }
        self.reboot_required = true;
        Ok(true)
    }
}
