//! A program that cannot outlive the process that started it, however that ends.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::command::{last_lines, start_error};
use crate::error::{FileContext, Result};
use crate::process;

/// Runs a program until standard input ends, which happens when whoever holds its other end lets go or dies. The shell does
/// not collect the ended program before that, so its number cannot have become somebody else's.
const GUARD: &str = r#""$@" </dev/null & read -r _; kill -KILL $!; wait"#;

/// A program under guard. Dropping it ends the program at once.
#[derive(Debug)]
pub(super) struct Guarded {
    guard: Child,
    name: String,
    log: PathBuf,
}

impl Guarded {
    /// Starts a program; its output goes to `<folder>/<program>.log`.
    pub(super) fn start(program: &Path, arguments: &[String], folder: &Path) -> Result<Self> {
        // The shell that guards it could only say so in the log.
        std::fs::metadata(program).file("start", program)?;
        let name = program
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let path = folder.join(format!("{name}.log"));
        let log = std::fs::File::create(&path).file("write", &path)?;
        let copy = log.try_clone().file("write", &path)?;
        let guard = Command::new("sh")
            .args(["-c", GUARD, "guard"])
            .arg(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(log)
            .stderr(copy)
            .spawn()
            .map_err(|source| start_error("sh", source))?;
        Ok(Self {
            guard,
            name,
            log: path,
        })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Whether the program runs.
    pub(super) fn runs(&self) -> bool {
        !process::has_ended_child(self.guard.id())
    }

    /// Ends the program at once.
    pub(super) fn end(&mut self) {
        drop(self.guard.stdin.take());
        // It ends within milliseconds; waiting for it lets the data folder be removed after.
        let _ = self.guard.wait();
    }

    /// The end of its output.
    pub(super) fn log(&self) -> String {
        last_lines(&std::fs::read_to_string(&self.log).unwrap_or_default(), 15)
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        self.end();
    }
}
