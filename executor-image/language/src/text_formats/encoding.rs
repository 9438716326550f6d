//! Texts in encodings other than UTF-8.

use encoding_rs::Encoding;

/// Why bytes were not read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// There is no encoding of this name.
    Unknown,
    /// The bytes are no text in it.
    NoText,
}

/// The text of bytes. ISO 8859-1 is what it is for Python, a character for each byte, and not Windows' like on the web.
pub(crate) fn decode(bytes: &[u8], name: &str) -> Result<String, Fault> {
    let plain: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
    match plain.to_lowercase().as_str() {
        "utf8" | "u8" => String::from_utf8(bytes.to_vec()).map_err(|_| Fault::NoText),
        "latin1" | "latin" | "l1" | "iso88591" | "8859" | "cp819" => {
            Ok(bytes.iter().map(|byte| char::from(*byte)).collect())
        }
        _ => {
            let encoding = Encoding::for_label(name.replace('_', "-").as_bytes()).ok_or(Fault::Unknown)?;
            encoding
                .decode_without_bom_handling_and_without_replacement(bytes)
                .map(std::borrow::Cow::into_owned)
                .ok_or(Fault::NoText)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Fault, decode};

    #[test]
    fn the_bytes_of_a_text_are_read_in_the_encoding_that_is_said() {
        assert_eq!(decode(b"\xc3\xa9", "utf-8").as_deref(), Ok("\u{e9}"));
        assert_eq!(decode(b"\xe9\x80", "iso8859-1").as_deref(), Ok("\u{e9}\u{80}"));
        assert_eq!(decode(b"\xa4", "iso-8859-15").as_deref(), Ok("\u{20ac}"));
        assert_eq!(decode(b"\xe9", "utf-8"), Err(Fault::NoText));
        assert_eq!(decode(b"x", "klingon"), Err(Fault::Unknown));
    }
}
