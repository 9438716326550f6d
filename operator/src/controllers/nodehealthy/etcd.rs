//! Does etcd serve the cluster? Its API server says so, which reads through a quorum of etcd's members to find out.

use std::time::Duration;

use axum::http::Request;
use kube::Client;
use slipway_api::conditions::{self, ETCD_HEALTHY, NewCondition, reasons};

use super::observe::{Observed, Seen};
use crate::runtime::{Doing as _, Notice};

/// Where an API server says how its etcd is.
const PATH: &str = "/readyz/etcd";
/// How long the answer may take.
const LIMIT: Duration = Duration::from_secs(10);

/// What the API server says of etcd.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Etcd {
    /// It answers.
    Healthy,
    /// It does not; the text is the API server's.
    Unhealthy(String),
    /// The API server does not say; the text says how.
    Unknown(String),
}

/// Asks the API server.
pub async fn ask(client: &Client) -> Etcd {
    let request = match Request::get(PATH).body(Vec::new()) {
        Ok(request) => request,
        Err(error) => return Etcd::Unknown(error.to_string()),
    };
    let Ok(answer) = tokio::time::timeout(LIMIT, client.request_text(request)).await else {
        return Etcd::Unknown(format!("no answer for {} seconds", LIMIT.as_secs()));
    };
    // This is how a check that has failed is answered; any other error is no answer to the question.
    if let Err(kube::Error::Api(status)) = &answer
        && status.code == 500
    {
        return Etcd::Unhealthy(status.message.trim().to_owned());
    }
    match answer.doing(|| "ask how etcd is".to_owned()) {
        Ok(_) => Etcd::Healthy,
        Err(error) => Etcd::Unknown(error.to_string()),
    }
}

/// The condition that follows, and what to tell when it changes. Nothing where the cluster is silent and what was known
/// of it stands for a while yet.
pub fn condition(observed: &Observed, grace_is_over: bool) -> Option<(NewCondition<'_>, Option<Notice>)> {
    let status = observed.cluster.status.as_ref();
    let before = status.and_then(|status| conditions::get(&status.conditions, ETCD_HEALTHY));
    let was = |value: &str| before.is_some_and(|before| before.status == value);
    let is_silent = matches!(observed.seen, Seen::Silent(_));
    let (value, reason, message) = match &observed.etcd {
        Etcd::Healthy => (Some(true), reasons::AS_WANTED, "etcd answers the API server"),
        Etcd::Unhealthy(message) => (Some(false), reasons::UNHEALTHY, message.as_str()),
        Etcd::Unknown(_) if is_silent && before.is_none() => {
            (None, reasons::WAITING, "the API server has not answered yet")
        }
        Etcd::Unknown(_) if is_silent && !grace_is_over => return None,
        Etcd::Unknown(_) if is_silent => (
            None,
            reasons::CLUSTER_UNREACHABLE,
            "the API server does not answer",
        ),
        Etcd::Unknown(how) => (None, reasons::CLUSTER_UNREACHABLE, how.as_str()),
    };
    let notice = match value {
        Some(false) if !was("False") => Some(Notice::warning(
            "EtcdUnhealthy",
            format!("the API server says of etcd: {message}"),
        )),
        Some(true) if was("False") => Some(Notice::normal("EtcdHealthy", message)),
        _ => None,
    };
    let new = NewCondition {
        kind: ETCD_HEALTHY,
        status: value,
        reason,
        message,
        observed_generation: status.and_then(|status| status.observed_generation),
    };
    Some((new, notice))
}
