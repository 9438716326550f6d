//! Programs that modules start: in their own process group, output captured, killed when the call is stopped.

use std::ffi::{OsStr, OsString};
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use indexmap::IndexMap;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::Pid;
use slipway_protocol::MAX_FRAME;

use crate::answer::Failure;
use crate::context::Context;
use crate::control::Control;
use crate::python_text::os_error;

/// The most that a program may print to each output stream, in bytes: what is more fits into no result.
const OUTPUT_LIMIT: usize = MAX_FRAME;

/// Where programs are looked for besides `PATH`, which is short in sessions of ordinary users.
const SYSTEM_PATHS: [&str; 3] = ["/sbin", "/usr/sbin", "/usr/local/sbin"];

/// A program to be started.
#[derive(Debug)]
pub struct Process {
    command: Command,
    name: OsString,
    input: Option<Vec<u8>>,
    control: Arc<Control>,
}

/// What a program has left.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Output {
    /// Exit code; negative for the signal that ended it.
    pub code: i32,
    /// Standard output; bytes that are not UTF-8 are replaced.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Process {
    /// A program, looked for in `PATH` and the system's directories, with the call's environment.
    #[must_use]
    pub fn new(context: &Context, program: impl AsRef<OsStr>) -> Self {
        Self::of(program, &context.environment, &context.control)
    }

    /// The same for a call that has no context.
    #[must_use]
    pub fn of(
        program: impl AsRef<OsStr>,
        environment: &IndexMap<String, String>,
        control: &Arc<Control>,
    ) -> Self {
        let program = program.as_ref();
        let found = find_program(program, environment);
        let mut command = Command::new(found.as_deref().map_or(program, Path::as_os_str));
        command.envs(environment);
        Self {
            command,
            name: program.to_owned(),
            input: None,
            control: Arc::clone(control),
        }
    }

    /// A system's tool whose output is read: it speaks English.
    #[must_use]
    pub fn tool(context: &Context, program: &str) -> Self {
        Self::new(context, program)
            .environment("LC_ALL", "C.UTF-8")
            .environment("LANG", "C.UTF-8")
    }

    /// Adds an argument.
    #[must_use]
    pub fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.command.arg(argument);
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args(mut self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        self.command.args(arguments);
        self
    }

    /// Sets an environment variable.
    #[must_use]
    pub fn environment(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    /// Sets the working directory.
    #[must_use]
    pub fn directory(mut self, directory: &Path) -> Self {
        self.command.current_dir(directory);
        self
    }

    /// Gives bytes to the program's input; without them it is empty.
    #[must_use]
    pub fn input(mut self, input: impl Into<Vec<u8>>) -> Self {
        self.input = Some(input.into());
        self
    }

    /// Runs the program to its end.
    ///
    /// # Errors
    /// When it cannot be started (`rc` and `cmd` are in the failure), was stopped with the call, or has printed more than a result
    /// can hold: it is left to end by itself then, and `rc` is in the failure.
    pub fn run(mut self) -> Result<Output, Failure> {
        self.command
            .stdin(if self.input.is_some() {
                Stdio::piped()
            } else {
                Stdio::null()
            })
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0);
        let mut child = self.command.spawn().map_err(|error| {
            Failure::new(format!(
                "{}: b'{}'",
                os_error(&error),
                self.name.to_string_lossy()
            ))
            .with("rc", error.raw_os_error().unwrap_or(257))
            .with("stdout", "")
            .with("stderr", "")
            .with("cmd", self.name.to_string_lossy().into_owned())
        })?;
        let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        if let Some(group) = group {
            self.control.add_process_group(group);
        }
        // A thread of its own: a program may print before it has read everything.
        let feeder = child
            .stdin
            .take()
            .zip(self.input.take())
            .map(|(mut pipe, input)| {
                std::thread::spawn(move || {
                    // A program need not read its input.
                    let _ = pipe.write_all(&input);
                })
            });
        let outputs = (child.stdout.take(), child.stderr.take());
        let collected = collect(outputs.0, outputs.1, || Ok(child.try_wait()?.is_some()))
            .and_then(|printed| Ok((child.wait()?, printed)));
        if let Some(group) = group {
            self.control.remove_process_group(group);
        }
        if let Some(reason) = self.control.stopped() {
            return Err(Failure::new(reason));
        }
        let (status, printed) = collected
            .map_err(|error| Failure::io(format!("running {}", self.name.to_string_lossy()), &error))?;
        if let Some(feeder) = feeder.filter(std::thread::JoinHandle::is_finished) {
            let _ = feeder.join();
        }
        printed.with_code(status.code().unwrap_or_else(|| -status.signal().unwrap_or(1)))
    }
}

