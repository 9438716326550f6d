//! `ansible.posix.mount`: file systems in fstab, and mounted.

mod fstab;

use std::path::{Path, PathBuf};

use serde_json::Value;

use self::fstab::{Entry, Table};
use crate::answer::{Answer, Failure, Outcome, answer};
use crate::atomic_write::back_up;
use crate::context::Context;
use crate::facts::unescape;
use crate::process::Process;
use crate::python_text::os_error;

/// The system's table.
const SYSTEM_TABLE: &str = "/etc/fstab";

pub(super) fn run(context: &mut Context) -> Outcome {
    let state = context.args.required("state").to_owned();
    let path = context.args.required("path").to_owned();
    let needs = match state.as_str() {
        "mounted" | "present" | "ephemeral" => &["src", "fstype"][..],
        _ => &[][..],
    };
    let missing: Vec<&str> = needs
        .iter()
        .copied()
        .filter(|name| context.args.value(name).is_none())
        .collect();
    if !missing.is_empty() {
        return Err(Failure::new(format!(
            "state is {state} but all of the following are missing: {}",
            missing.join(", ")
        )));
    }
    let table_path = PathBuf::from(context.args.text("fstab").unwrap_or(SYSTEM_TABLE));
    let entry = entry(context, &path);
    let boots = context.args.flag("boot");
    if boots && entry.options.split(',').any(|option| option == "noauto") {
        context.warn("Ignore the 'boot' due to 'opts' contains 'noauto'.");
    }
    let context = &*context;
    if state != "ephemeral" && !context.check {
        make_table(&table_path)?;
    }
    let mut answer = answer!({
        "name": path,
        "dump": entry.dump,
        "passno": entry.pass,
        "opts": entry.options,
        "boot": if boots { "yes" } else { "no" },
        "fstab": table_path.to_string_lossy(),
        "backup_file": "",
    });
    for (key, name) in [("src", "src"), ("fstype", "fstype")] {
        if let Some(value) = context.args.text(name) {
            answer.insert(key.to_owned(), value.into());
        }
    }
    let changed = match state.as_str() {
        "present" => write_entry(context, &table_path, &entry, &mut answer)?,
        "absent_from_fstab" => remove_entry(context, &table_path, &path)?,
        "absent" => absent(context, &table_path, &path)?,
        "unmounted" => unmounted(context, &path)?,
        "mounted" => mounted(context, &table_path, &entry, &mut answer)?,
        "remounted" => {
            if !context.check {
                remount(context, &entry).map_err(|why| match entry.options.as_str() {
                    "defaults" => failed("remounting", &path, &why),
                    _ => Failure::new(why),
                })?;
            }
            true
        }
        _ => ephemeral(context, &entry)?,
    };
    answer.insert("changed".to_owned(), changed.into());
    Ok(answer)
}

fn entry(context: &Context, path: &str) -> Entry {
    let args = &context.args;
    let mut options = args.text("opts").unwrap_or("defaults").to_owned();
    if !args.flag("boot") {
        options.push_str(",noauto");
    }
    Entry {
        device: args.text("src").unwrap_or_default().to_owned(),
        path: path.to_owned(),
        kind: args.text("fstype").unwrap_or_default().to_owned(),
        options,
        dump: args.required("dump").to_owned(),
        pass: args.required("passno").to_owned(),
    }
}

fn write_entry(context: &Context, table: &Path, entry: &Entry, answer: &mut Answer) -> Result<bool, Failure> {
    let mut table = Table::read(table)?;
    let changed = table.set(entry);
    save(context, &table, changed, answer)
}

fn remove_entry(context: &Context, table: &Path, path: &str) -> Result<bool, Failure> {
    let mut table = Table::read(table)?;
    let changed = table.remove(path, context.args.text("src"));
    // Where an entry is taken out, Ansible does not tell of the copy.
    save(context, &table, changed, &mut Answer::new())
}

fn save(context: &Context, table: &Table, changed: bool, answer: &mut Answer) -> Result<bool, Failure> {
    if changed && !context.check {
        if context.args.flag("backup") && table.path().exists() {
            answer.insert("backup_file".to_owned(), Value::from(back_up(table.path())?));
        }
        table.write()?;
    }
    Ok(changed)
}

/// Makes an empty table where there is none.
fn make_table(path: &Path) -> Result<(), Failure> {
    if path.exists() {
        return Ok(());
    }
    let failed = |error| {
        Failure::new(format!(
            "Failed to open {} due to {}",
            path.display(),
            os_error(&error)
        ))
    };
    if let Some(directory) = path.parent() {
        std::fs::create_dir_all(directory).map_err(failed)?;
    }
    std::fs::write(path, "").map_err(failed)
}

fn failed(doing: &str, path: &str, why: &str) -> Failure {
    Failure::new(format!("Error {doing} {path}: {why}"))
}

fn absent(context: &Context, table: &Path, path: &str) -> Result<bool, Failure> {
    let changed = remove_entry(context, table, path)?;
    if changed && !context.check {
        if is_mounted(path) {
            unmount(context, path).map_err(|why| failed("unmounting", path, &why))?;
        }
        if Path::new(path).exists() {
            // A directory with other files in it is not ours to remove.
            std::fs::remove_dir(path).map_err(|error| {
                Failure::new(format!("Error rmdir {path}: {}: '{path}'", os_error(&error)))
            })?;
        }
    }
    Ok(changed)
}

fn unmounted(context: &Context, path: &str) -> Result<bool, Failure> {
    let mounted = is_mounted(path);
    if mounted && !context.check {
        unmount(context, path).map_err(|why| failed("unmounting", path, &why))?;
    }
    Ok(mounted)
}

