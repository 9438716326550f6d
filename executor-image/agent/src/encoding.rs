//! Encodings of text files. Bytes that are no text in an encoding survive an edit: they stand as characters that no text has.

use crate::answer::Failure;
use crate::context::Context;

/// How a file's characters are written as bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// UTF-8; also what is ASCII.
    Utf8,
    /// ISO 8859-1: a byte a character.
    Latin1,
    /// UTF-16, the lower byte first.
    Utf16Little,
    /// UTF-16, the higher byte first.
    Utf16Big,
    /// Another one, by the tables of the web.
    Other(&'static encoding_rs::Encoding),
}

/// The first of 256 characters of the last private plane that stand for bytes.
const BYTES: u32 = 0x0010_ff00;

impl Encoding {
    /// The encoding that a call asks for; UTF-8 when it does not.
    ///
    /// # Errors
    /// When the name is unknown.
    pub fn of(context: &Context) -> Result<Self, Failure> {
        let Some(name) = context.args.text("encoding") else {
            return Ok(Self::Utf8);
        };
        Self::from_name(name).ok_or_else(|| Failure::new(format!("unknown encoding: {name}")))
    }

    /// The encoding of this name, in any of the ways Python writes it.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        let plain: String = name
            .chars()
            .filter(char::is_ascii_alphanumeric)
            .collect::<String>()
            .to_lowercase();
        Some(match plain.as_str() {
            "utf8" | "u8" | "ascii" | "usascii" | "646" => Self::Utf8,
            "latin1" | "latin" | "l1" | "iso88591" | "8859" | "cp819" => Self::Latin1,
            "utf16" | "utf16le" | "u16" => Self::Utf16Little,
            "utf16be" => Self::Utf16Big,
            _ => return encoding_rs::Encoding::for_label(name.as_bytes()).map(Self::Other),
        })
    }

    /// The text of bytes, if they are one.
    #[must_use]
    pub fn decode_strictly(self, bytes: &[u8]) -> Option<String> {
        match self {
            Self::Utf8 => std::str::from_utf8(bytes).ok().map(str::to_owned),
            Self::Other(encoding) => encoding
                .decode_without_bom_handling_and_without_replacement(bytes)
                .map(std::borrow::Cow::into_owned),
            other => Some(other.decode(bytes)),
        }
    }

    /// The text of bytes.
    #[must_use]
    pub fn decode(self, bytes: &[u8]) -> String {
        match self {
            Self::Utf8 => decode_utf8(bytes),
            Self::Latin1 => bytes.iter().map(|byte| char::from(*byte)).collect(),
            Self::Utf16Little | Self::Utf16Big => {
                let units: Vec<u16> = bytes
                    .chunks(2)
                    .map(|pair| {
                        let pair = [pair[0], pair.get(1).copied().unwrap_or(0)];
                        if self == Self::Utf16Little {
                            u16::from_le_bytes(pair)
                        } else {
                            u16::from_be_bytes(pair)
                        }
                    })
                    .collect();
                String::from_utf16_lossy(&units)
            }
            Self::Other(encoding) => encoding.decode_without_bom_handling(bytes).0.into_owned(),
        }
    }

    /// The bytes of a text.
    ///
    /// # Errors
    /// When a character is not in the encoding.
    pub fn encode(self, text: &str) -> Result<Vec<u8>, Failure> {
        match self {
            Self::Utf8 => Ok(encode_utf8(text)),
            Self::Latin1 => text
                .chars()
                .map(|character| {
                    u8::try_from(u32::from(character)).map_err(|_| {
                        Failure::new(format!(
                            "the character {character:?} is not in the encoding latin-1"
                        ))
                    })
                })
                .collect(),
            Self::Utf16Little => Ok(text.encode_utf16().flat_map(u16::to_le_bytes).collect()),
            Self::Utf16Big => Ok(text.encode_utf16().flat_map(u16::to_be_bytes).collect()),
            Self::Other(encoding) => match encoding.encode(text) {
                (bytes, _, false) => Ok(bytes.into_owned()),
                _ => Err(Failure::new(format!(
                    "the text has characters that are not in the encoding {}",
                    encoding.name()
                ))),
            },
        }
    }
}

fn decode_utf8(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(
            chunk
                .invalid()
                .iter()
                .filter_map(|byte| char::from_u32(BYTES + u32::from(*byte))),
        );
    }
    text
}

fn encode_utf8(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    for character in text.chars() {
        match u32::from(character).checked_sub(BYTES).map(u8::try_from) {
            Some(Ok(byte)) => bytes.push(byte),
            _ => bytes.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_are_no_text_survive() {
        let bytes = b"a\xe9b\n\xff\xc3\xa9";
        let text = Encoding::Utf8.decode(bytes);
        assert!(text.ends_with('\u{e9}') && text.starts_with('a'));
        assert_eq!(Encoding::Utf8.encode(&text).unwrap(), bytes);
    }

    #[test]
    fn text_is_read_and_written_in_every_encoding() {
        for (name, bytes) in [
            ("latin-1", &b"\xe4"[..]),
            ("UTF-16-LE", b"\xe4\x00"),
            ("utf_16_be", b"\x00\xe4"),
            ("utf8", b"\xc3\xa4"),
            ("cp1252", b"\xe4"),
        ] {
            let encoding = Encoding::from_name(name).unwrap();
            assert_eq!(encoding.decode(bytes), "\u{e4}", "{name}");
            assert_eq!(encoding.encode("\u{e4}").unwrap(), bytes, "{name}");
        }
        assert_eq!(
            Encoding::from_name("gbk").unwrap().decode(b"\xc4\xe3\xba\xc3"),
            "\u{4f60}\u{597d}"
        );
        assert!(Encoding::Utf8.decode_strictly(b"\xc4\xe3").is_none());
        assert!(Encoding::from_name("klingon").is_none());
        assert!(Encoding::Latin1.encode("\u{20ac}").is_err());
    }
}
