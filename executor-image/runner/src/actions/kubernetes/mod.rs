//! Modules of the collection `kubernetes.core`. `k8s` and `k8s_info` are carried out by this machine itself where the task
//! works on it; on other hosts, and for what they cannot do, the collection's own modules are sent as those of any collection.

#[cfg(feature = "kubernetes")]
mod apply;
#[cfg(feature = "kubernetes")]
mod client;
#[cfg(feature = "kubernetes")]
mod cluster;
#[cfg(feature = "kubernetes")]
mod definitions;
#[cfg(feature = "kubernetes")]
mod difference;
#[cfg(feature = "kubernetes")]
mod info;
#[cfg(feature = "kubernetes")]
mod merge_keys;
#[cfg(feature = "kubernetes")]
mod objects;
mod prepare;
#[cfg(feature = "kubernetes")]
mod wait;

use std::sync::Arc;

#[cfg(feature = "kubernetes")]
use serde_json::Value;

pub use prepare::prepare;

use super::{ActionContext, Arguments, ResultMap, failure};
use crate::{
    foreign::{self, ForeignModule},
    transport::TransportError,
};

/// Arguments that only the collection's own modules understand.
#[cfg(feature = "kubernetes")]
const OF_COLLECTION: &[&str] = &[
    "append_hash",
    "no_proxy",
    "persist_config",
    "proxy_headers",
    "validate",
];

/// Carries out `k8s` or `k8s_info`.
///
/// # Errors
/// When the host cannot be reached.
pub(super) async fn run(context: &ActionContext<'_>, args: Arguments) -> Result<ResultMap, TransportError> {
    let name = context.spec.name;
    let args = match prepare(context, name, args) {
        Ok(args) => args,
        Err(failed) => return Ok(failed),
    };
    #[cfg(feature = "kubernetes")]
    if is_ours(context, &args) {
        return Ok(here(context, &args).await);
    }
    match found(context, name) {
        Ok(module) => foreign::run(context, &module, args).await,
        Err(message) => Ok(failure(message)),
    }
}

/// The module of the collection.
fn found(context: &ActionContext<'_>, name: &str) -> Result<Arc<ForeignModule>, String> {
    let why = "the task does not work on this machine as its own user, or has arguments that only the collection's module knows";
    let missing = || {
        format!(
            "{name} needs the collection kubernetes.core and ansible-core on this machine ({why}): install them, or use delegate_to: localhost"
        )
    };
    let module = context.item.play.loader.module_of_collection(name)?;
    module.ok_or_else(missing)
}

/// Whether the task can be carried out without the collection.
#[cfg(feature = "kubernetes")]
fn is_ours(context: &ActionContext<'_>, args: &Arguments) -> bool {
    let here = context.item.target().is_ok_and(|target| {
        target.options.kind == crate::transport::ConnectionKind::Local && target.launch.r#become.is_none()
    });
    here && !OF_COLLECTION.iter().any(|name| {
        args.get(*name)
            .is_some_and(|value| !value.is_null() && *value != Value::Bool(false))
    })
}

#[cfg(feature = "kubernetes")]
async fn here(context: &ActionContext<'_>, args: &Arguments) -> ResultMap {
    let client = match client::connect(args, context.environment).await {
        Ok(client) => client,
        Err(message) => return failure(message),
    };
    let item = context.item;
    let cluster = cluster::Cluster::new(client, item.check);
    let work = async {
        match context.spec.short_name() {
            "k8s_info" => info::run(&cluster, args).await,
            _ => objects::run(&cluster, args, item.check, item.diff).await,
        }
    };
    match context.timeout.filter(|seconds| *seconds >= 1.0) {
        None => work.await,
        Some(seconds) => {
            let limit = std::time::Duration::try_from_secs_f64(seconds).unwrap_or(std::time::Duration::MAX);
            tokio::time::timeout(limit, work).await.unwrap_or_else(|_| {
                failure(format!(
                    "The {} action failed to execute in the expected time frame ({seconds}) and was terminated",
                    item.task.action_name
                ))
            })
        }
    }
}
