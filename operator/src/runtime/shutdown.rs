//! One signal to stop, seen by every part of the operator.

use tokio::sync::watch;

/// Tells whether to stop; cheap to clone.
#[derive(Clone, Debug)]
pub struct Shutdown {
    requested: watch::Receiver<bool>,
}

/// Asks everything that holds the matching [`Shutdown`] to stop. Dropping it asks too.
#[derive(Debug)]
pub struct ShutdownHandle {
    request: watch::Sender<bool>,
}

/// A signal and the handle that raises it.
pub fn channel() -> (ShutdownHandle, Shutdown) {
    let (request, requested) = watch::channel(false);
    (ShutdownHandle { request }, Shutdown { requested })
}

impl ShutdownHandle {
    /// Asks to stop.
    pub fn request(&self) {
        self.request.send_replace(true);
    }
}

impl Shutdown {
    /// Whether to stop.
    pub fn is_requested(&self) -> bool {
        *self.requested.borrow()
    }

    /// Waits until it is time to stop.
    pub async fn requested(mut self) {
        // An error means that the handle was dropped: nobody is left who would want us to go on.
        let _ = self.requested.wait_for(|requested| *requested).await;
    }
}

/// Waits for SIGINT or SIGTERM.
///
/// # Errors
/// When the process may not listen for signals.
pub async fn terminated() -> std::io::Result<&'static str> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(tokio::select! {
        _ = interrupt.recv() => "SIGINT",
        _ = terminate.recv() => "SIGTERM",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_request_reaches_every_clone() {
        let (handle, shutdown) = channel();
        let clone = shutdown.clone();
        assert!(!clone.is_requested());
        handle.request();
        assert!(clone.is_requested());
        clone.requested().await;
    }

    #[tokio::test]
    async fn dropping_the_handle_asks_to_stop() {
        let (handle, shutdown) = channel();
        drop(handle);
        shutdown.requested().await;
    }
}
