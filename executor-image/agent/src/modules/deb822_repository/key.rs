//! The key that a repository is signed by: a path, fingerprints, the key's text, or the address of one.

use std::path::{Path, PathBuf};

use crate::answer::Failure;
use crate::atomic_write::{Content, replace};
use crate::context::Context;
use crate::file_attributes::FileAttributes;
use crate::http::Request;

/// Where keys are kept.
const KEYRINGS: &str = "/etc/apt/keyrings";

/// Seconds that a server may stand still.
const TIMEOUT: u64 = 10;

/// The value of apt's field, and what was done to make it true.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct SignedBy {
    pub value: Option<String>,
    /// The key's file, where it is one.
    pub file: Option<String>,
    pub changed: bool,
}

/// Makes true what a task says of the key. What is neither a file nor an address is for apt to understand.
pub(super) fn signed_by(context: &Context, given: String, slug: &str) -> Result<SignedBy, Failure> {
    let mut key = SignedBy {
        value: Some(given.clone()),
        ..SignedBy::default()
    };
    if Path::new(&given).is_file() {
        key.file = Some(given);
    } else if is_address(&given) {
        let content = download(context, &given)?;
        if content.is_empty() {
            key.file = Some(given);
        } else {
            let (file, changed) = keep(context, &content, slug)?;
            let file = file.to_string_lossy().into_owned();
            key.value = Some(file.clone());
            key.file = Some(file);
            key.changed = changed;
        }
    }
    Ok(key)
}

/// The file of a repository's key.
pub(super) fn file(slug: &str, extension: &str) -> PathBuf {
    PathBuf::from(format!("{KEYRINGS}/{slug}.{extension}"))
}

/// Whether a text begins with a scheme, as addresses do.
fn is_address(text: &str) -> bool {
    text.split_once(':').is_some_and(|(scheme, _)| {
        scheme.starts_with(|first: char| first.is_ascii_alphabetic())
            && scheme
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
    })
}

/// Writes a key into its file; tells whether that changed anything.
fn keep(context: &Context, key: &[u8], slug: &str) -> Result<(PathBuf, bool), Failure> {
    let armored = String::from_utf8_lossy(key).contains("-----BEGIN PGP PUBLIC KEY BLOCK-----");
    let file = file(slug, if armored { "asc" } else { "gpg" });
    let mut changed = std::fs::read(&file).map_or(true, |before| before != key);
    if changed && !context.check {
        std::fs::create_dir_all(KEYRINGS)
            .map_err(|error| Failure::io(format!("making the directory {KEYRINGS}"), &error))?;
        let attributes = FileAttributes {
            mode: Some("0755".into()),
            owner: Some("root".to_owned()),
            group: Some("root".to_owned()),
            ..FileAttributes::default()
        };
        attributes.apply(context, Path::new(KEYRINGS), None)?;
        replace(Content::Bytes(key), &file, false)?;
    }
    let attributes = FileAttributes {
        mode: Some("0644".into()),
        ..FileAttributes::default()
    };
    changed |= attributes.apply(context, &file, None)?;
    Ok((file, changed))
}

fn download(context: &Context, url: &str) -> Result<Vec<u8>, Failure> {
    Request::of(context, url, TIMEOUT)
        .fetch(context)
        .map_err(|error| Failure::new(format!("Could not fetch signed_by key: {}", error.cause())))?
        .content(context)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_told_from_what_apt_understands() {
        assert!(is_address("https://x/key.gpg"));
        for text in [
            "36A1D7869245C8950F966E92D8576A8BA88D21E9",
            "D8576A8BA88D21E9, A88D21E9!",
            "/etc/apt/keyrings/x.gpg",
            "-----BEGIN PGP PUBLIC KEY BLOCK-----\nComment: x\n",
        ] {
            assert!(!is_address(text), "{text}");
        }
    }
}
