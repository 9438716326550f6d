//! The cipher AES256 of ansible-vault: keys from PBKDF2 with HMAC-SHA256, AES in counter mode, HMAC-SHA256 over the outcome.

use aes::Aes256;
use aes::cipher::{KeyIvInit, StreamCipher};
use ctr::Ctr128BE;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::envelope::Body;

const ROUNDS: u32 = 10_000;
/// Ansible pads to whole blocks, though counter mode does not need it.
const BLOCK: u8 = 16;

/// The keys made of a password and a salt: for the cipher, for the checksum, and the first counter.
struct Keys(Zeroizing<[u8; 80]>);

impl Keys {
    fn new(password: &[u8], salt: &[u8]) -> Self {
        let mut keys = Zeroizing::new([0; 80]);
        pbkdf2::pbkdf2_hmac::<Sha256>(password, salt, ROUNDS, keys.as_mut_slice());
        Self(keys)
    }

    /// Encrypts and decrypts: in counter mode both are the same.
    fn apply(&self, data: &mut [u8]) -> Option<()> {
        Ctr128BE::<Aes256>::new_from_slices(&self.0[..32], &self.0[64..])
            .ok()?
            .apply_keystream(data);
        Some(())
    }

    fn checksum(&self, data: &[u8]) -> Option<Hmac<Sha256>> {
        let mut checksum = Hmac::<Sha256>::new_from_slice(&self.0[32..64]).ok()?;
        checksum.update(data);
        Some(checksum)
    }
}

/// The decrypted text; nothing if the password is not the one it was encrypted with.
pub(crate) fn decrypt(body: &Body, password: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let keys = Keys::new(password, &body.salt);
    keys.checksum(&body.encrypted)?
        .verify_slice(&body.checksum)
        .ok()?;
    let mut data = Zeroizing::new(body.encrypted.clone());
    keys.apply(&mut data)?;
    let padding = usize::from(*data.last()?);
    if padding == 0 || padding > usize::from(BLOCK) {
        return None;
    }
    let length = data.len().checked_sub(padding)?;
    data.truncate(length);
    Some(data)
}

/// The encrypted text.
pub(crate) fn encrypt(plain: &[u8], password: &[u8], salt: &[u8]) -> Option<Body> {
    let keys = Keys::new(password, salt);
    let padding = BLOCK - u8::try_from(plain.len() % usize::from(BLOCK)).ok()?;
    // Made with its full size at once: growing would leave copies of the plain text behind.
    let mut encrypted = Vec::with_capacity(plain.len() + usize::from(padding));
    encrypted.extend_from_slice(plain);
    encrypted.extend(std::iter::repeat_n(padding, usize::from(padding)));
    keys.apply(&mut encrypted)?;
    let checksum = keys.checksum(&encrypted)?.finalize().into_bytes().to_vec();
    Some(Body {
        salt: salt.to_vec(),
        checksum,
        encrypted,
    })
}
