//! `password_hash`: what `/etc/shadow` holds; `vault` and `unvault`: what ansible-vault encrypts.

use base64::Engine as _;
use base64::alphabet::BCRYPT;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use md5::Md5;
use minijinja::{Error, Value};
use sha2::Digest as _;
use slipway_vault::{VaultSecrets, is_encrypted};

use super::call::{Call, flag};
use super::text::whole;
use crate::template::undefined::defined;
use crate::value::mersenne::Chance;
use crate::value::python;
use crate::value::vault::{wrap as wrap_encrypted, wrapped};

pub(super) const FILTERS: super::Table = &[
    ("password_hash", password_hash),
    ("unvault", unvault),
    ("vault", vault),
];

const SALT_LETTERS: &[u8] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// How a kind of hash is made.
struct Algorithm {
    /// What stands between the first two `$`.
    ident: &'static str,
    salt_length: usize,
    rounds: Option<u32>,
}

fn algorithm(name: &str) -> Option<Algorithm> {
    let (ident, salt_length, rounds) = match name {
        "md5" | "md5_crypt" => ("1", 8, None),
        "blowfish" | "bcrypt" => ("2b", 22, Some(12)),
        "sha256" | "sha256_crypt" => ("5", 16, Some(535_000)),
        "sha512" | "sha512_crypt" => ("6", 16, Some(656_000)),
        _ => return None,
    };
    Some(Algorithm {
        ident,
        salt_length,
        rounds,
    })
}

fn password_hash(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let [kind, salt, salt_size, rounds, ident] =
        call.bind(["hashtype", "salt", "salt_size", "rounds", "ident"])?;
    let kind = kind.map_or_else(|| "sha512".to_owned(), |kind| python::to_text(&kind));
    let password = call.only_text()?;
    let given = |argument: Option<Value>| argument.filter(|value| !value.is_none());
    let salt = if let Some(salt) = given(salt) {
        python::to_text(defined(&salt)?)
    } else {
        let size = match given(salt_size) {
            Some(size) => usize::try_from(whole(call, Some(&size), 16)?).ok(),
            None => salt_length(&kind),
        };
        random_salt(size.unwrap_or(0))
    };
    let rounds = match given(rounds) {
        Some(rounds) => {
            Some(u32::try_from(whole(call, Some(&rounds), 0)?).map_err(|error| call.error(error))?)
        }
        None => None,
    };
    let ident = given(ident).map(|ident| python::to_text(&ident));
    hash_password(&password, &kind, &salt, rounds, ident.as_deref())
        .map(Value::from)
        .map_err(|message| call.verbatim(message))
}

/// Kinds of hashes that passlib knows and nothing here makes. Ansible refuses most of them in other words than names that nobody
/// knows.
const OTHERS: &[&str] = &[
    "apr_md5_crypt",
    "argon2",
    "bcrypt_sha256",
    "bigcrypt",
    "bsd_nthash",
    "bsdi_crypt",
    "cisco_asa",
    "cisco_pix",
    "cisco_type7",
    "crypt16",
    "des_crypt",
    "fshp",
    "hex_md4",
    "hex_md5",
    "hex_sha1",
    "hex_sha256",
    "hex_sha512",
    "htdigest",
    "lmhash",
    "msdcc",
    "msdcc2",
    "mssql2000",
    "mssql2005",
    "mysql323",
    "mysql41",
    "nthash",
    "oracle10",
    "oracle11",
    "pbkdf2_sha1",
    "pbkdf2_sha256",
    "pbkdf2_sha512",
    "phpass",
    "plaintext",
    "postgres_md5",
    "scram",
    "scrypt",
    "sha1_crypt",
    "sun_md5_crypt",
];

/// The hash of a password.
pub(crate) fn hash_password(
    password: &str,
    kind: &str,
    salt: &str,
    rounds: Option<u32>,
    ident: Option<&str>,
) -> Result<String, String> {
    let algorithm = algorithm(kind).ok_or_else(|| {
        if OTHERS.contains(&kind) {
            format!(
                "{kind} is not in the list of supported passlib algorithms: md5, blowfish, sha256, sha512"
            )
        } else {
            format!("passlib does not support '{kind}' algorithm")
        }
    })?;
    if !salt.bytes().all(|byte| SALT_LETTERS.contains(&byte)) {
        return Err("invalid characters in salt".into());
    }
    let is_bcrypt = algorithm.ident.starts_with('2');
    if salt.len() > algorithm.salt_length || (is_bcrypt && salt.len() != algorithm.salt_length) {
        return Err(format!(
            "invalid salt size supplied ({}), expected {}",
            salt.len(),
            algorithm.salt_length
        ));
    }
    let rounds = rounds.or(algorithm.rounds);
    match algorithm.ident {
        "1" => Ok(md5_crypt(password.as_bytes(), salt.as_bytes())),
        "2b" => bcrypt_hash(
            password.as_bytes(),
            salt,
            rounds.unwrap_or(12),
            ident.unwrap_or("2b"),
        ),
        ident => sha_crypt_hash(ident, password.as_bytes(), salt, rounds.unwrap_or(5000)),
    }
}

