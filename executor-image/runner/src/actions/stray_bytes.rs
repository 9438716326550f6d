//! Bytes that are no UTF-8, kept through a template: old files in Latin-1 have them. On the way each is one of the last private
//! characters.

use slipway_language::Encoding;

/// The character of the byte 0; the last one is that of 255.
const FIRST: u32 = 0x10_ff00;

/// The text of the bytes, with a private character for each byte that belongs to none.
pub(super) fn decode(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|error| {
        let mut text = String::new();
        for chunk in error.as_bytes().utf8_chunks() {
            text.push_str(chunk.valid());
            let stray = chunk.invalid().iter().map(|byte| FIRST + u32::from(*byte));
            text.extend(stray.filter_map(char::from_u32));
        }
        text
    })
}

/// The bytes of the text in an encoding, stray ones as they were; nothing if the encoding lacks a character.
pub(super) fn encode(text: &str, encoding: Encoding) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut rest = text;
    while let Some((at, character)) = rest.char_indices().find(|(_, one)| stray(*one).is_some()) {
        bytes.extend(encoding.encode(&rest[..at])?);
        bytes.extend(stray(character));
        rest = &rest[at + character.len_utf8()..];
    }
    bytes.extend(encoding.encode(rest)?);
    Some(bytes)
}

/// The byte that a private character stands for.
fn stray(character: char) -> Option<u8> {
    u32::from(character)
        .checked_sub(FIRST)
        .and_then(|byte| u8::try_from(byte).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_are_no_text_come_out_as_they_went_in() {
        for bytes in [&b"caf\xe9"[..], b"\xff\xfe", b"plain", b"\xc3\xa9 \xe2\x82", b""] {
            assert_eq!(
                encode(&decode(bytes.to_vec()), Encoding::Utf8).as_deref(),
                Some(bytes)
            );
        }
    }

    #[test]
    fn text_around_them_is_written_in_its_encoding() {
        let text = decode(b"\xc3\xa9\xe9".to_vec());
        assert_eq!(encode(&text, Encoding::Latin1), Some(b"\xe9\xe9".to_vec()));
        assert_eq!(encode("\u{20ac}", Encoding::Latin1), None);
    }
}
