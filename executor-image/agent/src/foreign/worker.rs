//! Python processes that run modules: each has imported the common code once and forks for every module.

use std::collections::HashMap;
use std::fs::File;
use std::io::{IoSlice, PipeWriter, Read, Write, pipe};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::Duration;

use indexmap::IndexMap;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
use rustix::process::{Pid, Signal, kill_process_group};

use crate::answer::Failure;
use crate::control::Control;
use crate::process::{Output, Printed, collect, find_program};
use crate::store::Store;

/// The program of a worker.
const PROGRAM: &str = include_str!("worker.py");

/// How many workers wait for the next module; more are ended.
const WAITING: usize = 4;

/// What Python or the C library looks at only when the process starts: modules that are given these get a process of their own.
const READ_AT_START: [&str; 6] = ["PYTHON", "LD_", "LC_", "LANG", "TZ", "HOME"];

/// What a worker was started with.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Setup {
    /// The interpreter's program and its arguments.
    pub interpreter: Vec<String>,
    /// The archive of the code that modules share.
    pub common: Option<PathBuf>,
}

/// Workers that wait for the next module.
static IDLE: LazyLock<Mutex<HashMap<Setup, Vec<Worker>>>> = LazyLock::new(Mutex::default);

#[derive(Debug)]
struct Worker {
    process: Child,
    channel: UnixStream,
}

impl Drop for Worker {
    fn drop(&mut self) {
        // ok: it may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Runs one module; `request` is what the worker's program takes.
///
/// # Errors
/// When Python cannot be started, or the call was stopped.
pub fn run(
    setup: &Setup,
    request: &[u8],
    environment: &IndexMap<String, String>,
    store: &Store,
    control: &Control,
) -> Result<Output, Failure> {
    let alone = environment
        .keys()
        .any(|name| READ_AT_START.iter().any(|start| name.starts_with(start)));
    let waiting = if alone { None } else { take(setup) };
    let mut worker = match waiting {
        Some(worker) => worker,
        // What one call sets must not be met by the next.
        None if alone => Worker::start(setup, environment, store)?,
        None => Worker::start(setup, &IndexMap::new(), store)?,
    };
    let ended = worker.run(request, control);
    if let Some(reason) = control.stopped() {
        return Err(Failure::new(reason));
    }
    match ended {
        Ok((printed, code)) => {
            if !alone {
                give_back(setup, worker);
            }
            printed.with_code(code)
        }
        Err(error) => Err(worker.explain(setup, &error)),
    }
}

fn idle() -> std::sync::MutexGuard<'static, HashMap<Setup, Vec<Worker>>> {
    IDLE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn take(setup: &Setup) -> Option<Worker> {
    let mut worker = idle().get_mut(setup)?.pop()?;
    // One that was ended from outside is not used.
    match worker.process.try_wait() {
        Ok(None) => Some(worker),
        _ => None,
    }
}

fn give_back(setup: &Setup, worker: Worker) {
    let mut idle = idle();
    let waiting = idle.entry(setup.clone()).or_default();
    if waiting.len() < WAITING {
        waiting.push(worker);
    }
}

impl Worker {
    fn start(setup: &Setup, environment: &IndexMap<String, String>, store: &Store) -> Result<Self, Failure> {
        let Some((program, arguments)) = setup.interpreter.split_first() else {
            return Err(Failure::new("no Python interpreter was named"));
        };
        let cannot =
            |error: std::io::Error| Failure::io(format!("starting the Python interpreter {program}"), &error);
        let script = program_file(store).map_err(cannot)?;
        let (channel, theirs) = UnixStream::pair().map_err(cannot)?;
        let found = find_program(program.as_ref(), environment);
        let mut command = Command::new(found.as_deref().unwrap_or(Path::new(program)));
        command.args(arguments).arg(script).args(&setup.common);
        let process = command
            .envs(environment)
            .stdin(OwnedFd::from(theirs))
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
            .map_err(cannot)?;
        Ok(Self { process, channel })
    }

    fn run(&mut self, request: &[u8], control: &Control) -> std::io::Result<(Printed, i32)> {
        let (stdout, their_stdout) = pipe()?;
        let (stderr, their_stderr) = pipe()?;
        self.send_outputs(&their_stdout, &their_stderr)?;
        drop((their_stdout, their_stderr));
        let group = self.read_number()?;
        let group = Pid::from_raw(group).ok_or_else(|| std::io::Error::other("the worker did not fork"))?;
        control.add_process_group(group);
        let ended = self.follow(request, stdout, stderr);
        if ended.is_err() {
            // Nobody waits any more for a module whose worker has gone.
            let _ = kill_process_group(group, Signal::KILL);
        }
        control.remove_process_group(group);
        ended
    }

    fn follow(
        &mut self,
        request: &[u8],
        stdout: impl Read + AsFd,
        stderr: impl Read + AsFd,
    ) -> std::io::Result<(Printed, i32)> {
        self.channel
            .write_all(format!("{}\n", request.len()).as_bytes())
            .and_then(|()| self.channel.write_all(request))?;
        let printed = collect(Some(stdout), Some(stderr), || self.has_answered())?;
        Ok((printed, self.read_number()?))
    }

    fn send_outputs(&self, stdout: &PipeWriter, stderr: &PipeWriter) -> std::io::Result<()> {
        let descriptors = [stdout.as_fd(), stderr.as_fd()];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(2))];
        let mut ancillary = SendAncillaryBuffer::new(&mut space);
        ancillary.push(SendAncillaryMessage::ScmRights(&descriptors));
        sendmsg(
            &self.channel,
            &[IoSlice::new(b"\n")],
            &mut ancillary,
            SendFlags::NOSIGNAL,
        )?;
        Ok(())
    }

