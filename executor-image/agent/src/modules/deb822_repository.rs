//! `ansible.builtin.deb822_repository`: a repository in apt's format of several lines.

mod key;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::answer::{Failure, Outcome, answer};
use crate::atomic_write::{Content, replace};
use crate::context::Context;
use crate::file_attributes::FileAttributes;
use crate::python_text::display;

/// Where lists of repositories are.
const SOURCES: &str = "/etc/apt/sources.list.d";

/// apt's names of the parameters, in the order in which they are written.
const FIELDS: [(&str, &str); 19] = [
    ("allow_downgrade_to_insecure", "Allow-Downgrade-To-Insecure"),
    ("allow_insecure", "Allow-Insecure"),
    ("allow_weak", "Allow-Weak"),
    ("architectures", "Architectures"),
    ("by_hash", "By-Hash"),
    ("check_date", "Check-Date"),
    ("check_valid_until", "Check-Valid-Until"),
    ("components", "Components"),
    ("date_max_future", "Date-Max-Future"),
    ("enabled", "Enabled"),
    ("inrelease_path", "Inrelease-Path"),
    ("languages", "Languages"),
    ("name", "X-Repolib-Name"),
    ("pdiffs", "Pdiffs"),
    ("signed_by", "Signed-By"),
    ("suites", "Suites"),
    ("targets", "Targets"),
    ("trusted", "Trusted"),
    ("types", "Types"),
];

pub(super) fn run(context: &mut Context) -> Outcome {
    let slug = slug(context.args.required("name"));
    let path = PathBuf::from(format!("{SOURCES}/{slug}.sources"));
    if context.args.required("state") == "absent" {
        return remove(context, &slug, &path);
    }
    let (signed_by, key_change) = match context.args.text("signed_by").map(str::to_owned) {
        Some(given) => key::signed_by(context, &given, &slug)?,
        None => (None, key::Change::default()),
    };
    let text = text(context, signed_by.as_deref());
    let before = match std::fs::read_to_string(&path) {
        Ok(before) => before,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(Failure::io(format!("reading {}", path.display()), &error)),
    };
    let mut changed = key_change.changed;
    if before != text {
        changed = true;
        if !context.check {
            replace(Content::Bytes(text.as_bytes()), &path, false)?;
        }
    }
    if path.exists() {
        let attributes = FileAttributes {
            mode: context.args.value("mode").cloned(),
            ..FileAttributes::default()
        };
        changed |= attributes.apply(context, &path, None)?;
    }
    Ok(answer!({
        "changed": changed,
        "repo": text,
        "dest": path.to_string_lossy(),
        "key_filename": key_change.file.as_ref().map(|file| file.to_string_lossy()),
    }))
}

fn remove(context: &Context, slug: &str, path: &Path) -> Outcome {
    let mut changed = false;
    let key_file = key::existing(slug);
    for file in [path, key_file.as_path()] {
        if !file.exists() {
            continue;
        }
        changed = true;
        if !context.check {
            std::fs::remove_file(file)
                .map_err(|error| Failure::io(format!("removing {}", file.display()), &error))?;
        }
    }
    Ok(answer!({
        "changed": changed,
        "repo": Value::Null,
        "dest": path.to_string_lossy(),
        "key_filename": key_file.to_string_lossy(),
    }))
}

/// The name as files have it.
fn slug(name: &str) -> String {
    let mut slug = String::new();
    for character in name.to_lowercase().chars() {
        if character.is_ascii_alphanumeric() || "-_".contains(character) {
            slug.push(character);
        } else if character.is_whitespace() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    slug.trim_matches(['-', '_']).to_owned()
}

/// The repository as apt reads it.
fn text(context: &Context, signed_by: Option<&str>) -> String {
    let mut text = String::new();
    for (parameter, field) in FIELDS.iter().chain(&[("uris", "URIs")]) {
        let value = match *parameter {
            "signed_by" => signed_by.map(str::to_owned),
            parameter => context.args.value(parameter).map(written),
        };
        if let Some(value) = value {
            // A value of several lines begins below its field.
            let gap = if value.starts_with('\n') { "" } else { " " };
            let _ = writeln!(text, "{field}:{gap}{value}");
        }
    }
    text
}

fn written(value: &Value) -> String {
    match value {
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(display).collect();
            items.join(" ")
        }
        other => display(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_file_name_too() {
        for (name, file) in [("Debian", "debian"), ("My Repo!", "my-repo"), ("a_b-c", "a_b-c")] {
            assert_eq!(slug(name), file);
        }
    }
}
