//! The calls of a connection: which are being carried out, which wait for the one before them, which have failed.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use crate::control::Control;

/// Calls by their stream.
#[derive(Debug, Default)]
pub struct Calls {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    open: HashMap<u32, Open>,
    /// Those that have failed, or were never carried out.
    failed: HashSet<u32>,
}

#[derive(Debug)]
struct Open {
    control: Arc<Control>,
    stage: Stage,
}

#[derive(Debug, PartialEq, Eq)]
enum Stage {
    Waiting,
    /// It was waiting, and is not wanted any more.
    Withdrawn,
    Begun,
}

impl Calls {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// There is a call; one that is to come after another one does not begin yet.
    pub fn open(&self, stream: u32, after: Option<u32>, control: &Arc<Control>) {
        let open = Open {
            control: Arc::clone(control),
            stage: after.map_or(Stage::Begun, |_| Stage::Waiting),
        };
        self.state().open.insert(stream, open);
    }

    /// Waits until the call before has ended, and begins this one. Not if the one before has failed, or if this one is not wanted
    /// any more: says so.
    pub fn begins_after(&self, stream: u32, before: u32) -> bool {
        let waits = |state: &mut State| {
            let own = state.open.get(&stream);
            own.is_some_and(|own| own.stage == Stage::Waiting) && state.open.contains_key(&before)
        };
        let waited = self.changed.wait_while(self.state(), waits);
        let mut state = waited.unwrap_or_else(PoisonError::into_inner);
        let has_failed = state.failed.contains(&before);
        match state.open.get_mut(&stream) {
            Some(own) if own.stage == Stage::Waiting && !has_failed => {
                own.stage = Stage::Begun;
                true
            }
            _ => false,
        }
    }

    /// A call has been answered.
    pub fn close(&self, stream: u32, has_failed: bool) {
        let mut state = self.state();
        state.open.remove(&stream);
        if has_failed {
            state.failed.insert(stream);
        }
        drop(state);
        self.changed.notify_all();
    }

    /// Stops a call; one that waits never begins.
    pub fn stop(&self, stream: u32, reason: &str) {
        let mut state = self.state();
        if let Some(open) = state.open.get_mut(&stream) {
            open.stop(reason);
        }
        drop(state);
        self.changed.notify_all();
    }

    /// A call that waits never begins; one that has begun goes on.
    pub fn withdraw(&self, stream: u32) {
        let mut state = self.state();
        if let Some(open) = state.open.get_mut(&stream)
            && open.stage == Stage::Waiting
        {
            open.stage = Stage::Withdrawn;
        }
        drop(state);
        self.changed.notify_all();
    }

    /// Stops all calls.
    pub fn stop_all(&self, reason: &str) {
        for open in self.state().open.values_mut() {
            open.stop(reason);
        }
        self.changed.notify_all();
    }
}

impl Open {
    fn stop(&mut self, reason: &str) {
        match self.stage {
            Stage::Waiting => self.stage = Stage::Withdrawn,
            Stage::Withdrawn => {}
            Stage::Begun => self.control.stop(reason),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether a call after the first one begins.
    fn begins(happens: impl Fn(&Calls)) -> bool {
        let calls = Calls::default();
        calls.open(1, None, &Control::new());
        calls.open(2, Some(1), &Control::new());
        happens(&calls);
        calls.begins_after(2, 1)
    }

    #[test]
    fn a_call_begins_when_the_one_before_has_succeeded_and_it_is_still_wanted() {
        assert!(begins(|calls| calls.close(1, false)));
        assert!(!begins(|calls| calls.close(1, true)));
        assert!(!begins(|calls| calls.withdraw(2)));
        assert!(!begins(|calls| calls.stop(2, "enough")));
        assert!(!begins(|calls| calls.stop_all("enough")));
    }

    #[test]
    fn a_call_that_has_begun_is_stopped_but_not_withdrawn() {
        let calls = Calls::default();
        let control = Control::new();
        calls.open(1, None, &control);
        calls.withdraw(1);
        assert_eq!(control.stopped(), None);
        calls.stop(1, "enough");
        assert_eq!(control.stopped().as_deref(), Some("enough"));
    }

    #[test]
    fn a_call_waits_as_long_as_the_one_before_is_carried_out() {
        let calls = Calls::default();
        calls.open(1, None, &Control::new());
        calls.open(2, Some(1), &Control::new());
        std::thread::scope(|scope| {
            let second = scope.spawn(|| calls.begins_after(2, 1));
            std::thread::sleep(std::time::Duration::from_millis(20));
            assert!(!second.is_finished());
            calls.close(1, false);
            assert!(second.join().unwrap());
        });
    }
}
