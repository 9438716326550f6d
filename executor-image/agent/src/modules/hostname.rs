//! `ansible.builtin.hostname`: the host's name, now and after a restart.

use std::path::Path;

use serde_json::json;

use super::systemd_service::is_running_here;
use crate::answer::{Failure, Outcome, answer};
use crate::atomic_write::{Content, replace};
use crate::context::Context;
use crate::facts::{family_of_distribution, fully_qualified_name};
use crate::process::{Output, Process};
use crate::python_text::os_error;

/// The longest name that systemd takes.
const SYSTEMD_LIMIT: usize = 64;

/// How a host keeps its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Keeper {
    /// `hostnamectl`.
    Systemd,
    /// A file that has the name alone.
    File(&'static str),
    /// A line in a file: `HOSTNAME=name`.
    Line(&'static str, &'static str, Quote),
}

/// Whether the name in a line is quoted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Quote {
    None,
    Double,
}

pub(super) fn run(context: &mut Context) -> Outcome {
    let name = context.args.required("name").to_owned();
    let keeper = keeper(context)?;
    let current = keeper.current(context)?;
    let permanent = keeper.permanent(context)?;
    let changes_current = current != name;
    let changes_permanent = permanent != name;
    if !context.check {
        if changes_current {
            keeper.set_current(context, &name)?;
        }
        if changes_permanent {
            keeper.set_permanent(context, &name)?;
        }
    }
    let full = fully_qualified_name(context, &rustix::system::uname().nodename().to_string_lossy());
    let mut answer = answer!({
        "changed": changes_current || changes_permanent,
        "name": name,
        "ansible_facts": {
            "ansible_hostname": name.split('.').next().unwrap_or_default(),
            "ansible_nodename": name,
            "ansible_fqdn": full,
            "ansible_domain": full.split_once('.').map_or("", |(_, domain)| domain),
        },
    });
    if changes_current || changes_permanent {
        let before = if changes_current { current } else { permanent };
        let diff = json!({
            "before": format!("hostname = {before}\n"),
            "after": format!("hostname = {name}\n"),
        });
        answer.insert("diff".to_owned(), diff);
    }
    Ok(answer)
}

fn keeper(context: &Context) -> Result<Keeper, Failure> {
    let wanted = context.args.text("use");
    let named = |name: &str| {
        Some(match name {
            // Ansible takes Debian for a host of systemd when it is named, and looks when it is not.
            "systemd" | "debian" => Keeper::Systemd,
            "file" | "alpine" => Keeper::File("/etc/hostname"),
            "sles" => Keeper::File("/etc/HOSTNAME"),
            "redhat" => Keeper::Line("/etc/sysconfig/network", "HOSTNAME", Quote::None),
            "openrc" => Keeper::Line("/etc/conf.d/hostname", "hostname", Quote::Double),
            _ => return None,
        })
    };
    if let Some(wanted) = wanted {
        return named(wanted).ok_or_else(|| {
            Failure::new(format!(
                "the strategy {wanted} is for another system than this, which is Linux"
            ))
        });
    }
    if is_running_here() {
        return Ok(Keeper::Systemd);
    }
    let family = family_of_distribution();
    let strategy = match family.as_str() {
        "RedHat" => "redhat",
        "Suse" => "sles",
        "Gentoo" => "openrc",
        _ => "file",
    };
    named(strategy).ok_or_else(|| {
        Failure::new(format!(
            "hostname module cannot be used on platform Linux ({family})"
        ))
    })
}

impl Keeper {
    fn current(self, context: &Context) -> Result<String, Failure> {
        match self {
            Self::Systemd => systemd(context, &["--transient", "status"]),
            // What the file says is the name; the kernel is told at the next start.
            Self::File(_) => self.permanent(context),
            Self::Line(..) => Ok(rustix::system::uname().nodename().to_string_lossy().into_owned()),
        }
    }

