//! A host that exists only in memory: it takes every call, does nothing, and answers `ok`.
//!
//! With it, the cost of the runner itself can be measured on as many hosts as one likes, and plays can be tested without machines.

use futures::future::BoxFuture;
use serde::Serialize;
use serde_json::{Map, Value};
use slipway_protocol::{
    Decoder, Frame, FrameKind, ModuleResult, PROTOCOL_VERSION, PutStatus, Welcome, encode,
};
use tokio::{
    io::{AsyncReadExt, DuplexStream},
    sync::mpsc,
};

use super::{Become, Connection, ExecOutput, Launch, Pipe, TransportError, connection::ErrorTail};

/// How many bytes may be on their way to a host.
const BUFFER: usize = 16 * 1024;

/// The connection `memory`.
#[derive(Debug)]
pub struct MemoryConnection;

impl Connection for MemoryConnection {
    fn start_agent(&self, launch: Launch, greeting: Vec<u8>) -> BoxFuture<'_, Result<Pipe, TransportError>> {
        Box::pin(async move {
            let user = launch
                .r#become
                .map_or_else(|| "nobody".to_owned(), |other| other.user);
            let (near, far) = tokio::io::duplex(BUFFER);
            let (answers, incoming) = mpsc::channel(64);
            tokio::spawn(serve(far, answers, user));
            let mut pipe = Pipe {
                incoming,
                outgoing: Box::new(near),
                errors: ErrorTail::default(),
                guard: Box::new(()),
            };
            pipe.say(&greeting).await;
            Ok(pipe)
        })
    }

    fn execute(&self, _: String, _: Option<Become>) -> BoxFuture<'_, Result<ExecOutput, TransportError>> {
        Box::pin(async { Ok(ExecOutput::default()) })
    }

    fn remove_agent(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {})
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {})
    }
}

/// Answers frames until the runner goes away.
async fn serve(mut calls: DuplexStream, answers: mpsc::Sender<Vec<u8>>, user: String) {
    let mut decoder = Decoder::default();
    let mut buffer = [0; 4096];
    while let Ok(count @ 1..) = calls.read(&mut buffer).await {
        decoder.push(&buffer[..count]);
        while let Ok(Some(frame)) = decoder.next_frame() {
            if let Some(answer) = answer(&frame, &user)
                && answers.send(answer).await.is_err()
            {
                return;
            }
        }
    }
}

/// The answer to a frame, if it wants one.
fn answer(frame: &Frame, user: &str) -> Option<Vec<u8>> {
    let (kind, payload) = match frame.kind {
        FrameKind::Hello => (
            FrameKind::Welcome,
            json(&Welcome {
                protocol: PROTOCOL_VERSION,
                user: user.to_owned(),
                architecture: std::env::consts::ARCH.to_owned(),
            }),
        ),
        FrameKind::Call => {
            let unchanged = Map::from_iter([("changed".to_owned(), Value::Bool(false))]);
            (FrameKind::Result, json(&ModuleResult(unchanged)))
        }
        // Whatever it is, it is there already.
        FrameKind::PutBegin => (FrameKind::PutStatus, json(&PutStatus::Stored)),
        FrameKind::Ping => (FrameKind::Pong, Vec::new()),
        _ => return None,
    };
    Some(encode(&Frame {
        kind,
        stream: frame.stream,
        payload,
    }))
}

fn json(message: &impl Serialize) -> Vec<u8> {
    // ok: these messages are plain data, which always has a JSON form.
    serde_json::to_vec(message).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::AgentClient;

    #[tokio::test]
    async fn a_host_in_memory_answers_every_call_and_has_every_file() {
        let greeting = AgentClient::greeting(None).unwrap();
        let pipe = MemoryConnection
            .start_agent(Launch::default(), greeting)
            .await
            .unwrap();
        let agent = AgentClient::start(pipe).await.unwrap();
        let name = agent.put_program(b"content", "digest").await.unwrap();
        assert_eq!(name.as_deref(), Ok("digest"));
        let result = agent.call(&slipway_protocol::Call::default()).await.unwrap();
        assert!(!result.changed() && !result.failed());
    }
}
