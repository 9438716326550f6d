//! Why something encrypted cannot be read or written.

/// Why something encrypted cannot be read or written. Never holds a password or a decrypted text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VaultError {
    /// There is no password at all.
    #[error(
        "Attempting to decrypt but no vault secrets found: it is encrypted with ansible-vault, give its password with --vault-password-file or --vault-id"
    )]
    NoSecrets,
    /// No password fits.
    #[error("Decryption failed (no vault secrets were found that could decrypt; tried: {tried})")]
    WrongPassword {
        /// The ids of the passwords that were tried.
        tried: String,
    },
    /// The text is no vault text, or a damaged one.
    #[error("it is no valid ansible-vault text: {0}")]
    Malformed(&'static str),
    /// Another version or cipher than 1.1 or 1.2 with AES256.
    #[error(
        "ansible-vault's format {version} with {cipher} is not supported: only 1.1 and 1.2 with AES256 are"
    )]
    Unsupported {
        /// The version that the first line names.
        version: String,
        /// The cipher that the first line names.
        cipher: String,
    },
    /// A password is empty.
    #[error("the password for the vault id '{0}' is empty")]
    EmptyPassword(String),
    /// Encrypting asks for an id that has no password.
    #[error("there is no vault password with the id '{0}'")]
    UnknownId(String),
    /// A vault id that the first line of a text cannot hold.
    #[error("'{0}' cannot be a vault id: it may hold neither ';' nor a newline")]
    InvalidId(String),
}
