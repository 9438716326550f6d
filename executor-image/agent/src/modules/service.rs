//! `ansible.builtin.service`: services of whatever manages them here, which is systemd.

use std::path::Path;
use std::time::Duration;

use crate::answer::{Failure, Outcome};
use crate::context::Context;

pub(super) fn run(context: &mut Context) -> Outcome {
    let manager = context.args.required("use").to_owned();
    if !matches!(
        manager.as_str(),
        "auto" | "systemd" | "ansible.builtin.systemd" | "ansible.legacy.systemd"
    ) {
        return Err(Failure::new(format!(
            "services of {manager} are not supported, systemd's are (use: systemd)"
        )));
    }
    if context.args.value("state").is_none() && context.args.value("enabled").is_none() {
        return Err(Failure::new("one of the following is required: state, enabled"));
    }
    if !Path::new("/run/systemd/system").is_dir() && !context.check {
        return Err(Failure::new(
            "this host does not run systemd, other service managers are not supported",
        ));
    }
    context.args.set("scope", "system");
    let pause = context.args.count("sleep");
    if let (Some(seconds), Some("restarted")) = (pause, context.args.text("state")) {
        // A pause between stop and start is asked for by services that leave their port late.
        context.args.set("state", "stopped");
        super::systemd_service::run(context)?;
        context.control.sleep(Duration::from_secs(seconds));
        context.args.set("state", "started");
        let mut answer = super::systemd_service::run(context)?;
        answer.insert("changed".to_owned(), true.into());
        return Ok(answer);
    }
    super::systemd_service::run(context)
}
