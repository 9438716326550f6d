//! Stopping a run: at the next task boundary, or now.

use std::sync::{
    Arc,
    atomic::{AtomicI32, Ordering},
};

use tokio::sync::Notify;

/// Tells the engine that the run is to stop, and why.
#[derive(Debug, Clone, Default)]
pub struct Stop {
    signal: Arc<AtomicI32>,
    requested: Arc<Notify>,
}

impl Stop {
    /// Asks the run to stop because of a signal.
    pub fn request(&self, signal: i32) {
        self.signal.store(signal, Ordering::SeqCst);
        self.requested.notify_waiters();
    }

    /// The signal that asked for it, if one did.
    pub fn signal(&self) -> Option<i32> {
        Some(self.signal.load(Ordering::SeqCst)).filter(|signal| *signal != 0)
    }

    /// Whether the run is to stop.
    pub fn is_requested(&self) -> bool {
        self.signal().is_some()
    }

    /// The same, to be asked by others.
    pub fn asked(&self) -> impl Fn() -> bool + Send + 'static {
        let stop = self.clone();
        move || stop.is_requested()
    }

    /// Waits until the run is to stop.
    pub async fn wait(&self) {
        let notified = self.requested.notified();
        if !self.is_requested() {
            notified.await;
        }
    }
}
