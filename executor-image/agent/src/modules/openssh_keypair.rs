//! `community.crypto.openssh_keypair`: a private key of OpenSSH and its public key.

mod key;

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use self::key::{Kind, PublicKey};
use crate::answer::{Answer, Failure, Outcome, answer};
use crate::atomic_write::{Content, replace};
use crate::context::Context;
use crate::file_attributes::FileAttributes;
use crate::process::{Process, require_program};
use crate::ssh_keygen::{KeyProgram, with_passphrase};

/// What is said of a key that may not be made again.
const WRONG: &str = "Key has wrong type and/or size. Will not proceed. To force regeneration, call the module with `generate` set \
                     to `partial_idempotence`, `full_idempotence` or `always`, or with `force=true`.";
const UNREADABLE: &str = "Unable to read the key. The key is protected with a passphrase or broken. Will not proceed. To force \
                          regeneration, call the module with `generate` set to `full_idempotence` or `always`, or with \
                          `force=true`.";

pub(super) fn run(context: &mut Context) -> Outcome {
    require_program(context, "ssh-keygen")?;
    // The answer describes the key; its file's owner and mode are not part of it.
    context.describes_path = false;
    let args = &context.args;
    let path = PathBuf::from(args.required("path"));
    let directory = path.parent().filter(|parent| *parent != Path::new(""));
    if let Some(directory) = directory.filter(|directory| !directory.is_dir()) {
        return Err(Failure::new(format!(
            "The directory {} does not exist or the file is not a directory",
            directory.display()
        ))
        .with("name", directory.to_string_lossy().into_owned()));
    }
    if path.is_dir() {
        return Err(Failure::new(format!(
            "{} is a directory. Please specify a path to a file.",
            path.display()
        )));
    }
    let kind = Kind::of(args.required("type"), args.integer("size"))?;
    let pair = Pair {
        context,
        public: PathBuf::from(format!("{}.pub", path.display())),
        path,
        kind,
    };
    if args.required("state") == "absent" {
        return pair.remove();
    }
    pair.keep()
}

/// The files of a key pair, and what they should be.
struct Pair<'a> {
    context: &'a Context,
    path: PathBuf,
    public: PathBuf,
    kind: Kind,
}

