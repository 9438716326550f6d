//! One run of a program: how long it took, how long it computed, how much memory it held at most.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use slipway_lab::{Group, Lab};
use tokio::process::Command;

/// The first look at the memory comes after this time: short programs are seen too.
const FIRST_LOOK: Duration = Duration::from_millis(10);
/// Looking may take this share of one processor, one part in …
const SHARE: u32 = 20;

/// What a run took.
#[derive(Debug, Clone, Copy)]
pub struct Measured {
    /// From the first word typed to its end.
    pub wall: Duration,
    /// Processor time, user and system, of the program and all that it started on this host.
    pub processor: Duration,
    /// The most memory that all of them held together, shared pages counted once.
    pub memory_bytes: u64,
}

impl std::fmt::Display for Measured {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let megabytes = self.memory_bytes.div_ceil(1_000_000);
        let (wall, processor) = (seconds(self.wall), seconds(self.processor));
        write!(formatter, "{wall}, {processor} CPU, {megabytes} MB")
    }
}

/// A time with three digits that count.
fn seconds(time: Duration) -> String {
    match time.as_secs_f64() {
        time if time < 0.1 => format!("{:.1} ms", time * 1000.0),
        time if time < 10.0 => format!("{time:.2} s"),
        time => format!("{time:.1} s"),
    }
}

/// Runs a command in the lab's network to its end. What it prints goes to a file.
pub async fn measure(lab: &Lab, name: &str, words: &[String], log: &Path) -> anyhow::Result<Measured> {
    let group = lab.group(name).await?;
    let mut all = lab.inside();
    all.extend(group.words());
    all.extend(words.iter().cloned());
    let output = std::fs::File::create(log).with_context(|| format!("write {}", log.display()))?;
    let start = Instant::now();
    let mut child = Command::new(&all[0])
        .args(&all[1..])
        .stdin(Stdio::null())
        .stdout(output.try_clone()?)
        .stderr(output)
        .kill_on_drop(true)
        .spawn()
        .with_context(|| format!("start {}", all[0]))?;
    let mut memory_bytes = 0;
    let mut pause = FIRST_LOOK;
    let status = loop {
        tokio::select! {
            ended = child.wait() => break ended?,
            () = tokio::time::sleep(pause) => {
                let look = Instant::now();
                memory_bytes = memory_bytes.max(memory_of(&group));
                pause = FIRST_LOOK.max(look.elapsed() * SHARE);
            }
        }
    };
    let wall = start.elapsed();
    let processor = group.processor_time();
    group.remove().await?;
    ensure!(
        status.success(),
        "{name} failed ({status}), see {}",
        log.display()
    );
    Ok(Measured {
        wall,
        processor,
        memory_bytes,
    })
}

fn memory_of(group: &Group) -> u64 {
    group.processes().into_iter().map(proportional).sum()
}

/// The process's proportional set size.
fn proportional(id: i32) -> u64 {
    let rollup = std::fs::read_to_string(format!("/proc/{id}/smaps_rollup")).unwrap_or_default();
    let line = rollup.lines().find_map(|line| line.strip_prefix("Pss:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").trim().parse::<u64>().ok())
        .unwrap_or_default()
        * 1024
}
