//! Keys that a person at the terminal presses while a task waits.

use std::{
    fs::File,
    io::{self, Write},
    os::fd::AsFd,
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
const CLEAR_LINE: &str = "\r\x1b[K";
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
    /// Waits until a key ends it, the time is over, or nobody waits any more.
    ///
    /// # Errors
    /// When the terminal cannot be read.
    pub fn wait(&self, is_over: &dyn Fn() -> bool) -> io::Result<Pressed> {
        let terminal = File::from(io::stdin().as_fd().try_clone_to_owned()?);
        let before = tcgetattr(&terminal)?;
        let mut single = before.clone();
        single
            .local_modes
            .remove(LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG);
        let echo = Echo::watch(terminal.try_clone()?, before, CLEAR_LINE)?;
        tcsetattr(&terminal, OptionalActions::Flush, &single)?;
        let pressed = self.read(&terminal, is_over);
        echo.restore();
        pressed
    }

    fn read(&self, terminal: &File, is_over: &dyn Fn() -> bool) -> io::Result<Pressed> {
        let begun = Instant::now();
        let mut typed = Vec::new();
        let show = |bytes: &[u8]| -> io::Result<()> {
            let mut output = io::stdout().lock();
            output.write_all(bytes)?;
            output.flush()
        };
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
                // A letter may have several bytes.
                while typed.pop().is_some_and(|byte| byte & 0xc0 == 0x80) {}
                if self.shown {
                    show(CLEAR_LINE.as_bytes())?;
                    show(&typed)?;
                }
            } else {
                typed.push(key);
                if self.shown {
                    show(&[key])?;
                }
            }
        }
    }
}
