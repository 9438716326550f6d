//! `ssh-keygen` with a passphrase that is on no command line: the program asks for it, and a file answers.

use std::os::unix::fs::PermissionsExt;

use tempfile::TempDir;

use crate::answer::Failure;
use crate::context::Context;
use crate::process::Process;

/// A run of `ssh-keygen`, and what answers its questions until it has run.
#[derive(Debug)]
pub struct KeyProgram {
    /// The program.
    pub process: Process,
    _answer: TempDir,
}

/// `ssh-keygen`, which gets this passphrase (empty for none) whenever it asks for one.
///
/// # Errors
/// When what answers cannot be written.
pub fn with_passphrase(context: &Context, passphrase: &str) -> Result<KeyProgram, Failure> {
    let failed = |error: std::io::Error| Failure::io("preparing the passphrase of a key", &error);
    let directory = tempfile::Builder::new()
        .prefix("passphrase-")
        .tempdir_in(&context.temporary)
        .map_err(failed)?;
    // The directory is for this user alone.
    let secret = directory.path().join("secret");
    std::fs::write(&secret, format!("{passphrase}\n")).map_err(failed)?;
    let program = directory.path().join("answer");
    std::fs::write(&program, format!("#!/bin/sh\nexec cat '{}'\n", secret.display())).map_err(failed)?;
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o700)).map_err(failed)?;
    let process = Process::tool(context, "ssh-keygen")
        .environment("SSH_ASKPASS", &program.to_string_lossy())
        .environment("SSH_ASKPASS_REQUIRE", "force")
        // Versions before 8.4 ask a program only when there is a display.
        .environment("DISPLAY", ":none");
    Ok(KeyProgram {
        process,
        _answer: directory,
    })
}
