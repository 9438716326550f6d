//! `community.general.modprobe`: modules of the kernel, now and after a restart.

use std::path::{Path, PathBuf};

use crate::answer::{Failure, Outcome, answer};
use crate::atomic_write::{Content, replace};
use crate::context::Context;
use crate::process::{Process, require_program};

/// Directories whose files name modules to load at the start.
const LOAD_DIRECTORY: &str = "/etc/modules-load.d";
/// Directories whose files set options of modules.
const OPTION_DIRECTORY: &str = "/etc/modprobe.d";

pub(super) fn run(context: &mut Context) -> Outcome {
    require_program(context, "modprobe")?;
    let name = context.args.required("name").to_owned();
    let parameters = context.args.text("params").unwrap_or_default().to_owned();
    let present = context.args.required("state") == "present";
    let loaded = is_loaded(&name);
    let mut changed = loaded != present;
    let described = answer!({"name": name, "params": parameters, "state": context.args.required("state")});
    if changed && !context.check {
        let mut process = Process::tool(context, "modprobe");
        if !present {
            process = process.arg("-r");
        }
        process = process.arg(&name);
        if present {
            process = process.args(shlex::split(&parameters).unwrap_or_default());
        }
        let output = process.run()?;
        if output.code != 0 {
            return Err(Failure::new(output.stderr.clone())
                .with("rc", output.code)
                .with("stdout", output.stdout)
                .with("stderr", output.stderr)
                .with_all(described));
        }
    }
    match context.args.required("persistent") {
        "present" => changed |= persist(context, &name, &parameters)?,
        "absent" => changed |= forget(context, &name)?,
        _ => {}
    }
    let mut answer = described;
    answer.insert("changed".to_owned(), changed.into());
    Ok(answer)
}

/// Modules are named with `-` or `_`, which is the same.
fn plain(name: &str) -> String {
    name.replace('-', "_")
}

fn is_loaded(name: &str) -> bool {
    let wanted = plain(name);
    let modules = std::fs::read_to_string("/proc/modules").unwrap_or_default();
    if modules
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .any(|module| module == wanted)
    {
        return true;
    }
    let release = rustix::system::uname().release().to_string_lossy().into_owned();
    let builtin =
        std::fs::read_to_string(format!("/lib/modules/{release}/modules.builtin")).unwrap_or_default();
    builtin.lines().any(|line| {
        let file = line.rsplit('/').next().unwrap_or_default();
        plain(file.split(".ko").next().unwrap_or_default()) == wanted
    })
}

/// Files of a directory that are configuration.
fn files(directory: &str) -> Vec<PathBuf> {
    let entries = Path::new(directory).read_dir().into_iter().flatten().flatten();
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|end| end == "conf"))
        .collect();
    files.sort();
    files
}

fn names_module(line: &str, name: &str) -> bool {
    !line.trim_start().starts_with(['#', ';']) && plain(line.trim()) == plain(name)
}

fn sets_options(line: &str, name: &str) -> bool {
    let mut words = line.split_whitespace();
    words.next() == Some("options") && words.next().is_some_and(|module| plain(module) == plain(name))
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    replace(Content::Bytes(text.as_bytes()), path, false)
}

/// Writes down that the module is loaded at the start, with its options; tells whether that was new.
fn persist(context: &Context, name: &str, parameters: &str) -> Result<bool, Failure> {
    let mut changed = false;
    let is_named = contains_line(LOAD_DIRECTORY, |line| names_module(line, name));
    if !is_named {
        changed = true;
        if !context.check {
            write(
                &Path::new(LOAD_DIRECTORY).join(format!("{name}.conf")),
                &format!("{name}\n"),
            )?;
        }
    }
    let options: Vec<&str> = parameters.split_whitespace().collect();
    let wanted: Vec<String> = options
        .iter()
        .map(|option| format!("options {name} {option}"))
        .collect();
    let mut configured: Vec<String> = files(OPTION_DIRECTORY)
        .iter()
        .flat_map(|path| {
            std::fs::read_to_string(path)
                .unwrap_or_default()
                .lines()
                .map(str::to_owned)
                .collect::<Vec<_>>()
        })
        .filter(|line| sets_options(line, name))
        .flat_map(|line| {
            line.split_whitespace()
                .skip(2)
                .map(str::to_owned)
                .collect::<Vec<_>>()
        })
        .collect();
    configured.sort_unstable();
    let mut sorted: Vec<String> = options.iter().map(|option| (*option).to_owned()).collect();
    sorted.sort_unstable();
    if configured != sorted {
        changed = true;
        if !context.check {
            comment_out(OPTION_DIRECTORY, |line| sets_options(line, name))?;
            if !wanted.is_empty() {
                let path = Path::new(OPTION_DIRECTORY).join(format!("{name}.conf"));
                write(&path, &format!("{}\n", wanted.join("\n")))?;
            }
        }
    }
    Ok(changed)
}

/// Takes back what [`persist`] wrote, wherever it stands; tells whether anything did.
fn forget(context: &Context, name: &str) -> Result<bool, Failure> {
    let is_named = contains_line(LOAD_DIRECTORY, |line| names_module(line, name));
    let has_options = contains_line(OPTION_DIRECTORY, |line| sets_options(line, name));
    if !context.check {
        if is_named {
            comment_out(LOAD_DIRECTORY, |line| names_module(line, name))?;
        }
        if has_options {
            comment_out(OPTION_DIRECTORY, |line| sets_options(line, name))?;
        }
    }
    Ok(is_named || has_options)
}

fn contains_line(directory: &str, is_meant: impl Fn(&str) -> bool) -> bool {
    files(directory)
        .iter()
        .any(|path| std::fs::read_to_string(path).is_ok_and(|text| text.lines().any(&is_meant)))
}

fn comment_out(directory: &str, is_meant: impl Fn(&str) -> bool) -> Result<(), Failure> {
    for path in files(directory) {
        let Ok(text) = std::fs::read_to_string(&path) else {
            continue;
        };
        if !text.lines().any(&is_meant) {
            continue;
        }
        let new: String = text
            .lines()
            .map(|line| {
                if is_meant(line) {
                    format!("#{line}\n")
                } else {
                    format!("{line}\n")
                }
            })
            .collect();
        write(&path, &new)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_the_same_with_dashes_and_underscores() {
        assert!(
            names_module("br-netfilter", "br_netfilter") && !names_module("# br_netfilter", "br_netfilter")
        );
        assert!(sets_options("options  nf-conntrack hashsize=1", "nf_conntrack"));
        assert!(!sets_options("optionsx nf_conntrack a=1", "nf_conntrack"));
    }
}
