//! Long-running processes that outlive the command that started them.
//!
//! A process writes its own record (its `/proc/PID/stat` line) before it becomes the wanted program, so there is no
//! moment at which it runs unrecorded. Process id, start time and boot together name one process for ever: a number
//! that the kernel gave to somebody else since is recognised and left alone.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use tokio::process::Command;

use crate::command::start_error;
use crate::error::{Error, FileContext, Result};

/// Joins the cgroups given before `--`, writes the record, and becomes the program. Reads nothing from the lab.
const LAUNCHER: &str = r#"
record=$1; shift
while [ "$1" != -- ]; do echo $$ > "$1/cgroup.procs" || exit 125; shift; done
shift
read -r boot < /proc/sys/kernel/random/boot_id
read -r stat < /proc/$$/stat
printf '%s\n%s\n' "$boot" "$stat" > "$record" || exit 125
exec setsid "$@"
"#;

/// One process, named so that it cannot be mistaken for a later one with the same number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Process {
    /// Process id in the host's namespace.
    pub(crate) id: i32,
    start_time: u64,
}

/// A line of `/proc/PID/stat`, as far as it is needed.
#[derive(Debug, PartialEq, Eq)]
struct Stat {
    id: i32,
    state: char,
    parent: i32,
    start_time: u64,
}

/// How a detached program is started.
pub(crate) struct Launch<'a> {
    /// Program and arguments.
    pub(crate) command: &'a [String],
    /// Set in its environment beside what is there.
    pub(crate) environment: &'a [(&'a str, &'a str)],
    /// Directories of cgroups which it joins first.
    pub(crate) cgroups: &'a [PathBuf],
    /// Where the process is recorded.
    pub(crate) record: &'a Path,
    /// Where standard output and standard error go.
    pub(crate) log: &'a Path,
}

/// Starts a program in its own session and returns once it is recorded.
pub(crate) async fn launch(launch: &Launch<'_>) -> Result<Process> {
    remove_record(launch.record)?;
    let log = std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(launch.log)
        .file("open the log", launch.log)?;
    let copy = log.try_clone().file("open the log", launch.log)?;
    let mut child = Command::new("sh")
        .args(["-c", LAUNCHER, "slipway-lab"])
        .arg(launch.record)
        .args(launch.cgroups)
        .arg("--")
        .args(launch.command)
        .envs(launch.environment.iter().copied())
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(log)
        .stderr(copy)
        .spawn()
        .map_err(|source| start_error("sh", source))?;
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        if let Some(process) = recorded(launch.record)? {
            return Ok(process);
        }
        let ended = child
            .try_wait()
            .map_err(|source| start_error(&launch.command[0], source))?;
        if let Some(status) = ended {
            return Err(Error::Command {
                command: launch.command.join(" "),
                status,
                output: format!("it did not start; see {}", launch.log.display()),
            });
        }
        if Instant::now() > deadline {
            return Err(Error::Timeout {
                what: format!("`{}`", launch.command[0]),
                seconds: 10,
                reason: format!("see {}", launch.log.display()),
            });
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// The process named by a record, if the record is there, of this boot, and the process still runs.
pub(crate) fn recorded(record: &Path) -> Result<Option<Process>> {
    let text = match std::fs::read_to_string(record) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(source) => {
            return Err(Error::File {
                action: "read the process record",
                path: record.to_owned(),
                source,
            });
        }
    };
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let mut lines = text.lines();
    let same_boot = lines.next() == Some(boot.trim());
    let Some(stat) = lines
        .next()
        .and_then(Stat::parse)
        .filter(|_| same_boot && text.ends_with('\n'))
    else {
        return Ok(None);
    };
    let process = Process {
        id: stat.id,
        start_time: stat.start_time,
    };
    Ok(process.runs().then_some(process))
}

/// Forgets a process.
pub(crate) fn remove_record(record: &Path) -> Result<()> {
    match std::fs::remove_file(record) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).file("remove the process record", record)
        }
        _ => Ok(()),
    }
}

impl Process {
    /// Whether this very process still runs. One that has ended and waits to be reaped does not.
    pub(crate) fn runs(&self) -> bool {
        Stat::of(self.id).is_some_and(|stat| stat.start_time == self.start_time && stat.state != 'Z')
    }

