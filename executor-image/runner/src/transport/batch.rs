//! A connection over what runs one command at a time and stores files, and can do no more: the agent is started anew for each call,
//! with all that the call needs on its input. To the rest of the runner it looks like an agent that goes on.

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use futures::future::BoxFuture;
use slipway_protocol::{
    BATCH_MARK, Call, Decoder, Frame, FrameKind, Hello, ModuleResult, PutBegin, PutStatus, Refusal, encode,
};
use tokio::{
    io::{AsyncReadExt, DuplexStream},
    sync::{OnceCell, mpsc},
    task::{AbortHandle, JoinSet},
};

use super::{
    AgentBinary, Become, Connection, ConnectionOptions, ExecOutput, Launch, Pipe, TransportError, bootstrap,
    connection::ErrorTail, quote,
};

/// How many bytes may be on their way to whoever serves.
const BUFFER: usize = 1024 * 1024;

/// What runs commands on a host and stores files there.
pub trait Carrier: Send + Sync + std::fmt::Debug {
    /// Runs a command of a shell to its end, as another user if need be. A command with an input reads it from standard input;
    /// where that takes a file, it is put into `folder`.
    fn execute(
        &self,
        command: String,
        input: Option<Input>,
        other: Option<Become>,
    ) -> BoxFuture<'_, Result<ExecOutput, TransportError>>;

    /// Runs a command as it is written, without a shell of ours around it.
    fn execute_bare(
        &self,
        command: String,
        other: Option<Become>,
    ) -> BoxFuture<'_, Result<ExecOutput, TransportError>>;

    /// Stores a file of this machine on the host.
    fn put_file(&self, here: PathBuf, there: String) -> BoxFuture<'_, Result<(), TransportError>>;

    /// Ends what is open, for the next command to begin anew.
    fn reset(&self) -> BoxFuture<'_, ()>;
}

/// What a command reads.
#[derive(Debug)]
pub struct Input {
    /// All of it.
    pub bytes: Vec<u8>,
    /// A folder of the host in which it may be for a while.
    pub folder: String,
}

/// Who has carriers.
pub trait Carriers: Send + Sync + std::fmt::Debug {
    /// The one to a host.
    fn open(&self, host: &str, options: &ConnectionOptions) -> Arc<dyn Carrier>;
}

/// Contents that agents are given, as frames, by their SHA-256: all hosts get the same ones.
#[derive(Debug, Default)]
pub struct Contents(Mutex<HashMap<String, Arc<[u8]>>>);

impl Contents {
    fn get(&self, name: &str) -> Option<Arc<[u8]>> {
        let contents = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        contents.get(name).cloned()
    }

    fn keep(&self, name: String, frames: Arc<[u8]>) {
        let mut contents = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        contents.entry(name).or_insert(frames);
    }
}

/// A host that a carrier reaches.
#[derive(Debug)]
pub struct BatchConnection {
    carrier: Arc<dyn Carrier>,
    agent: Arc<AgentBinary>,
    contents: Arc<Contents>,
    /// The agent's file on the host.
    stored: OnceCell<String>,
}

impl BatchConnection {
    /// Nothing is sent yet.
    pub fn new(carrier: Arc<dyn Carrier>, agent: Arc<AgentBinary>, contents: Arc<Contents>) -> Self {
        Self {
            carrier,
            agent,
            contents,
            stored: OnceCell::new(),
        }
    }

    /// Where the agent is on the host, after it was put there if need be.
    async fn store(&self) -> Result<String, TransportError> {
        let said = self.script(None).await?;
        let said = match said.strip_prefix("want ").and_then(|rest| rest.split_once(' ')) {
            Some((architecture, there)) => {
                self.agent.check_architecture(architecture)?;
                let here = std::path::absolute(&self.agent.path).unwrap_or_else(|_| self.agent.path.clone());
                self.carrier.put_file(here, there.to_owned()).await?;
                self.script(Some(there)).await?
            }
            None => said,
        };
        said.strip_prefix("have ")
            .map(str::to_owned)
            .ok_or_else(|| TransportError::Unreachable(format!("the host says {said:?} of the agent's file")))
    }

    async fn script(&self, put: Option<&str>) -> Result<String, TransportError> {
        let command = bootstrap::file_command(&self.agent, put)?;
        let output = self.carrier.execute(command, None, None).await?;
        let text = String::from_utf8_lossy(&output.stdout);
        let said = text
            .lines()
            .find_map(|line| line.trim_end().strip_prefix(bootstrap::MARK));
        match said {
            Some(said) => match said.strip_prefix("error ") {
                Some(reason) => Err(TransportError::Unreachable(reason.to_owned())),
                None => Ok(said.to_owned()),
            },
            None => Err(TransportError::Unreachable(format!(
                "the agent could not be started: {}",
                what_was_said(&output)
            ))),
        }
    }
}

