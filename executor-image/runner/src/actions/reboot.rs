//! `reboot`: restarts the host and waits until it is another boot of it that answers.

use std::time::{Duration, Instant};

use indexmap::IndexMap;
use serde_json::{Value, json};

use super::{ActionContext, Arguments, ResultMap, failure, map, number, text, wait_for_connection};
use crate::transport::{ConnectionKind, TransportError, quote};

/// What tells one boot from another.
const BOOT_IDENTITY: &str = "cat /proc/sys/kernel/random/boot_id";

pub(super) async fn run(context: &ActionContext<'_>, args: &Arguments) -> Result<ResultMap, TransportError> {
    let item = context.item;
    let target = item.target()?;
    if target.options.kind == ConnectionKind::Local {
        let mut result = failure("Running reboot with local connection would reboot the control node.");
        result.insert("elapsed".to_owned(), 0.into());
        result.insert("rebooted".to_owned(), false.into());
        return Ok(result);
    }
    if item.check {
        return Ok(map(json!({"changed": true, "elapsed": 0, "rebooted": true})));
    }
    let seconds = |names: &[&str], default: f64| {
        let given = names.iter().find_map(|name| number(args, name));
        Duration::from_secs_f64(given.unwrap_or(default).max(0.0))
    };
    // Where `shutdown` is found, besides the usual places.
    let search: Vec<String> = match args.get("search_paths") {
        Some(Value::Array(paths)) => paths
            .iter()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect(),
        _ => ["/sbin", "/bin", "/usr/sbin", "/usr/bin", "/usr/local/sbin"]
            .map(str::to_owned)
            .to_vec(),
    };
    let identity = text(args, "boot_time_command").unwrap_or_else(|| BOOT_IDENTITY.to_owned());
    let before = shell(context, &identity).await?;
    if before.get("rc").and_then(Value::as_i64) != Some(0) {
        return Ok(failure(format!(
            "the command that tells one boot from another failed: {identity}"
        )));
    }
    let started = Instant::now();
    let answer = shell(
        context,
        &restart_command(
            args,
            &search,
            seconds(&["pre_reboot_delay", "pre_reboot_delay_sec"], 0.0),
        ),
    )
    .await;
    // A host that goes away at once cannot answer: then it has done what was asked.
    if let Ok(answer) = answer
        && answer
            .get("rc")
            .and_then(Value::as_i64)
            .is_some_and(|status| status != 0)
    {
        let said = text(&answer, "stderr").unwrap_or_default();
        return Ok(failure(format!("Reboot command failed. Error was: '{said}'")));
    }
    let limit = seconds(&["reboot_timeout", "reboot_timeout_sec"], 600.0);
    tokio::time::sleep(seconds(&["post_reboot_delay", "post_reboot_delay_sec"], 0.0)).await;
    let deadline = started + limit;
    loop {
        if let Err(error) =
            wait_for_connection::until_reachable(context, deadline, Duration::from_secs(1)).await
        {
            return Ok(not_back(started, &error.to_string()));
        }
        match shell(context, &identity).await {
            Ok(after) if after.get("stdout") != before.get("stdout") => break,
            _ if Instant::now() >= deadline => {
                return Ok(not_back(started, "the host did not restart"));
            }
            _ => tokio::time::sleep(Duration::from_secs(1)).await,
        }
    }
    let test = text(args, "test_command").unwrap_or_else(|| "whoami".to_owned());
    loop {
        match shell(context, &test).await {
            Ok(result) if result.get("rc").and_then(Value::as_i64) == Some(0) => break,
            _ if Instant::now() >= deadline => {
                return Ok(not_back(
                    started,
                    &format!("the test command does not succeed: {test}"),
                ));
            }
            _ => tokio::time::sleep(Duration::from_secs(1)).await,
        }
    }
    Ok(map(
        json!({"changed": true, "rebooted": true, "elapsed": started.elapsed().as_secs()}),
    ))
}

fn restart_command(args: &Arguments, search: &[String], delay: Duration) -> String {
    if let Some(command) = text(args, "reboot_command") {
        return command;
    }
    let message = text(args, "msg").unwrap_or_else(|| "Reboot initiated by Ansible".to_owned());
    // Whole minutes, as `shutdown` counts them.
    format!(
        "PATH=$PATH:{} shutdown -r {} {}",
        quote(&search.join(":")),
        delay.as_secs() / 60,
        quote(&message)
    )
}

fn not_back(started: Instant, why: &str) -> ResultMap {
    map(json!({
        "changed": true, "failed": true, "rebooted": true, "elapsed": started.elapsed().as_secs(),
        "msg": format!("Timed out waiting for last boot time check (timeout): {why}"),
    }))
}

async fn shell(context: &ActionContext<'_>, command: &str) -> Result<ResultMap, TransportError> {
    let mut args = Arguments::new();
    args.insert("_raw_params".to_owned(), Value::from(command));
    context.call("ansible.builtin.shell", args, IndexMap::new()).await
}
