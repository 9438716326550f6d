//! The lists of packages that apt keeps.

use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::apt_get;
use crate::answer::Failure;
use crate::context::Context;

/// What became of the lists.
pub(super) struct Cache {
    /// Whether they were fetched anew.
    pub updated: bool,
    /// When they were fetched, in seconds since the epoch.
    pub time: u64,
}

/// Fetches the lists when the call asks for it and they are older than it allows.
pub(super) fn refresh(context: &Context) -> Result<Cache, Failure> {
    let args = &context.args;
    let valid = args.count("cache_valid_time").unwrap_or(0);
    let wanted = args.optional_flag("update_cache").unwrap_or(valid > 0);
    let time = fetched_at();
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |time| time.as_secs());
    let is_fresh = valid > 0 && now.saturating_sub(time) < valid;
    if !wanted || is_fresh {
        return Ok(Cache { updated: false, time });
    }
    if context.check {
        return Ok(Cache { updated: true, time });
    }
    update(context)?;
    Ok(Cache {
        updated: true,
        time: fetched_at(),
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

fn fetched_at() -> u64 {
    ["/var/lib/apt/periodic/update-success-stamp", "/var/lib/apt/lists"]
        .iter()
        .filter_map(|path| Path::new(path).metadata().ok()?.modified().ok())
        .max()
        .and_then(|time| time.duration_since(UNIX_EPOCH).ok())
        .map_or(0, |time| time.as_secs())
}
