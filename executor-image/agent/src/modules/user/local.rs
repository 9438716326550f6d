//! What libuser's programs for accounts of this host alone leave to other programs of it: groups and the day of expiry.

use crate::answer::Failure;
use crate::context::Context;
use crate::process::Process;

/// Seconds of a day.
const DAY: i64 = 86400;

/// What is still to change for an account.
#[derive(Debug, Default)]
pub(super) struct Rest {
    /// Groups that it is to be in.
    pub joins: Vec<String>,
    /// Groups that it is to be in no longer.
    pub leaves: Vec<String>,
    /// The last day on which it can be used, counted from 1970; -1 if there is none.
    pub expires: Option<i64>,
}

impl Rest {
    pub(super) fn is_empty(&self) -> bool {
        self.joins.is_empty() && self.leaves.is_empty() && self.expires.is_none()
    }

    /// Changes it.
    pub(super) fn carry_out(&self, context: &Context, name: &str) -> Result<(), Failure> {
        if let Some(days) = self.expires {
            run(context, "lchage", &["-E", &days.to_string(), name], name)?;
        }
        for group in &self.joins {
            run(context, "lgroupmod", &["-M", name, group], name)?;
        }
        for group in &self.leaves {
            run(context, "lgroupmod", &["-m", name, group], name)?;
        }
        Ok(())
    }
}

/// The day of a time in seconds since 1970.
pub(super) fn day_of(seconds: f64) -> i64 {
    if seconds < 0.0 {
        return -1;
    }
    // ok: a time in seconds is far below 2^63
    #[allow(clippy::cast_possible_truncation)]
    let seconds = seconds as i64;
    seconds / DAY
}

fn run(context: &Context, program: &str, arguments: &[&str], name: &str) -> Result<(), Failure> {
    let output = Process::tool(context, program).args(arguments).run()?;
    super::check(output, name).map(drop)
}

#[cfg(test)]
mod tests {
    use super::day_of;

    #[test]
    fn a_time_is_of_a_day_and_one_before_1970_of_none() {
        assert_eq!(
            [
                day_of(-1.0),
                day_of(0.0),
                day_of(86399.5),
                day_of(2_529_881_062.0)
            ],
            [-1, 0, 0, 29281]
        );
    }
}
