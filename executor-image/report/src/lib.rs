//! What the playbook runner tells the operator.
//!
//! Two forms, both JSON and versioned by [`SCHEMA_VERSION`]:
//! - [`Event`]: one line for each thing that happens, in the runner's output among lines for a person.
//!   [`parse_line`] tells the two apart.
//! - [`RunResult`]: the outcome of a whole run, small enough for a container's termination message.

mod event;
mod result;

pub use event::{Event, EventKind, HostStatus, ItemResult, Totals, parse_line};
pub use result::{HostResult, RESULT_LIMIT, RunOutcome, RunResult};

/// Version of the schema of events and results. It grows when a field changes its meaning or goes away;
/// a reader ignores fields that it does not know.
pub const SCHEMA_VERSION: u32 = 1;

/// The longest message of a host in an event or a result, in bytes.
pub const MESSAGE_LIMIT: usize = 1024;

/// Cuts `text` to at most `limit` bytes at a character boundary and marks the cut with an ellipsis.
#[must_use]
pub fn shorten(text: &str, limit: usize) -> String {
    const ELLIPSIS: &str = "…";
    if text.len() <= limit {
        return text.to_owned();
    }
    let mut end = limit.saturating_sub(ELLIPSIS.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}{ELLIPSIS}", &text[..end])
}
