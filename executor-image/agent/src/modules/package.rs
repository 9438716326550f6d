//! `ansible.builtin.package`: packages by whatever manages them here.

use crate::answer::{Failure, Outcome};
use crate::arguments;
use crate::context::Context;
use crate::facts::package_manager_name;
use serde_json::Map;
use slipway_protocol::spec;

pub(super) fn run(context: &mut Context) -> Outcome {
    let asked = context.args.required("use");
    let manager = match asked.rsplit('.').next() {
        Some("auto") | None => package_manager_name().unwrap_or("unknown"),
        Some(manager) => manager,
    };
    let (name, run): (_, super::Module) = match manager {
        "apt" => ("apt", super::apt::run),
        "dnf" | "dnf5" | "yum" | "dnf4" => ("dnf", super::dnf::run),
        other => {
            return Err(Failure::new(format!(
                "Could not find a matching action for the \"{other}\" package manager."
            )));
        }
    };
    let mut given = Map::new();
    for parameter in ["name", "state", "update_cache"] {
        if let Some(value) = context.args.value(parameter) {
            given.insert(parameter.to_owned(), value.clone());
        }
    }
    let spec = spec::find(name).ok_or_else(|| Failure::new(format!("the module {name} is not known")))?;
    context.args = arguments::check(spec, &given, &context.environment)?;
    run(context)
}
