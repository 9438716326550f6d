//! Passwords by vault id.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use zeroize::Zeroizing;

use crate::envelope::{Envelope, is_encrypted};
use crate::{VaultError, cipher};

/// The id of a password that was given without one.
pub const DEFAULT_ID: &str = "default";
const SALT_LENGTH: usize = 32;

struct Secret {
    id: String,
    password: Zeroizing<Vec<u8>>,
}

/// Passwords by vault id, in the order in which they were given. Cheap to clone; the passwords are wiped from memory
/// with the last clone.
#[derive(Clone, Default)]
pub struct VaultSecrets {
    secrets: Arc<Vec<Arc<Secret>>>,
    match_ids: bool,
}

impl fmt::Debug for VaultSecrets {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_list().entries(self.ids()).finish()
    }
}

impl VaultSecrets {
    /// No passwords.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a password. Blanks and newlines around it do not count, as in Ansible. `id` is [`DEFAULT_ID`] for one
    /// that was given without an id; several passwords may have one id.
    pub fn add(&mut self, id: &str, password: &[u8]) -> Result<(), VaultError> {
        if id.contains([';', '\n']) {
            return Err(VaultError::InvalidId(id.to_owned()));
        }
        let password = password.trim_ascii();
        if password.is_empty() {
            return Err(VaultError::EmptyPassword(id.to_owned()));
        }
        Arc::make_mut(&mut self.secrets).push(Arc::new(Secret {
            id: id.to_owned(),
            password: Zeroizing::new(password.to_vec()),
        }));
        Ok(())
    }

    /// Only passwords with the id that a text names are tried (Ansible's setting `DEFAULT_VAULT_ID_MATCH`). Without
    /// this they are tried first, and then all others.
    pub fn match_ids(&mut self, only: bool) {
        self.match_ids = only;
    }

    /// Whether there is no password.
    pub fn is_empty(&self) -> bool {
        self.secrets.is_empty()
    }

    /// The ids, in the order in which they were given.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.secrets.iter().map(|secret| secret.id.as_str())
    }

    /// The text inside an encrypted one.
    pub fn decrypt(&self, data: &[u8]) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        self.open(data).map(|opened| opened.plain)
    }

    /// The text inside an encrypted one, and what it takes to encrypt it again in the same way.
    pub fn open(&self, data: &[u8]) -> Result<Opened, VaultError> {
        let envelope = Envelope::parse(data)?;
        if self.is_empty() {
            return Err(VaultError::NoSecrets);
        }
        let wanted = envelope.id.as_deref().unwrap_or(DEFAULT_ID);
        let (fitting, others): (Vec<_>, Vec<_>) = self.secrets.iter().partition(|secret| secret.id == wanted);
        let tried = if self.match_ids {
            fitting
        } else {
            [fitting, others].concat()
        };
        let found = tried.iter().find_map(|secret| {
            let plain = cipher::decrypt(&envelope.body, &secret.password)?;
            Some((plain, Arc::clone(secret)))
        });
        let (plain, secret) = found.ok_or_else(|| VaultError::WrongPassword {
            tried: tried
                .iter()
                .map(|secret| secret.id.as_str())
                .collect::<Vec<_>>()
                .join(", "),
        })?;
        Ok(Opened {
            plain,
            key: VaultKey {
                id: wanted.to_owned(),
                secret,
            },
        })
    }

    /// The content of a file that may be encrypted.
    pub fn reveal<'data>(&self, data: &'data [u8]) -> Result<Cow<'data, [u8]>, VaultError> {
        if is_encrypted(data) {
            Ok(Cow::Owned(self.decrypt(data)?.to_vec()))
        } else {
            Ok(Cow::Borrowed(data))
        }
    }

    /// The first password that has the id, for encrypting.
    pub fn key(&self, id: &str) -> Result<VaultKey, VaultError> {
        let secret = self
            .secrets
            .iter()
            .find(|secret| secret.id == id)
            .ok_or_else(|| VaultError::UnknownId(id.to_owned()))?;
        Ok(VaultKey {
            id: id.to_owned(),
            secret: Arc::clone(secret),
        })
    }

    /// Encrypts with the first password that has the id. The outcome names the id unless it is [`DEFAULT_ID`].
    pub fn encrypt(&self, id: &str, plain: &[u8]) -> Result<String, VaultError> {
        self.key(id)?.encrypt(plain)
    }

    /// As [`encrypt`](Self::encrypt) with a salt of one's own, which makes the outcome the same each time.
    pub fn encrypt_with_salt(&self, id: &str, plain: &[u8], salt: &[u8]) -> Result<String, VaultError> {
        self.key(id)?.encrypt_with_salt(plain, salt)
    }
}

/// A text that was encrypted.
pub struct Opened {
    /// The text.
    pub plain: Zeroizing<Vec<u8>>,
    /// The password that fitted, with the id that the text names.
    pub key: VaultKey,
}

/// A password that encrypts, and the id that the outcome names.
#[derive(Clone)]
pub struct VaultKey {
    id: String,
    secret: Arc<Secret>,
}

impl fmt::Debug for VaultKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("VaultKey")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

impl VaultKey {
    /// Encrypts; the outcome names the id unless it is [`DEFAULT_ID`].
    pub fn encrypt(&self, plain: &[u8]) -> Result<String, VaultError> {
        let mut salt = [0; SALT_LENGTH];
        rand::fill(&mut salt);
        self.encrypt_with_salt(plain, &salt)
    }

    /// As [`encrypt`](Self::encrypt) with a salt of one's own, which makes the outcome the same each time.
    pub fn encrypt_with_salt(&self, plain: &[u8], salt: &[u8]) -> Result<String, VaultError> {
        let body = cipher::encrypt(plain, &self.secret.password, salt)
            .ok_or(VaultError::Malformed("its keys cannot be made"))?;
        let id = (self.id != DEFAULT_ID).then(|| self.id.clone());
        Ok(Envelope { id, body }.text())
    }
}
