//! `ansible.builtin.apt`: packages of Debian and its kin.

pub(super) mod cache;
mod command;
mod file;
mod query;
mod service_policy;
mod wish;

use serde_json::json;

use crate::answer::{Answer, Failure, Outcome, answer};
use crate::context::Context;
use crate::process::{Output, Process};

use self::cache::Cache;
use self::command::Apt;
use self::query::Candidate;
use self::wish::Wish;

pub(super) fn run(context: &mut Context) -> Outcome {
    let args = &context.args;
    let given = args.value("name").is_some();
    let upgrades = args.required("upgrade") != "no";
    if [given, args.value("deb").is_some(), upgrades]
        .into_iter()
        .filter(|given| *given)
        .count()
        > 1
    {
        return Err(Failure::new(
            "parameters are mutually exclusive: deb|package|upgrade",
        ));
    }
    let names = args.list("name");
    let does_something = !names.is_empty() || args.value("deb").is_some() || upgrades;
    if args.flag("clean") {
        let output = Apt::new(context).run("clean", &[])?;
        if !does_something {
            return Ok(finished(context, true, &output).and("msg", output.stdout));
        }
    }
    let cache = cache::refresh(context)?;
    if cache.is_asked_for && !does_something {
        return Ok(cache.told(answer!({"changed": cache.updated})));
    }
    if upgrades {
        let is_full = matches!(args.required("upgrade"), "dist" | "full");
        return upgrade(context, if is_full { "dist-upgrade" } else { "upgrade" });
    }
    if let Some(file) = args.text("deb").map(str::to_owned) {
        return file::install(context, &cache, &file);
    }
    let all = names.iter().any(|name| name == "*");
    let names: Vec<String> = names
        .iter()
        .map(|name| name.trim().to_owned())
        .filter(|name| name != "*")
        .collect();
    let state = args.required("state");
    if all && state == "latest" {
        if names.is_empty() {
            return upgrade(context, "upgrade");
        }
        return Err(Failure::new(
            "unable to install additional packages when upgrading all installed packages",
        ));
    }
    if let Some(name) = names.iter().find(|name| name.matches('=').count() > 1) {
        return Err(Failure::new(format!("invalid package spec: {name}")));
    }
    if names.is_empty() {
        for (flag, said) in [
            ("autoclean", "Del "),
            ("autoremove", "The following packages will be REMOVED"),
        ] {
            if args.flag(flag) {
                let output = Apt::new(context).with_flag("purge", "--purge").run(flag, &[])?;
                let changed = output.stdout.contains(said);
                return Ok(finished(context, changed, &output));
            }
        }
    }
    match state {
        "absent" => remove(context, &names),
        "build-dep" => {
            let output = Apt::new(context).run("build-dep", &names)?;
            let changed = did_something(&output);
            Ok(cache.told(finished(context, changed, &output)))
        }
        state => install(context, &cache, &names, state),
    }
}

/// What apt-get prints when it has nothing to do.
const NOTHING_TO_DO: &str = "\n0 upgraded, 0 newly installed, 0 to remove";

fn did_something(output: &Output) -> bool {
    !output.stdout.contains(NOTHING_TO_DO)
}

/// The result of an operation that has been carried out.
fn finished(context: &Context, changed: bool, output: &Output) -> Answer {
    let diff = if context.diff {
        json!({"prepared": prepared(&output.stdout)})
    } else {
        json!({})
    };
    answer!({"changed": changed, "stdout": output.stdout, "stderr": output.stderr, "diff": diff})
}

/// Adds a key to a result.
trait And {
    fn and(self, key: &str, value: impl Into<serde_json::Value>) -> Self;
}

impl And for Answer {
    fn and(mut self, key: &str, value: impl Into<serde_json::Value>) -> Self {
        self.insert(key.to_owned(), value.into());
        self
    }
}

