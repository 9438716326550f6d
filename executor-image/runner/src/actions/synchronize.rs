//! `synchronize`: `rsync` between this machine and the host, over the SSH settings of the task.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
};

use serde_json::json;
use slipway_language::FileKind;
use tokio::process::Command;

use super::{ActionContext, Arguments, ResultMap, boolean, failure, map, text, texts};
use crate::{
    engine::Target,
    transport::{ConnectionKind, HostKeyChecking, TransportError, quote},
};

/// Marks the lines of what was changed.
const CHANGED: &str = "<<CHANGED>>";

pub(super) async fn run(context: &ActionContext<'_>, args: &Arguments) -> Result<ResultMap, TransportError> {
    let item = context.item;
    let (Some(source), Some(destination)) = (text(args, "src"), text(args, "dest")) else {
        return Ok(failure(
            "synchronize requires both src and dest parameters are set",
        ));
    };
    let target = match item.target() {
        Ok(target) => target,
        Err(error) => return Ok(failure(error.to_string())),
    };
    let pull = text(args, "mode").as_deref() == Some("pull");
    let (source, destination) = if pull {
        (remote(&target, args, &source), local(context, &destination))
    } else {
        (found(context, &source), remote(&target, args, &destination))
    };
    let mut words = options(args, item.check);
    words.extend(transport_words(&target, args, &ssh_arguments(context, args)));
    words.push(format!("--out-format={CHANGED}%i %n%L"));
    words.extend([source, destination]);
    let output = Command::new("rsync")
        .args(&words)
        .envs(context.environment)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await;
    let output = match output {
        Ok(output) => output,
        Err(error) => return Ok(failure(format!("cannot run rsync on this machine: {error}"))),
    };
    let stdout = String::from_utf8_lossy(&output.stdout);
    let clean = stdout.replace(CHANGED, "");
    let lines: Vec<&str> = clean.lines().filter(|line| !line.is_empty()).collect();
    let command: Vec<String> = words.iter().map(|word| quote(word)).collect();
    let status = output.status.code().unwrap_or(-1);
    let mut result = map(json!({
        "changed": stdout.contains(CHANGED), "rc": status, "msg": clean, "stdout_lines": lines,
        "cmd": format!("rsync {}", command.join(" ")),
    }));
    if status != 0 {
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        result.insert("failed".to_owned(), true.into());
        result.insert("changed".to_owned(), false.into());
        result.insert("msg".to_owned(), said.into());
    }
    Ok(result)
}

/// The options of `rsync` that arguments stand for.
fn options(args: &Arguments, check: bool) -> Vec<String> {
    let is = |name: &str, default: bool| boolean(args, name).unwrap_or(default);
    let archive = is("archive", true);
    let mut words = Vec::new();
    if is("delay_updates", true) {
        words.push("--delay-updates");
    }
    words.push("-F");
    let flags = [
        ("compress", true, "--compress"),
        ("dirs", false, "--dirs"),
        ("existing_only", false, "--existing"),
        ("checksum", false, "--checksum"),
        ("copy_links", false, "--copy-links"),
        ("partial", false, "--partial"),
        ("delete", false, "--delete-after"),
    ];
    words.extend(
        flags
            .iter()
            .filter(|(name, default, _)| is(name, *default))
            .map(|flag| flag.2),
    );
    // What `archive` says can be taken back, one by one.
    if archive {
        words.push("--archive");
    }
    for (name, on, off) in [
        ("recursive", "--recursive", "--no-recursive"),
        ("links", "--links", "--no-links"),
        ("perms", "--perms", "--no-perms"),
        ("times", "--times", "--no-times"),
        ("owner", "--owner", "--no-owner"),
        ("group", "--group", "--no-group"),
    ] {
        match boolean(args, name) {
            Some(true) if !archive => words.push(on),
            Some(false) if archive => words.push(off),
            _ => {}
        }
    }
    if check {
        words.push("--dry-run");
    }
    let mut words: Vec<String> = words.into_iter().map(str::to_owned).collect();
    if let Some(seconds) = text(args, "rsync_timeout").filter(|seconds| seconds != "0") {
        words.push(format!("--timeout={seconds}"));
    }
    words.extend(
        texts(args, "link_dest")
            .iter()
            .map(|path| format!("--link-dest={path}")),
    );
    words.extend(texts(args, "rsync_opts"));
    words
}

