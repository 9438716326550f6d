//! Public keys in their armor, read without a program: RFC 4880 and RFC 9580.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest, Sha1};
use sha2::Sha256;

/// The first and the last line of a public key.
const BEGIN: &str = "-----BEGIN PGP PUBLIC KEY BLOCK-----";
const END: &str = "-----END PGP PUBLIC KEY BLOCK-----";

/// Packets that are keys.
const PUBLIC_KEY: u8 = 6;
const PUBLIC_SUBKEY: u8 = 14;

/// What a key is known by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyName {
    /// The long id.
    pub id: String,
    /// The fingerprint, which the id is a part of.
    pub fingerprint: String,
}

/// The main key and its subkeys, in this order, of the first armor in a text; nothing where there is none that can be read.
#[must_use]
pub fn key_names(text: &str) -> Option<Vec<KeyName>> {
    let bytes = bytes(blocks(text).first()?)?;
    let mut names = Vec::new();
    let mut rest = bytes.as_slice();
    while let Some(packet) = Packet::first(rest) {
        if matches!(packet.tag, PUBLIC_KEY | PUBLIC_SUBKEY) {
            names.push(name(packet.body)?);
        }
        rest = packet.rest;
    }
    Some(names)
}

/// Every armor in a text.
#[must_use]
pub fn blocks(text: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut block: Option<String> = None;
    for line in text.lines() {
        let line = line.trim();
        if line == BEGIN {
            block = Some(String::new());
        }
        if let Some(block) = &mut block {
            block.push_str(line);
            block.push('\n');
        }
        if line == END {
            blocks.extend(block.take());
        }
    }
    blocks
}

/// What an armor holds: the lines below its headers, without the checksum.
fn bytes(block: &str) -> Option<Vec<u8>> {
    let body: String = block
        .lines()
        .skip_while(|line| !line.is_empty())
        .take_while(|line| !line.starts_with('=') && *line != END)
        .collect();
    STANDARD.decode(body).ok().filter(|bytes| !bytes.is_empty())
}

/// The name of a key by its packet's body, whose first byte is the version of its format.
fn name(body: &[u8]) -> Option<KeyName> {
    let length = u32::try_from(body.len()).ok()?.to_be_bytes();
    match body.first()? {
        4 => {
            let digest = Sha1::new().chain_update([0x99]).chain_update(&length[2..]);
            let fingerprint = hex::encode_upper(digest.chain_update(body).finalize());
            Some(KeyName {
                id: fingerprint[24..].to_owned(),
                fingerprint,
            })
        }
        6 => {
            let digest = Sha256::new().chain_update([0x9b]).chain_update(length);
            let fingerprint = hex::encode_upper(digest.chain_update(body).finalize());
            Some(KeyName {
                id: fingerprint[..16].to_owned(),
                fingerprint,
            })
        }
        _ => None,
    }
}

/// The first packet of some bytes, and what follows it.
struct Packet<'a> {
    tag: u8,
    body: &'a [u8],
    rest: &'a [u8],
}

impl<'a> Packet<'a> {
    /// Nothing at the end, and where a length is not told as keys tell it.
    fn first(bytes: &'a [u8]) -> Option<Self> {
        let (&head, rest) = bytes.split_first()?;
        let is_new = head & 0x40 != 0;
        let (tag, octets) = if is_new {
            (head & 0x3f, new_length_octets(*rest.first()?)?)
        } else {
            // The low bits tell how many octets the length has; 3 would be a packet without one.
            (head >> 2 & 0x0f, [1, 2, 4].get(usize::from(head & 3)).copied()?)
        };
        let (length, rest) = rest.split_at_checked(octets)?;
        let length = match (is_new, length) {
            (true, [high, low]) => ((usize::from(*high) - 192) << 8) + usize::from(*low) + 192,
            (true, [255, length @ ..]) | (_, length) => length
                .iter()
                .fold(0, |length, octet| length << 8 | usize::from(*octet)),
        };
        let (body, rest) = rest.split_at_checked(length)?;
        Some(Self { tag, body, rest })
    }
}

/// How many octets a new packet's length has, by the first of them.
const fn new_length_octets(first: u8) -> Option<usize> {
    match first {
        0..192 => Some(1),
        192..224 => Some(2),
        224..255 => None,
        255 => Some(5),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = include_str!("../../tests/differential/keys/one.asc");

    #[test]
    fn a_key_and_its_subkey_are_known_by_their_fingerprints() {
        let names = key_names(&format!("A comment.\n{KEY}")).unwrap();
        assert_eq!(names.len(), 2);
        assert_eq!(names[0].fingerprint, "7794E7BD2EE6944780E46B276538BA5A8AC51475");
        assert_eq!(names[0].id, "6538BA5A8AC51475");
        assert_eq!(names[1].fingerprint, "F41CC24A7A0C72ACBA347690FA0B0F6D1D908681");
    }

    #[test]
    fn what_is_no_armored_key_has_no_names() {
        for text in [
            "",
            "nonsense",
            &KEY.replace("mDME", "mD*E"),
            &format!("{BEGIN}\n\n{END}\n"),
        ] {
            assert_eq!(key_names(text), None, "{text}");
        }
    }

    #[test]
    fn lengths_of_packets_are_read_in_every_form() {
        let long = [vec![0xc6, 255, 0, 0, 0, 2], vec![7, 8]].concat();
        let middle = [vec![0xc6, 192, 8], vec![7; 200]].concat();
        let old = [vec![0x99, 0, 2], vec![7, 8]].concat();
        for (bytes, length) in [(&long, 2), (&middle, 200), (&old, 2)] {
            let packet = Packet::first(bytes).unwrap();
            assert_eq!((packet.tag, packet.body.len(), packet.rest.len()), (6, length, 0));
        }
        assert!(Packet::first(&[0xc6, 5, 1]).is_none());
        assert!(Packet::first(&[0x9b, 5, 1]).is_none());
    }
}