    fn has_answered(&self) -> std::io::Result<bool> {
        let mut channel = [PollFd::new(&self.channel, PollFlags::IN)];
        let at_once = Timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        Ok(poll(&mut channel, Some(&at_once))? > 0)
    }

    /// A line with a number. The worker writes nothing after it before it is asked again.
    fn read_number(&mut self) -> std::io::Result<i32> {
        let mut line = Vec::new();
        let mut byte = [0];
        loop {
            self.channel.read_exact(&mut byte)?;
            if byte == *b"\n" {
                break;
            }
            line.push(byte[0]);
        }
        let text = String::from_utf8_lossy(&line);
        text.parse()
            .map_err(|_| std::io::Error::other(format!("the worker answered {text:?}")))
    }

    /// The signal that has ended the worker, if one has.
    fn killed_by(&mut self) -> Option<i32> {
        // Its end of the channel closes a moment before it can be waited for.
        for _ in 0..50 {
            if let Ok(Some(status)) = self.process.try_wait() {
                return status.signal();
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        None
    }

    /// Why a worker does not work: what it said itself is better than what the pipe says.
    fn explain(mut self, setup: &Setup, error: &std::io::Error) -> Failure {
        let killed = self.killed_by();
        let _ = self.process.kill();
        let mut said = String::new();
        if let Some(mut errors) = self.process.stderr.take() {
            // ok: what can be read is better than nothing.
            let _ = errors.read_to_string(&mut said);
        }
        let reason = match (said.trim(), killed) {
            ("", Some(signal)) => format!("it was killed by signal {signal} while the module ran"),
            ("", None) => error.to_string(),
            (said, _) => said.to_owned(),
        };
        Failure::new(format!(
            "The Python interpreter {} could not run the module: {reason}",
            setup.interpreter.join(" ")
        ))
    }
}

/// The worker's program as a file, written once.
fn program_file(store: &Store) -> std::io::Result<PathBuf> {
    let path = store.directory().join("worker.py");
    if !path.exists() {
        let mut partial = tempfile::NamedTempFile::new_in(store.directory())?;
        partial.write_all(PROGRAM.as_bytes())?;
        let _: File = partial.persist(&path)?;
    }
    Ok(path)
}
