//! The agent's side: a job is started, and the agent goes on.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use anyhow::{Context as _, anyhow};
use slipway_protocol::{Call, ModuleResult};

use super::{ARGUMENT, Order};
use crate::store::Store;

/// Starts a job for this call and answers that it was started.
#[must_use]
pub fn start(call: &Call, limit: u64, store: &Store) -> ModuleResult {
    let order = Order {
        call: Call {
            background: None,
            ..call.clone()
        },
        limit,
        contents: store.directory().to_owned(),
    };
    run(&order).unwrap_or_else(|error| {
        ModuleResult::failure(format!(
            "{} could not be started as a job: {error:#}",
            call.module
        ))
    })
}

fn run(order: &Order) -> anyhow::Result<ModuleResult> {
    let text = serde_json::to_vec(order).context("encoding the call")?;
    // By this name the program is found also when its file was replaced or removed meanwhile.
    let mut job = Command::new("/proc/self/exe")
        .arg0("slipway-agent")
        .arg(ARGUMENT)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .context("starting the agent's program")?;
    let (input, output) = (job.stdin.take(), job.stdout.take());
    // Whoever starts a process has to wait for it; this agent may end before it, and then nobody needs to.
    std::thread::spawn(move || job.wait());
    let (mut input, output) = input.zip(output).ok_or_else(|| anyhow!("the job has no pipes"))?;
    input.write_all(&text).context("giving the call to the job")?;
    drop(input);
    let mut line = String::new();
    BufReader::new(output)
        .read_line(&mut line)
        .context("reading the job's answer")?;
    if line.is_empty() {
        return Err(anyhow!("it ended before it had begun"));
    }
    serde_json::from_str(&line).context("understanding the job's answer")
}
