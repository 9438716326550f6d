//! Ctrl-C and SIGTERM: the run stops at the next task boundary; calls that take longer are cancelled.

use std::{sync::Arc, time::Duration};

use tokio::signal::unix::{SignalKind, signal};

use crate::{
    engine::{Run, Stop},
    output::{Printer, leave_signals_to_the_run},
};

/// How long a call may go on after the first signal.
const GRACE: Duration = Duration::from_secs(5);

/// Watches for signals until the run ends.
pub async fn watch(run: Arc<Run>, stop: Stop, printer: Arc<Printer>) {
    let (Ok(mut interrupt), Ok(mut terminate)) =
        (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        return;
    };
    leave_signals_to_the_run();
    let mut next = async || {
        tokio::select! {
            _ = interrupt.recv() => 2,
            _ = terminate.recv() => 15,
        }
    };
    let number = next().await;
    stop.request(number);
    printer.warning(&format!(
        "stopping when the running task ends, at most {} seconds from now; once more stops at once",
        GRACE.as_secs()
    ));
    tokio::select! {
        () = tokio::time::sleep(GRACE) => {}
        _ = next() => {}
    }
    run.cancel_calls().await;
    // A host that does not answer even to that is left alone.
    tokio::select! {
        () = tokio::time::sleep(GRACE) => {}
        _ = next() => {}
    }
    run.drop_connections();
}
