//! A checkout whose repository is in a directory elsewhere.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::checkout::Checkout;
use super::git_directory;
use crate::answer::{Answer, Failure};

/// Moves the repository where the call wants it.
pub(super) fn relocate(checkout: &Checkout<'_>, answer: &mut Answer) -> Result<(), Failure> {
    let wanted = checkout.context.args.text("separate_git_dir").map(PathBuf::from);
    let (Some(wanted), Some(current)) = (wanted, git_directory(&checkout.directory)) else {
        return Ok(());
    };
    if wanted == current {
        return Ok(());
    }
    let shown = |path: &Path| Value::from(path.to_string_lossy().into_owned());
    answer.insert("git_dir_before".to_owned(), shown(&current));
    answer.insert("git_dir_now".to_owned(), shown(&wanted));
    answer.insert("changed".to_owned(), true.into());
    if checkout.context.check {
        return Ok(());
    }
    if wanted.exists() {
        return Err(Failure::new(format!(
            "Separate-git-dir path {} already exists.",
            wanted.display()
        )));
    }
    let moving = |error: &std::io::Error| {
        Failure::io(
            format!(
                "Unable to move git dir {} to {}",
                current.display(),
                wanted.display()
            ),
            error,
        )
    };
    std::fs::rename(&current, &wanted).map_err(|error| moving(&error))?;
    std::fs::write(
        checkout.directory.join(".git"),
        format!("gitdir: {}", wanted.display()),
    )
    .map_err(|error| moving(&error))
}
