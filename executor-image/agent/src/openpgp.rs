//! What gpg says of a file of public keys.

pub mod armor;

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::answer::Failure;
use crate::context::Context;
use crate::process::{Output, Process};

/// A key or a subkey of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// Whether it is a main key, not a subkey.
    pub is_primary: bool,
    /// The long id: the last 16 digits of the fingerprint.
    pub id: String,
    /// The fingerprint; empty where gpg does not tell it.
    pub fingerprint: String,
    /// Whether its time is over.
    pub has_expired: bool,
}

/// The keys of a file, which are not imported.
///
/// # Errors
/// When gpg is not there. A file that holds no key has none.
pub fn keys_of_file(context: &Context, program: &Path, file: &Path) -> Result<(Vec<Key>, Output), Failure> {
    let home = tempfile::Builder::new()
        .prefix("gpg-")
        .permissions(std::fs::Permissions::from_mode(0o700))
        .tempdir_in(&context.temporary)
        .map_err(|error| Failure::io("making a temporary directory", &error))?;
    let output = Process::tool(context, &program.to_string_lossy())
        .environment("GNUPGHOME", &home.path().to_string_lossy())
        .args([
            "--no-tty",
            "--batch",
            "--quiet",
            "--with-colons",
            "--fixed-list-mode",
            "--with-fingerprint",
            "--with-subkey-fingerprint",
            "--show-keys",
        ])
        .arg(file)
        .run()?;
    let keys = parse(&output.stdout);
    Ok((keys, output))
}

/// Reads gpg's list with colons.
#[must_use]
pub fn parse(list: &str) -> Vec<Key> {
    let mut keys: Vec<Key> = Vec::new();
    for line in list.lines() {
        let fields: Vec<&str> = line.split(':').collect();
        match fields.as_slice() {
            [kind @ ("pub" | "sub"), validity, _, _, id, ..] => keys.push(Key {
                is_primary: *kind == "pub",
                id: (*id).to_owned(),
                fingerprint: String::new(),
                has_expired: *validity == "e",
            }),
            ["fpr", .., fingerprint, _] => {
                if let Some(key) = keys.last_mut().filter(|key| key.fingerprint.is_empty()) {
                    (*fingerprint).clone_into(&mut key.fingerprint);
                }
            }
            _ => {}
        }
    }
    keys
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_subkeys_are_read_from_gpgs_list() {
        let list = "\
pub:e:255:22:AC46D653C0E0ED55:1577836800:::-:::scESC::::::23::0:
fpr:::::::::0123456789ABCDEF01234567AC46D653C0E0ED55:
uid:-::::1577836800::HASH::someone:::::::::
sub:-:255:18:1111111111111111:1577836800:::::e::::::23:
fpr:::::::::0123456789ABCDEF012345671111111111111111:
";
        let keys = parse(list);
        assert_eq!(keys.len(), 2);
        assert!(keys[0].is_primary && !keys[1].is_primary);
        assert!(keys[0].has_expired && !keys[1].has_expired);
        assert_eq!(keys[0].id, "AC46D653C0E0ED55");
        assert_eq!(keys[1].fingerprint, "0123456789ABCDEF012345671111111111111111");
    }
}
