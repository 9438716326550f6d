//! Any text is a template that gives a value, or an error; never the end of the process.
#![no_main]

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use libfuzzer_sys::fuzz_target;
use slipway_language::{FileKind, LookupHost, Node, Scope, Span, Templar};

/// A machine without files.
#[derive(Debug)]
struct Nothing;

impl LookupHost for Nothing {
    fn find_file(&self, _: &str, _: FileKind) -> Option<PathBuf> {
        None
    }
    fn read(&self, _: &Path) -> io::Result<Vec<u8>> {
        Err(io::ErrorKind::NotFound.into())
    }
    fn environment(&self, _: &str) -> Option<String> {
        None
    }
    fn glob(&self, _: &str) -> Vec<PathBuf> {
        Vec::new()
    }
    fn search_path(&self) -> Vec<PathBuf> {
        Vec::new()
    }
}

static SCOPE: LazyLock<Scope> = LazyLock::new(|| Scope::new(Vec::new(), Arc::new(Nothing)));

fuzz_target!(|text: &str| {
    // A templar keeps what it compiled: each text gets a new one.
    let templar = Templar::new();
    let span = Span::start_of("fuzz.yml");
    let _ = templar.check(&Node::text(span.clone(), text));
    let _ = templar.render_text(text, &span, &SCOPE);
    let _ = templar.condition(&Node::text(span, text), &SCOPE);
});
