//! Signatures of commits and tags.

use super::checkout::Checkout;
use crate::answer::Failure;

/// Checks the signature of the version.
pub(super) fn verify(checkout: &Checkout<'_>) -> Result<(), Failure> {
    let version = checkout.version;
    let allowed = checkout.context.args.list("gpg_allowlist");
    // A tag without a message of its own has no signature of its own either: its commit's counts.
    let kind = checkout.run(&["cat-file", "-t", &format!("refs/tags/{version}")])?;
    let operation = if kind.code == 0 && kind.stdout.trim() == "tag" {
        "verify-tag"
    } else {
        "verify-commit"
    };
    let mut words = vec![operation, version];
    if !allowed.is_empty() {
        words.push("--raw");
    }
    let output = checkout.run(&words)?;
    let failed = |why: &str| {
        Failure::new(format!(
            "Failed to verify GPG signature of commit/tag \"{version}\"{why}"
        ))
        .with("rc", output.code)
        .with("stdout", output.stdout.clone())
        .with("stderr", output.stderr.clone())
    };
    if output.code != 0 {
        return Err(failed(""));
    }
    if !allowed.is_empty() {
        let fingerprint = fingerprint(&output.stderr).unwrap_or_default();
        if !allowed.iter().any(|known| known == fingerprint) {
            return Err(failed(&format!(
                ": {fingerprint} is not in the list of fingerprints that are allowed"
            )));
        }
    }
    Ok(())
}

/// The fingerprint of the key that signed, as gpg reports it: the last word of its line, which is that of the main key.
fn fingerprint(report: &str) -> Option<&str> {
    report
        .lines()
        .find_map(|line| line.strip_prefix("[GNUPG:] VALIDSIG "))
        .and_then(|line| line.split_whitespace().last())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fingerprint_of_the_main_key_is_read_from_gpgs_report() {
        let report =
            "[GNUPG:] NEWSIG\n[GNUPG:] VALIDSIG SUB 2020-01-01 1577836800 0 4 0 22 10 00 MAIN\n[GNUPG:] X\n";
        assert_eq!(fingerprint(report), Some("MAIN"));
        assert_eq!(fingerprint("[GNUPG:] NEWSIG\n"), None);
    }
}
