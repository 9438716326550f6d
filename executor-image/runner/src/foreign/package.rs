//! A module in the form in which it is sent to hosts.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
};

use sha2::{Digest, Sha256};
use slipway_protocol::ForeignStyle;

use super::{
    dependencies::{DependencyError, Files, Library},
    style::{OLD_MARK, Style},
    zip::ZipWriter,
};

/// Bytes that hosts know by their hash.
#[derive(Debug)]
pub struct Content {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// SHA-256 of them, hexadecimal.
    pub sha256: String,
}

impl Content {
    fn new(bytes: Vec<u8>) -> Arc<Self> {
        let sha256 = hex::encode(Sha256::digest(&bytes));
        Arc::new(Self { bytes, sha256 })
    }
}

/// A module as it is sent.
#[derive(Debug)]
pub struct Package {
    /// How it takes its arguments.
    pub style: ForeignStyle,
    /// The program, or an archive of Python code.
    pub program: Arc<Content>,
    /// An archive that many modules share.
    pub common: Option<Arc<Content>>,
}

/// Packs modules.
#[derive(Debug)]
pub struct Packer {
    library: Library,
    common: OnceLock<Option<(Files, Arc<Content>)>>,
}

impl Packer {
    /// A packer that takes code from this library.
    pub fn new(library: Library) -> Self {
        Self {
            library,
            common: OnceLock::new(),
        }
    }

    /// Packs a Python module; `entry` is its name among Python's modules, `local` are folders of library code.
    pub fn python(
        &self,
        entry: &str,
        path: &Path,
        content: &[u8],
        local: &[PathBuf],
    ) -> Result<Package, DependencyError> {
        let content = match String::from_utf8_lossy(content) {
            text if text.contains(OLD_MARK) => text
                .replace(OLD_MARK, "from ansible.module_utils.basic import *")
                .into_bytes(),
            _ => content.to_vec(),
        };
        let files = self.library.closure(entry, &content, path, local)?;
        let common = self.common.get_or_init(|| {
            let files = self.library.common().ok()?;
            let content = archive(&files, None);
            Some((files, content))
        });
        // Code that a role or playbook replaces must not be met in processes that have the original in memory.
        let shared = common.as_ref().filter(|(common, _)| {
            common.iter().all(|(name, source)| {
                files
                    .get(name)
                    .is_some_and(|own| Arc::ptr_eq(own, source) || own.content == source.content)
            })
        });
        Ok(Package {
            style: ForeignStyle::Python(entry.to_owned()),
            program: archive(&files, shared.map(|(common, _)| common)),
            common: shared.map(|(_, content)| Arc::clone(content)),
        })
    }

    /// The version of the library.
    pub fn version(&self) -> &str {
        &self.library.core.version
    }
}

/// A module that is sent as it is.
pub fn program(style: Style, content: Vec<u8>) -> Package {
    Package {
        style: match style {
            Style::JsonFile | Style::Python => ForeignStyle::JsonFile,
            Style::WordsFile => ForeignStyle::WordsFile,
            Style::JsonInside => ForeignStyle::JsonInside,
        },
        program: Content::new(content),
        common: None,
    }
}

/// The archive of these files, without those of another archive.
fn archive(files: &Files, without: Option<&Files>) -> Arc<Content> {
    let mut zip = ZipWriter::default();
    for (name, source) in files {
        if without.is_none_or(|without| !without.contains_key(name)) {
            zip.add(name, &source.content);
        }
    }
    Content::new(zip.finish())
}
