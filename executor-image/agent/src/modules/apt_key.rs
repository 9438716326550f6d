//! `ansible.builtin.apt_key`: keys that apt trusts, kept by `apt-key`.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::answer::{Answer, Failure, Outcome, answer};
use crate::context::Context;
use crate::http::Request;
use crate::openpgp::{self, keys_of_file};
use crate::process::{Output, Process, require_program};

/// Seconds that a server may stand still.
const TIMEOUT: u64 = 30;

pub(super) fn run(context: &mut Context) -> Outcome {
    let args = &context.args;
    let sources = ["data", "file", "keyserver", "url"];
    let given: Vec<&str> = sources
        .into_iter()
        .filter(|name| args.value(name).is_some())
        .collect();
    if given.len() > 1 {
        return Err(Failure::new(format!(
            "parameters are mutually exclusive: {}",
            sources.join("|")
        )));
    }
    let present = args.required("state") == "present";
    let wanted = args.text("id").map(Id::parse).transpose()?;
    if !present && wanted.is_none() {
        return Err(Failure::new("key is required to remove"));
    }
    let apt_key = AptKey {
        context,
        program: require_program(context, "apt-key")?,
    };
    let key = Source::of(context, given.first().copied())?;
    let id = match (wanted, &key) {
        (Some(id), _) => id,
        (None, key) => match key.file() {
            Some(file) => first_id(context, file)?,
            None => {
                return Err(Failure::new(
                    "No key to add was found, because there is no id, data, file or url",
                ));
            }
        },
    };
    let before = apt_key.list(id.is_long())?;
    let mut answer = answer!({
        "changed": false,
        "before": before,
        "id": args.text("id").map_or_else(|| id.shown.clone(), str::to_owned),
        "key_id": id.key,
        "fp": id.fingerprint,
        "short_id": id.short,
    });
    let is_there = before.contains(&id.key) || before.contains(&id.short);
    if present == is_there {
        return Ok(answer);
    }
    answer.insert("changed".to_owned(), true.into());
    if context.check {
        return Ok(answer);
    }
    if present {
        apt_key.add(&key, &id, &answer)?;
    } else {
        let output = apt_key.run(&["del", &id.key])?;
        must(output, || format!("error removing key_id: {}", id.key))?;
    }
    let after = apt_key.list(id.is_long())?;
    let is_there = after.contains(&id.key) || after.contains(&id.short);
    answer.insert("after".to_owned(), after.into());
    if present != is_there {
        let message = if present {
            "apt-key did not return an error, but failed to add the key (check that the id is correct and *not* a subkey)"
        } else {
            "apt-key did not return an error, but the key was not removed (check that the id is correct and *not* a subkey)"
        };
        answer.shift_remove("changed");
        return Err(Failure::new(message).with_all(answer));
    }
    Ok(answer)
}

/// A key's id in the lengths that gpg uses.
struct Id {
    /// As it was given, without `0x`.
    shown: String,
    /// At most 16 digits.
    key: String,
    /// 8 digits.
    short: String,
    fingerprint: String,
}

impl Id {
    fn parse(text: &str) -> Result<Self, Failure> {
        let upper = text.trim().to_uppercase();
        let digits = upper.strip_prefix("0X").unwrap_or(&upper);
        if digits.is_empty() || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(Failure::new("Invalid key_id").with("id", text));
        }
        if digits.len() < 8 {
            return Err(Failure::new("Invalid key_id").with("id", text));
        }
        let last = |count: usize| digits[digits.len().saturating_sub(count)..].to_owned();
        Ok(Self {
            shown: digits.to_owned(),
            key: last(16),
            short: last(8),
            fingerprint: digits.to_owned(),
        })
    }

    fn is_long(&self) -> bool {
        self.key.len() > 8
    }
}

/// Where the key comes from.
enum Source {
    File(PathBuf),
    /// A file that was made for the call and goes with it.
    Temporary(tempfile::NamedTempFile),
    Server(String),
    /// The key can only be looked for.
    Nothing,
}

impl Source {
    fn file(&self) -> Option<&Path> {
        match self {
            Self::File(path) => Some(path),
            Self::Temporary(file) => Some(file.path()),
            Self::Server(_) | Self::Nothing => None,
        }
    }

    fn of(context: &Context, given: Option<&str>) -> Result<Self, Failure> {
        let value = given.and_then(|name| context.args.text(name)).unwrap_or_default();
        match given {
            Some("keyserver") => Ok(Self::Server(value.to_owned())),
            Some("file") => Ok(Self::File(PathBuf::from(value))),
            Some("data") => Self::temporary(context, value.as_bytes()),
            Some(_) => Self::temporary(context, &download(context, value)?),
            None => Ok(Self::Nothing),
        }
    }