/// The arguments of `ssh` that settings and variables name, if the task wants them for `rsync` too.
fn ssh_arguments(context: &ActionContext<'_>, args: &Arguments) -> Vec<String> {
    if !boolean(args, "use_ssh_args").unwrap_or(false) {
        return Vec::new();
    }
    let item = context.item;
    let settings = &item.play.run.options.settings;
    [
        ("ansible_ssh_args", settings.ssh_args.as_str()),
        ("ansible_ssh_common_args", &settings.ssh_common_args),
        ("ansible_ssh_extra_args", &settings.ssh_extra_args),
    ]
    .into_iter()
    .map(|(variable, setting)| {
        let set = item.play.variable_text(variable, &item.scope).ok().flatten();
        set.unwrap_or_else(|| setting.to_owned())
    })
    .filter(|words| !words.is_empty())
    .collect()
}

/// How `rsync` reaches the host, and as whom it works there.
fn transport_words(target: &Target, args: &Arguments, more: &[String]) -> Vec<String> {
    let mut words = Vec::new();
    if target.options.kind == ConnectionKind::Ssh {
        let mut shell = vec!["ssh".to_owned()];
        if !boolean(args, "ssh_connection_multiplexing").unwrap_or(false) {
            shell.push("-S none".to_owned());
        }
        let key = text(args, "private_key").or_else(|| {
            let file = target.options.private_key.as_ref();
            file.map(|file| file.display().to_string())
        });
        shell.extend(key.map(|key| format!("-i {}", quote(&key))));
        let port = text(args, "dest_port").unwrap_or_else(|| target.options.port.to_string());
        shell.push(format!("-o Port={port}"));
        let verify = boolean(args, "verify_host")
            .unwrap_or(target.options.host_key_checking == HostKeyChecking::Pinned);
        if !verify {
            shell.push("-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null".to_owned());
        }
        shell.extend(more.iter().cloned());
        words.push(format!("--rsh={}", shell.join(" ")));
    }
    let path = text(args, "rsync_path").unwrap_or_else(|| "rsync".to_owned());
    match &target.launch.r#become {
        Some(other) => words.push(format!("--rsync-path={}", other.command(&path))),
        None if path != "rsync" => words.push(format!("--rsync-path={path}")),
        None => {}
    }
    words
}

/// A path of the host.
fn remote(target: &Target, args: &Arguments, path: &str) -> String {
    if target.options.kind == ConnectionKind::Local {
        return path.to_owned();
    }
    let address = &target.options.address;
    let address = if address.contains(':') {
        format!("[{address}]")
    } else {
        address.clone()
    };
    match &target.options.user {
        Some(user) if boolean(args, "set_remote_user").unwrap_or(true) => format!("{user}@{address}:{path}"),
        _ => format!("{address}:{path}"),
    }
}

/// A path of this machine that is written.
fn local(context: &ActionContext<'_>, path: &str) -> String {
    if Path::new(path).is_absolute() {
        return path.to_owned();
    }
    let absolute: PathBuf = context.item.play.directory.join(path);
    absolute.display().to_string()
}

/// A path of this machine that is read: its end, with a slash or without, means something to `rsync`.
fn found(context: &ActionContext<'_>, path: &str) -> String {
    let end = if path.ends_with('/') { "/" } else { "" };
    match context.find(path, FileKind::Files) {
        Ok(found) => format!("{}{end}", found.display().to_string().trim_end_matches('/')),
        Err(_) => local(context, path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_become_options() {
        let args =
            map(json!({"delete": true, "times": false, "rsync_opts": ["--exclude=.git"], "compress": "no"}));
        assert_eq!(
            options(&args, true),
            [
                "--delay-updates",
                "-F",
                "--delete-after",
                "--archive",
                "--no-times",
                "--dry-run",
                "--exclude=.git"
            ]
        );
    }
}
