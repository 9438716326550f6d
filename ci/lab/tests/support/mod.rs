//! What the tests of the lab share.

#![allow(clippy::unwrap_used, clippy::panic)] // ok: helpers of tests, where a failure is the answer

use std::panic::AssertUnwindSafe;

use futures::FutureExt;
use slipway_lab::{Lab, UpOptions};

/// Brings a lab up, or fails with the reason as a person would read it.
pub async fn up(options: &UpOptions) -> Lab {
    Lab::up(options).await.unwrap_or_else(|error| panic!("{error}"))
}

/// Runs a test and takes its lab down afterwards, also when the test fails.
pub async fn with_lab<T>(name: &str, test: impl AsyncFnOnce() -> T) -> T {
    Lab::down(name)
        .await
        .unwrap_or_else(|error| panic!("left by an earlier run: {error}"));
    let result = AssertUnwindSafe(test()).catch_unwind().await;
    let down = Lab::down(name).await;
    let value = result.unwrap_or_else(|failure| std::panic::resume_unwind(failure));
    down.unwrap_or_else(|error| panic!("{error}"));
    value
}
