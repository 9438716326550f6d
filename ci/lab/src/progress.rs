//! Telling a waiting person what is being done, through `tracing`.

use std::future::Future;
use std::time::{Duration, Instant};

/// Does something that may take long: says what after two seconds, again every ten, and how long it took.
pub(crate) async fn during<T>(what: &str, work: impl Future<Output = T>) -> T {
    let start = Instant::now();
    let mut work = std::pin::pin!(work);
    let mut wait = Duration::from_secs(2);
    let mut told = false;
    loop {
        match tokio::time::timeout(wait, work.as_mut()).await {
            Ok(result) => {
                if told {
                    tracing::info!("{what}: {:.1} s", start.elapsed().as_secs_f64());
                }
                return result;
            }
            Err(_elapsed) => {
                tracing::info!("{what} … {} s", start.elapsed().as_secs());
                told = true;
                wait = Duration::from_secs(10);
            }
        }
    }
}
