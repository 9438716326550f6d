//! The rows carried out by the agent's program, over pipes, as the runner does it.

use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

use serde::Serialize;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use slipway_protocol::{
    Call, Decoder, Frame, FrameKind, Hello, PROTOCOL_VERSION, PutBegin, PutStatus, Welcome, encode, spec,
};

use crate::private;
use crate::rows::Row;

/// Runs every row and returns their results.
pub fn run(section: &str, rows: &[Row], directory: &Path, url: &str) -> Vec<Value> {
    let mut agent = Agent::start(section);
    let results = rows.iter().map(|row| agent.row(row, directory, url)).collect();
    agent.end();
    results
}

/// A running agent.
pub struct Agent {
    child: Child,
    input: ChildStdin,
    output: ChildStdout,
    decoder: Decoder,
    stream: u32,
}

impl Agent {
    /// Starts the program and greets it.
    pub fn start(section: &str) -> Self {
        let mut child = private::command(section, env!("CARGO_BIN_EXE_slipway-agent"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the agent starts");
        let input = child.stdin.take().unwrap();
        let output = child.stdout.take().unwrap();
        let mut agent = Self {
            child,
            input,
            output,
            decoder: Decoder::default(),
            stream: 0,
        };
        agent.send(
            FrameKind::Hello,
            0,
            &Hello {
                protocol: PROTOCOL_VERSION,
                fence: None,
                silence_seconds: None,
            },
        );
        let welcome = agent.receive();
        assert_eq!(welcome.kind, FrameKind::Welcome);
        let welcome: Welcome = serde_json::from_slice(&welcome.payload).unwrap();
        assert_eq!(welcome.user, "root");
        agent
    }

    /// Closes the agent's input and waits for its end.
    pub fn end(self) {
        let Self { mut child, input, .. } = self;
        drop(input);
        assert!(
            child.wait().unwrap().success(),
            "the agent ends well when its input ends"
        );
    }

    /// Carries out a call.
    pub fn call(&mut self, call: &Call) -> Value {
        self.stream += 1;
        self.send(FrameKind::Call, self.stream, call);
        let frame = self.receive();
        assert_eq!((frame.kind, frame.stream), (FrameKind::Result, self.stream));
        serde_json::from_slice(&frame.payload).unwrap()
    }

    /// Sends a file's content; returns its digest.
    pub fn put(&mut self, content: &[u8]) -> String {
        self.stream += 1;
        let sha256 = hex::encode(Sha256::digest(content));
        let offer = PutBegin {
            sha256: sha256.clone(),
            size: content.len() as u64,
            for_one_call: false,
        };
        self.send(FrameKind::PutBegin, self.stream, &offer);
        if self.status() == PutStatus::Wanted {
            for piece in content.chunks(slipway_protocol::CHUNK_SIZE).chain([&[][..]]) {
                self.send_payload(FrameKind::Chunk, self.stream, piece.to_vec());
            }
            assert_eq!(self.status(), PutStatus::Stored);
        }
        sha256
    }

    fn status(&mut self) -> PutStatus {
        let frame = self.receive();
        assert_eq!(frame.kind, FrameKind::PutStatus);
        serde_json::from_slice(&frame.payload).unwrap()
    }

    fn send(&mut self, kind: FrameKind, stream: u32, message: &impl Serialize) {
        self.send_payload(kind, stream, serde_json::to_vec(message).unwrap());
    }

    fn send_payload(&mut self, kind: FrameKind, stream: u32, payload: Vec<u8>) {
        self.input
            .write_all(&encode(&Frame {
                kind,
                stream,
                payload,
            }))
            .unwrap();
    }

    fn receive(&mut self) -> Frame {
        let mut buffer = vec![0; 65536];
        loop {
            if let Some(frame) = self.decoder.next_frame().unwrap() {
                return frame;
            }
            let read = self.output.read(&mut buffer).unwrap();
            assert!(read > 0, "the agent ended without an answer");
            self.decoder.push(&buffer[..read]);
        }
    }

    /// Carries out a row, doing what the runner does for modules that take a file of its side.
    fn row(&mut self, row: &Row, directory: &Path, url: &str) -> Value {
        let spec = spec::find(&row.module).unwrap_or_else(|| panic!("{} is in the table", row.module));
        let mut call = Call {
            module: spec.name.to_owned(),
            args: row.arguments(directory, url),
            check: row.check,
            diff: row.diff,
            environment: row.environment(directory, url),
            ..Call::default()
        };
        if spec.short_name() == "async_status" {
            let statuses = directory.join("async").to_string_lossy().into_owned();
            call.environment.insert("ANSIBLE_ASYNC_DIR".to_owned(), statuses);
        }
        let takes_file = matches!(spec.short_name(), "copy" | "unarchive");
        if takes_file && call.args.get("remote_src") != Some(&Value::Bool(true)) {
            self.send_source(&mut call.args).into_iter().for_each(|sha256| {
                call.files.insert("src".to_owned(), sha256);
            });
        }
        self.call(&call)
    }

    fn send_source(&mut self, args: &mut Map<String, Value>) -> Option<String> {
        let source = Path::new(args.get("src")?.as_str()?).to_owned();
        let name = source.file_name()?.to_string_lossy().into_owned();
        args.insert("_original_basename".to_owned(), name.into());
        args.insert("_original_source".to_owned(), source.to_string_lossy().into());
        Some(self.put(&std::fs::read(source).ok()?))
    }
}
