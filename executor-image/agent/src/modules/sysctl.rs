//! `ansible.posix.sysctl`: parameters of the kernel, now and after a restart.

use std::path::Path;

use crate::answer::{Failure, Outcome, answer};
use crate::atomic_write::{Content, replace};
use crate::context::Context;
use crate::file_attributes::real_path;
use crate::process::Process;

pub(super) fn run(context: &mut Context) -> Outcome {
    let name = context.args.required("name").trim().to_owned();
    if name.is_empty() {
        return Err(Failure::new("name cannot be None"));
    }
    let present = context.args.required("state") == "present";
    let value = match (context.args.text("value").map(str::trim), present) {
        (Some(""), true) => return Err(Failure::new("value cannot be blank")),
        (Some(value), _) => Some(kernel_value(value)),
        (None, true) => return Err(Failure::new("value cannot be None")),
        (None, false) => None,
    };
    let ignore = context.args.flag("ignoreerrors");
    let file = real_path(Path::new(context.args.required("sysctl_file")));
    let text = match std::fs::read_to_string(&file) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(Failure::io(format!("Failed to open {}", file.display()), &error)),
    };
    let configured = configured_value(&text, &name);
    let changes_file = match (&value, &configured) {
        (Some(value), Some(configured)) if present => !same(value, configured),
        (Some(_), None) if present => true,
        (_, configured) => configured.is_some(),
    };
    let sets_kernel = match &value {
        Some(value) if present && context.args.flag("sysctl_set") => {
            let now = current_value(context, &name, ignore)?;
            !same(value, &now)
        }
        _ => false,
    };
    if context.check {
        return Ok(answer!({"changed": changes_file || sets_kernel}));
    }
    if let (true, Some(value)) = (sets_kernel, &value) {
        set_value(context, &name, value, ignore)?;
    }
    if changes_file {
        let new = edited(&text, &name, value.as_deref().filter(|_| present));
        replace(Content::Bytes(new.as_bytes()), &file, false)?;
        if context.args.flag("reload") {
            reload(context, &file, ignore)?;
        }
    }
    Ok(answer!({"changed": changes_file || sets_kernel}))
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
            out.push_str(line);
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

fn current_value(context: &Context, name: &str, ignore: bool) -> Result<String, Failure> {
    let mut process = Process::tool(context, "sysctl");
    if ignore {
        process = process.arg("-e");
    }
    let output = process.args(["-n", name]).run()?;
    Ok(if output.code == 0 {
        output.stdout.trim().to_owned()
    } else {
        String::new()
    })
}

fn set_value(context: &Context, name: &str, value: &str, ignore: bool) -> Result<(), Failure> {
    let mut process = Process::tool(context, "sysctl");
    if ignore {
        process = process.arg("-e");
    }
    let output = process.arg("-w").arg(format!("{name}={value}")).run()?;
    let complains = output.code != 0 || complaint(&output.stderr);
    if complains && !ignore {
        return Err(Failure::new(format!(
            "setting {name} failed: {}{}",
            output.stdout, output.stderr
        )));
    }
    Ok(())
}

fn reload(context: &Context, file: &Path, ignore: bool) -> Result<(), Failure> {
    let mut process = Process::tool(context, "sysctl");
    if ignore {
        process = process.arg("-e");
    }
    let output = process.arg("-p").arg(file).run()?;
    if (output.code != 0 || complaint(&output.stderr)) && !ignore {
        return Err(Failure::new(format!(
            "Failed to reload sysctl: {}{}",
            output.stdout, output.stderr
        )));
    }
    Ok(())
}

/// `sysctl` may say that it failed and exit 0 all the same.
fn complaint(stderr: &str) -> bool {
    stderr
        .lines()
        .any(|line| line.contains("Invalid argument") || line.contains("Read-only file system"))
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