impl Pair<'_> {
    fn remove(&self) -> Outcome {
        let before = self.read_private()?;
        let mut changed = false;
        for file in [&self.path, &self.public] {
            if !file.exists() {
                continue;
            }
            changed = true;
            if !self.context.check {
                std::fs::remove_file(file)
                    .map_err(|error| Failure::io(format!("Error: {}", file.display()), &error))?;
            }
        }
        let mut answer = self.answer(changed, before.as_ref(), before.as_ref());
        answer.insert("size".to_owned(), self.kind.size.into());
        Ok(answer)
    }

    fn keep(&self) -> Outcome {
        let before = self.read_private()?;
        let mut changed = self.must_make(before.as_ref())?;
        if changed && !self.context.check {
            self.make()?;
        }
        let mut key = if changed { None } else { before.clone() };
        if !(changed && self.context.check) {
            key = self.read_private()?;
            changed |= self.keep_public(key.as_mut())?;
        }
        changed |= self.keep_attributes()?;
        Ok(self.answer(changed, before.as_ref(), key.as_ref()))
    }

    /// The key as it is; nothing when there is none, or none that can be read.
    fn read_private(&self) -> Result<Option<PublicKey>, Failure> {
        if !self.path.exists() {
            return Ok(None);
        }
        let program = self.program()?;
        let output = program.process.args(["-y", "-f"]).arg(&self.path).run()?;
        let Some(mut key) = PublicKey::parse(output.stdout.trim()).filter(|_| output.code == 0) else {
            return Ok(None);
        };
        let shown = Process::tool(self.context, "ssh-keygen")
            .arg("-lf")
            .arg(&self.path)
            .run()?;
        key.add_properties(&shown.stdout);
        // The comment is that of the public key's file.
        key.comment = self.read_public().unwrap_or_default().comment;
        Ok(Some(key))
    }

    fn program(&self) -> Result<KeyProgram, Failure> {
        with_passphrase(
            self.context,
            self.context.args.text("passphrase").unwrap_or_default(),
        )
    }

    fn read_public(&self) -> Option<PublicKey> {
        PublicKey::parse(std::fs::read_to_string(&self.public).ok()?.trim())
    }

    /// Whether the key is to be made, again if there is one.
    fn must_make(&self, key: Option<&PublicKey>) -> Result<bool, Failure> {
        let args = &self.context.args;
        let policy = args.required("regenerate");
        if args.flag("force") || policy == "always" || !self.path.exists() {
            return Ok(true);
        }
        let Some(key) = key else {
            return if policy == "full_idempotence" {
                Ok(true)
            } else {
                Err(Failure::new(UNREADABLE))
            };
        };
        if policy == "never" || self.kind.fits(key) {
            return Ok(false);
        }
        if policy == "fail" {
            return Err(Failure::new(WRONG));
        }
        Ok(true)
    }

    fn make(&self) -> Result<(), Failure> {
        // Beside its place, so that a key that cannot be made leaves the old one.
        let directory = self.path.parent().unwrap_or(Path::new("."));
        let work = tempfile::Builder::new()
            .prefix(".slipway-")
            .tempdir_in(directory)
            .map_err(|error| Failure::io(format!("making a key in {}", directory.display()), &error))?;
        let new = work.path().join("key");
        let program = self.program()?;
        let output = program
            .process
            .args(["-q", "-b", &self.kind.size.to_string(), "-t", self.kind.name])
            .args(["-C", self.context.args.text("comment").unwrap_or_default(), "-f"])
            .arg(&new)
            .run()?;
        if output.code != 0 {
            return Err(Failure::new(format!(
                "Unable to generate a key: {}{}",
                output.stdout, output.stderr
            )));
        }
        for (from, to) in [
            (new.clone(), &self.path),
            (new.with_extension("pub"), &self.public),
        ] {
            // A key that is made again keeps its mode.
            to.metadata()
                .map_or(Ok(()), |old| std::fs::set_permissions(&from, old.permissions()))
                .and_then(|()| std::fs::rename(&from, to))
                .map_err(|error| Failure::io(format!("putting the key at {}", to.display()), &error))?;
        }
        Ok(())
    }

    /// Writes the public key when it is not there, of another key, or has another comment.
    fn keep_public(&self, key: Option<&mut PublicKey>) -> Result<bool, Failure> {
        let Some(key) = key else { return Ok(false) };
        let there = self.read_public();
        let is_its = there.as_ref().is_some_and(|public| public.data == key.data);
        let comment = self.context.args.text("comment");
        let new_comment = comment.filter(|comment| *comment != key.comment);
        if is_its && new_comment.is_none() {
            return Ok(false);
        }
        if self.context.check {
            return Ok(true);
        }
        if let Some(comment) = comment {
            comment.clone_into(&mut key.comment);
        }
        if let Some(comment) = new_comment {
            // The private key has the comment too.
            let program = self.program()?;
            let output = program
                .process
                .args(["-q", "-c", "-C", comment, "-f"])
                .arg(&self.path)
                .run()?;
            if output.code != 0 {
                return Err(Failure::new(format!(
                    "Unable to update the comment for the public key: {}",
                    output.stderr
                )));
            }
        }
        replace(
            Content::Bytes(format!("{}\n", key.line()).as_bytes()),
            &self.public,
            false,
        )?;
        Ok(true)
    }

    fn keep_attributes(&self) -> Result<bool, Failure> {
        let attributes = FileAttributes::of(&self.context.args);
        let changed = attributes.apply(self.context, &self.path, None)?;
        Ok(attributes.apply(self.context, &self.public, None)? || changed)
    }

    fn answer(&self, changed: bool, before: Option<&PublicKey>, after: Option<&PublicKey>) -> Answer {
        let mut answer = answer!({
            "changed": changed,
            "filename": self.path.to_string_lossy(),
            "size": after.map_or(self.kind.size, |key| key.size),
            "type": after.map_or_else(|| self.kind.name.to_owned(), |key| key.kind.clone()),
            "fingerprint": after.map_or("", |key| &key.fingerprint),
            "public_key": after.map_or_else(String::new, PublicKey::without_comment),
            "comment": after.map_or_else(
                || self.context.args.text("comment").unwrap_or_default().to_owned(),
                |key| key.comment.clone(),
            ),
        });
        if self.context.diff {
            let describe = |key: Option<&PublicKey>| key.map_or_else(|| json!({}), PublicKey::for_diff);
            let diff: Value = json!({"before": describe(before), "after": describe(after)});
            answer.insert("diff".to_owned(), diff);
        }
        answer
    }
}