/// The hash of what somebody was asked for, as `vars_prompt` makes it: `kind` is a name of passlib's, such as `sha512_crypt`. Without a
/// salt one is drawn, of `salt_size` letters or as many as the kind of hash takes.
///
/// # Errors
/// When there is no such kind of hash, or the salt does not suit it.
pub fn encrypt_password(
    password: &str,
    kind: &str,
    salt: Option<&str>,
    salt_size: Option<usize>,
) -> Result<String, String> {
    let size = salt_length(kind)
        .filter(|_| kind.ends_with("crypt"))
        .ok_or_else(|| {
            format!(
                "'{kind}' is no way to encrypt: it may be bcrypt, md5_crypt, sha256_crypt or sha512_crypt"
            )
        })?;
    let salt = match salt.filter(|salt| !salt.is_empty()) {
        Some(salt) => salt.to_owned(),
        None => random_salt(salt_size.unwrap_or(size)),
    };
    hash_password(password, kind, &salt, None, None)
}

/// How long the salt of a kind of hash is.
pub(crate) fn salt_length(kind: &str) -> Option<usize> {
    algorithm(kind).map(|algorithm| algorithm.salt_length)
}

pub(crate) fn random_salt(size: usize) -> String {
    let mut chance = Chance::new(None);
    (0..size)
        .map(|_| char::from(SALT_LETTERS[chance.index(SALT_LETTERS.len())]))
        .collect()
}

fn sha_crypt_hash(ident: &str, password: &[u8], salt: &str, rounds: u32) -> Result<String, String> {
    let parameters = sha_crypt::Params::new(rounds)
        .map_err(|_| format!("{rounds} rounds are too few or too many: 1000 to 999999999 are possible"))?;
    let encoded = if ident == "5" {
        let digest = sha_crypt::sha256_crypt(password, salt.as_bytes(), parameters);
        encode(&digest, &SHA256_ORDER)
    } else {
        let digest = sha_crypt::sha512_crypt(password, salt.as_bytes(), parameters);
        encode(&digest, &sha512_order())
    };
    // The usual number of rounds is not written.
    let shown = if rounds == 5000 {
        String::new()
    } else {
        format!("rounds={rounds}$")
    };
    Ok(format!("${ident}${shown}{salt}${encoded}"))
}

/// In which order crypt's text takes the bytes of a hash, three at a time, the highest first.
const SHA256_ORDER: [&[usize]; 11] = [
    &[0, 10, 20],
    &[21, 1, 11],
    &[12, 22, 2],
    &[3, 13, 23],
    &[24, 4, 14],
    &[15, 25, 5],
    &[6, 16, 26],
    &[27, 7, 17],
    &[18, 28, 8],
    &[9, 19, 29],
    &[31, 30],
];
const MD5_ORDER: [&[usize]; 6] = [
    &[0, 6, 12],
    &[1, 7, 13],
    &[2, 8, 14],
    &[3, 9, 15],
    &[4, 10, 5],
    &[11],
];

fn sha512_order() -> Vec<Vec<usize>> {
    // Each group is the one before with every place 22 further in a ring, turned by one.
    (0..21)
        .map(|group| {
            let places = [group, group + 21, group + 42];
            let turn = group % 3;
            (0..3).map(|index| places[(index + turn) % 3]).collect()
        })
        .chain([vec![63]])
        .collect()
}

fn encode<Group: AsRef<[usize]>>(digest: &[u8], order: &[Group]) -> String {
    let mut text = String::new();
    for group in order {
        let group = group.as_ref();
        let mut bits = group
            .iter()
            .fold(0_u32, |bits, place| bits << 8 | u32::from(digest[*place]));
        for _ in 0..=group.len() {
            text.push(char::from(SALT_LETTERS[(bits & 63) as usize]));
            bits >>= 6;
        }
    }
    text
}

fn bcrypt_hash(password: &[u8], salt: &str, rounds: u32, ident: &str) -> Result<String, String> {
    const ENGINE: GeneralPurpose = GeneralPurpose::new(
        &BCRYPT,
        GeneralPurposeConfig::new()
            .with_decode_allow_trailing_bits(true)
            .with_decode_padding_mode(DecodePaddingMode::RequireNone),
    );
    let version = match ident {
        "2a" => bcrypt::Version::TwoA,
        "2b" => bcrypt::Version::TwoB,
        "2y" => bcrypt::Version::TwoY,
        other => return Err(format!("bcrypt has no ident '{other}', only 2a, 2b, 2y")),
    };
    let raw: [u8; 16] = ENGINE
        .decode(salt)
        .ok()
        .and_then(|raw| raw.try_into().ok())
        .ok_or("the salt cannot be read")?;
    bcrypt::hash_with_salt(password, rounds, raw)
        .map(|parts| parts.format_for_version(version))
        .map_err(|error| format!("the password cannot be hashed: {error}"))
}

