//! `access_time` and `modification_time` of `file`.

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use chrono::{NaiveDateTime, TimeZone};
use rustix::fs::{AtFlags, CWD, Timespec, Timestamps as SystemTimes, utimensat};

use crate::answer::Failure;
use crate::arguments::Arguments;
use crate::file_attributes::AttributeDiff;
use crate::python_text::os_error;

/// What a time should be.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Wanted {
    /// As it is.
    Preserve,
    /// The time of the call.
    Now,
    /// Seconds since the epoch.
    At(f64),
}

/// What both times of a file should be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Timestamps {
    modification: Wanted,
    access: Wanted,
}

impl Timestamps {
    /// The times that a call asks for; `touch` sets both to now, every other state keeps them.
    pub(super) fn of(args: &Arguments, touch: bool) -> Result<Self, Failure> {
        let wanted = |name: &str| {
            let format = args.required(&format!("{name}_format"));
            match args.text(name) {
                None if touch => Ok(Wanted::Now),
                None | Some("preserve") => Ok(Wanted::Preserve),
                Some("now") => Ok(Wanted::Now),
                Some(text) => parse(text, format).map(Wanted::At),
            }
        };
        Ok(Self {
            modification: wanted("modification_time")?,
            access: wanted("access_time")?,
        })
    }

    /// Sets the times that differ and tells whether any did.
    #[allow(clippy::float_cmp)] // a time that is kept is the very same number
    pub(super) fn apply(
        self,
        check: bool,
        path: &Path,
        diff: Option<&mut AttributeDiff>,
    ) -> Result<bool, Failure> {
        if self.modification == Wanted::Preserve && self.access == Wanted::Preserve {
            return Ok(false);
        }
        let failed = |error: std::io::Error| {
            Failure::new(format!(
                "Error while updating modification or access time: {}: b'{}'",
                os_error(&error),
                path.display()
            ))
            .with("path", path.to_string_lossy().into_owned())
        };
        let metadata = path.metadata().map_err(failed)?;
        let modified = super::super::stat::seconds(metadata.mtime(), metadata.mtime_nsec());
        let accessed = super::super::stat::seconds(metadata.atime(), metadata.atime_nsec());
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0.0, |time| time.as_secs_f64());
        let value = |wanted, before| match wanted {
            Wanted::Preserve => before,
            Wanted::Now => now,
            Wanted::At(time) => time,
        };
        let new_modified = value(self.modification, modified);
        let new_accessed = value(self.access, accessed);
        if new_modified == modified && new_accessed == accessed {
            return Ok(false);
        }
        if !check {
            let times = SystemTimes {
                last_access: timespec(self.access),
                last_modification: timespec(self.modification),
            };
            utimensat(CWD, path, &times, AtFlags::empty()).map_err(|error| failed(error.into()))?;
        }
        if let Some(diff) = diff {
            if new_modified != modified {
                diff.record("mtime", modified, new_modified);
            }
            if new_accessed != accessed {
                diff.record("atime", accessed, new_accessed);
            }
        }
        Ok(true)
    }
}

/// Linux's marks for "now" and "leave it" in place of nanoseconds.
const UTIME_NOW: i64 = 0x3fff_ffff;
const UTIME_OMIT: i64 = 0x3fff_fffe;

fn timespec(wanted: Wanted) -> Timespec {
    match wanted {
        Wanted::Preserve => Timespec {
            tv_sec: 0,
            tv_nsec: UTIME_OMIT,
        },
        Wanted::Now => Timespec {
            tv_sec: 0,
            tv_nsec: UTIME_NOW,
        },
        // ok: a parsed date of whole seconds
        #[allow(clippy::cast_possible_truncation)]
        Wanted::At(time) => Timespec {
            tv_sec: time.floor() as i64,
            tv_nsec: 0,
        },
    }
}

#[allow(clippy::cast_precision_loss)] // dates in seconds fit into 53 bits
fn parse(text: &str, format: &str) -> Result<f64, Failure> {
    NaiveDateTime::parse_from_str(text, format)
        .ok()
        .and_then(|time| chrono::Local.from_local_datetime(&time).earliest())
        .map(|time| time.timestamp() as f64)
        .ok_or_else(|| {
            Failure::new(format!(
                "Error while obtaining timestamp for time {text} using format {format}: time data '{text}' does not match format '{format}'"
            ))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_by_the_default_format_of_touch() {
        let time = parse("202001021304.05", "%Y%m%d%H%M.%S").unwrap();
        let expected = chrono::Local
            .with_ymd_and_hms(2020, 1, 2, 13, 4, 5)
            .unwrap()
            .timestamp();
        assert!((time - f64::from(i32::try_from(expected).unwrap())).abs() < 0.5);
        assert!(parse("yesterday", "%Y%m%d%H%M.%S").is_err());
    }
}
