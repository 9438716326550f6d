//! YAML inventories.

use std::sync::Arc;

use slipway_language::{Node, NodeKind, Variable};

use super::{Inventory, InventoryError, Vars, ranges};

/// The root of a YAML file.
pub fn read(text: &str, file: &str) -> Result<Option<Node>, InventoryError> {
    let document =
        slipway_language::yaml::parse(text, file).map_err(|error| InventoryError::Yaml(error.to_string()))?;
    Ok(document.root)
}

/// Adds a YAML inventory to `inventory`.
pub fn parse(text: &str, file: &str, inventory: &mut Inventory) -> Result<(), InventoryError> {
    let root = read(text, file)?
        .filter(|root| !root.is_null())
        .ok_or_else(|| InventoryError::Yaml(format!("{file}: Parsed empty YAML file")))?;
    let NodeKind::Map(groups) = &root.kind else {
        return Err(wrong(
            &root,
            &format!(
                "YAML inventory has invalid structure, it should be a dictionary, it is {}",
                root.type_name()
            ),
        ));
    };
    if root.get("plugin").is_some() {
        return Err(wrong(
            &root,
            "this is the configuration of an inventory plugin, not a YAML inventory",
        ));
    }
    for (name, group) in groups.iter() {
        add_group(&key_text(name, "the inventory")?, group, inventory)?;
    }
    Ok(())
}

fn add_group(name: &str, node: &Node, inventory: &mut Inventory) -> Result<Option<Arc<str>>, InventoryError> {
    if !matches!(node.kind, NodeKind::Null | NodeKind::Map(_)) {
        inventory.naming.warnings.insert(format!(
            "Skipping '{name}' as this is not a valid group definition"
        ));
        return Ok(None);
    }
    let group = inventory.named_group(name);
    for (key, value) in node.entries() {
        let key = key_text(key, &format!("group {name}"))?;
        match key.as_str() {
            "vars" => {
                for (name, variable) in variables(value, &format!("vars of group {name}"))? {
                    inventory.set_group_variable(&group, &name, variable);
                }
            }
            "hosts" => add_hosts(&group, value, inventory)?,
            "children" => {
                for (child, child_node) in entries(value, &format!("children of group {name}"))? {
                    let child = match child_node {
                        Some(node) => add_group(&child, node, inventory)?,
                        None => Some(inventory.named_group(&child)),
                    };
                    if let Some(child) = child {
                        inventory.add_child(&group, &child)?;
                    }
                }
            }
            other => {
                // What is no mapping is passed over in silence, as Ansible does.
                if matches!(value.kind, NodeKind::Map(_)) {
                    inventory.naming.warnings.insert(format!(
                        "Skipping unexpected key ({other}) in group ({name}), only \"vars\", \"children\" and \"hosts\" are valid"
                    ));
                }
            }
        }
    }
    Ok(Some(group))
}

fn add_hosts(group: &str, node: &Node, inventory: &mut Inventory) -> Result<(), InventoryError> {
    if let Some((key, _)) = node
        .entries()
        .iter()
        .find(|(key, _)| matches!(key.kind, NodeKind::Int(_) | NodeKind::Float(_)))
    {
        let number = match &key.kind {
            NodeKind::Int(number) => number.to_string(),
            NodeKind::Float(number) => number.to_string(),
            _ => String::new(),
        };
        return Err(wrong(
            key,
            &format!("Host pattern {number} must be a string. Enclose integers/floats in quotation marks."),
        ));
    }
    for (pattern, value) in entries(node, &format!("hosts of group {group}"))? {
        let ranges::Hosts { names, port } =
            ranges::hosts(&pattern).map_err(|message| wrong(value.unwrap_or(node), &message))?;
        let mut vars = match value {
            Some(value) => variables(value, &format!("variables of host {pattern}"))?,
            None => Vars::new(),
        };
        if let Some(port) = port {
            let port = Node::new(node.span.clone(), NodeKind::Int(i64::from(port)));
            vars.entry(Arc::from("ansible_port"))
                .or_insert(Variable::Template(port));
        }
        for name in names {
            inventory.add_to_group(&name, group);
            inventory.set_host_variables(&name, vars.clone());
        }
    }
    Ok(())
}

/// A mapping as variables; null is none.
pub fn variables(node: &Node, what: &str) -> Result<Vars, InventoryError> {
    let named = |(name, value): (String, Option<&Node>)| {
        let value = value.unwrap_or(node).clone();
        (Arc::from(name), Variable::Template(value))
    };
    if let NodeKind::Str(_) = &node.kind {
        return Err(not_a_mapping(node, what));
    }
    Ok(entries(node, what)?.into_iter().map(named).collect())
}

/// The entries of a mapping; text stands for one key without a value.
fn entries<'a>(node: &'a Node, what: &str) -> Result<Vec<(String, Option<&'a Node>)>, InventoryError> {
    match &node.kind {
        NodeKind::Null => Ok(Vec::new()),
        NodeKind::Str(text) => Ok(vec![(text.to_string(), None)]),
        NodeKind::Map(entries) => entries
            .iter()
            .map(|(key, value)| Ok((key_text(key, what)?, Some(value))))
            .collect(),
        _ => Err(not_a_mapping(node, what)),
    }
}

fn not_a_mapping(node: &Node, what: &str) -> InventoryError {
    wrong(
        node,
        &format!("{what} must be a mapping, it is {}", node.type_name()),
    )
}

fn key_text(key: &Node, what: &str) -> Result<String, InventoryError> {
    match &key.kind {
        NodeKind::Str(text) | NodeKind::Unsafe(text) => Ok(text.to_string()),
        NodeKind::Int(number) => Ok(number.to_string()),
        _ => Err(wrong(
            key,
            &format!("a key in {what} must be a name, it is {}", key.type_name()),
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
        inventory.reconcile();
        assert_eq!(inventory.hosts.len(), 3);
        assert!(inventory.hosts["w2"].vars.contains_key("b"));
        assert!(inventory.groups["all"].vars.contains_key("a"));
    }

    #[test]
    fn an_unknown_key_of_a_group_is_told() {
        let mut inventory = Inventory::default();
        parse("all:\n  host: {a: }\n", "hosts.yml", &mut inventory).unwrap();
        let warning = inventory.naming.warnings.first().unwrap();
        assert!(warning.contains("host"), "{warning}");
    }

    #[test]
    fn what_is_no_mapping_is_refused_with_its_place() {
        let error = parse("web:\n  hosts: [a, b]\n", "hosts.yml", &mut Inventory::default())
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("hosts.yml:2") && error.contains("a list"),
            "{error}"
        );
    }
}
