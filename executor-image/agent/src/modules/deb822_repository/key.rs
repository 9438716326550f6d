//! The key that a repository is signed by: a path, fingerprints, the key's text, or the address of one.

use std::path::PathBuf;

use crate::answer::Failure;
use crate::atomic_write::{Content, replace};
use crate::context::Context;
use crate::file_attributes::FileAttributes;
use crate::http::Request;

/// Where keys are kept.
const KEYRINGS: &str = "/etc/apt/keyrings";

/// Seconds that a server may stand still.
const TIMEOUT: u64 = 30;

/// What became of the key's file.
#[derive(Debug, Default)]
pub(super) struct Change {
    pub changed: bool,
    pub file: Option<PathBuf>,
}

/// The value of apt's field, and what was done to make it true.
pub(super) fn signed_by(
    context: &Context,
    given: &str,
    slug: &str,
) -> Result<(Option<String>, Change), Failure> {
    if given.starts_with('/') || is_fingerprints(given) {
        return Ok((Some(given.to_owned()), Change::default()));
    }
    if given.contains("-----BEGIN PGP PUBLIC KEY BLOCK-----") {
        return Ok((Some(folded(given)), Change::default()));
    }
    let key = download(context, given)?;
    let armored = key.starts_with(b"-----BEGIN PGP PUBLIC KEY BLOCK-----");
    let extension = if armored { "asc" } else { "gpg" };
    let file = PathBuf::from(format!("{KEYRINGS}/{slug}.{extension}"));
    let mut changed = std::fs::read(&file).map_or(true, |before| before != key);
    if !context.check {
        std::fs::create_dir_all(KEYRINGS)
            .map_err(|error| Failure::io(format!("making the directory {KEYRINGS}"), &error))?;
        if changed {
            replace(Content::Bytes(&key), &file, false)?;
        }
        let attributes = FileAttributes {
            mode: Some("0644".into()),
            ..FileAttributes::default()
        };
        changed |= attributes.apply(context, &file, None)?;
    }
    Ok((
        Some(file.to_string_lossy().into_owned()),
        Change {
            changed,
            file: Some(file),
        },
    ))
}

/// The key's file of a repository that is removed, or where it would be.
pub(super) fn existing(slug: &str) -> PathBuf {
    let armored = PathBuf::from(format!("{KEYRINGS}/{slug}.asc"));
    if armored.exists() {
        return armored;
    }
    PathBuf::from(format!("{KEYRINGS}/{slug}.gpg"))
}

/// One fingerprint or several.
fn is_fingerprints(text: &str) -> bool {
    let mut words = text
        .split(|character: char| character.is_whitespace() || character == ',')
        .filter(|word| !word.is_empty());
    words.all(|word| {
        let digits = word.trim_end_matches('!');
        digits.len() >= 8 && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
    })
}

/// A text of several lines as the value of a field: set in, and empty lines marked.
fn folded(text: &str) -> String {
    let lines: Vec<String> = text
        .trim()
        .lines()
        .map(|line| match line.trim() {
            "" => "    .".to_owned(),
            line => format!("    {line}"),
        })
        .collect();
    format!("\n{}", lines.join("\n"))
}

fn download(context: &Context, url: &str) -> Result<Vec<u8>, Failure> {
    let failed = |why: String| Failure::new(format!("Could not fetch signed_by key: {why}"));
    let mut response = Request::of(context, url, TIMEOUT)
        .send(context)
        .map_err(|error| failed(error.cause()))?;
    if !response.is_success() {
        return Err(failed(format!(
            "HTTP Error {}: {}",
            response.status, response.reason
        )));
    }
    let mut key = Vec::new();
    response.copy_to(context, &mut key)?;
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprints_are_told_from_addresses() {
        assert!(is_fingerprints("36A1D7869245C8950F966E92D8576A8BA88D21E9"));
        assert!(is_fingerprints("D8576A8BA88D21E9, A88D21E9!"));
        assert!(!is_fingerprints("https://x/key.gpg"));
    }

    #[test]
    fn a_key_in_text_is_set_in() {
        assert_eq!(folded("-----BEGIN\n\nabc\n"), "\n    -----BEGIN\n    .\n    abc");
    }
}