/// The part of apt-get's output that says what it does: below the state that it has read, down to its sum.
fn prepared(stdout: &str) -> String {
    let lines: Vec<&str> = stdout.lines().collect();
    let start = lines
        .iter()
        .position(|line| *line == "Reading state information...")
        .map_or(0, |line| line + 1);
    let is_sum = |line: &&str| {
        line.starts_with(|first: char| first.is_ascii_digit())
            && line
                .trim_start_matches(|digit: char| digit.is_ascii_digit())
                .starts_with(" upgraded")
    };
    let end = lines.iter().position(is_sum).map_or(lines.len(), |line| line + 1);
    lines.get(start..end).unwrap_or_default().join("\n")
}

fn upgrade(context: &Context, operation: &str) -> Outcome {
    let mut apt = Apt::new(context).with_flag("autoremove", "--auto-remove");
    if operation == "upgrade" {
        // New versions may need packages that are not there yet.
        apt = apt.with("--with-new-pkgs");
    }
    let output = apt.run(operation, &[])?;
    let changed = did_something(&output);
    let mut answer = finished(context, changed, &output).and("msg", output.stdout);
    if !changed {
        answer.shift_remove("diff");
    }
    Ok(answer)
}

/// Installs packages.
fn install(context: &Context, cache: &Cache, names: &[String], state: &str) -> Outcome {
    let expanded = query::expand(context, names)?;
    let wishes: Vec<Wish<'_>> = expanded.iter().map(|name| Wish::parse(name)).collect();
    let mut arguments = Vec::new();
    for (wish, text) in wishes.iter().zip(&expanded) {
        let status = query::status(context, wish, state == "latest")?;
        if !status.is_installed && context.args.flag("only_upgrade") {
            continue;
        }
        if !status.is_satisfied && status.candidate == Candidate::None {
            let message = format!("no available installation candidate for {text}");
            return Err(Failure(cache.told(answer!({"msg": message}))));
        }
        arguments.extend(status.argument(wish, state == "latest"));
    }
    let answer = if arguments.is_empty() {
        answer!({"changed": false})
    } else {
        let apt = Apt::new(context)
            .with_flag("only_upgrade", "--only-upgrade")
            .with_flag("autoremove", "--auto-remove");
        let apt = if state == "fixed" {
            apt.with("--fix-broken")
        } else {
            apt
        };
        let output = apt
            .run("install", &arguments)
            .map_err(|failure| failure.with_all(cache.told(Answer::new())))?;
        finished(context, true, &output)
    };
    mark_as_wanted(context, &wishes)?;
    Ok(cache.told(answer))
}

/// A package that a playbook asks for is no mere dependency any more: it stays when what needed it goes.
fn mark_as_wanted(context: &Context, wishes: &[Wish<'_>]) -> Result<(), Failure> {
    if context.check || wishes.is_empty() {
        return Ok(());
    }
    let automatic = Process::tool(context, "apt-mark")
        .arg("showauto")
        .args(wishes.iter().map(|wish| wish.name))
        .run()?;
    let automatic: Vec<&str> = automatic.stdout.lines().map(str::trim).collect();
    if !automatic.is_empty() {
        Process::tool(context, "apt-mark")
            .arg("manual")
            .args(automatic)
            .run()?;
    }
    Ok(())
}

fn remove(context: &Context, names: &[String]) -> Outcome {
    let mut there = Vec::new();
    for name in query::expand(context, names)? {
        let wish = Wish::parse(&name);
        let is_there = query::is_there(context, &wish)?
            || (context.args.flag("purge") && query::has_files(context, wish.name)?);
        if is_there {
            there.push(name);
        }
    }
    if there.is_empty() {
        return Ok(answer!({"changed": false}));
    }
    let output = Apt::new(context)
        .with_flag("purge", "--purge")
        .with_flag("autoremove", "--auto-remove")
        .run("remove", &there)?;
    Ok(finished(context, true, &output))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_prepared_is_between_the_state_and_the_sum() {
        let output = "Reading package lists...\nReading state information...\nThe following:\n  a\n0 upgraded, 1 newly installed.\nInst a\n";
        assert_eq!(
            prepared(output),
            "The following:\n  a\n0 upgraded, 1 newly installed."
        );
        assert_eq!(prepared("words\n"), "words");
    }
}
