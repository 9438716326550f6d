//! YAML inventories.

use std::sync::Arc;

use slipway_language::{Node, NodeKind, Variable};

use super::{Inventory, InventoryError, Vars, ranges};

/// Adds a YAML inventory to `inventory`.
pub fn parse(text: &str, file: &str, inventory: &mut Inventory) -> Result<(), InventoryError> {
    let document =
        slipway_language::yaml::parse(text, file).map_err(|error| InventoryError::Yaml(error.to_string()))?;
    let Some(root) = document.root else {
        return Ok(());
    };
    for (name, group) in entries(&root, "the inventory")? {
        add_group(&name, group, inventory)?;
    }
    Ok(())
}

fn add_group(name: &str, node: &Node, inventory: &mut Inventory) -> Result<(), InventoryError> {
    inventory.group(name);
    if matches!(node.kind, NodeKind::Null) {
        return Ok(());
    }
    for (key, value) in entries(node, &format!("group {name}"))? {
        match key.as_str() {
            "vars" => {
                let vars = variables(value, &format!("vars of group {name}"))?;
                inventory.group(name).vars.extend(vars);
            }
            "hosts" => add_hosts(name, value, inventory)?,
            "children" => {
                for (child, child_node) in entries(value, &format!("children of group {name}"))? {
                    inventory.group(name).children.insert(Arc::from(child.as_str()));
                    add_group(&child, child_node, inventory)?;
                }
            }
            other => {
                return Err(wrong(
                    value,
                    &format!("group {name} has an unknown key {other:?} (known: hosts, vars, children)"),
                ));
            }
        }
    }
    Ok(())
}

fn add_hosts(group: &str, node: &Node, inventory: &mut Inventory) -> Result<(), InventoryError> {
    if let NodeKind::Str(name) = &node.kind {
        inventory.host(name);
        inventory.group(group).hosts.insert(Arc::clone(name));
        return Ok(());
    }
    for (pattern, value) in entries(node, &format!("hosts of group {group}"))? {
        let names = ranges::expand(&pattern).map_err(|message| wrong(value, &message))?;
        let vars = variables(value, &format!("variables of host {pattern}"))?;
        for name in names {
            inventory.host(&name).vars.extend(vars.clone());
            inventory.group(group).hosts.insert(Arc::from(name));
        }
    }
    Ok(())
}

/// A mapping as variables; null is none.
pub fn variables(node: &Node, what: &str) -> Result<Vars, InventoryError> {
    Ok(entries(node, what)?
        .into_iter()
        .map(|(name, value)| (Arc::from(name), Variable::Template(value.clone())))
        .collect())
}

fn entries<'a>(node: &'a Node, what: &str) -> Result<Vec<(String, &'a Node)>, InventoryError> {
    match &node.kind {
        NodeKind::Null => Ok(Vec::new()),
        NodeKind::Map(entries) => entries
            .iter()
            .map(|(key, value)| Ok((key_text(key, what)?, value)))
            .collect(),
        _ => Err(wrong(
            node,
            &format!("{what} must be a mapping, it is a {}", node.type_name()),
        )),
    }
}

fn key_text(key: &Node, what: &str) -> Result<String, InventoryError> {
    match &key.kind {
        NodeKind::Str(text) => Ok(text.to_string()),
        NodeKind::Int(number) => Ok(number.to_string()),
        _ => Err(wrong(
            key,
            &format!("a key in {what} must be a name, it is a {}", key.type_name()),
        )),
    }
}

fn wrong(node: &Node, message: &str) -> InventoryError {
    InventoryError::Yaml(format!("{}: {message}", node.span))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_hosts_and_variables_are_read() {
        let mut inventory = Inventory::default();
        parse(
            "all:\n  vars: {a: 1}\n  hosts:\n    lonely:\n  children:\n    web:\n      hosts:\n        w[1:2]: {b: 2}\n",
            "hosts.yml",
            &mut inventory,
        )
        .unwrap();
        inventory.reconcile().unwrap();
        assert_eq!(inventory.hosts.len(), 3);
        assert!(inventory.hosts["w2"].vars.contains_key("b"));
        assert!(inventory.groups["all"].vars.contains_key("a"));
    }

    #[test]
    fn an_unknown_key_of_a_group_is_refused_with_its_place() {
        let error = parse("all:\n  host: {a: }\n", "hosts.yml", &mut Inventory::default())
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("hosts.yml:2") && error.contains("unknown key \"host\""),
            "{error}"
        );
    }
}
