//! The agent's program on its pipes.

#![allow(clippy::unwrap_used, dead_code)] // all of it is for tests, not all of it for each of them

use std::io::{Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use serde::Serialize;
use serde_json::{Value, json};
use slipway_protocol::{Call, Decoder, Frame, FrameKind, Hello, PROTOCOL_VERSION, encode};

/// A running agent.
pub struct Agent {
    /// Its process.
    pub child: Child,
    /// Its input; the agent ends when it is dropped.
    pub input: Option<ChildStdin>,
    output: ChildStdout,
    decoder: Decoder,
}

impl Agent {
    /// Starts the program.
    pub fn start() -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_slipway-agent"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let input = child.stdin.take();
        let output = child.stdout.take().unwrap();
        Self {
            child,
            input,
            output,
            decoder: Decoder::default(),
        }
    }

    /// Starts the program and greets it.
    pub fn greeted() -> Self {
        Self::greeted_with_silence(None)
    }

    /// Starts the program and greets it; it ends when it hears nothing for this long.
    pub fn greeted_with_silence(silence_seconds: Option<u64>) -> Self {
        let mut agent = Self::start();
        agent.send(
            FrameKind::Hello,
            0,
            &Hello {
                protocol: PROTOCOL_VERSION,
                fence: None,
                silence_seconds,
            },
        );
        assert_eq!(agent.receive().unwrap().kind, FrameKind::Welcome);
        agent
    }

    /// Sends a frame.
    pub fn send(&mut self, kind: FrameKind, stream: u32, message: &impl Serialize) {
        self.send_payload(kind, stream, serde_json::to_vec(message).unwrap());
    }

    /// Sends a frame with these bytes.
    pub fn send_payload(&mut self, kind: FrameKind, stream: u32, payload: Vec<u8>) {
        let frame = Frame {
            kind,
            stream,
            payload,
        };
        self.input.as_mut().unwrap().write_all(&encode(&frame)).unwrap();
    }

    /// Sends a call of `shell`.
    pub fn shell(&mut self, stream: u32, command: &str, timeout: Option<u64>) {
        let call = Call {
            timeout,
            ..shell(command)
        };
        self.send(FrameKind::Call, stream, &call);
    }

    /// The same for a call that comes after another one.
    pub fn shell_after(&mut self, stream: u32, before: u32, command: &str) {
        let call = Call {
            after: Some(before),
            ..shell(command)
        };
        self.send(FrameKind::Call, stream, &call);
    }

    /// The next frame; nothing at the end of the agent's output.
    pub fn receive(&mut self) -> Option<Frame> {
        let mut buffer = vec![0; 4096];
        loop {
            if let Some(frame) = self.decoder.next_frame().unwrap() {
                return Some(frame);
            }
            let read = self.output.read(&mut buffer).unwrap();
            if read == 0 {
                return None;
            }
            self.decoder.push(&buffer[..read]);
        }
    }

    /// The next frame, which is a result.
    pub fn result(&mut self) -> (u32, Value) {
        let frame = self.receive().unwrap();
        assert_eq!(frame.kind, FrameKind::Result);
        (frame.stream, serde_json::from_slice(&frame.payload).unwrap())
    }
}

/// Waits until it is so, not for ever.
pub fn wait_until(condition: impl Fn() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(
            start.elapsed() < Duration::from_secs(20),
            "it did not happen within 20 s"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A call of `shell`.
fn shell(command: &str) -> Call {
    Call {
        module: "ansible.builtin.shell".to_owned(),
        args: json!({"_raw_params": command}).as_object().unwrap().clone(),
        ..Call::default()
    }
}
