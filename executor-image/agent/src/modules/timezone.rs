//! `community.general.timezone`: the time zone, and whether the hardware clock runs in it.

use std::path::Path;

use serde_json::{Map, json};

use crate::answer::{Failure, Outcome, answer};
use crate::atomic_write::{Content, replace};
use crate::context::Context;
use crate::process::{Process, find_program};

/// Where the files of time zones are.
const ZONES: &str = "/usr/share/zoneinfo";
/// The names of zones that files name by more than one name.
const LOCAL_TIME: &str = "/etc/localtime";

pub(super) fn run(context: &mut Context) -> Outcome {
    let args = &context.args;
    let zone = args.text("name").map(str::to_owned);
    let clock = args.text("hwclock").map(str::to_owned);
    if zone.is_none() && clock.is_none() {
        return Err(Failure::new("one of the following is required: hwclock, name"));
    }
    if let Some(zone) = &zone {
        check_zone(zone)?;
    }
    let mut keeper = Keeper::find(context)?;
    let (mut before, mut after) = (Map::new(), Map::new());
    let mut add = |key: &str, old: String, new: &str| {
        before.insert(key.to_owned(), old.into());
        after.insert(key.to_owned(), new.into());
    };
    if let Some(zone) = &zone {
        add("name", keeper.zone()?, zone);
    }
    if let Some(clock) = &clock {
        add("hwclock", keeper.clock()?, clock);
    }
    let changed = before != after;
    if changed && !context.check {
        if let Some(zone) = zone.filter(|zone| before["name"] != zone.as_str()) {
            keeper.set_zone(&zone)?;
        }
        if let Some(clock) = clock.filter(|clock| before["hwclock"] != clock.as_str()) {
            keeper.set_clock(&clock)?;
        }
    }
    let mut answer = answer!({
        "changed": changed,
        "diff": json!({"before": before, "after": after}),
    });
    if !keeper.done.is_empty() {
        answer.insert("msg".to_owned(), keeper.done.join("\n").into());
    }
    Ok(answer)
}

fn check_zone(zone: &str) -> Result<(), Failure> {
    let file = Path::new(ZONES).join(zone);
    if zone.starts_with('/') || zone.split('/').any(|part| part == "..") || !file.is_file() {
        return Err(Failure::new(format!(
            "Error message:\ngiven timezone \"{zone}\" is not available"
        )));
    }
    Ok(())
}

/// What keeps the time zone here.
struct Keeper<'a> {
    context: &'a Context,
    /// Whether `timedatectl` works: it needs systemd's daemon.
    has_systemd: bool,
    /// The commands that changed something.
    done: Vec<String>,
}

impl<'a> Keeper<'a> {
    fn find(context: &'a Context) -> Result<Self, Failure> {
        let has_systemd = find_program("timedatectl".as_ref(), &context.environment).is_some()
            && Process::tool(context, "timedatectl").run()?.code == 0;
        Ok(Self {
            context,
            has_systemd,
            done: Vec::new(),
        })
    }

    fn status(&self, key: &str) -> Result<String, Failure> {
        let output = Process::tool(self.context, "timedatectl").arg("status").run()?;
        Ok(output
            .stdout
            .lines()
            .find_map(|line| line.trim().strip_prefix(key)?.strip_prefix(':'))
            .unwrap_or_default()
            .trim()
            .to_owned())
    }

    fn zone(&self) -> Result<String, Failure> {
        if self.has_systemd {
            let shown = self.status("Time zone")?;
            return Ok(shown.split_whitespace().next().unwrap_or("n/a").to_owned());
        }
        // The link counts: a file that says something else is out of date.
        let linked = Path::new(LOCAL_TIME).read_link().ok().and_then(|target| {
            let target = target.to_string_lossy().into_owned();
            target.split_once("zoneinfo/").map(|(_, zone)| zone.to_owned())
        });
        let written = std::fs::read_to_string("/etc/timezone")
            .ok()
            .and_then(|text| text.lines().next().map(|line| line.trim().to_owned()));
        Ok(match (linked, written) {
            (Some(linked), Some(written)) if linked != written => format!("n/a ({linked})"),
            (Some(zone), _) | (None, Some(zone)) => zone,
            (None, None) => "n/a".to_owned(),
        })
    }

    fn clock(&self) -> Result<String, Failure> {
        let is_local = if self.has_systemd {
            self.status("RTC in local TZ")? == "yes"
        } else {
            let Ok(text) = std::fs::read_to_string("/etc/adjtime") else {
                return Ok("n/a".to_owned());
            };
            text.lines().any(|line| line == "LOCAL")
        };
        Ok(if is_local { "local" } else { "UTC" }.to_owned())
    }

    fn run(&mut self, program: &str, arguments: &[&str]) -> Result<(), Failure> {
        let output = Process::tool(self.context, program).args(arguments).run()?;
        let command = format!("{program} {}", arguments.join(" "));
        if output.code != 0 {
            return Err(
                Failure::new(format!("Error message: {}{}", output.stdout, output.stderr))
                    .with("rc", output.code)
                    .with("cmd", command),
            );
        }
        if self.has_systemd {
            self.done.push(format!("executed `{command}`"));
        }
        Ok(())
    }

    fn set_zone(&mut self, zone: &str) -> Result<(), Failure> {
        if self.has_systemd {
            return self.run("timedatectl", &["set-timezone", zone]);
        }
        let file = format!("{ZONES}/{zone}");
        self.run("ln", &["-sfn", &file, LOCAL_TIME])?;
        if Path::new("/etc/timezone").exists() || Path::new("/etc/debian_version").exists() {
            let old = std::fs::read_to_string("/etc/timezone").unwrap_or_default();
            self.done.push(format!(
                "Added 1 line and deleted {} line(s) on /etc/timezone",
                old.lines().filter(|line| !line.trim().is_empty()).count()
            ));
            replace(
                Content::Bytes(format!("{zone}\n").as_bytes()),
                Path::new("/etc/timezone"),
                false,
            )?;
        }
        if find_program("dpkg-reconfigure".as_ref(), &self.context.environment).is_some() {
            self.run("dpkg-reconfigure", &["--frontend", "noninteractive", "tzdata"])?;
        }
        Ok(())
    }

    fn set_clock(&mut self, clock: &str) -> Result<(), Failure> {
        let is_local = clock == "local";
        if self.has_systemd {
            let answer = if is_local { "yes" } else { "no" };
            return self.run("timedatectl", &["set-local-rtc", answer]);
        }
        let option = if is_local { "--localtime" } else { "--utc" };
        self.run("hwclock", &["--systohc", option])
    }
}
