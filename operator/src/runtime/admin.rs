//! `/livez`, `/readyz` and `/metrics` on one port.

use std::sync::Arc;

use axum::{
    Router,
    extract::State,
    http::{StatusCode, header},
    response::IntoResponse,
    routing::get,
};
use tokio::net::TcpListener;

use super::{Context, shutdown::Shutdown};

/// Serves until shutdown.
///
/// # Errors
/// When the listener fails.
pub async fn serve(listener: TcpListener, context: Arc<Context>, shutdown: Shutdown) -> std::io::Result<()> {
    let router = Router::new()
        .route("/livez", get(|| async { "alive\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .with_state(context);
    axum::serve(listener, router)
        .with_graceful_shutdown(shutdown.requested())
        .await
}

/// Ready when every kind was listed once. It stays alive where a kind's definition is missing: starting again would not
/// make it appear.
async fn ready(State(context): State<Arc<Context>>) -> (StatusCode, String) {
    let missing = context.watches.waiting_for();
    if missing.is_empty() {
        (StatusCode::OK, "ready\n".to_owned())
    } else {
        let message = format!("not listed yet, or not defined: {}\n", missing.join(", "));
        (StatusCode::SERVICE_UNAVAILABLE, message)
    }
}

async fn metrics(State(context): State<Arc<Context>>) -> impl IntoResponse {
    match context.metrics.render() {
        Ok(text) => (
            StatusCode::OK,
            [(
                header::CONTENT_TYPE,
                "application/openmetrics-text; version=1.0.0; charset=utf-8",
            )],
            text,
        ),
        Err(error) => (
            StatusCode::INTERNAL_SERVER_ERROR,
            [(header::CONTENT_TYPE, "text/plain; charset=utf-8")],
            error.to_string(),
        ),
    }
}
