//! `ansible.posix.sysctl`: parameters of the kernel, now and after a restart.

use std::path::Path;

use crate::answer::{Failure, Outcome, answer};
use crate::atomic_write::{Content, replace};
use crate::context::Context;
use crate::file_attributes::real_path;
use crate::process::{Output, Process};

pub(super) fn run(context: &mut Context) -> Outcome {
    let args = &context.args;
    let present = args.required("state") == "present";
    match args.text("value") {
        None if present => {
            return Err(Failure::new(
                "state is present but all of the following are missing: value",
            ));
        }
        _ if args.required("name").is_empty() => return Err(Failure::new("name cannot be blank")),
        Some("") if present => return Err(Failure::new("value cannot be blank")),
        _ => {}
    }
    let name = args.required("name").trim().to_owned();
    let value = kernel_value(args.text("value").unwrap_or_default().trim());
    let reloads = args.flag("reload");
    let given = args.required("sysctl_file");
    let file = real_path(Path::new(given));
    let text = match std::fs::read_to_string(&file) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(Failure::io(format!("Failed to open {}", file.display()), &error)),
    };
    let configured = configured_value(&text, &name);
    let changes_file = match (&configured, present) {
        (None, present) => present,
        (Some(configured), true) => *configured != value,
        (Some(configured), false) => !configured.is_empty(),
    };
    let now = current_value(context, &name)?;
    let is_otherwise = !now.as_ref().is_some_and(|now| same(now, &value));
    let wants_kernel = present && args.flag("sysctl_set");
    // Where the file is right, what it says must be in force all the same.
    let must_reload = configured.is_some() && !changes_file && reloads;
    let changed = changes_file || (is_otherwise && (wants_kernel || must_reload));
    if context.check {
        return Ok(answer!({"changed": changed}));
    }
    if wants_kernel && is_otherwise && now.is_some() {
        set_value(context, &name, &value)?;
    }
    if changes_file {
        let new = edited(&text, &name, present.then_some(value.as_str()));
        replace(Content::Bytes(new.as_bytes()), &file, false)?;
    }
    if changed && reloads {
        reload(context, given)?;
    }
    Ok(answer!({"changed": changed}))
}

/// Booleans of YAML are numbers for the kernel.
fn kernel_value(value: &str) -> String {
    match value.to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" | "y" | "t" => "1".to_owned(),
        "false" | "no" | "off" | "n" | "f" => "0".to_owned(),
        _ => value.to_owned(),
    }
}

/// Values are the same whatever white space is between their parts.
fn same(one: &str, other: &str) -> bool {
    one.split_whitespace().eq(other.split_whitespace())
}

fn setting(line: &str) -> Option<(&str, &str)> {
    let line = line.trim();
    if line.starts_with(['#', ';']) {
        return None;
    }
    let (key, value) = line.split_once('=')?;
    Some((key.trim(), value.trim()))
}

/// What the file says; the last line of a name counts.
fn configured_value(text: &str, name: &str) -> Option<String> {
    text.lines()
        .filter_map(setting)
        .rfind(|(key, _)| *key == name)
        .map(|(_, value)| value.to_owned())
}

/// The file with one line for the name, or none. Every other setting is written once, in the file's order.
fn edited(text: &str, name: &str, value: Option<&str>) -> String {
    let mut out = String::new();
    let mut seen: Vec<&str> = Vec::new();
    for line in text.lines() {
        let Some((key, old)) = setting(line) else {
            out.push_str(line.trim());
            out.push('\n');
            continue;
        };
        if seen.contains(&key) {
            continue;
        }
        seen.push(key);
        if key != name {
            out.extend([&format!("{key}={old}") as &str, "\n"]);
        } else if let Some(value) = value {
            out.extend([&format!("{name}={value}") as &str, "\n"]);
        }
    }
    if let Some(value) = value.filter(|_| !seen.contains(&name)) {
        out.extend([&format!("{name}={value}") as &str, "\n"]);
    }
    out
}

/// The value that is in force; nothing where the kernel's program fails.
fn current_value(context: &Context, name: &str) -> Result<Option<String>, Failure> {
    let output = Process::tool(context, "sysctl").args(["-e", "-n", name]).run()?;
    Ok((output.code == 0).then_some(output.stdout))
}

fn sysctl(context: &Context) -> Process {
    let process = Process::tool(context, "sysctl");
    if context.args.flag("ignoreerrors") {
        return process.arg("-e");
    }
    process
}

fn set_value(context: &Context, name: &str, value: &str) -> Result<(), Failure> {
    let output = sysctl(context).arg("-w").arg(format!("{name}={value}")).run()?;
    must(&output, &format!("setting {name} failed"))
}

fn reload(context: &Context, file: &str) -> Result<(), Failure> {
    let output = sysctl(context).args(["-p", file]).run()?;
    must(&output, "Failed to reload sysctl")
}

/// The program may say that it failed and exit 0 all the same.
fn must(output: &Output, message: &str) -> Result<(), Failure> {
    if output.code == 0 && !complains(&output.stderr) {
        return Ok(());
    }
    Err(Failure::new(format!(
        "{message}: {}{}",
        output.stdout, output.stderr
    )))
}

fn complains(stderr: &str) -> bool {
    stderr.lines().any(|line| {
        line.starts_with("sysctl: setting key \"")
            && (line.ends_with("\": Invalid argument") || line.ends_with("\": Read-only file system"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_is_left_for_a_name_and_comments_stay() {
        let text = "# comment\n\nvm.swappiness = 10\nnet.x=1\nvm.swappiness=20\n";
        assert_eq!(
            edited(text, "vm.swappiness", Some("5")),
            "# comment\n\nvm.swappiness=5\nnet.x=1\n"
        );
        assert_eq!(edited(text, "net.x", None), "# comment\n\nvm.swappiness=10\n");
        assert_eq!(edited("", "a", Some("1 2")), "a=1 2\n");
        assert_eq!(configured_value(text, "vm.swappiness").as_deref(), Some("20"));
    }

    #[test]
    fn values_are_compared_as_the_kernel_reads_them() {
        assert!(same("1\t2  3", "1 2 3") && !same("12", "1 2"));
        assert_eq!(kernel_value("Yes"), "1");
        assert_eq!(kernel_value("10"), "10");
    }
}
