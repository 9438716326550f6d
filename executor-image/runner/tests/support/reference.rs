//! Real Ansible, and its answers, which are kept: it takes seconds for what does not change.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

/// A program of real Ansible.
pub fn ansible(name: &str) -> PathBuf {
    let program = cache().join("ansible/bin").join(name);
    assert!(
        program.is_file(),
        "this test needs real Ansible as {}: ci/ansible-environment makes it",
        program.display()
    );
    program
}

fn cache() -> PathBuf {
    std::env::var_os("SLIPWAY_CACHE").map_or_else(
        || PathBuf::from(std::env::var_os("HOME").unwrap()).join(".cache/slipway"),
        PathBuf::from,
    )
}

/// Answers, kept under a digest of everything that decides them.
pub struct Reference {
    directory: PathBuf,
}

impl Reference {
    /// The answers that depend on these files and directories, and on the version of Ansible.
    pub fn new(name: &str, files: &[&str]) -> Self {
        let mut digest = Sha256::new();
        let package = Path::new(env!("CARGO_MANIFEST_DIR"));
        for file in files {
            add(&package.join(file), &mut digest);
        }
        add(&cache().join("ansible/.requirements.sha256"), &mut digest);
        let digest = hex::encode(digest.finalize());
        Self {
            directory: cache().join("against-ansible").join(format!("{name}-{digest}")),
        }
    }

    /// The answer to a question: what was printed, and the exit code.
    pub fn says(&self, question: &str, ask: impl FnOnce() -> (String, Option<i32>)) -> (String, Option<i32>) {
        let file = self.directory.join(hex::encode(Sha256::digest(question)));
        if let Ok(kept) = std::fs::read_to_string(&file)
            && let Some((code, text)) = kept.split_once('\n')
        {
            return (text.to_owned(), code.parse().ok());
        }
        let (text, code) = ask();
        std::fs::create_dir_all(&self.directory).unwrap();
        std::fs::write(&file, format!("{}\n{text}", code.unwrap_or(-1))).unwrap();
        (text, code)
    }
}

fn add(path: &Path, digest: &mut Sha256) {
    if path.is_dir() {
        let mut entries: Vec<PathBuf> = std::fs::read_dir(path)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        entries.sort();
        for entry in &entries {
            add(entry, digest);
        }
    } else if let Ok(content) = std::fs::read(path) {
        digest.update(path.file_name().unwrap().to_str().unwrap());
        digest.update(content);
    }
}
