//! Programs that print an inventory: `--list` prints all of it, `--host NAME` the variables of one host.

use std::{
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Command, Stdio},
    sync::Arc,
};

use serde_json::{Map, Value};
use slipway_language::{Node, Span, Variable};

use super::{Inventory, InventoryError, Vars};

/// Whether a file is a program: it may be run, or says by its first line what runs it.
pub fn is_program(path: &Path, text: &[u8]) -> bool {
    let mode = std::fs::metadata(path).map_or(0, |metadata| metadata.permissions().mode());
    mode & 0o111 != 0 || text.starts_with(b"#!")
}

/// Adds what a program prints.
pub fn run(path: &Path, inventory: &mut Inventory, said: &mut Vec<String>) -> Result<(), InventoryError> {
    let groups = json(&output(path, &["--list"], said)?, "--list", path)?;
    add(groups, path, inventory, |host| {
        let arguments = ["--host", host];
        let text = output(path, &arguments, said)?;
        if text.trim().is_empty() {
            return Ok(Value::Null);
        }
        json(&text, &arguments.join(" "), path)
    })
}

/// Adds what a program has printed; one of the kind that is not asked for each host.
pub fn parse(text: &str, path: &Path, inventory: &mut Inventory) -> Result<(), InventoryError> {
    add(json(text, "--list", path)?, path, inventory, |_| Ok(Value::Null))
}

fn add(
    groups: Value,
    path: &Path,
    inventory: &mut Inventory,
    mut ask: impl FnMut(&str) -> Result<Value, InventoryError>,
) -> Result<(), InventoryError> {
    let fail = |message: String| InventoryError::Script {
        path: path.to_path_buf(),
        message,
    };
    let groups = object(groups).map_err(fail)?;
    let meta = groups.get("_meta").and_then(|meta| meta.get("hostvars"));
    let mut hosts: Vec<String> = Vec::new();
    for (name, value) in groups.iter().filter(|(name, _)| name.as_str() != "_meta") {
        add_group(name, value, path, inventory, &mut hosts).map_err(fail)?;
    }
    for host in hosts {
        let vars = match meta {
            Some(meta) => meta.get(&host).cloned().unwrap_or(Value::Null),
            // A program of the old kind is asked for each host.
            None => ask(&host)?,
        };
        let vars = match vars {
            Value::Null => continue,
            vars => variables(&vars, path).map_err(fail)?,
        };
        inventory.set_host_variables(&host, vars);
    }
    Ok(())
}

fn output(path: &Path, arguments: &[&str], said: &mut Vec<String>) -> Result<String, InventoryError> {
    let fail = |message: String| InventoryError::Script {
        path: path.to_path_buf(),
        message,
    };
    let output = Command::new(path)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| fail(format!("cannot be run: {error}")))?;
    let errors = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        return Err(fail(format!("had an execution error: {}", errors.trim())));
    }
    if !errors.trim().is_empty() {
        said.push(errors.into_owned());
    }
    String::from_utf8(output.stdout).map_err(|_| fail("printed what is not UTF-8".to_owned()))
}

fn json(text: &str, arguments: &str, path: &Path) -> Result<Value, InventoryError> {
    serde_json::from_str(text).map_err(|error| InventoryError::Script {
        path: path.to_path_buf(),
        message: format!("{arguments} printed what is not JSON: {error}"),
    })
}

fn object(value: Value) -> Result<Map<String, Value>, String> {
    match value {
        Value::Object(map) => Ok(map),
        other => Err(format!("needs to print a mapping of groups, it printed {other}")),
    }
}

fn add_group(
    name: &str,
    value: &Value,
    path: &Path,
    inventory: &mut Inventory,
    all_hosts: &mut Vec<String>,
) -> Result<(), String> {
    let group = inventory.named_group(name);
    let empty = Value::Null;
    let parts = ["hosts", "vars", "children"];
    let (hosts, vars, children) = match value {
        Value::Object(map) if map.keys().any(|key| parts.contains(&key.as_str())) => (
            map.get("hosts").unwrap_or(&empty).clone(),
            map.get("vars").unwrap_or(&empty),
            map.get("children").unwrap_or(&empty),
        ),
        // A mapping of something else is a host's variables, by an old convention.
        Value::Object(_) => (Value::from(vec![name]), value, &empty),
        // A list is of hosts.
        other => (other.clone(), &empty, &empty),
    };
    match &hosts {
        Value::Null => {}
        Value::Array(hosts) => {
            for host in hosts {
                let host = host.as_str().map_or_else(|| host.to_string(), str::to_owned);
                inventory.add_to_group(&host, &group);
                if !all_hosts.contains(&host) {
                    all_hosts.push(host);
                }
            }
        }
        other => {
            return Err(format!(
                "the hosts of the group {name} must be a list, they are {other}"
            ));
        }
    }
    match vars {
        Value::Null => {}
        vars => {
            for (name, variable) in variables(vars, path)? {
                inventory.set_group_variable(&group, &name, variable);
            }
        }
    }
    match children {
        Value::Null => Ok(()),
        Value::Array(children) => {
            for child in children.iter().filter_map(Value::as_str) {
                let child = inventory.named_group(child);
                inventory
                    .add_child(&group, &child)
                    .map_err(|error| error.to_string())?;
            }
            Ok(())
        }
        other => Err(format!(
            "the children of the group {name} must be a list, they are {other}"
        )),
    }
}

fn variables(value: &Value, path: &Path) -> Result<Vars, String> {
    let span = Span::start_of(path.display().to_string());
    match value {
        Value::Object(map) => Ok(map
            .iter()
            .map(|(name, value)| {
                (
                    Arc::from(name.as_str()),
                    Variable::Template(Node::from_json(&span, value)),
                )
            })
            .collect()),
        other => Err(format!("variables must be a mapping, they are {other}")),
    }
}
