//! `--graph`: groups and hosts as a tree.

use serde_json::Value;
use slipway_language::{from_json, to_text};

use super::variables::{Shown, UNSAFE};
use crate::inventory::InventoryError;

/// The tree below a group.
pub fn text(shown: &Shown<'_>, group: &str, with_variables: bool) -> Result<String, InventoryError> {
    let mut lines = Vec::new();
    add_group(shown, group, 0, with_variables, &mut lines)?;
    Ok(lines.join("\n"))
}

fn add_group(
    shown: &Shown<'_>,
    name: &str,
    depth: usize,
    with_variables: bool,
    lines: &mut Vec<String>,
) -> Result<(), InventoryError> {
    lines.push(line(&format!("@{name}:"), depth));
    let Some(group) = shown.inventory.groups.get(name) else {
        return Ok(());
    };
    for child in &group.children {
        add_group(shown, child, depth + 1, with_variables, lines)?;
    }
    if name != "all" {
        for host in &group.hosts {
            lines.push(line(host, depth + 1));
            if with_variables {
                add_variables(&shown.of_host(host)?, depth + 2, lines);
            }
        }
    }
    if with_variables {
        add_variables(&shown.of_group(name)?, depth + 1, lines);
    }
    Ok(())
}

fn add_variables(variables: &Value, depth: usize, lines: &mut Vec<String>) {
    let mut entries: Vec<(&String, &Value)> = variables.as_object().into_iter().flatten().collect();
    entries.sort_by_key(|(name, _)| *name);
    for (name, value) in entries {
        let value = to_text(&from_json(unmarked(value)));
        lines.push(line(&format!("{{{name} = {value}}}"), depth));
    }
}

/// A value without the marks of texts that are no templates.
fn unmarked(value: &Value) -> Value {
    match value {
        Value::Array(items) => items.iter().map(unmarked).collect(),
        Value::Object(entries) => match entries.get(UNSAFE) {
            Some(text) if entries.len() == 1 => text.clone(),
            _ => Value::Object(
                entries
                    .iter()
                    .map(|(name, value)| (name.clone(), unmarked(value)))
                    .collect(),
            ),
        },
        plain => plain.clone(),
    }
}

fn line(name: &str, depth: usize) -> String {
    if depth == 0 {
        return name.to_owned();
    }
    format!("{}--{name}", "  |".repeat(depth))
}
