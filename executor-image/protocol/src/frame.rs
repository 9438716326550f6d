//! Frames: length, kind, stream, payload.

/// The largest frame either side accepts, in bytes, header excluded.
pub const MAX_FRAME: usize = 8 * 1024 * 1024;

/// The size of a piece of a file in a [`FrameKind::Chunk`], in bytes.
pub const CHUNK_SIZE: usize = 256 * 1024;

/// One frame. On the wire: `u32` length of the payload, `u8` kind, `u32` stream (all big-endian), payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// What the payload is.
    pub kind: FrameKind,
    /// Which request it belongs to; 0 for frames of the connection itself.
    pub stream: u32,
    /// JSON of the message of that kind, or raw bytes for [`FrameKind::Chunk`].
    pub payload: Vec<u8>,
}

/// What a frame's payload is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum FrameKind {
    /// Runner → agent, first: [`crate::Hello`].
    Hello = 1,
    /// Agent → runner, answer to `Hello`: [`crate::Welcome`].
    Welcome = 2,
    /// Agent → runner: [`crate::Refusal`]; the agent ends after it. On the stream of a call: whatever is between them refuses it.
    Refusal = 3,
    /// Runner → agent: [`crate::Call`].
    Call = 4,
    /// Agent → runner: [`crate::ModuleResult`], ends the stream.
    Result = 5,
    /// Runner → agent: [`crate::Cancel`] of the call on this stream.
    Cancel = 6,
    /// Runner → agent: [`crate::PutBegin`], a file's content is offered.
    PutBegin = 7,
    /// Agent → runner: [`crate::PutStatus`], wanted, already there, or stored; ends the stream unless wanted.
    PutStatus = 8,
    /// Runner → agent: raw bytes of the file of this stream; an empty chunk ends it.
    Chunk = 9,
    /// Either side, no payload; answered by `Pong`.
    Ping = 10,
    /// Answer to `Ping`.
    Pong = 11,
}

impl FrameKind {
    /// The kind with this number.
    #[must_use]
    pub const fn from_number(number: u8) -> Option<Self> {
        Some(match number {
            1 => Self::Hello,
            2 => Self::Welcome,
            3 => Self::Refusal,
            4 => Self::Call,
            5 => Self::Result,
            6 => Self::Cancel,
            7 => Self::PutBegin,
            8 => Self::PutStatus,
            9 => Self::Chunk,
            10 => Self::Ping,
            11 => Self::Pong,
            _ => return None,
        })
    }
}
