//! `ansible.posix.firewalld`: what zones of firewalld let through, in the running firewall and in its configuration.

mod item;

use self::item::Item;
use crate::answer::{Failure, Outcome, answer};
use crate::context::Context;
use crate::process::{Output, Process, find_program};

/// The exit code of `firewall-cmd --state` when the daemon does not run.
const NOT_RUNNING: i32 = 252;

pub(super) fn run(context: &mut Context) -> Outcome {
    if find_program("firewall-cmd".as_ref(), &context.environment).is_none() {
        return Err(Failure::new(
            "firewalld is required for this module and is not installed on this host: there is no firewall-cmd",
        ));
    }
    let args = &context.args;
    let item = Item::of(args)?;
    let permanent = args.flag("permanent");
    let immediate = args.flag("immediate") || !permanent;
    let state = args.required("state").to_owned();
    let takes_presence = matches!(item, None | Some(Item::Target(_)));
    if !takes_presence && matches!(state.as_str(), "present" | "absent") {
        return Err(Failure::new(
            "absent and present state can only be used in zone level operations",
        ));
    }
    if args.integer("timeout").unwrap_or(0) > 0 && permanent {
        return Err(Failure::new("timeout cannot be used with permanent changes"));
    }
    let mut firewall = Firewall {
        context,
        is_running: false,
        zone: String::new(),
    };
    firewall.is_running = firewall.call(&["--state"])?.code != NOT_RUNNING;
    if !firewall.is_running && immediate {
        return Err(Failure::new(
            "firewall is not currently running, unable to perform immediate actions without a running firewall daemon",
        ));
    }
    if !firewall.is_running && !args.flag("offline") {
        return Err(Failure::new(
            "firewall is not currently running: permanent changes without it are made with offline=true",
        ));
    }
    firewall.zone = match args.text("zone") {
        Some(zone) => zone.to_owned(),
        None => firewall
            .ask(false, &["--get-default-zone"])?
            .stdout
            .trim()
            .to_owned(),
    };
    let wants = matches!(state.as_str(), "enabled" | "present");
    let (changed, what) = match &item {
        None => (
            firewall.keep_zone(permanent, wants)?,
            format!("zone {}", firewall.zone),
        ),
        Some(item) => {
            let mut changed = false;
            for (applies, is_permanent) in [(permanent, true), (immediate, false)] {
                if applies {
                    changed |= firewall.keep(item, is_permanent, wants)?;
                }
            }
            (changed, item.describe())
        }
    };
    let mut messages = vec![
        match (permanent, immediate) {
            (true, true) => "Permanent and Non-Permanent(immediate) operation",
            (true, false) => "Permanent operation",
            (false, _) => "Non-permanent operation",
        }
        .to_owned(),
    ];
    if changed {
        messages.push(if item.is_none() {
            let verb = if wants { "Added" } else { "Removed" };
            format!("{verb} {what}, Changed {what} to {state}")
        } else {
            format!("Changed {what} to {state}")
        });
    }
    Ok(answer!({"changed": changed, "msg": messages.join(", ")}))
}

struct Firewall<'a> {
    context: &'a Context,
    is_running: bool,
    zone: String,
}

impl Firewall<'_> {
    fn call(&self, arguments: &[&str]) -> Result<Output, Failure> {
        Process::tool(self.context, "firewall-cmd").args(arguments).run()
    }

    /// Asks the running firewall or its configuration, which has a program of its own when the firewall does not run.
    fn ask(&self, permanent: bool, arguments: &[&str]) -> Result<Output, Failure> {
        if !self.is_running {
            return Process::tool(self.context, "firewall-offline-cmd")
                .args(arguments)
                .run();
        }
        Process::tool(self.context, "firewall-cmd")
            .args(permanent.then_some("--permanent"))
            .args(arguments)
            .run()
    }

    fn change(&self, permanent: bool, arguments: &[&str]) -> Result<(), Failure> {
        if self.context.check {
            return Ok(());
        }
        let output = self.ask(permanent, arguments)?;
        if output.code == 0 {
            return Ok(());
        }
        Err(Failure::new(format!(
            "ERROR: Exception caught: {}{}",
            output.stderr.trim(),
            if output.stderr.contains("INVALID_SERVICE") {
                " Services are defined by port/tcp relationship and named as they are in /etc/services (on most systems)"
            } else {
                ""
            }
        )))
    }

    fn zone_option(&self) -> String {
        format!("--zone={}", self.zone)
    }

    /// Makes the zone have something or not; tells whether that was a change.
    fn keep(&self, item: &Item, permanent: bool, wants: bool) -> Result<bool, Failure> {
        let zone = self.zone_option();
        if let Item::Target(target) = item {
            if !permanent {
                return Ok(false);
            }
            let wanted = if wants { target.as_str() } else { "default" };
            let now = self.ask(true, &[&zone, "--get-target"])?;
            if now.stdout.trim() == wanted {
                return Ok(false);
            }
            self.change(true, &[&zone, &format!("--set-target={wanted}")])?;
            return Ok(true);
        }
        let wants = item.wants(wants);
        let has = self.ask(permanent, &[&zone, &item.option("query")])?;
        if (has.code == 0) == wants {
            return Ok(false);
        }
        // Codes above one are errors, such as a zone that is not there.
        if has.code > 1 {
            return Err(Failure::new(format!(
                "ERROR: Exception caught: {}",
                has.stderr.trim()
            )));
        }
        let verb = match (wants, item) {
            // An interface is in one zone: adding it to another moves it.
            (true, Item::Value("interface", _)) => "change",
            (true, _) => "add",
            (false, _) => "remove",
        };
        let option = item.option(verb);
        let timeout = self
            .context
            .args
            .integer("timeout")
            .filter(|seconds| *seconds > 0);
        match timeout.filter(|_| verb == "add" && !permanent) {
            Some(seconds) => self.change(permanent, &[&zone, &option, &format!("--timeout={seconds}")])?,
            None => self.change(permanent, &[&zone, &option])?,
        }
        Ok(true)
    }

    fn keep_zone(&self, permanent: bool, wants: bool) -> Result<bool, Failure> {
        if !permanent {
            return Err(Failure::new(
                "Only permanent operations are possible with zones: use permanent=true",
            ));
        }
        let zones = self.ask(true, &["--get-zones"])?.stdout;
        let exists = zones.split_whitespace().any(|zone| zone == self.zone);
        if exists == wants {
            return Ok(false);
        }
        let verb = if wants { "new" } else { "delete" };
        self.change(true, &[&format!("--{verb}-zone={}", self.zone)])?;
        Ok(true)
    }
}