    fn temporary(context: &Context, key: &[u8]) -> Result<Self, Failure> {
        let file = tempfile::Builder::new()
            .prefix("key-")
            .tempfile_in(&context.temporary)
            .map_err(|error| Failure::io("making a temporary file", &error))?;
        std::fs::write(file.path(), key).map_err(|error| Failure::io("writing a temporary file", &error))?;
        Ok(Self::Temporary(file))
    }
}

fn download(context: &Context, url: &str) -> Result<Vec<u8>, Failure> {
    let mut response = Request::of(context, url, TIMEOUT)
        .send(context)
        .map_err(|error| {
            Failure::new(format!("error getting key id from url: {url}")).with("details", error.to_string())
        })?;
    if !response.is_success() {
        return Err(Failure::new(format!(
            "Failed to download key at {url}: HTTP Error {}: {}",
            response.status, response.reason
        )));
    }
    let mut key = Vec::new();
    response.copy_to(context, &mut key)?;
    Ok(key)
}

/// The id of the first key of a file.
fn first_id(context: &Context, file: &Path) -> Result<Id, Failure> {
    let gpg = require_program(context, "gpg")?;
    let (keys, output) = keys_of_file(context, &gpg, file)?;
    match keys.into_iter().find(|key| key.is_primary) {
        Some(key) if key.fingerprint.is_empty() => Id::parse(&key.id),
        Some(key) => Id::parse(&key.fingerprint),
        None => Err(
            Failure::new(format!("Unable to extract key from '{}'", file.display()))
                .with("stdout", output.stdout)
                .with("stderr", output.stderr),
        ),
    }
}

/// apt's program for keys, on the keyring of the call.
struct AptKey<'a> {
    context: &'a Context,
    program: PathBuf,
}

impl AptKey<'_> {
    fn run(&self, arguments: &[&str]) -> Result<Output, Failure> {
        let mut process = Process::tool(self.context, &self.program.to_string_lossy())
            .environment("APT_KEY_DONT_WARN_ON_DANGEROUS_USAGE", "1");
        if let Some(keyring) = self.context.args.text("keyring") {
            process = process.args(["--keyring", keyring]);
        }
        process.args(arguments).run()
    }

    /// Ids of every key that is trusted.
    fn list(&self, long: bool) -> Result<Vec<String>, Failure> {
        let output = self.run(&[
            "adv",
            "--list-public-keys",
            "--with-colons",
            "--keyid-format=long",
        ])?;
        let listed = must(output, || "Unable to list public keys".to_owned())?;
        Ok(openpgp::parse(&listed.stdout)
            .into_iter()
            .map(|key| {
                let start = if long { 0 } else { key.id.len().saturating_sub(8) };
                key.id[start..].to_owned()
            })
            .collect())
    }

    fn add(&self, key: &Source, id: &Id, answer: &Answer) -> Result<(), Failure> {
        if let Some(file) = key.file() {
            let output = self.run(&["add", &file.to_string_lossy()])?;
            must(output, || format!("Failed to add key from {}", file.display()))?;
            return Ok(());
        }
        let Source::Server(server) = key else {
            return Err(
                Failure::new("No key to add was found: give one of data, file, keyserver, url")
                    .with("before", answer.get("before").cloned().unwrap_or(Value::Null)),
            );
        };
        let output = self.run(&[
            "adv",
            "--no-tty",
            "--keyserver",
            server,
            "--recv",
            &id.fingerprint,
        ])?;
        must(output, || {
            format!("Error fetching key {} from keyserver: {server}", id.key)
        })?;
        Ok(())
    }
}

fn must(output: Output, message: impl FnOnce() -> String) -> Result<Output, Failure> {
    if output.code == 0 {
        return Ok(output);
    }
    Err(Failure::new(message())
        .with("rc", output.code)
        .with("stdout", output.stdout)
        .with("stderr", output.stderr))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_known_in_every_length() {
        let id = Id::parse("0x36a1d7869245c8950f966e92d8576a8ba88d21e9").unwrap();
        assert_eq!(id.key, "D8576A8BA88D21E9");
        assert_eq!(id.short, "A88D21E9");
        assert!(id.is_long());
        assert!(!Id::parse("A88D21E9").unwrap().is_long());
        assert!(Id::parse("no id").is_err());
        assert!(Id::parse("12").is_err());
    }
}
