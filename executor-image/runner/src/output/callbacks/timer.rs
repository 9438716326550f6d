//! The callback `timer`: how long a playbook took.

use std::time::Instant;

use crate::output::{Callback, Console, Stats};

/// Tells the time at the end.
#[derive(Debug)]
pub struct TimerCallback {
    started: Instant,
}

impl Default for TimerCallback {
    fn default() -> Self {
        Self {
            started: Instant::now(),
        }
    }
}

impl Callback for TimerCallback {
    fn recap(&mut self, console: &mut Console, _: &Stats, _: bool) {
        let seconds = self.started.elapsed().as_secs();
        let (days, hours, minutes) = (seconds / 86400, seconds / 3600 % 24, seconds / 60 % 60);
        console.line(
            &format!(
                "Playbook run took {days} days, {hours} hours, {minutes} minutes, {} seconds",
                seconds % 60
            ),
            None,
        );
    }
}
