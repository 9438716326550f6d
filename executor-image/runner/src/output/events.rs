//! Where event lines go.

use std::{
    fs::File,
    io::{self, LineWriter, Write},
    path::Path,
    time::{Duration, Instant},
};

use slipway_report::{Event, EventKind};

/// Progress is told at most this often, but for the last.
const PROGRESS_EVERY: Duration = Duration::from_secs(1);

/// Takes events.
#[derive(Debug)]
pub struct EventSink {
    target: Target,
    last_progress: Option<Instant>,
}

#[derive(Debug)]
enum Target {
    Nowhere,
    /// Among the lines for a person.
    Output,
    File(LineWriter<File>),
}

impl EventSink {
    /// No events.
    pub fn nowhere() -> Self {
        Self {
            target: Target::Nowhere,
            last_progress: None,
        }
    }

    /// Events in standard output.
    pub fn output() -> Self {
        Self {
            target: Target::Output,
            last_progress: None,
        }
    }

    /// Events in a file.
    pub fn file(path: &Path) -> io::Result<Self> {
        let file = File::options().create(true).append(true).open(path)?;
        Ok(Self {
            target: Target::File(LineWriter::new(file)),
            last_progress: None,
        })
    }

    /// Whether anybody listens, so that events need not be made for nobody.
    pub fn is_wanted(&self) -> bool {
        !matches!(self.target, Target::Nowhere)
    }

    /// Lets the next progress through however soon it comes: it is the one that stays.
    pub fn expect_last_progress(&mut self) {
        self.last_progress = None;
    }

    /// Writes an event; `output` is where lines for a person go.
    pub fn send(&mut self, kind: EventKind, output: &mut dyn Write) {
        if !self.is_wanted() {
            return;
        }
        if matches!(kind, EventKind::Progress { .. }) {
            let now = Instant::now();
            if self
                .last_progress
                .is_some_and(|last| now.duration_since(last) < PROGRESS_EVERY)
            {
                return;
            }
            self.last_progress = Some(now);
        }
        let line = Event::now(kind).to_line() + "\n";
        // ok: a reader that went away ends nothing; the run goes on.
        let _ = match &mut self.target {
            Target::Nowhere => Ok(()),
            Target::Output => output.write_all(line.as_bytes()),
            Target::File(file) => file.write_all(line.as_bytes()),
        };
    }
}
