//! Calls that outlive the connection (`async`): the agent starts itself as a job, which carries out one call and writes its status
//! into a file that `async_status` reads.

mod carry;
mod start;
pub mod status;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use slipway_protocol::Call;

pub use carry::carry_out_from_standard_input;
pub use start::start;

/// The argument that makes the agent's program a job.
pub const ARGUMENT: &str = "--job";

/// What the agent tells a job, on its input: command lines can be read by every user of the host.
#[derive(Debug, Serialize, Deserialize)]
struct Order {
    call: Call,
    /// The most seconds that the call may take.
    limit: u64,
    /// Where the agent has the contents of the call's files. They are there until the job has said that it started.
    contents: PathBuf,
}
