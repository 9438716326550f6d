//! Services that are scripts in `/etc/init.d`: whether they run, whether they start with the host.

use std::path::{Path, PathBuf};

use crate::answer::Failure;
use crate::context::Context;
use crate::process::{Output, Process, find_program};

/// Where the scripts are.
const DIRECTORY: &str = "/etc/init.d";
/// The runlevels in which a service is meant to run.
const LEVELS: [&str; 4] = ["2", "3", "4", "5"];

/// The script of a service.
#[must_use]
pub fn script(name: &str) -> Option<PathBuf> {
    let is_name = !name.is_empty() && !name.contains('/');
    is_name
        .then(|| Path::new(DIRECTORY).join(name))
        .filter(|path| path.exists())
}

/// Whether the service starts in a runlevel, or in any: the link `/etc/rc3.d/S01ssh`.
#[must_use]
pub fn starts_in(name: &str, level: Option<&str>) -> bool {
    let level = level.unwrap_or("?");
    let pattern = format!("/etc/rc{level}.d/S[0-9][0-9]{}", glob::Pattern::escape(name));
    glob::glob(&pattern).is_ok_and(|mut found| found.next().is_some())
}

/// Whether links say what the service does in some runlevel, start or stop.
fn has_links(name: &str) -> bool {
    let pattern = format!("/etc/rc?.d/[SK][0-9][0-9]{}", glob::Pattern::escape(name));
    glob::glob(&pattern).is_ok_and(|mut found| found.next().is_some())
}

/// Makes the service start with the host, in these runlevels or the usual ones, or not.
///
/// # Errors
/// When the system has no program for it, or it fails.
pub fn set_enabled(
    context: &Context,
    name: &str,
    enabled: bool,
    levels: &[String],
) -> Result<Output, Failure> {
    let verb = if enabled { "enable" } else { "disable" };
    let has = |program: &str| find_program(program.as_ref(), &context.environment).is_some();
    let output = if has("update-rc.d") {
        // Links are changed by `enable` and `disable`; `defaults` makes those that are not there.
        if enabled && !has_links(name) {
            Process::tool(context, "update-rc.d")
                .args([name, "defaults"])
                .run()?
        } else {
            Process::tool(context, "update-rc.d")
                .args([name, verb])
                .args(levels)
                .run()?
        }
    } else if has("chkconfig") {
        let mut process = Process::tool(context, "chkconfig");
        if !levels.is_empty() {
            process = process.args(["--level", &levels.concat()]);
        }
        process.args([name, if enabled { "on" } else { "off" }]).run()?
    } else {
        return Err(Failure::new(format!(
            "Failed to {verb} {name}: neither update-rc.d nor chkconfig is on this host"
        )));
    };
    checked(output, name, verb)
}

fn checked(output: Output, name: &str, verb: &str) -> Result<Output, Failure> {
    if output.code == 0 {
        return Ok(output);
    }
    Err(
        Failure::new(format!("Failed to {verb} {name}: {}", output.stderr))
            .with("rc", output.code)
            .with("stdout", output.stdout)
            .with("stderr", output.stderr),
    )
}

/// Whether the service starts in one of these runlevels, or in the usual ones.
#[must_use]
pub fn is_enabled(name: &str, levels: &[String]) -> bool {
    if levels.is_empty() {
        return LEVELS.iter().any(|level| starts_in(name, Some(level)));
    }
    levels.iter().all(|level| starts_in(name, Some(level)))
}

/// Whether a process of this text in its command line runs.
#[must_use]
pub fn is_process(pattern: &str) -> bool {
    let ours = std::process::id().to_string();
    let entries = Path::new("/proc").read_dir().into_iter().flatten().flatten();
    entries
        .filter(|entry| {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            name.bytes().all(|byte| byte.is_ascii_digit()) && *name != *ours
        })
        .filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok())
        .map(|line| String::from_utf8_lossy(&line).replace('\0', " "))
        .any(|line| line.contains(pattern))
}
