//! `ansible.builtin.dnf`: packages of Red Hat's kin.

use crate::answer::{Failure, Outcome, answer};
use crate::context::Context;
use crate::process::{Output, Process, find_program};

pub(super) fn run(context: &mut Context) -> Outcome {
    let args = &context.args;
    let program = ["dnf", "dnf-3", "dnf5", "yum"]
        .into_iter()
        .find(|program| find_program(program.as_ref(), &context.environment).is_some())
        .ok_or_else(|| Failure::new("this host has neither dnf nor yum"))?;
    let names: Vec<String> = args
        .list("name")
        .into_iter()
        .filter(|name| !name.is_empty())
        .collect();
    let autoremove = args.flag("autoremove");
    let state = args
        .text("state")
        .unwrap_or(if autoremove { "absent" } else { "present" });
    if args.flag("update_cache") && !context.check {
        let output = Process::tool(context, program)
            .args(options(context))
            .args(["makecache", "--refresh"])
            .run()?;
        check(&output, "Failed to refresh the cache")?;
        if names.is_empty() && !autoremove {
            return Ok(answer!({"changed": false, "results": [], "rc": 0, "msg": "Cache updated"}));
        }
    }
    if names.is_empty() && !autoremove {
        return Err(Failure::new(
            "one of the following is required: list, name, autoremove, update_cache",
        ));
    }
    let operation = match state {
        "absent" | "removed" if names.is_empty() => "autoremove",
        "absent" | "removed" => "remove",
        "latest" if names == ["*"] => "upgrade",
        _ => "install",
    };
    let packages = match operation {
        "upgrade" | "autoremove" => Vec::new(),
        "remove" => installed(context, &names)?,
        _ if state == "latest" => names.clone(),
        _ => missing(context, &names)?,
    };
    let is_done = packages.is_empty() && matches!(operation, "install" | "remove");
    if is_done {
        return Ok(answer!({"changed": false, "results": [], "rc": 0, "msg": "Nothing to do"}));
    }
    let mut changed = false;
    let mut results = Vec::new();
    for operation in if operation == "install" && state == "latest" {
        &["install", "upgrade"][..]
    } else {
        std::slice::from_ref(&operation)
    } {
        let mut process = Process::tool(context, program).args(options(context)).arg("-y");
        if context.check {
            process = process.arg("--assumeno");
        }
        let output = process.arg(operation).args(&packages).run()?;
        let nothing =
            output.stdout.contains("Nothing to do") && !output.stdout.contains("Transaction Summary");
        if !context.check {
            check(&output, &format!("Failed to {operation} {}", packages.join(" ")))?;
        }
        changed |= !nothing;
        results.extend(
            output
                .stdout
                .lines()
                .filter(|line| {
                    ["Installed:", "Upgraded:", "Removed:"]
                        .iter()
                        .any(|heading| line.starts_with(heading))
                })
                .map(str::to_owned),
        );
    }
    Ok(answer!({"changed": changed, "results": results, "rc": 0, "msg": ""}))
}

fn check(output: &Output, message: &str) -> Result<(), Failure> {
    if output.code == 0 {
        return Ok(());
    }
    Err(Failure::new(format!("{message}: {}", output.stderr.trim()))
        .with("rc", output.code)
        .with(
            "results",
            output.stdout.lines().map(str::to_owned).collect::<Vec<_>>(),
        ))
}

fn options(context: &Context) -> Vec<String> {
    let args = &context.args;
    let mut options = Vec::new();
    for (flag, option) in [
        ("allowerasing", "--allowerasing"),
        ("bugfix", "--bugfix"),
        ("cacheonly", "--cacheonly"),
        ("disable_gpg_check", "--nogpgcheck"),
        ("download_only", "--downloadonly"),
        ("security", "--security"),
        ("skip_broken", "--skip-broken"),
    ] {
        if args.flag(flag) {
            options.push(option.to_owned());
        }
    }
    if !args.flag("install_weak_deps") {
        options.push("--setopt=install_weak_deps=False".to_owned());
    }
    if let Some(best) = args.optional_flag("best") {
        options.push(if best { "--best" } else { "--nobest" }.to_owned());
    }
    for (list, option) in [
        ("disablerepo", "--disablerepo"),
        ("enablerepo", "--enablerepo"),
        ("exclude", "--exclude"),
    ] {
        options.extend(args.list(list).iter().map(|item| format!("{option}={item}")));
    }
    options
}

/// Whether rpm has a package, or one that provides it.
fn is_installed(context: &Context, name: &str) -> Result<bool, Failure> {
    if name.starts_with('@') {
        return Ok(false);
    }
    let output = Process::tool(context, "rpm")
        .args(["-q", "--whatprovides", name])
        .run()?;
    if output.code == 0 {
        return Ok(true);
    }
    let output = Process::tool(context, "rpm").args(["-q", name]).run()?;
    Ok(output.code == 0)
}

fn missing(context: &Context, names: &[String]) -> Result<Vec<String>, Failure> {
    let only_upgrade = context.args.flag("update_only");
    let mut missing = Vec::new();
    for name in names {
        let there = is_installed(context, name)?;
        if there == only_upgrade {
            missing.push(name.clone());
        }
    }
    Ok(missing)
}

fn installed(context: &Context, names: &[String]) -> Result<Vec<String>, Failure> {
    let mut installed = Vec::new();
    for name in names {
        if name.contains('*') || is_installed(context, name)? {
            installed.push(name.clone());
        }
    }
    Ok(installed)
}
