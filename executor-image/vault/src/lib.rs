//! What ansible-vault encrypts: read and written with the same passwords, in the same format (1.1 and 1.2, AES256).
//!
//! [`VaultSecrets`] holds the passwords, each under an id. [`VaultSecrets::decrypt`] tries those that fit;
//! [`VaultSecrets::reveal`] leaves alone what is not encrypted. No error and no `Debug` output shows a password or a
//! decrypted text.

mod cipher;
mod envelope;
mod error;
mod secrets;

pub use envelope::{Envelope, is_encrypted};
pub use error::VaultError;
pub use secrets::{DEFAULT_ID, Opened, VaultKey, VaultSecrets};
