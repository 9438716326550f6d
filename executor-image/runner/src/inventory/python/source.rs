//! Inventory plugins: each reads a source.

use serde::Deserialize;
use serde_json::{Value as Json, json};
use slipway_language::Span;

use super::{
    super::{Context, Inventory, InventoryError},
    Around, ask,
    values::variables,
};
use crate::foreign::{Core, HOW_TO_INSTALL};

/// What the process does.
const SOURCE: &str = concat!(include_str!("shared.py"), "\n\n", include_str!("source.py"));

/// How a plugin took a source.
pub enum Taken {
    /// It has read it.
    Read,
    /// It is for others than this source.
    Passed,
    /// There is no such plugin, for this reason if one is known.
    Unknown(Option<String>),
}

/// What the process says.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase", tag = "taken")]
enum Answer {
    Unknown,
    Passed,
    Failed {
        why: String,
    },
    Read {
        hosts: Vec<(String, Json)>,
        groups: Vec<Members>,
    },
}

/// A group that the plugin has left.
#[derive(Debug, Deserialize)]
struct Members {
    name: String,
    hosts: Vec<String>,
    children: Vec<String>,
    vars: Json,
    priority: i64,
}

/// Has the plugin of a name read a source.
pub fn read(
    plugin: &str,
    source: &str,
    inventory: &mut Inventory,
    context: &Context<'_>,
) -> Result<Taken, InventoryError> {
    let Some(core) = Core::find() else {
        return Ok(Taken::Unknown(Some(format!(
            "a plugin in Python needs ansible-core on this machine, which is not installed: {HOW_TO_INSTALL}"
        ))));
    };
    let around = Around {
        settings: context.settings,
        directory: &context.directory,
        vault: &context.vault,
        extra_vars: &context.extra_vars,
    };
    let question = json!({"plugin": plugin, "source": source, "cache": context.cache});
    let answer = ask(&core, SOURCE, question, inventory, &around).map_err(|error| {
        InventoryError::Plugin(format!(
            "the inventory plugin {plugin} in Python gave no inventory: {error}"
        ))
    })?;
    match answer {
        Answer::Unknown => Ok(Taken::Unknown(None)),
        Answer::Passed => Ok(Taken::Passed),
        Answer::Failed { why } => Err(InventoryError::Plugin(why)),
        Answer::Read { hosts, groups } => {
            add(hosts, groups, source, inventory)?;
            Ok(Taken::Read)
        }
    }
}

/// Adds what a plugin has left behind.
fn add(
    hosts: Vec<(String, Json)>,
    groups: Vec<Members>,
    source: &str,
    inventory: &mut Inventory,
) -> Result<(), InventoryError> {
    let span = Span::start_of(source);
    for (host, vars) in hosts {
        inventory.set_host_variables(&host, variables(vars, &span));
    }
    for group in groups {
        let known = inventory.group(&group.name);
        known.priority = group.priority;
        for (name, variable) in variables(group.vars, &span) {
            inventory.set_group_variable(&group.name, &name, variable);
        }
        for host in &group.hosts {
            inventory.add_to_group(host, &group.name);
        }
        for child in &group.children {
            inventory.add_child(&group.name, child)?;
        }
    }
    Ok(())
}