fn what_was_said(output: &ExecOutput) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    match (text(&output.stderr), text(&output.stdout)) {
        (errors, _) if !errors.is_empty() => errors,
        (_, said) if !said.is_empty() => said,
        _ => format!("a command ended with status {} and said nothing", output.status),
    }
}

impl Connection for BatchConnection {
    fn start_agent(&self, launch: Launch, greeting: Vec<u8>) -> BoxFuture<'_, Result<Pipe, TransportError>> {
        Box::pin(async move {
            let program = self.stored.get_or_try_init(|| self.store()).await?.clone();
            let batches = Batches {
                carrier: Arc::clone(&self.carrier),
                folder: program
                    .rsplit_once('/')
                    .map(|(folder, _)| folder.to_owned())
                    .unwrap_or_default(),
                command: format!("exec {} --batch", quote(&program)),
                launch,
                greeting: patient(&greeting),
            };
            let welcome = batches.run(Vec::new()).await?;
            let (near, far) = tokio::io::duplex(BUFFER);
            let (answers, incoming) = mpsc::channel(64);
            let errors = ErrorTail::default();
            for frame in welcome {
                // ok: the other end is in this function.
                let _ = answers.send(encode(&frame)).await;
            }
            let serving = Serving {
                batches: Arc::new(batches),
                contents: Arc::clone(&self.contents),
                own: HashMap::new(),
                arriving: HashMap::new(),
                calls: JoinSet::new(),
                running: HashMap::new(),
            };
            let tail = errors.clone();
            tokio::spawn(async move {
                if let Some(reason) = serving.serve(far, &answers).await {
                    tail.push(reason.as_bytes());
                }
                // The end is seen only when its reason is there.
                drop(answers);
            });
            Ok(Pipe {
                incoming,
                outgoing: Box::new(near),
                errors,
                guard: Box::new(()),
            })
        })
    }

    fn execute(
        &self,
        command: String,
        other: Option<Become>,
    ) -> BoxFuture<'_, Result<ExecOutput, TransportError>> {
        self.carrier.execute_bare(command, other)
    }

    fn remove_agent(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            if self.stored.initialized()
                && let Ok(command) = bootstrap::remove_command(&self.agent)
            {
                // ok: a host that does not answer keeps the file.
                let _ = self.carrier.execute(command, None, None).await;
            }
        })
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        // What is open is so only as long as its process.
        Box::pin(async {})
    }

    fn reset(&self) -> BoxFuture<'_, ()> {
        self.carrier.reset()
    }
}

/// A greeting for an agent that hears everything at once: the runner's silence means nothing to it.
fn patient(greeting: &[u8]) -> Vec<u8> {
    let mut decoder = Decoder::default();
    decoder.push(greeting);
    if let Ok(Some(frame)) = decoder.next_frame()
        && let Ok(hello) = serde_json::from_slice::<Hello>(&frame.payload)
        && let Ok(payload) = serde_json::to_vec(&Hello {
            silence_seconds: None,
            ..hello
        })
    {
        return encode(&Frame { payload, ..frame });
    }
    greeting.to_vec()
}

/// Starts agents as one user of a host.
#[derive(Debug)]
struct Batches {
    carrier: Arc<dyn Carrier>,
    /// The agent's own folder on the host.
    folder: String,
    command: String,
    launch: Launch,
    greeting: Vec<u8>,
}

impl Batches {
    /// What an agent answers to its greeting and these frames.
    async fn run(&self, frames: Vec<u8>) -> Result<Vec<Frame>, TransportError> {
        let mut bytes = self.greeting.clone();
        bytes.extend(frames);
        let input = Input {
            bytes,
            folder: self.folder.clone(),
        };
        let other = self.launch.r#become.clone();
        let output = self
            .carrier
            .execute(self.command.clone(), Some(input), other)
            .await?;
        let mut decoder = Decoder::default();
        for line in String::from_utf8_lossy(&output.stdout).lines() {
            if let Some((_, said)) = line.split_once(BATCH_MARK)
                && let Ok(frame) = STANDARD.decode(said.trim())
            {
                decoder.push(&frame);
            }
        }
        let mut answers = Vec::new();
        while let Ok(Some(frame)) = decoder.next_frame() {
            answers.push(frame);
        }
        if !answers.is_empty() {
            return Ok(answers);
        }
        let said = what_was_said(&output);
        Err(match &self.launch.r#become {
            Some(other) => other.failed(&said),
            None => TransportError::Unreachable(format!("the agent could not be started: {said}")),
        })
    }
}

