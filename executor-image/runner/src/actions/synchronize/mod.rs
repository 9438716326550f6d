//! `synchronize`: `rsync` between this machine and the host, over the SSH settings of the task.

mod ends;
mod login;
mod options;

use std::process::Stdio;

use indexmap::IndexMap;
use serde_json::{Value, json};
use slipway_protocol::Call;
use tokio::process::Command;

pub use login::answer as answer_askpass;

use super::{ActionContext, Arguments, ResultMap, failure, map, text, texts};
use crate::{
    engine::Target,
    transport::{BecomeMethod, TransportError},
};
use ends::{Ends, Place};
use login::Login;

/// Marks the lines of what was changed.
const CHANGED: &str = "<<CHANGED>>";

/// What `rsync` has printed.
struct Printed {
    status: i64,
    stdout: String,
    stderr: String,
}

pub(super) async fn run(context: &ActionContext<'_>, args: &Arguments) -> Result<ResultMap, TransportError> {
    let (Some(source), Some(destination)) = (text(args, "src"), text(args, "dest")) else {
        return Ok(failure(
            "synchronize requires both src and dest parameters are set",
        ));
    };
    let ends = match Ends::of(context, args, &source, &destination) {
        Ok(ends) => ends,
        Err(message) => return Ok(failure(message)),
    };
    let item = context.item;
    let rsync = item.play.variable_text("ansible_rsync_path", &item.scope);
    let rsync = match rsync {
        Ok(path) => ends.place.program(path.as_deref().unwrap_or("rsync")),
        Err(error) => return Ok(failure(error.to_string())),
    };
    let mut words = vec![rsync];
    words.extend(options::first(args, item.check));
    if let Some(target) = &ends.over_ssh {
        let given = texts(args, "rsync_opts");
        if !given.iter().any(|option| option.contains("--rsh")) {
            words.push(format!(
                "--rsh={}",
                login::shell(context, args, target, &ends.place)
            ));
        }
    }
    words.extend(
        ends.rsync_path(args)
            .map(|program| format!("--rsync-path={program}")),
    );
    words.extend(options::last(args));
    words.push(format!("--out-format={CHANGED}%i %n%L"));
    words.extend([ends.source.clone(), ends.destination.clone()]);
    let printed = match &ends.place {
        Place::Here => match here(&words, context, &ends).await {
            Ok(printed) => printed,
            Err(message) => return Ok(failure(message)),
        },
        Place::Host(target) => match there(&words, context, target).await? {
            Ok(printed) => printed,
            Err(failed) => return Ok(failed),
        },
    };
    Ok(told(context, args, &ends, &words, &printed))
}

/// What the task says of it.
fn told(
    context: &ActionContext<'_>,
    args: &Arguments,
    ends: &Ends,
    words: &[String],
    printed: &Printed,
) -> ResultMap {
    let command = options::shown(words);
    if printed.status != 0 {
        let mut said = printed.stderr.clone();
        if let Some(advice) = ends.advice(&said) {
            said = format!("{}\n{advice}", said.trim_end());
        }
        return map(json!({
            "changed": false, "failed": true, "rc": printed.status, "msg": said, "cmd": command,
        }));
    }
    // With links to what is there, what has not changed is told too.
    let changed = if texts(args, "link_dest").is_empty() {
        printed.stdout.contains(CHANGED)
    } else {
        !printed.stdout.contains(&format!("{CHANGED}."))
    };
    let clean = printed.stdout.replace(CHANGED, "");
    let lines: Vec<&str> = clean.split('\n').filter(|line| !line.is_empty()).collect();
    let mut result = map(json!({
        "changed": changed, "rc": 0, "msg": clean, "stdout_lines": lines, "cmd": command,
    }));
    if context.item.diff {
        result.insert("diff".to_owned(), json!({"prepared": clean}));
    }
    if texts(args, "rsync_opts").iter().any(String::is_empty) {
        let warning = "The empty string is present in rsync_opts which will cause rsync to transfer the current working directory. If this is intended, use \".\" instead to get rid of this warning. If this is unintended, check for problems in your playbook leading to empty string in rsync_opts.";
        result.insert("warnings".to_owned(), json!([warning]));
    }
    result
}

/// Runs it on this machine.
async fn here(words: &[String], context: &ActionContext<'_>, ends: &Ends) -> Result<Printed, String> {
    let password = ends
        .over_ssh
        .as_ref()
        .and_then(|target| target.options.password.as_ref());
    let login = password
        .map(Login::new)
        .transpose()
        .map_err(|error| format!("cannot prepare the login of ssh with a password: {error}"))?;
    let (program, arguments) = words.split_first().ok_or("rsync has no name")?;
    let mut command = Command::new(program);
    command
        .args(arguments)
        .envs(context.environment)
        .stdin(Stdio::null())
        .kill_on_drop(true);
    if let Some(login) = &login {
        command.envs(login.environment());
    }
    let output = command
        .output()
        .await
        .map_err(|error| format!("cannot run {program} on this machine: {error}"))?;
    Ok(Printed {
        status: output.status.code().unwrap_or(-1).into(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}

/// Runs it on the host that the task delegates to.
async fn there(
    words: &[String],
    context: &ActionContext<'_>,
    target: &Target,
) -> Result<Result<Printed, ResultMap>, TransportError> {
    let agent = context.item.agent(target).await?;
    let call = Call {
        module: "ansible.builtin.command".to_owned(),
        args: map(json!({"argv": words, "expand_argument_vars": false, "strip_empty_ends": false})),
        environment: context.environment.clone(),
        files: IndexMap::new(),
        ..Call::default()
    };
    let answer = agent.call(&call).await?.0;
    let Some(status) = answer.get("rc").and_then(Value::as_i64) else {
        return Ok(Err(answer));
    };
    let said = |name: &str| text(&answer, name).unwrap_or_default();
    let stderr = if answer.contains_key("stderr") {
        said("stderr")
    } else {
        said("msg")
    };
    Ok(Ok(Printed {
        status,
        stdout: said("stdout"),
        stderr,
    }))
}

impl Ends {
    /// What is run at the other end in the place of `rsync`.
    fn rsync_path(&self, args: &Arguments) -> Option<String> {
        let named = text(args, "rsync_path").filter(|path| !path.is_empty());
        let other = self.over_ssh.as_ref()?.launch.r#become.as_ref();
        match (named, other) {
            // Who names a program says all of it.
            (Some(path), _) => Some(path),
            (None, Some(other)) => Some(other.without_password().leading("rsync")),
            (None, None) => None,
        }
    }

    /// What to do about what `rsync` or `sudo` has said.
    fn advice(&self, said: &str) -> Option<String> {
        let other = self.over_ssh.as_ref()?.launch.r#become.as_ref()?;
        let asks = other.method == BecomeMethod::Sudo
            && (said.contains("a password is required") || said.contains("a terminal is required"));
        asks.then(|| ends::no_password_for(other))
    }
}
