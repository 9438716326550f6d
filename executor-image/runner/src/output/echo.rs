//! The terminal shows again what is typed, however a question ends for which it did not: a signal that ends the program ends the question too.

use std::{
    fs::File,
    io::{self, Write},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
};

use rustix::termios::{OptionalActions, Termios, tcsetattr};
use tokio::signal::unix::{SignalKind, signal};

/// A terminal that shows nothing now, how it was before, and what is written when it is so again.
static HIDDEN: Mutex<Option<(File, Termios, &str)>> = Mutex::new(None);
/// Whether a thread waits for signals.
static WATCHED: Mutex<bool> = Mutex::new(false);
/// Whether a run waits for signals itself.
static RUNNING: AtomicBool = AtomicBool::new(false);

/// From now on a run decides what signals do.
pub fn leave_signals_to_the_run() {
    RUNNING.store(true, Ordering::Relaxed);
}

/// A terminal that is about to show nothing. It is as before once this is gone.
pub(super) struct Echo(());

impl Echo {
    /// Remembers how the terminal is, and waits for signals before anything is hidden. In the end, `last` is written.
    pub(super) fn watch(terminal: File, shown: Termios, last: &'static str) -> io::Result<Self> {
        let mut watched = lock(&WATCHED);
        if !*watched {
            start()?;
            *watched = true;
        }
        *lock(&HIDDEN) = Some((terminal, shown, last));
        Ok(Self(()))
    }

    /// The answer is there.
    pub(super) fn restore(self) {
        drop(self);
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        show();
    }
}

fn show() {
    if let Some((mut terminal, shown, last)) = lock(&HIDDEN).take() {
        // ok: a terminal that went away shows nothing anyway.
        let _ = tcsetattr(&terminal, OptionalActions::Flush, &shown);
        let _ = terminal.write_all(last.as_bytes());
    }
}

/// Starts the thread; it goes on when the question is answered, since the signals' own meaning does not come back.
fn start() -> io::Result<()> {
    let (ready, is_ready) = mpsc::channel();
    std::thread::Builder::new()
        .name("signals".to_owned())
        .spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            match runtime {
                Ok(runtime) => runtime.block_on(wait(&ready)),
                Err(error) => drop(ready.send(Err(error))),
            }
        })?;
    is_ready.recv().map_err(io::Error::other)?
}

async fn wait(ready: &mpsc::Sender<io::Result<()>>) {
    let kinds = [
        SignalKind::interrupt(),
        SignalKind::terminate(),
        SignalKind::quit(),
    ];
    let [mut interrupt, mut terminate, mut quit] = match signals(kinds) {
        Ok(signals) => signals,
        Err(error) => return drop(ready.send(Err(error))),
    };
    if ready.send(Ok(())).is_err() {
        return;
    }
    loop {
        let kind = tokio::select! {
            _ = interrupt.recv() => SignalKind::interrupt(),
            _ = terminate.recv() => SignalKind::terminate(),
            _ = quit.recv() => SignalKind::quit(),
        };
        if RUNNING.load(Ordering::Relaxed) && kind != SignalKind::quit() {
            continue;
        }
        show();
        std::process::exit(128 + kind.as_raw_value());
    }
}

fn signals(kinds: [SignalKind; 3]) -> io::Result<[tokio::signal::unix::Signal; 3]> {
    let [one, two, three] = kinds;
    Ok([signal(one)?, signal(two)?, signal(three)?])
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