    fn permanent(self, context: &Context) -> Result<String, Failure> {
        let read = |file: &str| match std::fs::read_to_string(file) {
            Ok(text) => Ok(text),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(String::new()),
            Err(error) => Err(Failure::new(format!(
                "failed to read hostname: {}",
                Failure::io(file, &error).message()
            ))),
        };
        match self {
            Self::Systemd => systemd(context, &["--static", "status"]),
            Self::File(file) => Ok(read(file)?.trim().to_owned()),
            Self::Line(file, key, quote) => {
                let text = read(file)?;
                let value = text
                    .lines()
                    .filter_map(|line| line.trim().strip_prefix(key)?.strip_prefix('='))
                    .next_back();
                match value {
                    None if quote == Quote::None => {
                        Err(Failure::new(format!("Unable to locate {key} entry in {file}")))
                    }
                    value => Ok(value.unwrap_or_default().trim_matches(['"', '\'']).to_owned()),
                }
            }
        }
    }

    fn set_current(self, context: &Context, name: &str) -> Result<(), Failure> {
        if self == Self::Systemd {
            check_length(name)?;
            return systemd(context, &["--transient", "set-hostname", name]).map(drop);
        }
        if matches!(self, Self::File(_)) {
            return Ok(());
        }
        let output = Process::tool(context, "hostname").arg(name).run()?;
        succeeded(output).map(drop)
    }

    fn set_permanent(self, context: &Context, name: &str) -> Result<(), Failure> {
        match self {
            Self::Systemd => {
                check_length(name)?;
                systemd(context, &["--pretty", "--static", "set-hostname", name]).map(drop)
            }
            Self::File(file) => write(file, &format!("{name}\n")),
            Self::Line(file, key, quote) => {
                let text = std::fs::read_to_string(file).map_err(|error| {
                    Failure::new(format!(
                        "failed to update hostname: {}: '{file}'",
                        os_error(&error)
                    ))
                })?;
                write(file, &with_line(&text, key, name, quote))
            }
        }
    }
}

fn write(file: &str, text: &str) -> Result<(), Failure> {
    replace(Content::Bytes(text.as_bytes()), Path::new(file), false)
}

/// The text with one line for the name.
fn with_line(text: &str, key: &str, name: &str, quote: Quote) -> String {
    let new = match quote {
        Quote::None => format!("{key}={name}\n"),
        Quote::Double => format!("{key}=\"{name}\"\n"),
    };
    let start = format!("{key}=");
    let is_there = text.lines().any(|line| line.trim().starts_with(&start));
    let mut out: String = text
        .lines()
        .map(|line| {
            if line.trim().starts_with(&start) {
                new.clone()
            } else {
                format!("{line}\n")
            }
        })
        .collect();
    if !is_there {
        out.push_str(&new);
    }
    out
}

fn check_length(name: &str) -> Result<(), Failure> {
    if name.len() > SYSTEMD_LIMIT {
        return Err(Failure::new(
            "name cannot be longer than 64 characters on systemd servers, try a shorter name",
        ));
    }
    Ok(())
}

fn systemd(context: &Context, arguments: &[&str]) -> Result<String, Failure> {
    let output = Process::tool(context, "hostnamectl").args(arguments).run()?;
    Ok(succeeded(output)?.stdout.trim().to_owned())
}

fn succeeded(output: Output) -> Result<Output, Failure> {
    if output.code == 0 {
        return Ok(output);
    }
    Err(Failure::new(format!(
        "Command failed rc={}, out={}, err={}",
        output.code, output.stdout, output.stderr
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_of_the_name_is_replaced_or_added() {
        assert_eq!(
            with_line("NETWORKING=yes\nHOSTNAME=old\n", "HOSTNAME", "new", Quote::None),
            "NETWORKING=yes\nHOSTNAME=new\n"
        );
        assert_eq!(
            with_line("", "hostname", "new", Quote::Double),
            "hostname=\"new\"\n"
        );
    }
}