/// The hash of FreeBSD's crypt, `$1$`.
fn md5_crypt(password: &[u8], salt: &[u8]) -> String {
    let inner = Md5::digest([password, salt, password].concat());
    let mut outer = Md5::new();
    outer.update(password);
    outer.update(b"$1$");
    outer.update(salt);
    for chunk in password.chunks(16) {
        outer.update(&inner[..chunk.len()]);
    }
    let mut length = password.len();
    while length > 0 {
        outer.update(if length & 1 == 1 { &[0][..] } else { &password[..1] });
        length >>= 1;
    }
    let mut digest = outer.finalize();
    for round in 0..1000 {
        let mut next = Md5::new();
        if round % 2 == 1 {
            next.update(password);
        } else {
            next.update(digest);
        }
        if round % 3 > 0 {
            next.update(salt);
        }
        if round % 7 > 0 {
            next.update(password);
        }
        if round % 2 == 1 {
            next.update(digest);
        } else {
            next.update(password);
        }
        digest = next.finalize();
    }
    format!(
        "$1${}${}",
        String::from_utf8_lossy(salt),
        encode(&digest, &MD5_ORDER)
    )
}

/// What the password of `vault` and `unvault` is called if nothing is said.
const DEFAULT_LABEL: &str = "filter_default";

/// The password of `vault` and `unvault`.
fn secret(call: &Call<'_, '_, '_>, argument: Option<&Value>) -> Result<String, Error> {
    let argument = argument.ok_or_else(|| call.error("a secret is needed"))?;
    match defined(argument)?.as_str() {
        Some(text) => Ok(text.to_owned()),
        None => Err(call.wrong_type(format!(
            "Secret passed is required to be {} string, instead we got: <class '{}'>",
            if call.name == "vault" { "a" } else { "as" },
            python::type_name(argument)
        ))),
    }
}

/// The input, which must be text.
fn data(call: &Call<'_, '_, '_>) -> Result<String, Error> {
    let value = call.value()?;
    let encrypted = wrapped(&value).filter(|_| call.name == "unvault");
    match value.as_str().or(encrypted) {
        Some(text) => Ok(text.to_owned()),
        None => Err(call.wrong_type(format!(
            "{}, instead we got: <class '{}'>",
            if call.name == "vault" {
                "Can only vault strings"
            } else {
                "Vault should be in the form of a string"
            },
            python::type_name(&value)
        ))),
    }
}

/// What the password is called; `vaultid` is an older name of `vault_id`.
fn label(id: Option<Value>, old_id: Option<Value>) -> String {
    let given = [id, old_id].into_iter().flatten();
    let given = given
        .map(|id| python::to_text(&id))
        .find(|id| id != DEFAULT_LABEL && id != "None");
    given.unwrap_or_else(|| DEFAULT_LABEL.to_owned())
}

fn vault(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let [password, salt, id, wrap, old_id] =
        call.bind(["secret", "salt", "vault_id", "wrap_object", "vaultid"])?;
    let password = secret(call, password.as_ref())?;
    let id = label(id, old_id);
    let mut secrets = VaultSecrets::new();
    let failed = |error| call.verbatim(format!("Unable to encrypt: {error}"));
    secrets.add(&id, password.as_bytes()).map_err(failed)?;
    let data = data(call)?;
    let encrypted = match salt.filter(|salt| !salt.is_none()) {
        Some(salt) => secrets.encrypt_with_salt(&id, data.as_bytes(), python::to_text(&salt).as_bytes()),
        None => secrets.encrypt(&id, data.as_bytes()),
    };
    let encrypted = encrypted.map_err(failed)?;
    Ok(if flag(wrap.as_ref(), false)? {
        wrap_encrypted(encrypted)
    } else {
        Value::from(encrypted)
    })
}

fn unvault(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let [password, id, old_id] = call.bind(["secret", "vault_id", "vaultid"])?;
    let password = secret(call, password.as_ref())?;
    let data = data(call)?;
    if !is_encrypted(data.as_bytes()) {
        return Ok(Value::from(data));
    }
    let id = label(id, old_id);
    let mut secrets = VaultSecrets::new();
    let failed = |error| call.verbatim(format!("Unable to decrypt: {error}"));
    secrets.add(&id, password.as_bytes()).map_err(failed)?;
    let plain = secrets.decrypt(data.as_bytes()).map_err(failed)?;
    Ok(Value::from(String::from_utf8_lossy(&plain).into_owned()))
}
