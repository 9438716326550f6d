//! The connection with the runner: greeting, contents of files, calls.

use std::collections::HashMap;
use std::convert::Infallible;
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use serde::Serialize;
use slipway_protocol::{
    BATCH_MARK, Call, Cancel, Decoder, Frame, FrameKind, Hello, MAX_FRAME, ModuleResult, PROTOCOL_VERSION,
    PutBegin, Refusal, Welcome, encode,
};

use crate::accounts;
use crate::call::carry_out;
use crate::calls::Calls;
use crate::control::Control;
use crate::fence;
use crate::job;
use crate::store::{Incoming, Store};

/// Serves a runner on standard input and output until the input ends. `first` is what it has said already.
///
/// # Errors
/// When the streams break or the runner does not speak the protocol.
pub fn serve_standard_streams(first: &[u8]) -> anyhow::Result<()> {
    // Arguments of calls may be secrets: no core dump, no other process of this user reads this one's memory.
    rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable)
        .context("making the agent's memory private")?;
    // Not through the standard library's buffer, which would hide from `poll` what has been read ahead.
    let input = std::io::stdin().as_fd().try_clone_to_owned();
    serve(
        first,
        File::from(input.context("opening standard input")?),
        std::io::stdout(),
    )
}

/// Serves a runner that has said all that it says: each frame that answers it is a line of text, for there are ways to a host that
/// carry no other bytes. Calls are carried out to their end, unless nobody is there any more to read the answers.
///
/// # Errors
/// When the streams break or the runner does not speak the protocol.
pub fn serve_batch() -> anyhow::Result<()> {
    rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable)
        .context("making the agent's memory private")?;
    // Who ends all that has started it does not end it, too: it stops its calls first.
    rustix::process::setpgid(None, None).context("leaving the group of what has started the agent")?;
    let input = std::io::stdin().as_fd().try_clone_to_owned();
    let input = File::from(input.context("opening standard input")?);
    serve_until(&[], input, Lines(std::io::stdout()), End::FinishesCalls)
}

/// Why calls are stopped when nobody waits for them.
const RUNNER_GONE: &str = "the connection to the runner ended";

/// How often it is looked whether anybody waits for the answers of a batch.
const LOOK_AFTER: Duration = Duration::from_secs(1);

/// Writes each frame as a line.
struct Lines<W>(W);

impl<W: Write> Write for Lines<W> {
    fn write(&mut self, frame: &[u8]) -> std::io::Result<usize> {
        writeln!(self.0, "{BATCH_MARK}{}", STANDARD.encode(frame))?;
        Ok(frame.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.0.flush()
    }
}

/// What the end of the input means for calls that are being carried out.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    /// The runner has gone.
    StopsCalls,
    /// It has said everything.
    FinishesCalls,
}

/// Serves a runner, which has said `first` already, on these streams until the input ends or is silent for longer than the runner
/// said; then every running call is stopped.
///
/// # Errors
/// When the streams break or the runner does not speak the protocol.
pub fn serve(
    first: &[u8],
    input: impl Read + AsFd,
    output: impl Write + Send + 'static,
) -> anyhow::Result<()> {
    serve_until(first, input, output, End::StopsCalls)
}

fn serve_until(
    first: &[u8],
    input: impl Read + AsFd,
    output: impl Write + Send + 'static,
    end: End,
) -> anyhow::Result<()> {
    let replies = Replies(Arc::new(Mutex::new(Box::new(output))));
    let mut frames = Frames::new(input);
    frames.decoder.push(first);
    let Some(hello) = frames.next()? else {
        return Ok(());
    };
    if hello.kind != FrameKind::Hello {
        bail!("the runner's first frame is not a greeting");
    }
    let hello: Hello = serde_json::from_slice(&hello.payload).context("reading the runner's greeting")?;
    if hello.protocol != PROTOCOL_VERSION {
        let message = format!(
            "the runner speaks protocol {}, this agent {PROTOCOL_VERSION}: upload the agent that was built with the runner",
            hello.protocol
        );
        return replies.send(FrameKind::Refusal, 0, &Refusal { message });
    }
    frames.silence_seconds = hello.silence_seconds;
    // Held as long as the agent lives.
    let _fence = match hello.fence.as_ref().map(fence::take).transpose() {
        Ok(lock) => lock,
        Err(error) => {
            let message = error.to_string();
            return replies.send(FrameKind::Refusal, 0, &Refusal { message });
        }
    };
    let welcome = Welcome {
        protocol: PROTOCOL_VERSION,
        user: accounts::current_user_name(),
        architecture: rustix::system::uname().machine().to_string_lossy().into_owned(),
    };
    replies.send(FrameKind::Welcome, 0, &welcome)?;

    let (under_way, all_ended) = mpsc::channel();
    let mut connection = Connection {
        under_way,
        replies,
        store: Arc::new(Store::create().context("making the agent's temporary directory")?),
        calls: Arc::default(),
        incoming: HashMap::new(),
    };
    let served = connection.serve(&mut frames);
    if end == End::StopsCalls || served.is_err() {
        connection.calls.stop_all(RUNNER_GONE);
        return served;
    }
    let calls = Arc::clone(&connection.calls);
    drop(connection);
    // Each call holds one end of this channel, through which nothing is ever sent.
    while let Err(RecvTimeoutError::Timeout) = all_ended.recv_timeout(LOOK_AFTER) {
        if nobody_listens() {
            calls.stop_all(RUNNER_GONE);
        }
    }
    served
}

