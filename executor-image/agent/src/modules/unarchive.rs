//! `ansible.builtin.unarchive`: unpacks an archive where its content is not there yet.
//!
//! Archives are unpacked by the host's `tar` and `unzip`, so that every compression, header and `extra_opts` means what it
//! means there.

mod tar;
mod zip;

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::answer::{Failure, Outcome, answer};
use crate::context::Context;
use crate::file_attributes::FileAttributes;
use crate::glob_paths::anything_matches;
use crate::http::Request;
use crate::process::Output;

/// What the comparison of an archive with what is there has found.
struct Comparison {
    /// Whether everything is there as the archive has it.
    same: bool,
    /// What differs, line by line.
    differences: String,
    /// The command that compared, and what it said.
    output: Output,
    command: Vec<String>,
}

/// A kind of archive.
trait Archive {
    /// Ansible's name of its handler.
    fn handler(&self) -> &'static str;
    /// Paths in the archive, as they are below the destination.
    fn files(&self, context: &Context) -> Result<Vec<String>, Failure>;
    /// Compares with what is there.
    fn compare(&self, context: &Context) -> Result<Comparison, Failure>;
    /// Unpacks; returns the command and what it said.
    fn unpack(&self, context: &Context) -> Result<(Vec<String>, Output), Failure>;
}

pub(super) fn run(context: &mut Context) -> Outcome {
    if let Some(creates) = context
        .args
        .text("creates")
        .filter(|path| anything_matches(path, None))
    {
        return Ok(
            answer!({"skipped": true, "changed": false, "msg": format!("skipped, since {creates} exists")}),
        );
    }
    if !context.args.list("include").is_empty() && !context.args.list("exclude").is_empty() {
        return Err(Failure::new("parameters are mutually exclusive: include|exclude"));
    }
    let source_text = context.args.required("src").to_owned();
    let destination = PathBuf::from(context.args.required("dest"));
    if !destination.is_dir() {
        return Err(Failure::new(format!(
            "dest '{}' must be an existing dir",
            destination.display()
        )));
    }
    let downloaded;
    let source = match context.file("src") {
        Some(path) => path.to_owned(),
        None if source_text.contains("://") => {
            downloaded = download(context, &source_text)?;
            downloaded.path().to_owned()
        }
        None => PathBuf::from(&source_text),
    };
    if !source.is_file() {
        return Err(Failure::new(format!("Source '{source_text}' does not exist")));
    }
    if source.metadata().is_ok_and(|metadata| metadata.len() == 0) {
        return Err(Failure::new(format!(
            "Invalid archive '{source_text}', the file is 0 bytes"
        )));
    }
    let archive = open(context, &source, &destination)?;
    let files = archive.files(context).map_err(|failure| {
        let why = failure.message().to_owned();
        Failure::new(format!(
            "Failed to find handler for \"{source_text}\". Make sure the required command to extract the file is installed. {why}"
        ))
    })?;
    if context.check && archive.handler() != "ZipArchive" {
        return Ok(answer!({
            "skipped": true,
            "msg": "remote module (ansible.legacy.unarchive) does not support check mode when using gtar",
        }));
    }
    let comparison = archive.compare(context)?;
    let mut answer = answer!({
        "changed": false,
        "handler": archive.handler(),
        "dest": destination.to_string_lossy(),
        "src": source.to_string_lossy(),
    });
    let shows_diff = context.diff || archive.handler() == "ZipArchive";
    if shows_diff && !comparison.differences.is_empty() {
        answer.insert(
            "diff".to_owned(),
            serde_json::json!({"prepared": comparison.differences}),
        );
    }
    let mut changed = false;
    if !comparison.same {
        changed = true;
        if !context.check {
            let (command, output) = archive.unpack(context)?;
            let shown = serde_json::json!({
                "cmd": command, "rc": output.code, "out": output.stdout, "err": output.stderr,
            });
            answer.insert("extract_results".to_owned(), shown);
            if output.code != 0 {
                let message = format!("failed to unpack {source_text} to {}", destination.display());
                return Err(Failure::new(message).with_all(answer));
            }
        }
    } else if comparison.output.code > 1 {
        return Err(Failure::new(format!(
            "Unable to compare the archive: {}",
            comparison.output.stderr
        ))
        .with("cmd", comparison.command));
    }
    if !context.check {
        changed |= set_attributes(context, &destination, &files)?;
    }
    answer.insert("changed".to_owned(), changed.into());
    if context.args.flag("list_files") {
        answer.insert("files".to_owned(), Value::from(files));
    }
    Ok(answer)
}

/// Gives what was in the archive the attributes of the call, the directories above it included.
fn set_attributes(context: &Context, destination: &Path, files: &[String]) -> Result<bool, Failure> {
    let attributes = FileAttributes::of(&context.args);
    if attributes.is_empty() {
        return Ok(false);
    }
    let mut changed = false;
    let mut tops: Vec<&str> = Vec::new();
    for file in files {
        changed |= attributes.apply(context, &destination.join(file), None)?;
        if let Some((top, _)) = file.split_once('/')
            && !tops.contains(&top)
        {
            tops.push(top);
        }
    }
    for top in tops {
        changed |= attributes.apply(context, &destination.join(top), None)?;
    }
    Ok(changed)
}

/// The archive, by its first bytes.
fn open(context: &Context, source: &Path, destination: &Path) -> Result<Box<dyn Archive>, Failure> {
    use std::io::Read as _;
    let mut magic = Vec::new();
    std::fs::File::open(source)
        .and_then(|file| file.take(6).read_to_end(&mut magic))
        .map_err(|error| Failure::io(format!("reading {}", source.display()), &error))?;
    if magic.starts_with(b"PK\x03\x04") || magic.starts_with(b"PK\x05\x06") {
        return Ok(Box::new(zip::Zip::new(context, source, destination)));
    }
    Ok(Box::new(tar::Tar::new(&magic, source, destination)))
}

fn download(context: &Context, url: &str) -> Result<tempfile::NamedTempFile, Failure> {
    Request::of(context, url, 30)
        .fetch(context)
        .map_err(|error| Failure::new(format!("Failure downloading {url}, {error}")))?
        .file(context, "")
}
