//! The machine that the runner runs on.

use std::{process::Stdio, sync::Arc};

use futures::future::BoxFuture;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt},
    process::{Child, ChildStdin, Command},
    sync::mpsc,
};

use super::{
    AgentBinary, Become, Connection, ExecOutput, Launch, Pipe, TransportError, bootstrap,
    connection::ErrorTail,
};

/// Starts the agent as a child process.
#[derive(Debug)]
pub struct LocalConnection {
    agent: Arc<AgentBinary>,
}

impl LocalConnection {
    /// A connection to this machine.
    pub fn new(agent: Arc<AgentBinary>) -> Self {
        Self { agent }
    }
}

impl Connection for LocalConnection {
    fn start_agent(&self, launch: Launch, greeting: Vec<u8>) -> BoxFuture<'_, Result<Pipe, TransportError>> {
        Box::pin(async move {
            let Some(_) = &launch.r#become else {
                let mut command = Command::new(&self.agent.path);
                let mut pipe = start(&mut command).map_err(|error| {
                    TransportError::Unreachable(format!(
                        "cannot start {}: {error}",
                        self.agent.path.display()
                    ))
                })?;
                pipe.say(&greeting).await;
                return Ok(pipe);
            };
            // Another user may not be allowed to see where the agent is: it is stored where all may.
            let mut command = Command::new("/bin/sh");
            command
                .arg("-c")
                .arg(bootstrap::command(&self.agent, &launch, &greeting)?);
            let pipe = start(&mut command)
                .map_err(|error| TransportError::Unreachable(format!("cannot start /bin/sh: {error}")))?;
            bootstrap::follow(pipe, &self.agent, &launch).await
        })
    }

    fn execute(
        &self,
        command: String,
        other: Option<Become>,
    ) -> BoxFuture<'_, Result<ExecOutput, TransportError>> {
        Box::pin(async move {
            let failed =
                |error: std::io::Error| TransportError::Unreachable(format!("cannot run /bin/sh: {error}"));
            let line = other
                .as_ref()
                .map_or_else(|| command.clone(), |other| other.command(&command));
            let mut child = Command::new("/bin/sh")
                .arg("-c")
                .arg(&line)
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .process_group(0)
                .kill_on_drop(true)
                .spawn()
                .map_err(failed)?;
            // Without a question there is no input.
            let input = child.stdin.take().filter(|_| other.is_some());
            let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
            let (stdout, stderr) = tokio::join!(all_of(stdout), errors_of(stderr, input, other.as_ref()));
            let status = child.wait().await.map_err(failed)?;
            Ok(ExecOutput {
                status: status.code().map_or(-1, i64::from),
                stdout,
                stderr: stderr?,
            })
        })
    }

    fn remove_agent(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {})
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {})
    }
}

async fn all_of(from: Option<impl AsyncRead + Unpin>) -> Vec<u8> {
    let mut content = Vec::new();
    if let Some(mut from) = from {
        // ok: what was read until then is all there is.
        let _ = from.read_to_end(&mut content).await;
    }
    content
}

/// Standard error; questions of the program that becomes another user are answered.
async fn errors_of(
    from: Option<impl AsyncRead + Unpin>,
    mut input: Option<ChildStdin>,
    other: Option<&Become>,
) -> Result<Vec<u8>, TransportError> {
    let mut content = Vec::new();
    let mut dialogue = other.map(Become::listen);
    let Some(mut from) = from else {
        return Ok(content);
    };
    let mut buffer = [0; 4096];
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        content.extend_from_slice(&buffer[..count]);
        if let (Some(dialogue), Some(input)) = (&mut dialogue, &mut input)
            && let Some(answer) = dialogue.heard(&String::from_utf8_lossy(&content))?
        {
            // ok: a program that reads no more says why.
            let _ = input.write_all(answer.as_bytes()).await;
        }
    }
    Ok(content)
}

/// Starts a program in a group of its own: Ctrl-C at the terminal is for the runner, which stops its agents in order.
fn start(command: &mut Command) -> std::io::Result<Pipe> {
    pipe_of(command.process_group(0))
}

fn pipe_of(command: &mut Command) -> std::io::Result<Pipe> {
    let mut child: Child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let missing = || std::io::Error::other("a standard stream is missing");
    let outgoing = child.stdin.take().ok_or_else(missing)?;
    let stdout = child.stdout.take().ok_or_else(missing)?;
    let stderr = child.stderr.take().ok_or_else(missing)?;
    let errors = ErrorTail::default();
    let tail = errors.clone();
    let reading = tokio::spawn(async move { pump(stderr, |bytes| tail.push(&bytes)).await });
    let (sender, incoming) = mpsc::channel(64);
    tokio::spawn(async move {
        let mut stdout = stdout;
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(count @ 1..) = stdout.read(&mut buffer).await {
            if sender.send(buffer[..count].to_vec()).await.is_err() {
                break;
            }
        }
        // What it said last explains why it ended: it must be there before the end is seen.
        let _ = reading.await;
        drop(sender);
        let _ = child.wait().await;
    });
    Ok(Pipe {
        incoming,
        outgoing: Box::new(outgoing),
        errors,
        guard: Box::new(()),
    })
}

async fn pump(mut from: impl AsyncRead + Unpin, mut to: impl FnMut(Vec<u8>)) {
    let mut buffer = vec![0; 4096];
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        to(buffer[..count].to_vec());
    }
}
