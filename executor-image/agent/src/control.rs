//! Stopping a call from outside: by the runner, by its timeout, by the end of the connection.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

/// What is known of a running call from outside it.
#[derive(Debug, Default)]
pub struct Control {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    process_groups: Vec<Pid>,
    stopped: Option<String>,
    finished: bool,
}

impl Control {
    /// Control of a call.
    #[must_use]
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Stops the call after this many seconds from now.
    pub fn limit(self: &Arc<Self>, timeout: Option<u64>) {
        if let Some(seconds) = timeout.filter(|seconds| *seconds > 0) {
            let control = Arc::clone(self);
            std::thread::spawn(move || control.stop_after(seconds));
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn stop_after(&self, seconds: u64) {
        let state = self.state();
        let waited = self
            .changed
            .wait_timeout_while(state, Duration::from_secs(seconds), |state| {
                !state.finished && state.stopped.is_none()
            })
            .unwrap_or_else(PoisonError::into_inner);
        let timed_out = waited.1.timed_out();
        drop(waited);
        if timed_out {
            self.stop(&format!(
                "The command action failed to execute in the expected time frame ({seconds}) and was terminated"
            ));
        }
    }

    /// Kills what the call has started; its result will be this reason.
    pub fn stop(&self, reason: &str) {
        let mut state = self.state();
        if state.finished || state.stopped.is_some() {
            return;
        }
        state.stopped = Some(reason.to_owned());
        for group in &state.process_groups {
            // It may have ended by itself meanwhile.
            let _ = kill_process_group(*group, Signal::KILL);
        }
        self.changed.notify_all();
    }

    /// The call has answered.
    pub fn finish(&self) {
        self.state().finished = true;
        self.changed.notify_all();
    }

    /// Why the call was stopped, if it was.
    #[must_use]
    pub fn stopped(&self) -> Option<String> {
        self.state().stopped.clone()
    }

    /// Remembers a process group that the call has started; it is killed at once if the call was stopped already.
    pub fn add_process_group(&self, group: Pid) {
        let mut state = self.state();
        if state.stopped.is_some() {
            let _ = kill_process_group(group, Signal::KILL);
        }
        state.process_groups.push(group);
    }

    /// Forgets a process group: its leader was waited for, and the number may be used again.
    pub fn remove_process_group(&self, group: Pid) {
        self.state().process_groups.retain(|known| *known != group);
    }

    /// Sleeps until the time is over or the call is stopped; tells whether it was stopped.
    pub fn sleep(&self, time: Duration) -> bool {
        let deadline = Instant::now() + time;
        let mut state = self.state();
        while state.stopped.is_none() {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            state = self
                .changed
                .wait_timeout(state, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        true
    }
}