/// What a program has printed.
#[derive(Debug, Default)]
pub(crate) struct Printed {
    stdout: Vec<u8>,
    stderr: Vec<u8>,
    /// Whether one of them is not all that was printed.
    is_cut: bool,
}

impl Printed {
    /// What a program that has printed this and ended with this code has left.
    ///
    /// # Errors
    /// When it is not all that was printed.
    pub(crate) fn with_code(self, code: i32) -> Result<Output, Failure> {
        if self.is_cut {
            return Err(Failure::new(format!(
                "the program has printed more than {OUTPUT_LIMIT} bytes to its standard output or standard error, which no result can \
                 hold: let it write to a file of the host and fetch that",
            ))
            .with("rc", code)
            // Whatever it was to do, it has done.
            .with("changed", true));
        }
        Ok(Output {
            code,
            stdout: into_text(self.stdout),
            stderr: into_text(self.stderr),
        })
    }
}

/// Reads both outputs until they end. A program that leaves a child behind with its outputs open is done one second
/// after it has ended and nothing more was printed.
pub(crate) fn collect<O: Read + AsFd, E: Read + AsFd>(
    mut stdout: Option<O>,
    mut stderr: Option<E>,
    mut has_ended: impl FnMut() -> std::io::Result<bool>,
) -> std::io::Result<Printed> {
    let mut printed = Printed::default();
    let mut buffer = vec![0; 64 * 1024];
    let one_second = Timespec {
        tv_sec: 1,
        tv_nsec: 0,
    };
    while stdout.is_some() || stderr.is_some() {
        let mut waiting = Vec::with_capacity(2);
        if let Some(pipe) = &stdout {
            waiting.push(PollFd::from_borrowed_fd(pipe.as_fd(), PollFlags::IN));
        }
        if let Some(pipe) = &stderr {
            waiting.push(PollFd::from_borrowed_fd(pipe.as_fd(), PollFlags::IN));
        }
        let events = match poll(&mut waiting, Some(&one_second)) {
            Ok(events) => events,
            Err(rustix::io::Errno::INTR) => continue,
            Err(error) => return Err(error.into()),
        };
        if events == 0 {
            if has_ended()? {
                break;
            }
            continue;
        }
        let ready: Vec<bool> = waiting.iter().map(|pipe| !pipe.revents().is_empty()).collect();
        let out_is_ready = stdout.is_some() && ready[0];
        let err_is_ready = stderr.is_some() && ready[ready.len() - 1];
        if out_is_ready {
            printed.is_cut |= read_into(&mut stdout, &mut printed.stdout, &mut buffer)?;
        }
        if err_is_ready {
            printed.is_cut |= read_into(&mut stderr, &mut printed.stderr, &mut buffer)?;
        }
    }
    Ok(printed)
}

/// Reads what is there; at the end of the stream the pipe is closed. Beyond the limit output is read and dropped, so that the program can
/// go on; returns whether that happened.
fn read_into<R: Read>(pipe: &mut Option<R>, text: &mut Vec<u8>, buffer: &mut [u8]) -> std::io::Result<bool> {
    let Some(open) = pipe else { return Ok(false) };
    match open.read(buffer) {
        Ok(0) => *pipe = None,
        Ok(read) => {
            let kept = read.min(OUTPUT_LIMIT - text.len());
            text.extend_from_slice(&buffer[..kept]);
            return Ok(kept < read);
        }
        Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
        Err(error) => return Err(error),
    }
    Ok(false)
}

fn into_text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

/// The file of a program, in `PATH` of the call's environment or the agent's, then in the system's directories.
#[must_use]
pub fn find_program(program: &OsStr, environment: &IndexMap<String, String>) -> Option<PathBuf> {
    let path = Path::new(program);
    if path.components().count() != 1 {
        return path.exists().then(|| path.to_owned());
    }
    let search = environment
        .get("PATH")
        .map(OsString::from)
        .or_else(|| std::env::var_os("PATH"))
        .unwrap_or_else(|| "/usr/local/bin:/usr/bin:/bin".into());
    std::env::split_paths(&search)
        .chain(SYSTEM_PATHS.map(PathBuf::from))
        .map(|directory| directory.join(path))
        .find(|candidate| is_executable(candidate))
}

/// A program that a module cannot do without.
///
/// # Errors
/// When it is not there.
pub fn require_program(context: &Context, program: &str) -> Result<PathBuf, Failure> {
    find_program(program.as_ref(), &context.environment).ok_or_else(|| {
        let search = context.variable("PATH").unwrap_or_default();
        Failure::new(format!(
            "Failed to find required executable \"{program}\" in paths: {search}"
        ))
    })
}

fn is_executable(path: &Path) -> bool {
    path.is_file() && rustix::fs::access(path, rustix::fs::Access::EXEC_OK).is_ok()
}