/// Reads frames from a byte stream.
struct Frames<R> {
    input: R,
    decoder: Decoder,
    buffer: Vec<u8>,
    /// How long the runner may be silent. A host whose cable was pulled is not told that the connection is gone: without a
    /// limit its agent would go on, and hold the host against the next run, for hours.
    silence_seconds: Option<u64>,
}

impl<R: Read + AsFd> Frames<R> {
    fn new(input: R) -> Self {
        Self {
            input,
            decoder: Decoder::default(),
            buffer: vec![0; 64 * 1024],
            silence_seconds: None,
        }
    }

    /// The next frame; nothing when the stream has ended.
    fn next(&mut self) -> anyhow::Result<Option<Frame>> {
        loop {
            if let Some(frame) = self.decoder.next_frame()? {
                return Ok(Some(frame));
            }
            self.wait_for_input()?;
            let read = match self.input.read(&mut self.buffer) {
                Ok(read) => read,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error).context("reading from the runner"),
            };
            if read == 0 {
                return Ok(None);
            }
            self.decoder.push(&self.buffer[..read]);
        }
    }

    /// Waits until there is something to read. Seconds are counted one by one, so that a host that slept does not take its own
    /// sleep for the runner's silence.
    fn wait_for_input(&self) -> anyhow::Result<()> {
        let Some(limit) = self.silence_seconds else {
            return Ok(());
        };
        let second = Timespec {
            tv_sec: 1,
            tv_nsec: 0,
        };
        let mut silent = 0;
        while silent < limit {
            match poll(&mut [PollFd::new(&self.input, PollFlags::IN)], Some(&second)) {
                Ok(0) => silent += 1,
                Ok(_) => return Ok(()),
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error).context("waiting for the runner"),
            }
        }
        bail!("nothing was heard of the runner for {limit} s")
    }
}

/// Where frames to the runner are written, each whole.
#[derive(Clone)]
struct Replies(Arc<Mutex<Box<dyn Write + Send>>>);

impl Replies {
    fn send(&self, kind: FrameKind, stream: u32, message: &impl Serialize) -> anyhow::Result<()> {
        self.send_payload(
            kind,
            stream,
            serde_json::to_vec(message).context("encoding a message")?,
        )
    }

    /// The result of a call; returns whether that is a failure. One that does not fit into a frame would end the connection, and all
    /// other calls with it: its task fails instead.
    fn send_result(&self, stream: u32, result: &ModuleResult) -> anyhow::Result<bool> {
        let payload = serde_json::to_vec(result).context("encoding a result")?;
        if payload.len() <= MAX_FRAME {
            self.send_payload(FrameKind::Result, stream, payload)?;
            return Ok(result.has_failed());
        }
        let mut failure = ModuleResult::failure(format!(
            "the result has {} bytes, more than the {MAX_FRAME} that a host may answer: let the task return less, for example by \
             writing its output to a file of the host and fetching that",
            payload.len()
        ));
        for key in ["changed", "rc"] {
            if let Some(value) = result
                .0
                .get(key)
                .filter(|value| value.is_boolean() || value.is_number())
            {
                failure.0.insert(key.to_owned(), value.clone());
            }
        }
        self.send(FrameKind::Result, stream, &failure)?;
        Ok(true)
    }

    fn send_payload(&self, kind: FrameKind, stream: u32, payload: Vec<u8>) -> anyhow::Result<()> {
        let bytes = encode(&Frame {
            kind,
            stream,
            payload,
        });
        let mut output = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        output
            .write_all(&bytes)
            .and_then(|()| output.flush())
            .context("writing to the runner")
    }
}

