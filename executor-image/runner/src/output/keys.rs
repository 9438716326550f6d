//! Keys that a person at the terminal presses while a task waits.

use std::{
    fs::File,
    io::{self, Write},
    os::fd::AsFd,
    sync::Arc,
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    termios::{LocalModes, OptionalActions, isatty, tcgetattr, tcgetpgrp, tcsetattr},
};

use super::echo::Echo;

/// How often it is looked whether to wait any longer.
const LOOK_AFTER: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 100_000_000,
};
/// Moves to the beginning of the line and empties it.
pub const CLEAR_LINE: &str = "\r\x1b[K";
/// Takes back a letter.
const TAKE_BACK: &[u8] = b"\x08 \x08";
const BACKSPACES: [u8; 2] = [0x08, 0x7f];

/// What is waited for.
#[derive(Debug, Clone, Copy)]
pub struct Keys {
    /// How long; for ever if nothing is said.
    pub limit: Option<Duration>,
    /// Keys that end it, small letters for both forms.
    pub end: &'static [u8],
    /// Keys that interrupt it.
    pub interrupt: &'static [u8],
    /// Whether the terminal shows what is typed.
    pub shown: bool,
    /// What is written in the end.
    pub last: &'static str,
}

/// How it ended.
#[derive(Debug, PartialEq, Eq)]
pub enum Pressed {
    /// By one of the keys for it, after this text.
    End(String),
    /// By one that interrupts.
    Interrupt,
    /// By itself.
    Nothing,
}

/// Whether somebody can press keys: standard input is a terminal, and this program is in its foreground.
pub fn is_somebody_there() -> bool {
    let input = io::stdin();
    isatty(&input) && tcgetpgrp(&input).is_ok_and(|group| group == rustix::process::getpgrp())
}

impl Keys {
    /// Writes a question and waits until a key ends it, the time is over, the run is to stop, or nobody waits any more. A terminal
    /// that goes away presses nothing.
    pub async fn ask(self, question: &str, stops: impl Fn() -> bool + Send + 'static) -> Pressed {
        let waits = Arc::new(());
        let (still, question) = (Arc::downgrade(&waits), question.to_owned());
        let is_over = move || stops() || still.upgrade().is_none();
        let pressed = tokio::task::spawn_blocking(move || self.wait(&question, &is_over)).await;
        drop(waits);
        pressed.ok().and_then(Result::ok).unwrap_or(Pressed::Nothing)
    }

    fn wait(&self, question: &str, is_over: &dyn Fn() -> bool) -> io::Result<Pressed> {
        let terminal = File::from(io::stdin().as_fd().try_clone_to_owned()?);
        let before = tcgetattr(&terminal)?;
        let mut single = before.clone();
        single
            .local_modes
            .remove(LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG);
        let echo = Echo::watch(terminal.try_clone()?, before, self.last)?;
        tcsetattr(&terminal, OptionalActions::Flush, &single)?;
        show(question.as_bytes())?;
        let pressed = self.read(&terminal, is_over);
        echo.restore();
        pressed
    }

    fn read(&self, terminal: &File, is_over: &dyn Fn() -> bool) -> io::Result<Pressed> {
        let begun = Instant::now();
        let mut typed = Vec::new();
        loop {
            if is_over() || self.limit.is_some_and(|limit| begun.elapsed() >= limit) {
                return Ok(Pressed::Nothing);
            }
            let mut ready = [PollFd::new(terminal, PollFlags::IN)];
            match poll(&mut ready, Some(&LOOK_AFTER)) {
                Ok(0) | Err(rustix::io::Errno::INTR) => continue,
                Ok(_) => {}
                Err(error) => return Err(error.into()),
            }
            let mut key = [0];
            if rustix::io::read(terminal, &mut key)? == 0 {
                return Ok(Pressed::Nothing);
            }
            let key = key[0];
            if self.interrupt.contains(&key.to_ascii_lowercase()) {
                return Ok(Pressed::Interrupt);
            }
            if self.end.contains(&key.to_ascii_lowercase()) {
                return Ok(Pressed::End(String::from_utf8_lossy(&typed).into_owned()));
            }
            if BACKSPACES.contains(&key) {
                if self.shown && !typed.is_empty() {
                    show(TAKE_BACK)?;
                }
                // A letter may have several bytes.
                while typed.pop().is_some_and(|byte| byte & 0xc0 == 0x80) {}
            } else {
                typed.push(key);
                if self.shown {
                    show(&[key])?;
                }
            }
        }
    }
}

fn show(bytes: &[u8]) -> io::Result<()> {
    let mut output = io::stdout().lock();
    output.write_all(bytes)?;
    output.flush()
}