/// What serves the runner in the place of an agent that goes on.
struct Serving {
    batches: Arc<Batches>,
    contents: Arc<Contents>,
    /// Contents for one call, as frames.
    own: HashMap<String, Arc<[u8]>>,
    /// Contents that arrive, by stream.
    arriving: HashMap<u32, (PutBegin, Vec<u8>)>,
    calls: JoinSet<Result<Frame, String>>,
    running: HashMap<u32, AbortHandle>,
}

impl Serving {
    /// Answers frames until the runner goes away; returns why the host is lost if that comes first.
    async fn serve(mut self, mut from: DuplexStream, answers: &mpsc::Sender<Vec<u8>>) -> Option<String> {
        let mut decoder = Decoder::default();
        let mut buffer = vec![0; 64 * 1024];
        loop {
            let answer = tokio::select! {
                read = from.read(&mut buffer) => match read {
                    Ok(count @ 1..) => {
                        decoder.push(&buffer[..count]);
                        None
                    }
                    _ => return None,
                },
                Some(ended) = self.calls.join_next() => match ended {
                    Ok(Ok(frame)) => {
                        self.running.remove(&frame.stream);
                        Some(frame)
                    }
                    Ok(Err(reason)) => return Some(reason),
                    // It was cancelled, and answered then.
                    Err(_) => None,
                },
            };
            let mut to_send: Vec<Frame> = answer.into_iter().collect();
            while let Ok(Some(frame)) = decoder.next_frame() {
                to_send.extend(self.hear(frame));
            }
            for frame in to_send {
                if answers.send(encode(&frame)).await.is_err() {
                    return None;
                }
            }
        }
    }

    /// The answer to a frame, if there is one at once.
    fn hear(&mut self, frame: Frame) -> Option<Frame> {
        let stream = frame.stream;
        match frame.kind {
            FrameKind::Ping => Some(Frame {
                kind: FrameKind::Pong,
                ..frame
            }),
            FrameKind::PutBegin => {
                let begin: PutBegin = serde_json::from_slice(&frame.payload).ok()?;
                if !begin.for_one_call && self.contents.get(&begin.sha256).is_some() {
                    return Some(answer(FrameKind::PutStatus, stream, &PutStatus::Stored));
                }
                self.arriving.insert(stream, (begin, encode(&frame)));
                Some(answer(FrameKind::PutStatus, stream, &PutStatus::Wanted))
            }
            FrameKind::Chunk => {
                let (_, frames) = self.arriving.get_mut(&stream)?;
                frames.extend(encode(&frame));
                if !frame.payload.is_empty() {
                    return None;
                }
                let (begin, frames) = self.arriving.remove(&stream)?;
                let name = begin.name(stream);
                if begin.for_one_call {
                    self.own.insert(name, frames.into());
                } else {
                    self.contents.keep(name, frames.into());
                }
                Some(answer(FrameKind::PutStatus, stream, &PutStatus::Stored))
            }
            FrameKind::Call => {
                self.start(&frame);
                None
            }
            FrameKind::Cancel => {
                let call = self.running.remove(&stream)?;
                call.abort();
                let failure = ModuleResult::failure("the call was cancelled by the runner");
                Some(answer(FrameKind::Result, stream, &failure))
            }
            _ => None,
        }
    }

    /// Carries out a call: the contents that it names go before it.
    fn start(&mut self, frame: &Frame) {
        let call: Call = serde_json::from_slice(&frame.payload).unwrap_or_default();
        let mut frames = Vec::new();
        for name in call.files.values() {
            let content = self.own.remove(name).or_else(|| self.contents.get(name));
            frames.extend_from_slice(content.as_deref().unwrap_or_default());
        }
        frames.extend(encode(frame));
        let batches = Arc::clone(&self.batches);
        let stream = frame.stream;
        let call = self.calls.spawn(async move {
            let refused = |message: String| answer(FrameKind::Refusal, stream, &Refusal { message });
            match batches.run(frames).await {
                Ok(answers) => Ok(answers
                    .into_iter()
                    .find(|frame| frame.kind == FrameKind::Result)
                    .unwrap_or_else(|| refused("the agent ended without an answer".to_owned()))),
                Err(TransportError::Unreachable(reason)) => Err(reason),
                Err(error) => Ok(refused(error.to_string())),
            }
        });
        self.running.insert(stream, call);
    }
}

fn answer(kind: FrameKind, stream: u32, message: &impl serde::Serialize) -> Frame {
    Frame {
        kind,
        stream,
        // ok: these messages are plain data, which always has a JSON form.
        payload: serde_json::to_vec(message).unwrap_or_default(),
    }
}
