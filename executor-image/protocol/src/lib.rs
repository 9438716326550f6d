//! What the playbook runner and the agent on a host say to each other.
//!
//! The runner starts the agent at the far end of a byte stream (an SSH channel, a pipe) and both exchange
//! [`Frame`]s. Requests carry a `stream` number; many are in flight at once, and each is answered by frames with
//! the same number. The agent ends when its input ends.
//!
//! [`spec`] is the table of modules and their parameters: the runner refuses an unknown one when it loads a
//! playbook, the agent checks the arguments of a call against the same table.

mod codec;
mod frame;
mod message;
pub mod spec;

pub use codec::{DecodeError, Decoder, encode};
pub use frame::{CHUNK_SIZE, Frame, FrameKind, MAX_FRAME};
pub use message::{
    Call, Cancel, Diff, Fence, Foreign, ForeignStyle, Hello, ModuleResult, PutBegin, PutStatus, Refusal,
    Welcome, is_bad_exit,
};

/// Version of frames and messages. The runner uploads the agent it was built with, so both always agree; the number
/// guards against a wrong binary behind the right name.
pub const PROTOCOL_VERSION: u32 = 1;

/// How a line begins that an agent started with `--batch` prints: a frame in Base64 follows. What else is printed on the way is
/// somebody else's.
pub const BATCH_MARK: &str = "slipway-agent: ";
