//! Where the rest of the project is: the lab runs scripts of `ci/kubernetes` and programs of the workspace.

use std::path::{Path, PathBuf};

use crate::command::{run, run_showing};
use crate::error::{Error, Result};

/// The project's folder: `$SLIPWAY_SOURCE`, or where this crate was compiled.
pub fn project() -> PathBuf {
    std::env::var_os("SLIPWAY_SOURCE").map_or_else(
        || {
            let own = Path::new(env!("CARGO_MANIFEST_DIR"));
            own.ancestors().nth(2).unwrap_or(own).to_owned()
        },
        PathBuf::from,
    )
}

/// A script of `ci/kubernetes`.
pub(crate) fn kubernetes_script(name: &str) -> String {
    project().join("ci/kubernetes").join(name).display().to_string()
}

/// The folder of the programs of a family of `ci/kubernetes`, built if it is missing.
pub(crate) async fn programs(family: &str) -> Result<PathBuf> {
    let build = kubernetes_script("build");
    if let Ok(path) = run(&[build.as_str(), "path", family]).await {
        return Ok(PathBuf::from(path.trim()));
    }
    run_showing(&[build.as_str(), family]).await?;
    Ok(PathBuf::from(
        run(&[build.as_str(), "path", family]).await?.trim(),
    ))
}

/// A program of the workspace: beside the running one, or one folder up from a test's.
pub fn workspace_program(name: &str) -> Result<PathBuf> {
    let own = std::env::current_exe()
        .map_err(|error| Error::Unsupported(format!("the running program's own path is unknown: {error}")))?;
    let found = own
        .ancestors()
        .skip(1)
        .take(2)
        .map(|folder| folder.join(name))
        .find(|path| path.is_file());
    found.ok_or_else(|| {
        Error::Unsupported(format!(
            "the program `{name}` is not beside {}: run `cargo build --bin {name}`",
            own.display()
        ))
    })
}
