//! `assemble` with `remote_src: false`: the fragments are on this machine and are sent; the agent puts them together.

use std::path::{Path, PathBuf};

use indexmap::IndexMap;
use slipway_language::FileKind;

use super::{ActionContext, Arguments, ResultMap, boolean, failure, text};
use crate::transport::TransportError;

pub(super) async fn run(context: &ActionContext<'_>, args: Arguments) -> Result<ResultMap, TransportError> {
    const MODULE: &str = "ansible.builtin.assemble";
    let mut files = IndexMap::new();
    if !boolean(&args, "remote_src").unwrap_or(true) {
        let Some(source) = text(&args, "src") else {
            return Ok(failure("src and dest are required"));
        };
        let fragments = context
            .find(&source, FileKind::Files)
            .and_then(|directory| fragments(&directory));
        let fragments = match fragments {
            Ok(fragments) => fragments,
            Err(message) => return Ok(failure(message)),
        };
        for (name, path) in fragments {
            let content = match context.read(&path, &mut args.clone()) {
                Ok(content) => content,
                Err(error) => return Ok(failure(format!("cannot read {}: {error}", path.display()))),
            };
            match context.put(&content).await? {
                Ok(sha256) => files.insert(format!("fragment/{name}"), sha256),
                Err(reason) => return Ok(failure(reason)),
            };
        }
    }
    context.call(MODULE, args, files).await
}

/// The files in a directory, by name.
fn fragments(directory: &Path) -> Result<Vec<(String, PathBuf)>, String> {
    let reading = |error: std::io::Error| format!("cannot read {}: {error}", directory.display());
    if !directory.is_dir() {
        return Err(format!("Source ({}) is not a directory", directory.display()));
    }
    let mut fragments = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(reading)? {
        let entry = entry.map_err(reading)?;
        if entry.path().is_file() {
            fragments.push((entry.file_name().to_string_lossy().into_owned(), entry.path()));
        }
    }
    Ok(fragments)
}
