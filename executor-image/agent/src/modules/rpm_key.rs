//! `ansible.builtin.rpm_key`: keys that rpm trusts.

use std::path::Path;

use crate::answer::{Failure, Outcome, answer};
use crate::context::Context;
use crate::http::Request;
use crate::openpgp::armor::{self, KeyName};
use crate::process::{Output, Process, require_program};

/// Seconds that a server may stand still.
const TIMEOUT: u64 = 10;

pub(super) fn run(context: &mut Context) -> Outcome {
    let given = context.args.required("key").to_owned();
    let present = context.args.required("state") == "present";
    let rpm = Rpm {
        context,
        program: require_program(context, "rpm")?.to_string_lossy().into_owned(),
    };
    let downloaded;
    let file = if given.contains("://") {
        downloaded = download(context, &given)?;
        Some(downloaded.path())
    } else if is_id(&given) {
        None
    } else if Path::new(&given).is_file() {
        Some(Path::new(&given))
    } else {
        return Err(Failure::new(format!("Not a valid key {given}")));
    };
    let names = file.map(names_of_file).transpose()?.unwrap_or_default();
    let id = names
        .first()
        .map_or_else(|| normal(&given), |name| name.id.clone());
    let trusted = rpm.keys()?;
    let found = trusted.iter().find(|key| is_of(&id, key));
    match (present, found, file) {
        (true, None, None) => Err(Failure::new("When importing a key, a valid file must be given")),
        (true, None, Some(file)) => {
            verify(context, &names)?;
            if !context.check {
                rpm.run(&["--import", &file.to_string_lossy()])?;
            }
            Ok(answer!({"changed": true}))
        }
        (false, Some(_), _) => {
            if !context.check {
                rpm.remove(&id, &trusted)?;
            }
            Ok(answer!({"changed": true}))
        }
        (true, Some(_), _) | (false, None, _) => Ok(answer!({"changed": false})),
    }
}

/// Whether a text is a key's id or fingerprint.
fn is_id(text: &str) -> bool {
    let text = text.replace(' ', "").to_uppercase();
    let digits = text.strip_prefix("0X").unwrap_or(&text);
    digits.bytes().take(8).filter(u8::is_ascii_hexdigit).count() == 8
}

/// An id as it is compared.
fn normal(text: &str) -> String {
    let id = text.trim().to_uppercase();
    id.strip_prefix("0X").map(str::to_owned).unwrap_or(id)
}

/// Whether a key has this id, short or long, or this fingerprint.
fn is_of(id: &str, key: &KeyName) -> bool {
    key.id.ends_with(id) || key.fingerprint == id
}

fn download(context: &Context, url: &str) -> Result<tempfile::NamedTempFile, Failure> {
    let file = Request::of(context, url, TIMEOUT)
        .fetch(context)
        .map_err(|error| Failure::new(format!("failed to fetch key at {url} , error was: {error}")))?
        .file(context, "")?;
    let text = std::fs::read(file.path()).unwrap_or_default();
    if armor::blocks(&String::from_utf8_lossy(&text)).is_empty() {
        return Err(Failure::new(format!("Not a public key: {url}")));
    }
    Ok(file)
}

/// The main key of a file, and its subkeys.
fn names_of_file(file: &Path) -> Result<Vec<KeyName>, Failure> {
    let text = std::fs::read(file)
        .map_err(|error| Failure::io(format!("reading the key {}", file.display()), &error))?;
    armor::key_names(&String::from_utf8_lossy(&text))
        .filter(|names| !names.is_empty())
        .ok_or_else(|| Failure::new(format!("Unable to parse PGP key armor in {}", file.display())))
}

/// A key that is imported must have all the fingerprints that the call names.
fn verify(context: &Context, names: &[KeyName]) -> Result<(), Failure> {
    let wanted: Vec<String> = context
        .args
        .list("fingerprint")
        .iter()
        .map(|text| text.replace(' ', "").to_uppercase())
        .collect();
    let found: Vec<&str> = names.iter().map(|name| name.fingerprint.as_str()).collect();
    if wanted
        .iter()
        .all(|fingerprint| found.contains(&fingerprint.as_str()))
    {
        return Ok(());
    }
    Err(Failure::new(format!(
        "The specified fingerprint, '{{'{}'}}', does not match any key fingerprints in 'frozenset({{'{}'}})'",
        wanted.join("', '"),
        found.join("', '")
    )))
}