struct Connection {
    /// Held by each call as long as it is carried out.
    under_way: Sender<Infallible>,
    replies: Replies,
    store: Arc<Store>,
    calls: Arc<Calls>,
    /// Contents of files now arriving, by stream.
    incoming: HashMap<u32, Incoming>,
}

impl Connection {
    fn serve(&mut self, frames: &mut Frames<impl Read + AsFd>) -> anyhow::Result<()> {
        while let Some(frame) = frames.next()? {
            match frame.kind {
                FrameKind::Call => self.start_call(&frame)?,
                FrameKind::Cancel => self.cancel(&frame)?,
                FrameKind::PutBegin => self.begin_content(&frame)?,
                FrameKind::Chunk => self.take_chunk(&frame)?,
                FrameKind::Ping => self
                    .replies
                    .send_payload(FrameKind::Pong, frame.stream, Vec::new())?,
                FrameKind::Pong => {}
                FrameKind::Hello
                | FrameKind::Welcome
                | FrameKind::Refusal
                | FrameKind::Result
                | FrameKind::PutStatus => {
                    bail!(
                        "the runner sent a {:?} frame, which only starts a connection or answers one",
                        frame.kind
                    )
                }
            }
        }
        Ok(())
    }

    fn start_call(&self, frame: &Frame) -> anyhow::Result<()> {
        let stream = frame.stream;
        let call: Call = match serde_json::from_slice(&frame.payload) {
            Ok(call) => call,
            Err(error) => {
                let result = ModuleResult::failure(format!("the call cannot be read: {error}"));
                return self.replies.send(FrameKind::Result, stream, &result);
            }
        };
        let control = Control::new();
        self.calls.open(stream, call.after, &control);
        let (under_way, replies, store, calls) = (
            self.under_way.clone(),
            self.replies.clone(),
            Arc::clone(&self.store),
            Arc::clone(&self.calls),
        );
        std::thread::Builder::new()
            .name(format!("call {stream}"))
            .spawn(move || {
                let begins = call.after.is_none_or(|before| calls.begins_after(stream, before));
                // A runner that no longer reads has gone: the end of its input ends the agent.
                let has_failed = if begins {
                    control.limit(call.timeout);
                    let result = match call.background {
                        Some(seconds) => job::start(&call, seconds, &store),
                        None => carry_out(&call, &store, &control),
                    };
                    control.finish();
                    replies.send_result(stream, &result).unwrap_or(true)
                } else {
                    let message =
                        "it was not begun: the call before it failed, or it was not wanted any more"
                            .to_owned();
                    let _ = replies.send(FrameKind::Refusal, stream, &Refusal { message });
                    true
                };
                call.files.values().for_each(|name| store.end_call(name));
                calls.close(stream, has_failed);
                drop(under_way);
            })
            .context("starting a thread for a call")?;
        Ok(())
    }

    fn cancel(&self, frame: &Frame) -> anyhow::Result<()> {
        let cancel: Cancel = serde_json::from_slice(&frame.payload).context("reading what is cancelled")?;
        if cancel.unless_begun {
            self.calls.withdraw(frame.stream);
        } else {
            self.calls
                .stop(frame.stream, "the call was cancelled by the runner");
        }
        Ok(())
    }

    fn begin_content(&mut self, frame: &Frame) -> anyhow::Result<()> {
        let begin: PutBegin =
            serde_json::from_slice(&frame.payload).context("reading the offer of a file")?;
        let (status, incoming) = self.store.begin(&begin, frame.stream);
        if let Some(incoming) = incoming {
            self.incoming.insert(frame.stream, incoming);
        }
        self.replies.send(FrameKind::PutStatus, frame.stream, &status)
    }

    fn take_chunk(&mut self, frame: &Frame) -> anyhow::Result<()> {
        // Chunks may be under way when a stream has failed: they are passed over.
        let Some(mut incoming) = self.incoming.remove(&frame.stream) else {
            return Ok(());
        };
        match incoming.take(&frame.payload) {
            None => {
                self.incoming.insert(frame.stream, incoming);
                Ok(())
            }
            Some(status) => self.replies.send(FrameKind::PutStatus, frame.stream, &status),
        }
    }
}

/// Whether what is written to standard output is read by nobody any more.
fn nobody_listens() -> bool {
    let output = std::io::stdout();
    let mut ends = [PollFd::new(&output, PollFlags::empty())];
    let now = Timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    let gone = PollFlags::ERR | PollFlags::HUP;
    poll(&mut ends, Some(&now)).is_ok() && ends[0].revents().intersects(gone)
}
