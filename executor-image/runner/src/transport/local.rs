//! The machine that the runner runs on.

use std::{process::Stdio, sync::Arc};

use futures::future::BoxFuture;
use tokio::{
    io::{AsyncRead, AsyncReadExt},
    process::{Child, Command},
    sync::mpsc,
};

use super::{
    AgentBinary, Connection, ExecOutput, Launch, Pipe, TransportError, bootstrap, connection::ErrorTail,
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
    fn start_agent(&self, launch: Launch) -> BoxFuture<'_, Result<Pipe, TransportError>> {
        Box::pin(async move {
            let Some(_) = &launch.r#become else {
                let mut command = Command::new(&self.agent.path);
                return start(&mut command).map_err(|error| {
                    TransportError(format!("cannot start {}: {error}", self.agent.path.display()))
                });
            };
            // Another user may not be allowed to see where the agent is: it is stored where all may.
            let mut command = Command::new("/bin/sh");
            command.arg("-c").arg(bootstrap::command(&self.agent, &launch));
            let pipe = start(&mut command)
                .map_err(|error| TransportError(format!("cannot start /bin/sh: {error}")))?;
            bootstrap::follow(pipe, &self.agent, &launch).await
        })
    }

    fn execute(&self, command: String) -> BoxFuture<'_, Result<ExecOutput, TransportError>> {
        Box::pin(async move {
            let output = Command::new("/bin/sh")
                .arg("-c")
                .arg(&command)
                .stdin(Stdio::null())
                .process_group(0)
                .kill_on_drop(true)
                .output()
                .await
                .map_err(|error| TransportError(format!("cannot run /bin/sh: {error}")))?;
            Ok(ExecOutput {
                status: output.status.code().map_or(-1, i64::from),
                stdout: output.stdout,
                stderr: output.stderr,
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