/// rpm's database of trusted keys.
struct Rpm<'a> {
    context: &'a Context,
    program: String,
}

impl Rpm<'_> {
    fn call(&self, arguments: &[&str]) -> Result<Output, Failure> {
        Process::tool(self.context, &self.program).args(arguments).run()
    }

    fn run(&self, arguments: &[&str]) -> Result<Output, Failure> {
        must(self.call(arguments)?)
    }

    /// Every key that is trusted, and its subkeys.
    fn keys(&self) -> Result<Vec<KeyName>, Failure> {
        if self.call(&["-q", "gpg-pubkey"])?.code != 0 {
            return Ok(Vec::new());
        }
        let listed = self.run(&["-q", "gpg-pubkey", "--qf", "%{description}"])?;
        Ok(armor::blocks(&listed.stdout)
            .iter()
            .filter_map(|block| armor::key_names(block))
            .flatten()
            .collect())
    }

    fn remove(&self, id: &str, trusted: &[KeyName]) -> Result<(), Failure> {
        if self.names_keys_by_fingerprints()? {
            let matching: Vec<&KeyName> = trusted.iter().filter(|key| is_of(id, key)).collect();
            let [key] = matching.as_slice() else {
                return Err(Failure::new(format!(
                    "Supplied key ID {id} matches more than one fingerprint. Try using the fingerprint instead."
                )));
            };
            let rpmkeys = require_program(self.context, "rpmkeys")?;
            let output = Process::tool(self.context, &rpmkeys.to_string_lossy())
                .args(["--delete", &key.fingerprint])
                .run()?;
            return must(output).map(drop);
        }
        // A key is a package whose version is the short id.
        let id = trusted
            .iter()
            .find(|key| key.fingerprint == id)
            .map_or(id, |key| &key.id);
        let short = id[id.len().saturating_sub(8)..].to_lowercase();
        self.run(&["--erase", "--allmatches", &format!("gpg-pubkey-{short}")])
            .map(drop)
    }

    /// rpm 6 has done away with packages that stand for keys.
    fn names_keys_by_fingerprints(&self) -> Result<bool, Failure> {
        let version = self.run(&["--version"])?;
        Ok(has_major_version_6(&version.stdout))
    }
}

/// Whether `RPM version 6.0.1` or later is what rpm says of itself.
fn has_major_version_6(said: &str) -> bool {
    let version = said.split_whitespace().next_back().unwrap_or_default();
    let major = version
        .split('.')
        .next()
        .and_then(|major| major.parse::<u32>().ok());
    major.is_some_and(|major| major >= 6)
}

fn must(output: Output) -> Result<Output, Failure> {
    if output.code == 0 {
        return Ok(output);
    }
    Err(Failure::new(output.stderr))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_told_from_paths() {
        for (text, expected) in [
            ("DEADB33F", true),
            ("0xDEADB33F", true),
            ("36A1 D786 9245 C895 0F96 6E92 D857 6A8B A88D 21E9", true),
            ("/etc/key", false),
            ("DEADB33", false),
        ] {
            assert_eq!(is_id(text), expected, "{text}");
        }
    }

    #[test]
    fn a_key_is_found_by_every_name_that_it_has() {
        let key = KeyName {
            id: "6538BA5A8AC51475".to_owned(),
            fingerprint: "7794E7BD2EE6944780E46B276538BA5A8AC51475".to_owned(),
        };
        for text in [
            "0x8ac51475",
            " 6538BA5A8AC51475 ",
            "7794E7BD2EE6944780E46B276538BA5A8AC51475",
        ] {
            assert!(is_of(&normal(text), &key), "{text}");
        }
        assert!(!is_of("DEADBEEF", &key));
    }

    #[test]
    fn the_version_of_rpm_is_the_last_word() {
        assert!(!has_major_version_6("RPM version 4.18.0\n"));
        assert!(has_major_version_6("RPM version 6.0.1\n"));
    }
}
