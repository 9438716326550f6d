//! The lists of packages that apt keeps.

use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::command::apt_get;
use crate::answer::{Answer, Failure};
use crate::context::Context;

/// What became of the lists.
pub(super) struct Cache {
    /// Whether the call wants them to be new.
    pub is_asked_for: bool,
    /// Whether they were fetched anew.
    pub updated: bool,
    /// When they were fetched, in seconds since the epoch.
    pub time: u64,
}

impl Cache {
    /// A result that tells of the lists.
    pub(super) fn told(&self, mut answer: Answer) -> Answer {
        answer.insert("cache_updated".to_owned(), self.updated.into());
        answer.insert("cache_update_time".to_owned(), self.time.into());
        answer
    }
}

/// Fetches the lists when the call asks for it and they are older than it allows. Lists that have not changed since they were fetched
/// keep their time, and so are not new.
pub(super) fn refresh(context: &Context) -> Result<Cache, Failure> {
    let args = &context.args;
    let valid = Duration::from_secs(args.count("cache_valid_time").unwrap_or(0));
    let is_asked_for = args.flag("update_cache") || !valid.is_zero();
    let fetched = fetched_at();
    let time = seconds(fetched);
    if !is_asked_for || fetched + valid >= SystemTime::now() {
        return Ok(Cache {
            is_asked_for,
            updated: false,
            time,
        });
    }
    if !context.check {
        update(context)?;
    }
    let fetched = seconds(fetched_at());
    Ok(Cache {
        is_asked_for,
        updated: context.check || fetched != time,
        time: fetched,
    })
}

/// Fetches the lists, as often as the call lets it try.
pub(in crate::modules) fn update(context: &Context) -> Result<(), Failure> {
    let args = &context.args;
    let tries = args.count("update_cache_retries").unwrap_or(5).max(1);
    let longest = Duration::from_secs(args.count("update_cache_retry_max_delay").unwrap_or(12));
    let lock = format!(
        "DPkg::Lock::Timeout={}",
        args.integer("lock_timeout").unwrap_or(60)
    );
    let mut pause = Duration::from_secs(1);
    let mut why = String::new();
    for attempt in 1..=tries {
        let output = apt_get(context)
            .args(["-o", &lock, "-o", "APT::Update::Error-Mode=any", "update"])
            .run()?;
        if output.code == 0 {
            return Ok(());
        }
        why = output.stderr;
        if attempt < tries && context.control.sleep(pause) {
            break;
        }
        pause = (pause * 2).min(longest);
    }
    let why = if why.trim().is_empty() {
        "unknown reason"
    } else {
        why.trim()
    };
    Err(Failure::new(format!(
        "Failed to update apt cache after {tries} retries: {why}"
    )))
}

/// When the lists were fetched: by the stamp that apt is told to leave on some systems, else by their directory.
fn fetched_at() -> SystemTime {
    ["/var/lib/apt/periodic/update-success-stamp", "/var/lib/apt/lists"]
        .iter()
        .find_map(|path| Path::new(path).metadata().ok()?.modified().ok())
        .unwrap_or(UNIX_EPOCH)
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs())
}
