//! `package`: the module of the host's package manager.

use indexmap::IndexMap;
use serde_json::{Value, json};
use slipway_protocol::spec::Side;

use super::{ActionContext, Arguments, ResultMap, failure, map, text};
use crate::{
    foreign::{self, Module},
    transport::TransportError,
};

/// What is to be looked for.
const AUTO: &str = "auto";

pub(super) async fn run(
    context: &ActionContext<'_>,
    mut args: Arguments,
) -> Result<ResultMap, TransportError> {
    let item = context.item;
    let named = text(&args, "use").unwrap_or_else(|| AUTO.to_owned());
    args.shift_remove("use");
    let manager = if named == AUTO {
        let variable = item.play.variable_text("ansible_package_use", &item.scope);
        match variable.ok().flatten().filter(|name| !name.is_empty()) {
            Some(name) => Some(name),
            None => known_manager(context).await?,
        }
    } else {
        Some(named)
    };
    let Some(manager) = manager.filter(|name| !name.is_empty() && name != AUTO) else {
        return Ok(failure(
            "Could not detect which package manager to use. Try gathering facts or setting the \"use\" option.",
        ));
    };
    match item.play.loader.module_named(&manager) {
        Ok(Some(Module::Native(spec))) if spec.side == Side::Agent => {
            context.call_instead(spec.name, args).await
        }
        Ok(Some(Module::Foreign(module))) => match context.with_defaults(&module.name, args) {
            Ok(args) => foreign::run(context, &module, args).await,
            Err(failed) => Ok(failed),
        },
        Ok(_) => Ok(failure(format!(
            "Could not find a matching action for the \"{manager}\" package manager."
        ))),
        Err(message) => Ok(failure(message)),
    }
}

/// The package manager that the facts of the host that does the work name; they are asked for if they are not there.
async fn known_manager(context: &ActionContext<'_>) -> Result<Option<String>, TransportError> {
    let item = context.item;
    let facts = item.reaching().get(&item.play.run.templar, "ansible_facts");
    let known = facts.ok().flatten().and_then(|facts| {
        let name = facts.get_attr("pkg_mgr").ok()?;
        name.as_str().map(str::to_owned)
    });
    if known.is_some() {
        return Ok(known);
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
