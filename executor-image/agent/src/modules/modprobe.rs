//! `community.general.modprobe`: modules of the kernel, now and after a restart.

use std::path::{Path, PathBuf};

use crate::answer::{Answer, Failure, Outcome, answer};
use crate::atomic_write::{Content, replace};
use crate::context::Context;
use crate::process::{Output, Process, require_program};
use crate::python_text::os_error;

/// Directories whose files name modules to load at the start.
const LOAD_DIRECTORY: &str = "/etc/modules-load.d";
/// Directories whose files set options of modules.
const OPTION_DIRECTORY: &str = "/etc/modprobe.d";

pub(super) fn run(context: &mut Context) -> Outcome {
    require_program(context, "modprobe")?;
    let name = context.args.required("name").to_owned();
    let parameters = context.args.text("params").unwrap_or_default().to_owned();
    let present = context.args.required("state") == "present";
    let mut answer = answer!({
        "changed": false, "name": name, "params": parameters, "state": context.args.required("state"),
    });
    let told = |failure: Failure, answer: &Answer| failure.with_all(answer.clone());
    let loaded = is_loaded(&name).map_err(|failure| told(failure, &answer))?;
    let mut changed = false;
    if loaded != present {
        // A dry run finds out whether it could be done.
        let dry = context.check.then_some("-n");
        let given = shlex::split(&parameters).unwrap_or_default();
        let words: Vec<&str> = if present {
            let given = given.iter().map(String::as_str);
            dry.into_iter().chain([name.as_str()]).chain(given).collect()
        } else {
            ["-r", &name].into_iter().chain(dry).collect()
        };
        let output = modprobe(context, &words)?;
        if output.code != 0 {
            let failure = Failure::new(output.stderr.clone())
                .with("rc", output.code)
                .with("stdout", output.stdout)
                .with("stderr", output.stderr);
            return Err(told(failure, &answer));
        }
        changed = !present || context.check || is_loaded(&name).map_err(|failure| told(failure, &answer))?;
        if !changed {
            let first = ["-n", "--first-time"].into_iter().chain(words);
            let output = modprobe(context, &first.collect::<Vec<_>>())?;
            if output.code != 0 {
                context.warn(output.stderr);
            }
        }
    }
    match context.args.required("persistent") {
        "present" => changed |= persist(context, &name, &parameters)?,
        "absent" => changed |= forget(context, &name)?,
        _ => {}
    }
    answer.insert("changed".to_owned(), changed.into());
    Ok(answer)
}

fn modprobe(context: &Context, words: &[&str]) -> Result<Output, Failure> {
    Process::tool(context, "modprobe").args(words).run()
}

/// Modules are named with `-` or `_`, which is the same.
fn plain(name: &str) -> String {
    name.replace('-', "_")
}

/// Whether a module is loaded, or part of the kernel.
fn is_loaded(name: &str) -> Result<bool, Failure> {
    let read = |file: &str| {
        std::fs::read_to_string(file).map_err(|error| Failure::new(format!("{}: '{file}'", os_error(&error))))
    };
    let wanted = plain(name);
    let is_loaded = read("/proc/modules")?
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .any(|module| module == wanted);
    if is_loaded {
        return Ok(true);
    }
    let release = rustix::system::uname().release().to_string_lossy().into_owned();
    let builtin = read(&format!("/lib/modules/{release}/modules.builtin"))?;
    Ok(builtin.lines().any(|line| {
        let file = line.rsplit('/').next().unwrap_or_default();
        plain(file.split(".ko").next().unwrap_or_default()) == wanted
    }))
}

/// Files of a directory.
fn files(directory: &str) -> Vec<PathBuf> {
    let entries = Path::new(directory).read_dir().into_iter().flatten().flatten();
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.path())
        .filter(|path| path.is_file())
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
            let path = Path::new(OPTION_DIRECTORY).join(format!("{name}.conf"));
            write(&path, &format!("{}\n", wanted.join("\n")))?;
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
