//! Encodings and hashes.

use base64::Engine as _;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use md5::Md5;
use minijinja::value::ValueKind;
use minijinja::{Error, Value};
use sha1::Sha1;
use sha2::{Digest as _, Sha224, Sha256, Sha384, Sha512};

use super::call::Call;
use crate::text_formats::encoding::Encoding;
use crate::value::python;

pub(super) const FILTERS: super::Table = &[
    ("b64decode", base64_decode),
    ("b64encode", base64_encode),
    ("checksum", |call| digest(call, "sha1")),
    ("hash", hash),
    ("md5", |call| digest(call, "md5")),
    ("sha1", |call| digest(call, "sha1")),
    ("to_uuid", to_uuid),
];

/// The bytes of a value: its own, or those of its text.
fn bytes(value: &Value) -> Vec<u8> {
    match value.as_bytes() {
        Some(bytes) => bytes.to_vec(),
        None => python::to_text(value).into_bytes(),
    }
}

/// The encoding that a filter is told.
fn encoding(call: &Call<'_, '_, '_>) -> Result<Encoding, Error> {
    let [encoding] = call.bind(["encoding"])?;
    let name = encoding.map_or_else(|| "utf-8".to_owned(), |name| python::to_text(&name));
    Encoding::of(&name).ok_or_else(|| call.error(format!("unknown encoding: {name}")))
}

fn base64_encode(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let encoding = encoding(call)?;
    let value = call.value()?;
    // A text has bytes as well.
    let bytes = match value.as_bytes() {
        Some(bytes) if value.kind() == ValueKind::Bytes => bytes.to_vec(),
        _ => encoding
            .encode(&python::to_text(&value))
            .ok_or_else(|| call.error("the text has characters that the encoding has not"))?,
    };
    Ok(Value::from(STANDARD.encode(bytes)))
}

/// As Python's: characters outside of the alphabet are skipped, padding must be complete.
fn base64_decode(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    const LENIENT: GeneralPurpose = GeneralPurpose::new(
        &base64::alphabet::STANDARD,
        GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true),
    );
    let encoding = encoding(call)?;
    let mut clean = bytes(&call.value()?);
    clean.retain(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'='));
    let decoded = LENIENT
        .decode(&clean)
        .map_err(|_| call.error("Incorrect padding: the text is not base64"))?;
    Ok(Value::from(encoding.decode_leniently(&decoded)))
}

fn hash(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let [kind] = call.bind(["hashtype"])?;
    let kind = kind.map_or_else(|| "sha1".to_owned(), |kind| python::to_text(&kind));
    hex_digest(&kind, &bytes(&call.value()?))
        .map(Value::from)
        .ok_or_else(|| call.verbatim(format!("unsupported hash type {kind}")))
}

fn digest(call: &mut Call<'_, '_, '_>, kind: &str) -> Result<Value, Error> {
    let [] = call.bind([])?;
    Ok(Value::from(hex_digest(kind, &bytes(&call.value()?))))
}

fn hex_digest(kind: &str, data: &[u8]) -> Option<String> {
    Some(match kind.to_lowercase().as_str() {
        "md5" => hex::encode(Md5::digest(data)),
        "sha1" => hex::encode(Sha1::digest(data)),
        "sha224" => hex::encode(Sha224::digest(data)),
        "sha256" => hex::encode(Sha256::digest(data)),
        "sha384" => hex::encode(Sha384::digest(data)),
        "sha512" => hex::encode(Sha512::digest(data)),
        _ => return None,
    })
}

/// The namespace of Ansible's UUIDs.
const ANSIBLE_NAMESPACE: &str = "361E6D51-FAEC-444A-9079-341386DA8E2E";

/// A name-based UUID (version 5).
fn to_uuid(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let [namespace] = call.bind(["namespace"])?;
    let namespace = namespace.map_or_else(
        || ANSIBLE_NAMESPACE.to_owned(),
        |namespace| python::to_text(&namespace),
    );
    let space = hex::decode(namespace.replace(['-', '{', '}'], ""))
        .ok()
        .filter(|space| space.len() == 16)
        .ok_or_else(|| {
            call.verbatim(format!(
                "Invalid value '{namespace}' for 'namespace': badly formed hexadecimal UUID string"
            ))
        })?;
    let mut hasher = Sha1::new();
    hasher.update(&space);
    hasher.update(bytes(&call.value()?));
    let mut id: Vec<u8> = hasher.finalize()[..16].to_vec();
    id[6] = (id[6] & 0x0f) | 0x50;
    id[8] = (id[8] & 0x3f) | 0x80;
    let text = hex::encode(id);
    Ok(Value::from(format!(
        "{}-{}-{}-{}-{}",
        &text[..8],
        &text[8..12],
        &text[12..16],
        &text[16..20],
        &text[20..]
    )))
}
