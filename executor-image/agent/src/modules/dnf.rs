//! `ansible.builtin.dnf`: packages of Red Hat's kin.

mod available;
mod database;
mod names;
mod options;
mod plan;
mod refusal;
mod version;

use crate::answer::{Failure, Outcome, answer};
use crate::context::Context;
use crate::process::{Process, find_program};

use self::database::changes;
use self::names::Names;

pub(super) fn run(context: &mut Context) -> Outcome {
    let args = &context.args;
    if args.value("nobest").is_some() && args.value("best").is_some() {
        return Err(Failure::new("parameters are mutually exclusive: best|nobest"));
    }
    let names = Names::of(context)?;
    if args.value("list").is_some() && !names.is_empty() {
        return Err(Failure::new("parameters are mutually exclusive: name|list"));
    }
    options::check(context)?;
    let autoremove = args.flag("autoremove");
    let state = match args.text("state") {
        Some("removed" | "absent") => State::Absent,
        Some("latest") => State::Latest,
        None if autoremove => State::Absent,
        _ => State::Present,
    };
    if autoremove && state != State::Absent {
        let message = "Autoremove should be used alone or with state=absent";
        return Err(Failure::new(message).with("results", Vec::<String>::new()));
    }
    let dnf = Dnf {
        context,
        program: program(context)?,
    };
    if args.flag("update_cache") && !context.check {
        refusal::must(dnf.process().args(["makecache", "--refresh"]).run()?, &[])?;
    }
    if let Some(wanted) = args.text("list") {
        return available::list(&dnf, wanted);
    }
    if args.flag("update_cache") && names.is_empty() && !autoremove {
        return Ok(answer!({"changed": false, "results": [], "rc": 0, "msg": "Cache updated"}));
    }
    let mut done = Done::default();
    match state {
        State::Absent => dnf.remove(&names, autoremove, &mut done)?,
        State::Latest if names.are_all() => dnf.transact("upgrade", &[], &mut done)?,
        state => dnf.install(&names, state, &mut done)?,
    }
    let message = match (done.changed, context.check) {
        (false, _) => "Nothing to do",
        (true, true) => "Check mode: No changes made, but would have if not in check mode",
        (true, false) => "",
    };
    Ok(answer!({"changed": done.changed, "results": done.results, "rc": 0, "msg": message}))
}

/// What is wanted of packages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Present,
    Latest,
    Absent,
}

/// What has been done, or would be.
#[derive(Debug, Default)]
struct Done {
    changed: bool,
    results: Vec<String>,
}

/// The program that manages packages here, or the one that the call names.
fn program(context: &Context) -> Result<&'static str, Failure> {
    let wanted: &[&str] = match context.args.required("use_backend") {
        "dnf5" => &["dnf5"],
        "dnf" | "dnf4" | "yum4" => &["dnf-3", "dnf", "yum"],
        _ => &["dnf", "dnf-3", "dnf5", "yum"],
    };
    wanted
        .iter()
        .copied()
        .find(|program| find_program(program.as_ref(), &context.environment).is_some())
        .ok_or_else(|| Failure::new(format!("this host has none of {}", wanted.join(", "))))
}

/// The program, with what the call says of it.
struct Dnf<'a> {
    context: &'a Context,
    program: &'static str,
}

impl Dnf<'_> {
    fn process(&self) -> Process {
        Process::tool(self.context, self.program).args(options::of(self.context))
    }

    /// Installs what is not there, and brings to the newest version what is, where that is asked for.
    fn install(&self, names: &Names, state: State, done: &mut Done) -> Result<(), Failure> {
        let args = &self.context.args;
        let mut to_install = Vec::new();
        let mut to_upgrade = Vec::new();
        for file in &names.files {
            done.results.push(format!("Installed {file}"));
            if args.flag("allow_downgrade") || !self.has_newer_than_file(file)? {
                to_install.push(file.clone());
            }
        }
        let only_updates = args.flag("update_only");
        for spec in &names.specs {
            match (self.is_installed(spec)?, state) {
                (true, State::Latest) => to_upgrade.push(spec.clone()),
                (true, _) if only_updates => to_upgrade.push(spec.clone()),
                (true, _) => {}
                (false, _) if only_updates => done.results.push(format!(
                    "Packages providing {spec} not installed due to update_only specified"
                )),
                (false, _) if !args.flag("allow_downgrade") && self.has_newer_than(spec)? => {}
                (false, _) => to_install.push(spec.clone()),
            }
        }
        to_install.extend(names.groups.iter().map(|group| format!("@{group}")));
        let before = done.results.len();
        for (operation, packages) in [("install", to_install), ("upgrade", to_upgrade)] {
            if !packages.is_empty() {
                self.transact(operation, &packages, done)?;
            }
        }
        let word = if done.results.len() > before {
            "installed."
        } else {
            "already installed."
        };
        for group in &names.groups {
            done.results.push(format!("Group {group} {word}"));
        }
        Ok(())
    }

    fn remove(&self, names: &Names, autoremove: bool, done: &mut Done) -> Result<(), Failure> {
        if !names.files.is_empty() {
            let message = "Cannot remove paths -- please specify package name.";
            return Err(Failure::new(message).with("results", Vec::<String>::new()));
        }
        let mut installed: Vec<String> = names.groups.iter().map(|group| format!("@{group}")).collect();
        for spec in &names.specs {
            if self.is_there(spec)? {
                installed.push(spec.clone());
            } else {
                done.results.push(format!("No match for argument: {spec}"));
            }
        }
        if !installed.is_empty() {
            self.transact("remove", &installed, done)?;
        }
        if autoremove {
            self.transact("autoremove", &[], done)?;
        }
        Ok(())
    }

    /// Carries out an operation, or finds out what it would do. What was done is seen in rpm's database: what the program prints
    /// does not tell which version an update has replaced.
    fn transact(&self, operation: &str, packages: &[String], done: &mut Done) -> Result<(), Failure> {
        let before = self.installed()?;
        let process = self.process().arg("-y");
        let process = if self.context.check {
            process.arg("--assumeno")
        } else {
            process
        };
        let output = process.arg(operation).args(packages).run()?;
        let planned = plan::parse(&output.stdout, &before);
        // What is only looked at ends as if it had been refused.
        let was_only_planned = self.context.check && !planned.is_empty();
        let unmatched = refusal::unmatched(&output, packages);
        let has_nothing_to_do = operation != "install" && refusal::is_nothing_to_do(&output);
        if !(was_only_planned || has_nothing_to_do) {
            refusal::must(output, packages)?;
        }
        if operation == "install" {
            done.results.extend(unmatched);
        }
        let results = if self.context.args.flag("download_only") {
            plan::as_downloads(planned)
        } else if self.context.check {
            planned
        } else {
            changes(&before, &self.installed()?)
        };
        done.changed |= !results.is_empty();
        done.results.extend(results);
        Ok(())
    }
}
