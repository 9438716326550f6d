//! What each fuzzer does with its input. The test `runner/tests/fuzz_regressions.rs` includes this file, too: it replays what was
//! found, without a fuzzer.

use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use slipway_language::{FileKind, LookupHost, Node, Scope, Span, Templar, yaml};
use slipway_playbook::inventory::{self, Inventory, pattern};
use slipway_protocol::{Decoder, encode};
use slipway_vault::{Envelope, VaultSecrets};

/// Any bytes are frames or an error; a frame that was read is written as the bytes it was read from.
pub fn frames(data: &[u8]) {
    let (cut, bytes) = data
        .split_first()
        .map_or((1, data), |(cut, bytes)| (usize::from(*cut).max(1), bytes));
    let mut decoder = Decoder::default();
    let mut written = Vec::new();
    for piece in bytes.chunks(cut) {
        decoder.push(piece);
        while let Ok(Some(frame)) = decoder.next_frame() {
            written.extend(encode(&frame));
        }
    }
    assert!(bytes.starts_with(&written));
}

/// Any text is YAML or an error with a place.
pub fn yaml(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    if let Err(error) = yaml::parse_all(text, "fuzz.yml") {
        assert!(error.to_string().starts_with("fuzz.yml:"), "{error}");
    }
}

/// Any text is an inventory or an error; the first byte says of which kind. What was read can be asked.
pub fn inventory(data: &[u8]) {
    const KINDS: [&str; 6] = [
        "ini",
        "yaml",
        "host_list",
        "advanced_host_list",
        "script",
        "pattern",
    ];
    let Some((kind, data)) = data.split_first() else {
        return;
    };
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let kind = KINDS[usize::from(*kind) % KINDS.len()];
    let mut found = Inventory::default();
    if kind == "pattern" {
        // ok: a name and a group to select from; the text is the pattern.
        let _ = inventory::parse("ini", "[web]\nw[1:3]\n[db]\nd\n", "hosts", &mut found);
        found.reconcile();
        let _ = pattern::select(&found, &pattern::split(text));
        return;
    }
    // ok: an error is as good as an inventory.
    let _ = inventory::parse(kind, text, "fuzz", &mut found);
    found.reconcile();
    let names: Vec<Arc<str>> = found.hosts.keys().take(20).cloned().collect();
    for name in names {
        assert!(found.hosts_of("all").contains(&name), "{name} is not in all");
        found.groups_of(&name);
    }
}

/// Any text is a template, a condition, a template file and one that others load, that gives a value or an error.
pub fn template(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let scope = Scope::new(Vec::new(), Arc::new(OneFile(data.to_vec())));
    // A templar keeps what it compiled: each text gets a new one.
    let templar = Templar::new();
    let span = Span::start_of("fuzz.yml");
    // ok: an error is as good as a value.
    let _ = templar.check(&Node::text(span.clone(), text));
    let _ = templar.render_text(text, &span, &scope);
    let _ = templar.condition(&Node::text(span, text), &scope);
    for file in [text, "{% extends 'it' %}", "{% import 'it' as it %}{{ it }}"] {
        let _ = templar.template_file(
            file,
            "fuzz.j2",
            &slipway_language::TemplateOptions::default(),
            &scope,
        );
    }
}

/// Any bytes are an encrypted text or an error; neither a wrong password nor a changed text gives anything.
pub fn vault(data: &[u8]) {
    static SECRETS: LazyLock<VaultSecrets> = LazyLock::new(|| {
        let mut secrets = VaultSecrets::new();
        // ok: such an id and such a password are allowed.
        let _ = secrets.add("default", b"password");
        secrets
    });
    // ok: an error is as good as an envelope.
    let _ = Envelope::parse(data);
    let _ = SECRETS.reveal(data);
}

/// A machine on which every name leads to the same text.
#[derive(Debug)]
struct OneFile(Vec<u8>);

impl LookupHost for OneFile {
    fn find_file(&self, name: &str, kind: FileKind) -> Option<PathBuf> {
        (kind == FileKind::Templates).then(|| name.into())
    }

    fn read(&self, _: &Path) -> std::io::Result<Vec<u8>> {
        Ok(self.0.clone())
    }
}
