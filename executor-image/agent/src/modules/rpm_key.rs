//! `ansible.builtin.rpm_key`: keys that rpm trusts.

use std::path::{Path, PathBuf};

use crate::answer::{Failure, Outcome, answer};
use crate::context::Context;
use crate::http::Request;
use crate::openpgp::{Key, keys_of_file};
use crate::process::{Output, Process, find_program, require_program};

/// Seconds that a server may stand still.
const TIMEOUT: u64 = 30;

pub(super) fn run(context: &mut Context) -> Outcome {
    let given = context.args.required("key").to_owned();
    let present = context.args.required("state") == "present";
    let rpm = require_program(context, "rpm")?.to_string_lossy().into_owned();
    let gpg = ["gpg2", "gpg"]
        .into_iter()
        .find_map(|program| find_program(program.as_ref(), &context.environment))
        .ok_or_else(|| Failure::new("rpm_key requires a command line gpg or gpg2, none found"))?;
    let downloaded;
    let (id, file) = if given.contains("://") {
        downloaded = download(context, &given)?;
        (
            file_id(context, &gpg, downloaded.path())?,
            Some(downloaded.path().to_owned()),
        )
    } else if is_id(&given) {
        (normal(&given), None)
    } else if Path::new(&given).is_file() {
        let file = PathBuf::from(&given);
        (file_id(context, &gpg, &file)?, Some(file))
    } else {
        return Err(Failure::new(format!("Not a valid key {given}")));
    };
    let rpm = Rpm {
        context,
        program: rpm,
    };
    let trusted = rpm.package_of(&id)?;
    if present == trusted.is_some() {
        return Ok(answer!({"changed": false}));
    }
    if !present {
        if !context.check {
            for package in trusted.unwrap_or_default() {
                rpm.run(&["--erase", "--allmatches", &package])?;
            }
        }
        return Ok(answer!({"changed": true}));
    }
    let Some(file) = file else {
        return Err(Failure::new("When importing a key, a valid file must be given"));
    };
    verify(context, &gpg, &file)?;
    if !context.check {
        rpm.run(&["--import", &file.to_string_lossy()])?;
    }
    Ok(answer!({"changed": true}))
}

/// Whether a text is a key's id or fingerprint.
fn is_id(text: &str) -> bool {
    let id = normal(text);
    matches!(id.len(), 8 | 16 | 40) && id.bytes().all(|digit| digit.is_ascii_hexdigit())
}

/// An id as it is compared: without spaces and `0x`.
fn normal(text: &str) -> String {
    let id: String = text.split_whitespace().collect::<String>().to_uppercase();
    match id.strip_prefix("0X") {
        Some(id) => id.to_owned(),
        None => id,
    }
}

fn download(context: &Context, url: &str) -> Result<tempfile::NamedTempFile, Failure> {
    let failed = |why: String| Failure::new(format!("failed to fetch key at {url} , error was: {why}"));
    let mut response = Request::of(context, url, TIMEOUT)
        .send(context)
        .map_err(|error| failed(error.to_string()))?;
    if !response.is_success() {
        return Err(failed(format!(
            "HTTP Error {}: {}",
            response.status, response.reason
        )));
    }
    let mut file = tempfile::Builder::new()
        .prefix("key-")
        .tempfile_in(&context.temporary)
        .map_err(|error| Failure::io("making a temporary file", &error))?;
    response.copy_to(context, file.as_file_mut())?;
    let text = std::fs::read(file.path()).unwrap_or_default();
    if String::from_utf8_lossy(&text).contains("-----BEGIN PGP PUBLIC KEY BLOCK-----") {
        return Ok(file);
    }
    Err(Failure::new(format!("Not a public key: {url}")))
}

fn keys(context: &Context, gpg: &Path, file: &Path) -> Result<Vec<Key>, Failure> {
    let (keys, _) = keys_of_file(context, gpg, file)?;
    Ok(keys.into_iter().filter(|key| key.is_primary).collect())
}

fn file_id(context: &Context, gpg: &Path, file: &Path) -> Result<String, Failure> {
    keys(context, gpg, file)?
        .into_iter()
        .next()
        .map(|key| key.id)
        .ok_or_else(|| Failure::new("Unexpected gpg output"))
}

/// A key that is imported must have one of the fingerprints that the call names.
fn verify(context: &Context, gpg: &Path, file: &Path) -> Result<(), Failure> {
    let wanted: Vec<String> = context
        .args
        .list("fingerprint")
        .iter()
        .map(|text| normal(text))
        .collect();
    if wanted.is_empty() {
        return Ok(());
    }
    let found: Vec<String> = keys(context, gpg, file)?
        .into_iter()
        .map(|key| key.fingerprint)
        .collect();
    if wanted.iter().all(|fingerprint| found.contains(fingerprint)) {
        return Ok(());
    }
    Err(Failure::new(format!(
        "The specified fingerprint, '{}', does not match any key fingerprints in '{}'",
        wanted.join(", "),
        found.join(", ")
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
        let output = self.call(arguments)?;
        if output.code == 0 {
            return Ok(output);
        }
        Err(Failure::new(output.stderr.trim_end())
            .with("rc", output.code)
            .with("stdout", output.stdout)
            .with("stderr", output.stderr))
    }

    /// The packages that stand for a trusted key; nothing when it is not trusted. rpm names them by the last eight digits
    /// of the id.
    fn package_of(&self, id: &str) -> Result<Option<Vec<String>>, Failure> {
        let output = self.call(&["-q", "gpg-pubkey"])?;
        if output.code != 0 {
            return Ok(None);
        }
        let short = id[id.len().saturating_sub(8)..].to_lowercase();
        let packages: Vec<String> = output
            .stdout
            .lines()
            .map(str::trim)
            .filter(|package| {
                let mut parts = package.split('-').skip(2);
                parts.next().is_some_and(|version| version.ends_with(&short))
            })
            .map(str::to_owned)
            .collect();
        Ok((!packages.is_empty()).then_some(packages))
    }
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
}
