//! Runs from a PlaybookRun to the end of its Job, by the whole operator against a real API server with its own
//! controllers. Only the pods are played.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test may panic, in its helpers too"
)]

mod building;
mod disturbed;
mod failing;
mod site;
#[path = "../support/mod.rs"]
mod support;
