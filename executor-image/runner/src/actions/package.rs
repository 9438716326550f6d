//! `package`: the module of the host's package manager.

use indexmap::IndexMap;
use serde_json::{Value, json};

use super::{ActionContext, Arguments, ResultMap, failure, map, text};
use crate::transport::TransportError;

pub(super) async fn run(
    context: &ActionContext<'_>,
    mut args: Arguments,
) -> Result<ResultMap, TransportError> {
    let item = context.item;
    let named = match text(&args, "use") {
        Some(name) => Some(name),
        None => item
            .play
            .variable_text("ansible_package_use", &item.scope)
            .ok()
            .flatten(),
    };
    let wanted = named.filter(|name| name != "auto");
    args.shift_remove("use");
    let manager = match wanted {
        Some(manager) => Some(manager),
        None => known_manager(context).await?,
    };
    match manager
        .as_deref()
        .map(|name| name.rsplit('.').next().unwrap_or(name))
    {
        Some("apt") => context.call_instead("ansible.builtin.apt", args).await,
        Some("dnf" | "dnf5" | "yum") => context.call_instead("ansible.builtin.dnf", args).await,
        Some(other) => Ok(failure(format!(
            "Could not find a matching action for the \"{other}\" package manager. (This runner has apt and dnf.)"
        ))),
        None => Ok(failure(
            "Could not detect which package manager to use. Try gathering facts or setting the \"use\" option.",
        )),
    }
}

/// The package manager that facts name; they are asked for if they are not there.
async fn known_manager(context: &ActionContext<'_>) -> Result<Option<String>, TransportError> {
    let item = context.item;
    if let Ok(Some(name)) = item.play.variable_text("ansible_pkg_mgr", &item.scope) {
        return Ok(Some(name));
    }
    let args = map(json!({"gather_subset": ["!all"], "filter": ["ansible_pkg_mgr"]}));
    let facts = context
        .call("ansible.builtin.setup", args, IndexMap::new())
        .await?;
    let name = facts
        .get("ansible_facts")
        .and_then(|facts| facts.get("ansible_pkg_mgr"))
        .and_then(Value::as_str);
    Ok(name.map(str::to_owned))
}