    /// Its children that run.
    pub(crate) fn children(&self) -> Vec<Self> {
        let running = Stat::all().filter(|stat| stat.parent == self.id && stat.state != 'Z');
        running
            .map(|stat| Self {
                id: stat.id,
                start_time: stat.start_time,
            })
            .collect()
    }

    /// Sends a signal, if the process still runs.
    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        if let Some(id) = rustix::process::Pid::from_raw(self.id).filter(|_| self.runs()) {
            // It may end between the look and the signal: then there is nothing left to do.
            let _ = rustix::process::kill_process(id, signal);
        }
    }

    /// Waits until it has ended. False when it still runs after that time.
    pub(crate) async fn ended_within(&self, limit: Duration) -> bool {
        let deadline = Instant::now() + limit;
        while self.runs() {
            if Instant::now() > deadline {
                return false;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        true
    }

    /// Ends it: politely first, then by force.
    pub(crate) async fn end(&self, patience: Duration) {
        self.signal(rustix::process::Signal::TERM);
        if !self.ended_within(patience).await {
            self.signal(rustix::process::Signal::KILL);
            self.ended_within(Duration::from_secs(5)).await;
        }
    }
}

/// Whether a process has a child that has ended and was not collected.
pub(crate) fn has_ended_child(parent: u32) -> bool {
    Stat::all().any(|stat| u32::try_from(stat.parent) == Ok(parent) && stat.state == 'Z')
}

impl Stat {
    /// Every process that is there now.
    fn all() -> impl Iterator<Item = Self> {
        let entries = std::fs::read_dir("/proc").into_iter().flatten();
        entries
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
            .filter_map(Self::of)
    }

    fn of(id: i32) -> Option<Self> {
        Self::parse(&std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?)
    }

    /// The name in parentheses may itself hold blanks and parentheses: see proc(5).
    fn parse(line: &str) -> Option<Self> {
        let (before, after) = line.rsplit_once(')')?;
        let fields: Vec<&str> = after.split_ascii_whitespace().collect();
        Some(Self {
            id: before.split_ascii_whitespace().next()?.parse().ok()?,
            state: fields.first()?.chars().next()?,
            parent: fields.get(1)?.parse().ok()?,
            start_time: fields.get(19)?.parse().ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_parentheses_is_read_correctly() {
        let stat = Stat::parse("42 (a) b) S 7 42 42 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 12345 0").unwrap();
        assert_eq!(
            stat,
            Stat {
                id: 42,
                state: 'S',
                parent: 7,
                start_time: 12345
            }
        );
    }

    #[tokio::test]
    async fn a_recorded_process_is_found_and_ended() {
        let folder = tempfile::tempdir().unwrap();
        let record = folder.path().join("record");
        let command = ["sleep", "60"].map(str::to_owned);
        let process = launch(&Launch {
            command: &command,
            environment: &[],
            cgroups: &[],
            record: &record,
            log: &folder.path().join("log"),
        })
        .await
        .unwrap();
        assert_eq!(recorded(&record).unwrap(), Some(process.clone()));
        process.end(Duration::from_secs(2)).await;
        assert_eq!(recorded(&record).unwrap(), None);
    }

    #[test]
    fn a_number_that_was_given_to_another_process_is_not_ours() {
        let folder = tempfile::tempdir().unwrap();
        let record = folder.path().join("record");
        let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
        let own = std::fs::read_to_string("/proc/self/stat").unwrap();
        std::fs::write(&record, format!("{boot}{own}")).unwrap();
        assert!(recorded(&record).unwrap().is_some(), "this process itself");
        let start = Stat::parse(&own).unwrap().start_time;
        let other = own.replace(&format!(" {start} "), &format!(" {} ", start + 1));
        std::fs::write(&record, format!("{boot}{other}")).unwrap();
        assert_eq!(recorded(&record).unwrap(), None);
    }

    #[test]
    fn a_record_of_an_earlier_boot_names_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let record = folder.path().join("record");
        let own = std::fs::read_to_string("/proc/self/stat").unwrap();
        std::fs::write(&record, format!("another-boot\n{own}")).unwrap();
        assert_eq!(recorded(&record).unwrap(), None);
    }
}
