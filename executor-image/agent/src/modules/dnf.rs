//! `ansible.builtin.dnf`: packages of Red Hat's kin.

mod available;
mod transaction;

use crate::answer::{Failure, Outcome, answer};
use crate::context::Context;
use crate::process::{Output, Process, find_program};

pub(super) fn run(context: &mut Context) -> Outcome {
    let args = &context.args;
    if args.value("nobest").is_some() && args.value("best").is_some() {
        return Err(Failure::new("parameters are mutually exclusive: best|nobest"));
    }
    let program = program(context)?;
    if let Some(wanted) = args.text("list") {
        return available::list(context, program, wanted);
    }
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
    }
    if names.is_empty() && !autoremove {
        if args.flag("update_cache") {
            return Ok(answer!({"changed": false, "results": [], "rc": 0, "msg": "Cache updated"}));
        }
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
    if packages.is_empty() && matches!(operation, "install" | "remove") {
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
        let done = transaction::parse(&output.stdout);
        // What is only looked at ends as if it had been refused.
        let was_refused = context.check && !done.is_empty();
        if output.code != 0 && !was_refused {
            return Err(failure(
                &output,
                &format!("Failed to {operation} {}", packages.join(" ")),
            ));
        }
        changed |= !done.is_empty();
        results.extend(done);
    }
    let message = if changed { "" } else { "Nothing to do" };
    let message = if context.check && changed {
        "Check mode: No changes made, but would have if not in check mode"
    } else {
        message
    };
    Ok(answer!({"changed": changed, "results": results, "rc": 0, "msg": message}))
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

fn check(output: &Output, message: &str) -> Result<(), Failure> {
    if output.code == 0 {
        return Ok(());
    }
    Err(failure(output, message))
}

fn failure(output: &Output, message: &str) -> Failure {
    Failure::new(format!("{message}: {}", output.stderr.trim()))
        .with("rc", output.code)
        .with(
            "results",
            output.stdout.lines().map(str::to_owned).collect::<Vec<_>>(),
        )
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
    if !args.flag("sslverify") || !args.flag("validate_certs") {
        options.push("--setopt=sslverify=False".to_owned());
    }
    let best = args
        .optional_flag("best")
        .or_else(|| args.optional_flag("nobest").map(|nobest| !nobest));
    if let Some(best) = best {
        options.push(if best { "--best" } else { "--nobest" }.to_owned());
    }
    if args.required("installroot") != "/" {
        options.push(format!("--installroot={}", args.required("installroot")));
    }
    for (text, option) in [
        ("conf_file", "--config"),
        ("disable_excludes", "--disableexcludes"),
        ("download_dir", "--downloaddir"),
        ("releasever", "--releasever"),
    ] {
        options.extend(args.text(text).map(|value| format!("{option}={value}")));
    }
    for (list, option) in [
        ("disable_plugin", "--disableplugin"),
        ("disablerepo", "--disablerepo"),
        ("enable_plugin", "--enableplugin"),
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