fn mounted(context: &Context, table: &Path, entry: &Entry, answer: &mut Answer) -> Result<bool, Failure> {
    let made = make_mount_point(context, entry)?;
    let before = Table::read(table)?;
    let entry_changed = write_entry(context, table, entry, answer)?;
    let is_mounted = is_mounted(&entry.path);
    let done = match (is_mounted, entry_changed) {
        _ if context.check => Ok(()),
        (true, true) => remount(context, entry),
        (true, false) => Ok(()),
        (false, _) => mount(context, entry),
    };
    if let Err(why) = done {
        // An entry that does not work could keep the system from starting.
        let _ = before.write();
        unmake(&made);
        return Err(failed("mounting", &entry.path, &why));
    }
    Ok(entry_changed || !is_mounted)
}

fn ephemeral(context: &Context, entry: &Entry) -> Result<bool, Failure> {
    let made = make_mount_point(context, entry)?;
    let done = match mounted_source(&entry.path) {
        Some(source) => {
            let real = |path: &str| Path::new(path).canonicalize().ok();
            let is_same = source == entry.device
                || real(&source).is_some_and(|source| Some(source) == real(&entry.device));
            if !is_same {
                return Err(Failure::new(
                    "Ephemeral mount point is already mounted with a different source than the specified one. Failing in order to \
                     prevent an unwanted unmount or override operation. Try replacing this command with a \"state: unmounted\" \
                     followed by a \"state: ephemeral\", or use a different destination path.",
                ));
            }
            if context.check {
                Ok(())
            } else {
                remount(context, entry)
            }
        }
        None if context.check => Ok(()),
        None => mount(context, entry),
    };
    done.map_err(|why| {
        unmake(&made);
        failed("mounting", &entry.path, &why)
    })?;
    Ok(true)
}

/// Makes the directory that is mounted on; returns the directories that were made, the innermost last.
fn make_mount_point(context: &Context, entry: &Entry) -> Result<Vec<PathBuf>, Failure> {
    let path = Path::new(&entry.path);
    if context.check || path.exists() {
        return Ok(Vec::new());
    }
    let mut made: Vec<PathBuf> = path
        .ancestors()
        .take_while(|directory| !directory.as_os_str().is_empty() && !directory.exists())
        .map(Path::to_owned)
        .collect();
    made.reverse();
    std::fs::create_dir_all(path).map_err(|error| {
        Failure::new(format!(
            "Error making dir {}: {}: '{}'",
            entry.path,
            os_error(&error),
            entry.path
        ))
    })?;
    Ok(made)
}

/// Takes the directories away again.
fn unmake(made: &[PathBuf]) {
    for directory in made.iter().rev() {
        // One that something else has come into stays.
        let _ = std::fs::remove_dir(directory);
    }
}

/// What tells the program where the entry is: another table than the system's, or, for an entry that is in none, all of it.
fn whereabouts(context: &Context, entry: &Entry) -> Vec<String> {
    if context.args.required("state") == "ephemeral" {
        let mut words = vec!["-t".to_owned(), entry.kind.clone()];
        if entry.options != "defaults" {
            words.extend(["-o".to_owned(), entry.options.clone()]);
        }
        words.push(entry.device.clone());
        return words;
    }
    match context.args.text("fstab") {
        Some(table) if table != SYSTEM_TABLE => vec!["-T".to_owned(), table.to_owned()],
        _ => Vec::new(),
    }
}

/// Mounts an entry; an error is what the program has said.
fn mount(context: &Context, entry: &Entry) -> Result<(), String> {
    let process = Process::tool(context, "mount").args(whereabouts(context, entry));
    must(process.arg(&entry.path))
}

/// Mounts an entry anew, or, where that cannot be, takes it away and mounts it again.
fn remount(context: &Context, entry: &Entry) -> Result<(), String> {
    let has_options = context.args.required("state") == "remounted" && entry.options != "defaults";
    let options = if has_options {
        format!("remount,{}", entry.options)
    } else {
        "remount".to_owned()
    };
    let process = Process::tool(context, "mount")
        .args(["-o", &options])
        .args(whereabouts(context, entry));
    if must(process.arg(&entry.path)).is_ok() {
        return Ok(());
    }
    if has_options {
        return Err(
            "Options were specified with remounted, but the remount command failed. Failing in order to prevent an unexpected \
             mount result. Try replacing this command with a \"state: unmounted\" followed by a \"state: mounted\" using the full \
             desired mount options instead."
                .to_owned(),
        );
    }
    unmount(context, &entry.path)?;
    mount(context, entry)
}

fn unmount(context: &Context, path: &str) -> Result<(), String> {
    must(Process::tool(context, "umount").arg(path))
}

fn must(process: Process) -> Result<(), String> {
    let output = process.run().map_err(|failure| failure.message().to_owned())?;
    if output.code == 0 {
        return Ok(());
    }
    Err(format!("{}{}", output.stdout, output.stderr))
}

/// What is mounted at a path.
fn mounted_source(path: &str) -> Option<String> {
    let path = Path::new(path).canonicalize().ok()?;
    let text = std::fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    text.lines()
        .filter_map(|line| {
            let mut fields = line.split_whitespace();
            Some((unescape(fields.next()?), unescape(fields.next()?)))
        })
        .rfind(|(_, mounted_at)| Path::new(mounted_at) == path)
        .map(|(source, _)| source)
}

fn is_mounted(path: &str) -> bool {
    mounted_source(path).is_some()
}
