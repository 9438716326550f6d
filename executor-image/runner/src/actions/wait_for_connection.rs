//! `wait_for_connection`: until the host can be reached and its agent answers.

use std::time::{Duration, Instant};

use indexmap::IndexMap;
use serde_json::json;

use super::{ActionContext, Arguments, ResultMap, failure, map, number};
use crate::transport::TransportError;

pub(super) async fn run(context: &ActionContext<'_>, args: &Arguments) -> ResultMap {
    let seconds =
        |name: &str, default: f64| Duration::from_secs_f64(number(args, name).unwrap_or(default).max(0.0));
    if context.item.check {
        return map(json!({"changed": false, "skipped": true, "elapsed": 0}));
    }
    let started = Instant::now();
    tokio::time::sleep(seconds("delay", 0.0)).await;
    let limit = seconds("timeout", 600.0);
    match until_reachable(context, started + limit, seconds("sleep", 1.0)).await {
        Ok(()) => map(json!({"changed": false, "elapsed": started.elapsed().as_secs()})),
        Err(error) => {
            let mut result = failure(format!("timed out waiting for ping module test: {error}"));
            result.insert("elapsed".to_owned(), started.elapsed().as_secs().into());
            result
        }
    }
}

/// Connects anew until it succeeds.
///
/// # Errors
/// Why the last attempt before the deadline failed.
pub(super) async fn until_reachable(
    context: &ActionContext<'_>,
    deadline: Instant,
    pause: Duration,
) -> Result<(), TransportError> {
    let item = context.item;
    loop {
        item.play.run.connections.reset(&item.worker().name).await;
        let attempt = context.call("ansible.builtin.ping", Arguments::new(), IndexMap::new());
        let failed = match tokio::time::timeout_at(deadline.into(), attempt).await {
            Ok(Ok(result)) if !result.contains_key("failed") => return Ok(()),
            Ok(Ok(result)) => {
                let said = result.get("msg").and_then(serde_json::Value::as_str);
                TransportError::Unreachable(said.unwrap_or_default().to_owned())
            }
            Ok(Err(error)) => error,
            Err(_) => TransportError::Unreachable("the host did not answer".to_owned()),
        };
        if Instant::now() + pause >= deadline || item.play.run.stop.is_requested() {
            return Err(failed);
        }
        tokio::time::sleep(pause).await;
    }
}
