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
    let table_path = PathBuf::from(context.args.text("fstab").unwrap_or("/etc/fstab"));
    let entry = entry(context, &path);
    let mut answer = answer!({
        "name": path,
        "dump": entry.dump,
        "passno": entry.pass,
        "opts": entry.options,
        "boot": if context.args.flag("boot") { "yes" } else { "no" },
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
        "absent_from_fstab" => remove_entry(context, &table_path, &path, &mut answer)?,
        "absent" => absent(context, &table_path, &path, &mut answer)?,
        "unmounted" => unmounted(context, &path)?,
        "mounted" => mounted(context, &table_path, &entry, &mut answer)?,
        "remounted" => {
            if !context.check {
                remount(context, &path)?;
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
    if !args.flag("boot") && !options.split(',').any(|option| option == "noauto") {
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

fn remove_entry(context: &Context, table: &Path, path: &str, answer: &mut Answer) -> Result<bool, Failure> {
    let mut table = Table::read(table)?;
    let changed = table.remove(path, context.args.text("src"));
    save(context, &table, changed, answer)
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

fn absent(context: &Context, table: &Path, path: &str, answer: &mut Answer) -> Result<bool, Failure> {
    let mut changed = remove_entry(context, table, path, answer)?;
    if is_mounted(path) {
        changed = true;
        if !context.check {
            unmount(context, path)?;
        }
    }
    if changed && !context.check && Path::new(path).is_dir() {
        // A directory with other files in it is not ours to remove.
        if let Err(error) = std::fs::remove_dir(path) {
            return Err(Failure::io(format!("Error rmdir {path}"), &error));
        }
    }
    Ok(changed)
}

fn unmounted(context: &Context, path: &str) -> Result<bool, Failure> {
    let mounted = is_mounted(path);
    if mounted && !context.check {
        unmount(context, path)?;
    }
    Ok(mounted)
}

fn mounted(context: &Context, table: &Path, entry: &Entry, answer: &mut Answer) -> Result<bool, Failure> {
    make_mount_point(context, entry)?;
    let entry_changed = write_entry(context, table, entry, answer)?;
    if is_mounted(&entry.path) {
        if entry_changed && !context.check {
            remount(context, &entry.path)?;
        }
        return Ok(entry_changed);
    }
    if !context.check {
        mount(context, entry, answer["fstab"] != "/etc/fstab")?;
    }
    Ok(true)
}

fn ephemeral(context: &Context, entry: &Entry) -> Result<bool, Failure> {
    if let Some(source) = mounted_source(&entry.path) {
        let is_same = source == entry.device
            || Path::new(&source).canonicalize().ok() == Path::new(&entry.device).canonicalize().ok();
        if !is_same {
            return Err(Failure::new(format!(
                "Ephemeral mount point is already mounted with a different source than the specified one. Failing in \
                 order to prevent an unwanted unmount or override operation. {} is mounted on {}",
                source, entry.path
            )));
        }
        if !context.check {
            remount(context, &entry.path)?;
        }
        return Ok(true);
    }
    make_mount_point(context, entry)?;
    if !context.check {
        mount(context, entry, true)?;
    }
    Ok(true)
}

fn make_mount_point(context: &Context, entry: &Entry) -> Result<(), Failure> {
    let path = Path::new(&entry.path);
    if context.check || path.exists() {
        return Ok(());
    }
    std::fs::create_dir_all(path)
        .map_err(|error| Failure::io(format!("Error making dir {}", entry.path), &error))
}

/// Mounts what is not in the system's own table with everything it takes; the rest by its path alone.
fn mount(context: &Context, entry: &Entry, all_arguments: bool) -> Result<(), Failure> {
    let mut process = Process::tool(context, "mount");
    if all_arguments {
        if !matches!(entry.kind.as_str(), "none" | "") {
            process = process.args(["-t", &entry.kind]);
        }
        process = process.args(["-o", &entry.options, &entry.device]);
    }
    let output = process.arg(&entry.path).run()?;
    if output.code != 0 {
        let message = format!(
            "Error mounting {}: {}{}",
            entry.path, output.stdout, output.stderr
        );
        return Err(Failure::new(message));
    }
    Ok(())
}

fn remount(context: &Context, path: &str) -> Result<(), Failure> {
    let mut options = "remount".to_owned();
    if let Some(given) = context.args.text("opts").filter(|options| *options != "defaults") {
        options = format!("remount,{given}");
    }
    let output = Process::tool(context, "mount")
        .args(["-o", &options, path])
        .run()?;
    if output.code != 0 {
        return Err(Failure::new(format!(
            "Error remounting {path}: {}{}",
            output.stdout, output.stderr
        )));
    }
    Ok(())
}

fn unmount(context: &Context, path: &str) -> Result<(), Failure> {
    let output = Process::tool(context, "umount").arg(path).run()?;
    if output.code != 0 {
        return Err(Failure::new(format!(
            "Error unmounting {path}: {}{}",
            output.stdout, output.stderr
        )));
    }
    Ok(())
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
