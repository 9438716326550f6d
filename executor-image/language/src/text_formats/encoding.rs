//! How texts are written as bytes.

use std::borrow::Cow;

/// An encoding of texts, by Python's names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// UTF-8; also what is ASCII.
    Utf8,
    /// UTF-8 after a mark that says so.
    Utf8Marked,
    /// ISO 8859-1 as it is for Python, a character for each byte, and not Windows' like on the web.
    Latin1,
    /// Units of two bytes after a mark that says which is first; the lower one, where it is written.
    Utf16Marked,
    /// Units of two bytes, the lower one first.
    Utf16Little,
    /// Units of two bytes, the higher one first.
    Utf16Big,
    /// Another one, by the tables of the web.
    Other(&'static encoding_rs::Encoding),
}

impl Encoding {
    /// The encoding of this name, if there is one.
    pub fn of(name: &str) -> Option<Self> {
        let plain: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
        Some(match plain.to_lowercase().as_str() {
            "utf8" | "u8" | "ascii" | "usascii" | "646" => Self::Utf8,
            "utf8sig" => Self::Utf8Marked,
            "latin1" | "latin" | "l1" | "iso88591" | "8859" | "cp819" => Self::Latin1,
            "utf16" | "u16" => Self::Utf16Marked,
            "utf16le" => Self::Utf16Little,
            "utf16be" => Self::Utf16Big,
            _ => Self::Other(encoding_rs::Encoding::for_label(
                name.replace('_', "-").as_bytes(),
            )?),
        })
    }

    /// The bytes of a text; nothing if it has a character that the encoding has not.
    pub fn encode(self, text: &str) -> Option<Vec<u8>> {
        Some(match self {
            Self::Utf8 => text.as_bytes().to_vec(),
            Self::Utf8Marked => [UTF_8_MARK, text.as_bytes()].concat(),
            Self::Latin1 => text
                .chars()
                .map(|character| u8::try_from(u32::from(character)).ok())
                .collect::<Option<_>>()?,
            Self::Utf16Marked => [&[0xff, 0xfe], &*Self::Utf16Little.encode(text)?].concat(),
            Self::Utf16Little => text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
            Self::Utf16Big => text.encode_utf16().flat_map(u16::to_be_bytes).collect(),
            Self::Other(encoding) => match encoding.encode(text) {
                (bytes, _, false) => bytes.into_owned(),
                _ => return None,
            },
        })
    }

    /// The text of bytes, if they are one.
    pub fn decode(self, bytes: &[u8]) -> Option<String> {
        let (encoding, bytes) = self.without_mark(bytes);
        match encoding {
            Self::Utf8 | Self::Utf8Marked => std::str::from_utf8(bytes).ok().map(str::to_owned),
            Self::Latin1 => Some(bytes.iter().copied().map(char::from).collect()),
            Self::Utf16Little | Self::Utf16Marked => {
                String::from_utf16(&units(bytes, u16::from_le_bytes)).ok()
            }
            Self::Utf16Big => String::from_utf16(&units(bytes, u16::from_be_bytes)).ok(),
            Self::Other(encoding) => encoding
                .decode_without_bom_handling_and_without_replacement(bytes)
                .map(Cow::into_owned),
        }
    }

    /// The same, with a sign in place of what is no text.
    pub fn decode_leniently(self, bytes: &[u8]) -> String {
        let (encoding, bytes) = self.without_mark(bytes);
        match encoding {
            Self::Utf8 | Self::Utf8Marked => String::from_utf8_lossy(bytes).into_owned(),
            Self::Latin1 => bytes.iter().copied().map(char::from).collect(),
            Self::Utf16Little | Self::Utf16Marked => {
                String::from_utf16_lossy(&units(bytes, u16::from_le_bytes))
            }
            Self::Utf16Big => String::from_utf16_lossy(&units(bytes, u16::from_be_bytes)),
            Self::Other(encoding) => encoding.decode_without_bom_handling(bytes).0.into_owned(),
        }
    }

    /// What says in which order bytes are is no part of the text.
    fn without_mark(self, bytes: &[u8]) -> (Self, &[u8]) {
        match (self, bytes) {
            (Self::Utf8Marked, _) => (Self::Utf8, bytes.strip_prefix(UTF_8_MARK).unwrap_or(bytes)),
            (Self::Utf16Marked, [0xff, 0xfe, text @ ..]) => (Self::Utf16Little, text),
            (Self::Utf16Marked, [0xfe, 0xff, text @ ..]) => (Self::Utf16Big, text),
            _ => (self, bytes),
        }
    }
}

/// The mark at the beginning of a file that is UTF-8.
const UTF_8_MARK: &[u8] = "\u{feff}".as_bytes();

fn units(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Vec<u16> {
    bytes
        .chunks_exact(2)
        .map(|pair| unit([pair[0], pair[1]]))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::Encoding;

    #[test]
    fn the_bytes_of_a_text_are_read_and_written_in_the_encoding_that_is_said() {
        for (name, bytes, text) in [
            ("utf-8", &b"\xc3\xa9"[..], "\u{e9}"),
            ("iso8859-1", b"\xe9\x80", "\u{e9}\u{80}"),
            ("iso-8859-15", b"\xa4", "\u{20ac}"),
            ("windows-1252", b"\x80", "\u{20ac}"),
            ("cp1252", b"\x80", "\u{20ac}"),
            ("utf_16_be", b"\x20\xac", "\u{20ac}"),
            ("utf-16", b"\xff\xfe\xac\x20", "\u{20ac}"),
            ("utf-8-sig", b"\xef\xbb\xbf\xc3\xa9", "\u{e9}"),
        ] {
            let encoding = Encoding::of(name).unwrap();
            assert_eq!(encoding.decode(bytes).as_deref(), Some(text), "{name}");
            assert_eq!(encoding.encode(text).as_deref(), Some(bytes), "{name}");
        }
    }

    #[test]
    fn what_an_encoding_has_not_is_nothing() {
        assert_eq!(Encoding::of("klingon"), None);
        assert_eq!(Encoding::Utf8.decode(b"\xe9"), None);
        assert_eq!(Encoding::Latin1.encode("\u{20ac}"), None);
        assert_eq!(Encoding::of("cp1252").unwrap().encode("\u{3b1}"), None);
    }
}
