//! `ansible.builtin.slurp`: a file's content, in base64.

use std::io::ErrorKind;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::answer::{Failure, Outcome, answer};
use crate::context::Context;

pub(super) fn run(context: &mut Context) -> Outcome {
    let source = context.args.required("src");
    let content = std::fs::read(Path::new(source)).map_err(|error| match error.kind() {
        ErrorKind::NotFound => Failure::new(format!("file not found: {source}")),
        ErrorKind::PermissionDenied => Failure::new(format!("file is not readable: {source}")),
        ErrorKind::IsADirectory => {
            Failure::new(format!("source is a directory and must be a file: {source}"))
        }
        _ => Failure::io(format!("unable to slurp file {source}"), &error),
    })?;
    Ok(answer!({"content": STANDARD.encode(content), "source": source, "encoding": "base64"}))
}
