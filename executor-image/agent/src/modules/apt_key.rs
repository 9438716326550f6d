//! `ansible.builtin.apt_key`: keys that apt trusts, kept by `apt-key`.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use crate::answer::{Answer, Failure, Outcome, answer};
use crate::context::Context;
use crate::http::Request;
use crate::openpgp::{self, keys_of_file};
use crate::process::{Output, Process, require_program};

/// Seconds that a server may stand still.
const TIMEOUT: u64 = 30;

/// How often a key is asked of a server.
const TRIES: usize = 5;

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
    let apt_key = AptKey {
        context,
        program: require_program(context, "apt-key")?,
    };
    let gpg = require_program(context, "gpg")?;
    let mut source = Source::of(context, given.first().copied());
    let text = match args.text("id").filter(|id| !id.is_empty()) {
        Some(id) => Some(id.to_owned()),
        None => source.first_id(context, &gpg)?,
    };
    let Some(id) = text.as_deref().and_then(Id::parse) else {
        return Err(Failure::new("Invalid key_id").with("id", text));
    };
    let before = apt_key.list(&id)?;
    let is_there = before.contains(&id.compared);
    let mut answer = answer!({
        "changed": false,
        "before": before,
        "id": text,
        "key_id": id.key,
        "fp": id.compared,
        "short_id": id.short,
    });
    let present = args.required("state") == "present";
    if present == is_there {
        return Ok(answer);
    }
    answer.insert("changed".to_owned(), true.into());
    if context.check {
        return Ok(answer);
    }
    if present {
        apt_key.add(source, &id, &answer)?;
    } else {
        apt_key.remove(&id)?;
    }
    let after = apt_key.list(&id)?;
    let is_there = after.contains(&id.compared);
    answer.insert("after".to_owned(), after.into());
    if present == is_there {
        return Ok(answer);
    }
    let failed = if present {
        "failed to add the key"
    } else {
        "the key was not removed"
    };
    let message = format!(
        "apt-key did not return an error, but {failed} (check that the id is correct and *not* a subkey)"
    );
    Err(Failure::new(message).with_all(answer))
}

/// A key's id in the lengths that are needed of it.
#[derive(Debug, PartialEq, Eq)]
struct Id {
    /// Every digit that was given.
    key: String,
    /// What a list of keys has of it: 16 digits, or 8 where no more were given.
    compared: String,
    /// 8 digits, by which keys are removed.
    short: String,
}

impl Id {
    /// The id in a text: 8, 16 or more hexadecimal digits.
    fn parse(text: &str) -> Option<Self> {
        let upper = text.trim().to_uppercase();
        let digits = upper.strip_prefix("0X").unwrap_or(&upper);
        let is_id = digits.bytes().all(|digit| digit.is_ascii_hexdigit())
            && (digits.len() == 8 || digits.len() >= 16);
        let last = |count: usize| digits[digits.len().saturating_sub(count)..].to_owned();
        is_id.then(|| Self {
            key: digits.to_owned(),
            compared: last(16),
            short: last(8),
        })
    }
}

/// Where the key comes from.
enum Source {
    File(PathBuf),
    Data(Vec<u8>),
    Address(String),
    Server(String),
    /// The key can only be looked for.
    Nothing,
}

impl Source {
    fn of(context: &Context, given: Option<&str>) -> Self {
        let value = given.and_then(|name| context.args.text(name)).unwrap_or_default();
        match given {
            Some("file") => Self::File(PathBuf::from(value)),
            Some("data") => Self::Data(value.as_bytes().to_owned()),
            Some("url") => Self::Address(value.to_owned()),
            Some(_) => Self::Server(value.to_owned()),
            None => Self::Nothing,
        }
    }

    /// The id of the first key that comes from here.
    fn first_id(&mut self, context: &Context, gpg: &Path) -> Result<Option<String>, Failure> {
        if let Self::Address(url) = self {
            *self = Self::Data(download(context, url)?);
        }
        let temporary;
        let (file, shown) = match self {
            Self::File(path) => (path.as_path(), path.to_string_lossy().into_owned()),
            Self::Data(key) => {
                temporary = stored(context, key)?;
                (temporary.path(), "inline data".to_owned())
            }
            Self::Server(_) => return Err(Failure::new("Missing key_id, required with keyserver.")),
            Self::Address(_) | Self::Nothing => return Ok(None),
        };
        let (keys, output) = keys_of_file(context, gpg, file)?;
        if output.code != 0 {
            return Err(Failure::new(format!("Unable to extract key from '{shown}'"))
                .with("stdout", output.stdout)
                .with("stderr", output.stderr));
        }
        Ok(keys.into_iter().next().map(|key| key.id))
    }
}

