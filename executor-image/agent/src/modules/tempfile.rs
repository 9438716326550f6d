//! `ansible.builtin.tempfile`: makes a temporary file or directory that stays.

use std::path::PathBuf;

use crate::answer::{Failure, Outcome, answer};
use crate::context::Context;

pub(super) fn run(context: &mut Context) -> Outcome {
    let directory = context
        .args
        .text("path")
        .map(PathBuf::from)
        .or_else(|| context.variable("TMPDIR").map(PathBuf::from));
    let directory = directory.unwrap_or_else(std::env::temp_dir);
    if context.check {
        return Ok(answer!({"skipped": true, "msg": "remote module (tempfile) does not support check mode"}));
    }
    let mut builder = ::tempfile::Builder::new();
    builder
        .prefix(context.args.required("prefix"))
        .suffix(context.args.required("suffix"))
        .rand_bytes(8)
        .disable_cleanup(true);
    let made = if context.args.required("state") == "directory" {
        builder.tempdir_in(&directory).map(::tempfile::TempDir::keep)
    } else {
        builder.tempfile_in(&directory).map(|file| file.path().to_owned())
    };
    // As Python's `mkdtemp`: for the owner alone.
    let made = made.and_then(|path| {
        if path.is_dir() {
            std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o700))?;
        }
        Ok(path)
    });
    let path = made.map_err(|error| {
        Failure::io(
            format!("making a temporary file in {}", directory.display()),
            &error,
        )
    })?;
    Ok(answer!({"changed": true, "path": path.to_string_lossy()}))
}
