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
    let key = match context.args.text("signed_by").map(str::to_owned) {
        Some(given) => key::signed_by(context, given, &slug)?,
        None => key::SignedBy::default(),
    };
    let text = text(context, key.value.as_deref());
    let before = match std::fs::read(&path) {
        Ok(before) => Some(before),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => return Err(Failure::io(format!("reading {}", path.display()), &error)),
    };
    let mut changed = key.changed;
    if before.as_deref() != Some(text.as_bytes()) {
        changed = true;
        if !context.check {
            replace(Content::Bytes(text.as_bytes()), &path, false)?;
        }
    }
    let attributes = FileAttributes {
        mode: context.args.value("mode").cloned(),
        ..FileAttributes::default()
    };
    changed |= attributes.apply(context, &path, None)?;
    Ok(answer!({
        "changed": changed,
        "repo": text,
        "dest": path.to_string_lossy(),
        "key_filename": key.file,
    }))
}

fn remove(context: &Context, slug: &str, path: &Path) -> Outcome {
    let [armored, binary] = ["asc", "gpg"].map(|extension| key::file(slug, extension));
    let mut changed = false;
    for file in [path, &armored, &binary] {
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
        "key_filename": binary.to_string_lossy(),
    }))
}

/// The name as files have it: small letters, digits, and a dash for what is between words.
fn slug(name: &str) -> String {
    let is_gap = |character: char| character == '_' || character.is_whitespace();
    let mut slug = String::new();
    let mut after_gap = false;
    for character in name.to_lowercase().chars() {
        if is_gap(character) && !after_gap {
            slug.push('-');
        } else if character.is_ascii_lowercase() || character.is_ascii_digit() || character == '-' {
            slug.push(character);
        }
        after_gap = is_gap(character);
    }
    slug
}

/// The repository as apt reads it.
fn text(context: &Context, signed_by: Option<&str>) -> String {
    let mut text = String::new();
    for (parameter, field) in FIELDS.iter().chain(&[("uris", "URIs")]) {
        let value = match *parameter {
            "signed_by" => signed_by.map(str::to_owned),
            parameter => context.args.value(parameter).map(written),
        };
        let Some(value) = value else { continue };
        let _ = match value.as_str() {
            "" => writeln!(text, "{field}:"),
            value if value.contains('\n') => writeln!(text, "{field}:{}", folded(value)),
            value => writeln!(text, "{field}: {value}"),
        };
    }
    text
}

/// A text of several lines as the value of a field: below its name, set in, and empty lines marked.
fn folded(text: &str) -> String {
    text.trim().lines().fold(String::new(), |folded, line| {
        let line = match line.trim() {
            "" => ".",
            line => line,
        };
        format!("{folded}\n    {line}")
    })
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
        for (name, file) in [
            ("Debian", "debian"),
            ("My  Repo!", "my-repo"),
            ("a_b-c ", "a-b-c-"),
            ("a!_b", "a-b"),
            ("!", ""),
        ] {
            assert_eq!(slug(name), file);
        }
    }

    #[test]
    fn a_key_in_text_is_set_in() {
        assert_eq!(folded("-----BEGIN\n\nabc\n"), "\n    -----BEGIN\n    .\n    abc");
    }
}
