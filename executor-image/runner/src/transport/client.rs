//! The runner's side of the protocol with one agent.

use std::{
    collections::{HashMap, HashSet},
    path::Path,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use sha2::{Digest, Sha256};
use slipway_protocol::{
    CHUNK_SIZE, Call, Cancel, Decoder, Fence, Frame, FrameKind, Hello, MAX_FRAME, ModuleResult,
    PROTOCOL_VERSION, PutBegin, PutStatus, Refusal, Welcome, encode,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt},
    sync::mpsc,
};

use super::{Pipe, TransportError, connection::ErrorTail};

/// How often an agent hears from its runner at least.
const PING_INTERVAL: Duration = Duration::from_secs(10);
/// How long an agent that hears nothing goes on. Shorter than the minute for which the agent of another run waits for the host.
const SILENCE_SECONDS: u64 = 45;

/// An agent that runs on a host as one user. Many calls may be under way at once.
#[derive(Debug)]
pub struct AgentClient {
    /// What the agent said of itself.
    pub welcome: Welcome,
    shared: Arc<Shared>,
    next_stream: AtomicU32,
    outgoing: mpsc::Sender<Vec<u8>>,
}

#[derive(Debug, Default)]
struct Shared {
    waiting: Mutex<HashMap<u32, mpsc::UnboundedSender<Frame>>>,
    /// Why the connection ended, once it has.
    ended: Mutex<Option<String>>,
    stored: Mutex<HashSet<String>>,
}

