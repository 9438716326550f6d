//! Bootstrap tokens, by which a new host joins a cluster.

use std::fmt;

use rand::{TryRng as _, rngs::SysRng};

use crate::TrustError;

const ALPHABET: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";
/// Bytes from here on are thrown away, so that every character is equally likely.
const LARGEST_MULTIPLE: u8 = 252;

/// A bootstrap token in kubeadm's form, `abcdef.0123456789abcdef`: a public id and a secret.
#[derive(Clone, PartialEq, Eq)]
pub struct BootstrapToken {
    /// Six characters that name the token; not secret.
    pub id: String,
    /// Sixteen characters. Secret.
    pub secret: String,
}

impl BootstrapToken {
    /// The whole token, id and secret. Secret.
    pub fn reveal(&self) -> String {
        format!("{}.{}", self.id, self.secret)
    }

    /// Name of the Secret in namespace `kube-system` that makes an API server accept the token.
    pub fn secret_name(&self) -> String {
        format!("bootstrap-token-{}", self.id)
    }

    /// Reads a token as [`Self::reveal`] writes it.
    ///
    /// # Errors
    /// [`TrustError::Read`] where `text` is no bootstrap token; the message does not repeat it.
    pub fn parse(text: &str) -> Result<Self, TrustError> {
        let is_part =
            |part: &str, length| part.len() == length && part.bytes().all(|byte| ALPHABET.contains(&byte));
        match text.trim().split_once('.') {
            Some((id, secret)) if is_part(id, 6) && is_part(secret, 16) => Ok(Self {
                id: id.to_owned(),
                secret: secret.to_owned(),
            }),
            _ => Err(TrustError::Read {
                what: "a bootstrap token",
                reason: "it must be six characters, a dot and sixteen characters, all of a-z and 0-9"
                    .to_owned(),
            }),
        }
    }
}

impl fmt::Debug for BootstrapToken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("BootstrapToken")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// Makes a bootstrap token from the operating system's random numbers.
///
/// # Errors
/// [`TrustError::Random`] where the operating system gives none.
pub fn bootstrap_token() -> Result<BootstrapToken, TrustError> {
    Ok(BootstrapToken {
        id: random_text(6)?,
        secret: random_text(16)?,
    })
}

fn random_text(length: usize) -> Result<String, TrustError> {
    let mut text = String::with_capacity(length);
    let mut bytes = [0_u8; 32];
    while text.len() < length {
        SysRng
            .try_fill_bytes(&mut bytes)
            .map_err(|error| TrustError::Random(error.to_string()))?;
        let characters = bytes
            .iter()
            .filter(|byte| **byte < LARGEST_MULTIPLE)
            .map(|byte| char::from(ALPHABET[usize::from(*byte) % ALPHABET.len()]));
        text.extend(characters.take(length - text.len()));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_has_kubeadms_form_and_is_never_the_same_twice() {
        let (first, second) = (bootstrap_token().unwrap(), bootstrap_token().unwrap());
        assert_eq!(BootstrapToken::parse(&first.reveal()).unwrap(), first);
        assert_ne!(first, second);
    }

    #[test]
    fn the_secret_part_of_a_token_is_not_printed() {
        let token = bootstrap_token().unwrap();
        let printed = format!("{token:?}");
        assert!(
            printed.contains(&token.id) && !printed.contains(&token.secret),
            "{printed}"
        );
        let refused = BootstrapToken::parse("ABCDEF.0123456789abcdef")
            .unwrap_err()
            .to_string();
        assert!(
            refused.contains("sixteen") && !refused.contains("0123456789abcdef"),
            "{refused}"
        );
    }
}
