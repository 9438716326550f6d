//! `ansible.builtin.yum_repository`: a repository in a file of dnf's and yum's.

mod repository_file;

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use self::repository_file::RepositoryFile;
use crate::answer::{Failure, Outcome, answer};
use crate::atomic_write::{Content, replace};
use crate::context::Context;
use crate::file_attributes::FileAttributes;
use crate::python_text::display;

/// Parameters that say where and how, and are no settings of a repository.
const NOT_SETTINGS: [&str; 10] = [
    "attributes",
    "description",
    "file",
    "group",
    "mode",
    "name",
    "owner",
    "reposdir",
    "state",
    "unsafe_writes",
];

/// Lists that are one line of words; the other lists have a line for each item.
const WORDS: [&str; 2] = ["exclude", "includepkgs"];

pub(super) fn run(context: &mut Context) -> Outcome {
    let name = context.args.required("name").to_owned();
    let state = context.args.required("state").to_owned();
    let directory = PathBuf::from(context.args.required("reposdir"));
    if state == "present" {
        let has_address = ["baseurl", "metalink", "mirrorlist"]
            .iter()
            .any(|name| context.args.value(name).is_some());
        if !has_address {
            return Err(Failure::new(
                "state is present but any of the following are missing: baseurl, mirrorlist, metalink",
            ));
        }
        if context.args.value("description").is_none() {
            return Err(Failure::new(
                "state is present but all of the following are missing: description",
            ));
        }
    }
    if !directory.is_dir() {
        return Err(Failure::new(format!(
            "Repo directory '{}' does not exist.",
            directory.display()
        )));
    }
    let file_name = context.args.text("file").unwrap_or(&name);
    let path = directory.join(format!("{file_name}.repo"));
    let shown = path.to_string_lossy().into_owned();
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(Failure::io(format!("reading {shown}"), &error)),
    };
    let mut file = RepositoryFile::parse(&text);
    let (before, shown_before) = (file.text(), file.sorted());
    if state == "present" {
        file.set(&name, settings(context));
    } else {
        file.remove(&name);
    }
    let after = file.text();
    let mut changed = before != after;
    let diff = json!({
        "before_header": shown, "before": shown_before, "after_header": shown, "after": file.sorted(),
    });
    if changed && !context.check {
        write(&path, &after)?;
    }
    if path.is_file() {
        changed |= FileAttributes::of(&context.args).apply(context, &path, None)?;
    }
    Ok(answer!({"changed": changed, "repo": name, "state": state, "diff": diff}))
}

/// Writes the file; one without a repository goes.
fn write(path: &Path, text: &str) -> Result<(), Failure> {
    if !text.is_empty() {
        return replace(Content::Bytes(text.as_bytes()), path, false);
    }
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Failure::io(
            format!("Cannot remove empty repo file '{}'", path.display()),
            &error,
        )),
        _ => Ok(()),
    }
}

/// The settings that the call gives, as they are written.
fn settings(context: &Context) -> Vec<(String, String)> {
    let Some(spec) = slipway_protocol::spec::find(context.module) else {
        return Vec::new();
    };
    let mut settings: Vec<(String, String)> = spec
        .parameters
        .iter()
        .map(|parameter| parameter.name)
        .filter(|name| !NOT_SETTINGS.contains(name))
        .filter_map(|name| Some((name.to_owned(), written(name, context.args.value(name)?))))
        .collect();
    if let Some(description) = context.args.text("description") {
        settings.push(("name".to_owned(), description.to_owned()));
    }
    settings.sort();
    settings
}

fn written(name: &str, value: &Value) -> String {
    match value {
        Value::Bool(flag) => i32::from(*flag).to_string(),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(display).collect();
            items.join(if WORDS.contains(&name) { " " } else { "\n" })
        }
        other => display(other),
    }
}