impl Shared {
    fn end(&self, reason: String) {
        lock(&self.ended).get_or_insert(reason);
        // Dropping the senders wakes everybody who waits.
        lock(&self.waiting).clear();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn frame<T: serde::Serialize>(kind: FrameKind, stream: u32, message: &T) -> Result<Vec<u8>, TransportError> {
    let payload = serde_json::to_vec(message).map_err(|error| {
        TransportError::Unreachable(format!("a message to the agent has no JSON form: {error}"))
    })?;
    // An agent takes a larger one for the end of the connection, and all other calls end with it.
    if payload.len() > MAX_FRAME {
        return Err(TransportError::TooLarge(payload.len()));
    }
    Ok(encode(&Frame {
        kind,
        stream,
        payload,
    }))
}

impl AgentClient {
    /// What the agent must hear first.
    ///
    /// # Errors
    /// When it has no JSON form.
    pub fn greeting(fence: Option<Fence>) -> Result<Vec<u8>, TransportError> {
        let hello = Hello {
            protocol: PROTOCOL_VERSION,
            fence,
            silence_seconds: Some(SILENCE_SECONDS),
        };
        frame(FrameKind::Hello, 0, &hello)
    }

    /// Waits for the answer of an agent that was greeted, and starts to serve its frames.
    ///
    /// # Errors
    /// When it does not answer, refuses, or is another version.
    pub async fn start(mut pipe: Pipe) -> Result<Self, TransportError> {
        let mut decoder = Decoder::default();
        let first = loop {
            match decoder.next_frame() {
                Ok(Some(frame)) => break frame,
                Ok(None) => {}
                Err(error) => {
                    return Err(TransportError::Unreachable(format!(
                        "the agent's answer is not understood: {error}"
                    )));
                }
            }
            match pipe.incoming.recv().await {
                Some(bytes) => decoder.push(&bytes),
                None => return Err(TransportError::Unreachable(ended_message(&pipe.errors, false))),
            }
        };
        let welcome: Welcome = match first.kind {
            FrameKind::Welcome => parse(&first)?,
            FrameKind::Refusal => return Err(TransportError::Unreachable(parse::<Refusal>(&first)?.message)),
            other => {
                return Err(TransportError::Unreachable(format!(
                    "the agent greets with {other:?}"
                )));
            }
        };
        if welcome.protocol != PROTOCOL_VERSION {
            return Err(TransportError::Unreachable(format!(
                "the agent speaks version {} of the protocol, this runner {PROTOCOL_VERSION}",
                welcome.protocol
            )));
        }
        let shared = Arc::new(Shared::default());
        let (outgoing, queue) = mpsc::channel::<Vec<u8>>(64);
        tokio::spawn(write_frames(pipe.outgoing, queue));
        tokio::spawn(ping(outgoing.downgrade()));
        tokio::spawn(read_frames(
            pipe.incoming,
            decoder,
            Arc::clone(&shared),
            outgoing.clone(),
            pipe.errors,
            pipe.guard,
        ));
        Ok(Self {
            welcome,
            shared,
            next_stream: AtomicU32::new(1),
            outgoing,
        })
    }

    /// Whether calls can still be made.
    pub fn is_alive(&self) -> bool {
        lock(&self.shared.ended).is_none()
    }

    /// Carries out a module on the host.
    ///
    /// # Errors
    /// When the connection is lost, or the call does not fit into a frame.
    pub async fn call(&self, call: &Call) -> Result<ModuleResult, TransportError> {
        self.send_call(call).await?.result().await
    }

    /// Sends a call and leaves its result for later.
    ///
    /// # Errors
    /// As [`Self::call`].
    pub async fn send_call(&self, call: &Call) -> Result<SentCall<'_>, TransportError> {
        let (stream, answers) = self.open();
        let guard = StreamGuard { client: self, stream };
        self.send(frame(FrameKind::Call, stream, call)?).await?;
        Ok(SentCall { guard, answers })
    }

    /// Takes back a call that has not begun; one that has goes on.
    pub async fn withdraw(&self, stream: u32) {
        if let Ok(bytes) = frame(FrameKind::Cancel, stream, &Cancel { unless_begun: true }) {
            // ok: a lost connection has ended the call already.
            let _ = self.outgoing.send(bytes).await;
        }
    }

    /// Gives the agent a file's content for one call, after which the host keeps nothing of it: it may be a secret. Returns the name for
    /// that call.
    ///
    /// # Errors
    /// When the connection is lost or the host cannot store it; the inner result is the latter.
    pub async fn put(&self, content: &[u8]) -> Result<Result<String, String>, TransportError> {
        let offer = PutBegin {
            sha256: hex::encode(Sha256::digest(content)),
            size: content.len() as u64,
            for_one_call: true,
        };
        self.offer(&offer, &mut std::io::Cursor::new(content)).await
    }

    /// Gives the agent a content that many calls need, a program; they name it by its hash.
    ///
    /// # Errors
    /// As [`Self::put`].
    pub async fn put_program(
        &self,
        content: &[u8],
        sha256: &str,
    ) -> Result<Result<String, String>, TransportError> {
        if lock(&self.shared.stored).contains(sha256) {
            return Ok(Ok(sha256.to_owned()));
        }
        let offer = PutBegin {
            sha256: sha256.to_owned(),
            size: content.len() as u64,
            for_one_call: false,
        };
        let stored = self.offer(&offer, &mut std::io::Cursor::new(content)).await?;
        if stored.is_ok() {
            lock(&self.shared.stored).insert(sha256.to_owned());
        }
        Ok(stored)
    }

    /// The same for the content of a large file, which the call may take away.
    ///
    /// # Errors
    /// As [`Self::put`].
    pub async fn put_file(
        &self,
        path: &Path,
        sha256: &str,
        size: u64,
    ) -> Result<Result<String, String>, TransportError> {
        let offer = PutBegin {
            sha256: sha256.to_owned(),
            size,
            for_one_call: true,
        };
        match tokio::fs::File::open(path).await {
            Ok(mut file) => self.offer(&offer, &mut file).await,
            Err(error) => Ok(Err(format!("cannot read {}: {error}", path.display()))),
        }
    }

    /// Offers a content, and sends it if it is wanted; returns the name under which it is stored.
    async fn offer(
        &self,
        offer: &PutBegin,
        content: &mut (impl AsyncRead + Unpin),
    ) -> Result<Result<String, String>, TransportError> {
        let (stream, mut answers) = self.open();
        let _guard = StreamGuard { client: self, stream };
        self.send(frame(FrameKind::PutBegin, stream, offer)?).await?;
        loop {
            match parse::<PutStatus>(&self.receive(&mut answers).await?)? {
                PutStatus::Stored => return Ok(Ok(offer.name(stream))),
                PutStatus::Failed(reason) => return Ok(Err(reason)),
                PutStatus::Wanted => {
                    if let Err(error) = self.send_pieces(stream, content).await? {
                        return Ok(Err(format!("reading what is sent to the host: {error}")));
                    }
                }
            }
        }
    }

    async fn send_pieces(
        &self,
        stream: u32,
        content: &mut (impl AsyncRead + Unpin),
    ) -> Result<std::io::Result<()>, TransportError> {
        loop {
            let mut payload = Vec::with_capacity(CHUNK_SIZE);
            let mut piece = (&mut *content).take(CHUNK_SIZE as u64);
            if let Err(error) = piece.read_to_end(&mut payload).await {
                return Ok(Err(error));
            }
            // An empty piece ends the content.
            let is_last = payload.is_empty();
            let frame = Frame {
                kind: FrameKind::Chunk,
                stream,
                payload,
            };
            self.send(encode(&frame)).await?;
            if is_last {
                return Ok(Ok(()));
            }
        }
    }

    /// Tells the agent to stop every call that is under way.
    pub async fn cancel_all(&self) {
        let streams: Vec<u32> = lock(&self.shared.waiting).keys().copied().collect();
        for stream in streams {
            if let Ok(bytes) = frame(FrameKind::Cancel, stream, &Cancel::default()) {
                // ok: a lost connection has ended the call already.
                let _ = self.outgoing.send(bytes).await;
            }
        }
    }

    /// Ends all calls as if the connection were lost.
    pub fn abandon(&self) {
        self.shared
            .end("the run was stopped and the host did not answer".to_owned());
    }

    fn open(&self) -> (u32, mpsc::UnboundedReceiver<Frame>) {
        let stream = self.next_stream.fetch_add(1, Ordering::Relaxed);
        let (sender, receiver) = mpsc::unbounded_channel();
        lock(&self.shared.waiting).insert(stream, sender);
        // Answers to frames sent after the end never come.
        if !self.is_alive() {
            lock(&self.shared.waiting).remove(&stream);
        }
        (stream, receiver)
    }

    async fn send(&self, bytes: Vec<u8>) -> Result<(), TransportError> {
        self.outgoing.send(bytes).await.map_err(|_| self.lost())
    }

    async fn receive(&self, answers: &mut mpsc::UnboundedReceiver<Frame>) -> Result<Frame, TransportError> {
        answers.recv().await.ok_or_else(|| self.lost())
    }

    fn lost(&self) -> TransportError {
        let reason = lock(&self.shared.ended).clone();
        TransportError::Unreachable(
            reason.unwrap_or_else(|| "the connection to the host was lost".to_owned()),
        )
    }
}

/// A call that is on its way.
pub struct SentCall<'a> {
    guard: StreamGuard<'a>,
    answers: mpsc::UnboundedReceiver<Frame>,
}

