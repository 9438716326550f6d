//! Bytes to frames and back. No input or output: whoever has a byte stream feeds the [`Decoder`].

use thiserror::Error;

use crate::frame::{Frame, FrameKind, MAX_FRAME};

const HEADER: usize = 9;

/// Why bytes are not frames. The stream cannot be used after it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DecodeError {
    /// The other side announced a frame larger than [`MAX_FRAME`].
    #[error("the other side announced a frame of {0} bytes, the limit is {MAX_FRAME}")]
    TooLarge(usize),
    /// The kind is not known: this is not an agent's stream, or not of this version.
    #[error("unknown frame kind {0}: the other side does not speak this protocol")]
    UnknownKind(u8),
}

/// A frame's bytes.
#[must_use]
pub fn encode(frame: &Frame) -> Vec<u8> {
    let length = u32::try_from(frame.payload.len()).unwrap_or(u32::MAX);
    let mut bytes = Vec::with_capacity(HEADER + frame.payload.len());
    bytes.extend_from_slice(&length.to_be_bytes());
    bytes.push(frame.kind as u8);
    bytes.extend_from_slice(&frame.stream.to_be_bytes());
    bytes.extend_from_slice(&frame.payload);
    bytes
}

/// Collects bytes and hands out the frames in them.
#[derive(Debug, Default)]
pub struct Decoder {
    buffer: Vec<u8>,
    start: usize,
}

impl Decoder {
    /// Takes more bytes.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.start > 0 && self.start == self.buffer.len() {
            self.buffer.clear();
            self.start = 0;
        } else if self.start > MAX_FRAME {
            self.buffer.drain(..self.start);
            self.start = 0;
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole frame, if it has arrived.
    ///
    /// # Errors
    /// When the bytes are not frames.
    pub fn next_frame(&mut self) -> Result<Option<Frame>, DecodeError> {
        let Some((header, rest)) = self.buffer[self.start..].split_first_chunk::<HEADER>() else {
            return Ok(None);
        };
        let (length, rest_of_header) = header.split_at(4);
        let (kind, stream) = rest_of_header.split_at(1);
        let length = number(length) as usize;
        if length > MAX_FRAME {
            return Err(DecodeError::TooLarge(length));
        }
        let kind = kind.first().copied().unwrap_or_default();
        let kind = FrameKind::from_number(kind).ok_or(DecodeError::UnknownKind(kind))?;
        let Some(payload) = rest.get(..length) else {
            return Ok(None);
        };
        let frame = Frame {
            kind,
            stream: number(stream),
            payload: payload.to_vec(),
        };
        self.start += HEADER + length;
        Ok(Some(frame))
    }
}

/// Four big-endian bytes as a number.
fn number(bytes: &[u8]) -> u32 {
    bytes
        .iter()
        .fold(0, |number, byte| (number << 8) | u32::from(*byte))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn frames_survive_any_cutting_of_the_stream(payloads in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 1..6), cut in 1_usize..40) {
            let frames: Vec<Frame> = payloads.into_iter().zip(1..).map(|(payload, stream)| Frame { kind: FrameKind::Chunk, stream, payload }).collect();
            let bytes: Vec<u8> = frames.iter().flat_map(encode).collect();
            let mut decoder = Decoder::default();
            let mut read = Vec::new();
            for piece in bytes.chunks(cut) {
                decoder.push(piece);
                while let Some(frame) = decoder.next_frame().unwrap() {
                    read.push(frame);
                }
            }
            prop_assert_eq!(read, frames);
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
            let mut decoder = Decoder::default();
            decoder.push(&bytes);
            while let Ok(Some(_)) = decoder.next_frame() {}
        }
    }

    #[test]
    fn a_login_banner_is_not_taken_for_a_frame() {
        let mut decoder = Decoder::default();
        decoder.push(b"Welcome to Debian GNU/Linux 12!\n");
        assert!(matches!(decoder.next_frame(), Err(DecodeError::TooLarge(_))));
    }
}