/// A file of the call's own with this content.
fn stored(context: &Context, key: &[u8]) -> Result<tempfile::NamedTempFile, Failure> {
    let mut file = tempfile::Builder::new()
        .prefix("key-")
        .tempfile_in(&context.temporary)
        .map_err(|error| Failure::io("making a temporary file", &error))?;
    file.write_all(key)
        .map_err(|error| Failure::io("writing a temporary file", &error))?;
    Ok(file)
}

fn download(context: &Context, url: &str) -> Result<Vec<u8>, Failure> {
    Request::of(context, url, TIMEOUT)
        .fetch(context)
        .map_err(|error| Failure::new(format!("Failed to download key at {url}: {error}")))?
        .content(context)
}

/// apt's program for keys, on the keyring of the call.
struct AptKey<'a> {
    context: &'a Context,
    program: PathBuf,
}

impl AptKey<'_> {
    /// Runs the program; a failure of it has the message and these words on what was run.
    fn run(&self, arguments: &[&str], input: &[u8], message: &str) -> Result<Output, Failure> {
        let mut words = Vec::new();
        if let Some(keyring) = self.context.args.text("keyring") {
            words.extend(["--keyring", keyring]);
        }
        words.extend(arguments);
        let program = self.program.to_string_lossy();
        let output = Process::tool(self.context, &program)
            .args(&words)
            .input(input)
            .run()?;
        if output.code == 0 {
            return Ok(output);
        }
        Err(Failure::new(message)
            .with("cmd", format!("{program} {}", words.join(" ")))
            .with("rc", output.code)
            .with("stdout", output.stdout)
            .with("stderr", output.stderr))
    }

    /// Ids of every key that is trusted, as long as the id that is looked for. A key that has expired is there no more.
    fn list(&self, id: &Id) -> Result<Vec<String>, Failure> {
        let arguments = [
            "adv",
            "--list-public-keys",
            "--with-colons",
            "--keyid-format=long",
        ];
        let listed = self.run(&arguments, &[], "Unable to list public keys")?;
        Ok(openpgp::parse(&listed.stdout)
            .into_iter()
            .filter(|key| !key.has_expired)
            .map(|key| key.id[key.id.len().saturating_sub(id.compared.len())..].to_owned())
            .collect())
    }

    fn add(&self, source: Source, id: &Id, answer: &Answer) -> Result<(), Failure> {
        let from_data = "Unable to add a key from binary data";
        match source {
            Source::File(file) => {
                let file = file.to_string_lossy();
                self.run(
                    &["add", &file],
                    &[],
                    &format!("Unable to add a key from file {file}"),
                )
                .map_err(|failure| failure.with("keyfile", file))?;
            }
            Source::Data(key) => {
                self.run(&["add", "-"], &key, from_data)?;
            }
            Source::Address(url) => {
                self.run(&["add", "-"], &download(self.context, &url)?, from_data)?;
            }
            Source::Server(server) => self.receive(&server, id)?,
            Source::Nothing => {
                let message = "No key to add: there is no data, file, keyserver or url";
                return Err(Failure::new(message).with_all(answer.clone()));
            }
        }
        Ok(())
    }

    /// Asks a server for the key.
    fn receive(&self, server: &str, id: &Id) -> Result<(), Failure> {
        let proxy = ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"]
            .into_iter()
            .find_map(|name| self.context.variable(name).filter(|proxy| !proxy.is_empty()))
            .map(|proxy| format!("http-proxy={proxy}"));
        let mut arguments = vec!["adv", "--no-tty", "--keyserver", server];
        if let Some(proxy) = &proxy {
            arguments.extend(["--keyserver-options", proxy]);
        }
        arguments.extend(["--recv", &id.key]);
        let message = format!("Error fetching key {} from keyserver: {server}", id.key);
        let mut received = self.run(&arguments, &[], &message);
        for _ in 1..TRIES {
            if received.is_ok() {
                break;
            }
            received = self.run(&arguments, &[], &message);
        }
        received.map(drop)
    }

    fn remove(&self, id: &Id) -> Result<(), Failure> {
        let message = format!("Unable to remove a key with id {}", id.short);
        self.run(&["del", &id.short], &[], &message)
            .map(drop)
            .map_err(|failure| failure.with("key_id", id.short.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_known_in_every_length() {
        let id = Id::parse("0x36a1d7869245c8950f966e92d8576a8ba88d21e9").unwrap();
        assert_eq!(id.key, "36A1D7869245C8950F966E92D8576A8BA88D21E9");
        assert_eq!(id.compared, "D8576A8BA88D21E9");
        assert_eq!(id.short, "A88D21E9");
        assert_eq!(Id::parse("A88D21E9").unwrap().compared, "A88D21E9");
        for text in ["no id", "12", "0123456789", ""] {
            assert_eq!(Id::parse(text), None, "{text}");
        }
    }
}