impl SentCall<'_> {
    /// The number by which the agent knows it.
    pub fn stream(&self) -> u32 {
        self.guard.stream
    }

    /// Waits for the result.
    ///
    /// # Errors
    /// When the connection is lost, or the agent does not carry it out.
    pub async fn result(mut self) -> Result<ModuleResult, TransportError> {
        loop {
            let answer = self.guard.client.receive(&mut self.answers).await?;
            match answer.kind {
                FrameKind::Result => return parse(&answer),
                FrameKind::Refusal => return Err(TransportError::Failed(parse::<Refusal>(&answer)?.message)),
                _ => {}
            }
        }
    }
}

/// Forgets a stream when its caller is done or gone.
struct StreamGuard<'a> {
    client: &'a AgentClient,
    stream: u32,
}

impl Drop for StreamGuard<'_> {
    fn drop(&mut self) {
        lock(&self.client.shared.waiting).remove(&self.stream);
    }
}

fn parse<T: serde::de::DeserializeOwned>(frame: &Frame) -> Result<T, TransportError> {
    serde_json::from_slice(&frame.payload).map_err(|error| {
        TransportError::Unreachable(format!("the agent's {:?} is not understood: {error}", frame.kind))
    })
}

async fn write_frames(
    mut outgoing: Box<dyn tokio::io::AsyncWrite + Send + Unpin>,
    mut queue: mpsc::Receiver<Vec<u8>>,
) {
    while let Some(bytes) = queue.recv().await {
        if outgoing.write_all(&bytes).await.is_err() {
            return;
        }
        // Frames that wait already go in the same packet.
        while let Ok(more) = queue.try_recv() {
            if outgoing.write_all(&more).await.is_err() {
                return;
            }
        }
        if outgoing.flush().await.is_err() {
            return;
        }
    }
    // The end of its input tells the agent to end.
    let _ = outgoing.shutdown().await;
}

/// Keeps the agent from taking its runner for gone.
async fn ping(outgoing: mpsc::WeakSender<Vec<u8>>) {
    loop {
        tokio::time::sleep(PING_INTERVAL).await;
        let Some(outgoing) = outgoing.upgrade() else {
            return;
        };
        let ping = encode(&Frame {
            kind: FrameKind::Ping,
            stream: 0,
            payload: Vec::new(),
        });
        if outgoing.send(ping).await.is_err() {
            return;
        }
    }
}

async fn read_frames(
    mut incoming: mpsc::Receiver<Vec<u8>>,
    mut decoder: Decoder,
    shared: Arc<Shared>,
    outgoing: mpsc::Sender<Vec<u8>>,
    errors: ErrorTail,
    guard: Box<dyn std::any::Any + Send>,
) {
    // Upgraded only to answer pings: the queue closes when the client goes away.
    let outgoing = outgoing.downgrade();
    loop {
        match decoder.next_frame() {
            Ok(Some(frame)) if frame.kind == FrameKind::Ping => {
                let pong = encode(&Frame {
                    kind: FrameKind::Pong,
                    stream: frame.stream,
                    payload: Vec::new(),
                });
                if let Some(outgoing) = outgoing.upgrade() {
                    let _ = outgoing.send(pong).await;
                }
            }
            Ok(Some(frame)) => {
                let waiting = lock(&shared.waiting);
                if let Some(sender) = waiting.get(&frame.stream) {
                    // ok: a caller that went away wants no answer.
                    let _ = sender.send(frame);
                }
            }
            Ok(None) => match incoming.recv().await {
                Some(bytes) => decoder.push(&bytes),
                None => break shared.end(ended_message(&errors, true)),
            },
            Err(error) => break shared.end(format!("the agent's frames are not understood: {error}")),
        }
    }
    drop(guard);
}

fn ended_message(errors: &ErrorTail, answered: bool) -> String {
    let said = errors.text();
    if !said.is_empty() {
        return said;
    }
    let end = errors.end().unwrap_or("the agent ended");
    let when = if answered {
        ""
    } else {
        " before the agent answered"
    };
    format!("the connection to the host was lost{when}: {end}")
}
