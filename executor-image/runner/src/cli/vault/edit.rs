//! The editor, on a copy that nobody else may read and that is gone afterwards, whatever happens.

use std::{
    io::Write,
    os::unix::{fs::DirBuilderExt, process::ExitStatusExt},
    path::Path,
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::{
    process::{Child, Command},
    signal::unix::{SignalKind, signal},
};
use zeroize::Zeroizing;

use super::{
    super::refusal::{Refusal, exit},
    files,
};
use crate::settings::Settings;

/// How long the editor may take to end when the program is told to.
const GRACE: Duration = Duration::from_secs(2);

/// What becomes of a content in the editor. `file` is what it is for: its extension tells the editor how to show it.
///
/// # Errors
/// When there is no editor, or a signal ends it.
pub async fn edited(settings: &Settings, file: &Path, content: &[u8]) -> Result<Zeroizing<Vec<u8>>, Refusal> {
    let failed = |what: String| Refusal::new(exit::ERROR, what);
    // Heard from before there is something to remove.
    let mut signals = Signals::new().map_err(|error| failed(format!("cannot wait for signals: {error}")))?;
    let copy = Copy::new(&settings.local_tmp, file, content).map_err(|error| {
        failed(format!(
            "cannot write a temporary file below {}: {error}",
            settings.local_tmp.display()
        ))
    })?;
    let words = shlex::split(&settings.editor).unwrap_or_default();
    let (program, arguments) = words
        .split_first()
        .ok_or_else(|| failed("no editor is set: name one in EDITOR".to_owned()))?;
    let mut editor = Command::new(program)
        .args(arguments)
        .arg(copy.path())
        .spawn()
        .map_err(|error| {
            failed(format!(
                "Unable to execute the command {:?}: {error}. Another editor can be named in EDITOR",
                settings.editor
            ))
        })?;
    signals.wait(&mut editor).await?;
    files::read(&copy.path())
}

/// The signals that end this program.
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    quit: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
    hangup: tokio::signal::unix::Signal,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            quit: signal(SignalKind::quit())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    /// Waits for the editor's end.
    async fn wait(&mut self, editor: &mut Child) -> Result<(), Refusal> {
        let number = loop {
            tokio::select! {
                status = editor.wait() => {
                    let by_signal = status.is_ok_and(|status| status.signal() == Some(2));
                    if by_signal {
                        return Err(Refusal::new(exit::INTERRUPTED, "User interrupted execution"));
                    }
                    return Ok(());
                }
                // Ctrl-C is for the editor, which the terminal has sent it to as well.
                _ = self.interrupt.recv() => {}
                _ = self.quit.recv() => {}
                _ = self.terminate.recv() => break 15,
                _ = self.hangup.recv() => break 1,
            }
        };
        let process = editor.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
        if let Some(process) = process {
            // ok: it may have ended already.
            let _ = kill_process(process, Signal::TERM);
        }
        if tokio::time::timeout(GRACE, editor.wait()).await.is_err() {
            let _ = editor.kill().await;
        }
        Err(Refusal::new(128 + number, "ended by a signal: nothing was saved"))
    }
}

/// A copy in a directory of its own: editors leave backups beside what they edit.
struct Copy {
    directory: TempDir,
    name: String,
}

impl Copy {
    fn new(below: &Path, file: &Path, content: &[u8]) -> std::io::Result<Self> {
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(below)?;
        let directory = tempfile::Builder::new()
            .prefix("ansible-local-")
            .tempdir_in(below)?;
        let extension = file.extension().map(|extension| extension.to_string_lossy());
        let name = extension.map_or_else(
            || "content".to_owned(),
            |extension| format!("content.{extension}"),
        );
        let copy = Self { directory, name };
        let mut opened = std::fs::File::options();
        let mut opened = std::os::unix::fs::OpenOptionsExt::mode(&mut opened, 0o600)
            .write(true)
            .create_new(true)
            .open(copy.path())?;
        opened.write_all(content)?;
        Ok(copy)
    }

    fn path(&self) -> std::path::PathBuf {
        self.directory.path().join(&self.name)
    }
}

impl Drop for Copy {
    /// The directory goes by itself.
    fn drop(&mut self) {
        for entry in std::fs::read_dir(self.directory.path())
            .into_iter()
            .flatten()
            .flatten()
        {
            // ok: what cannot be overwritten is still removed.
            if let Ok(mut file) = std::fs::File::options().write(true).open(entry.path()) {
                let _ = files::overwrite(&mut file);
            }
        }
    }
}
