//! The plugin `generator`: hosts and groups for every combination of values.

use std::{collections::HashMap, sync::Arc};

use slipway_language::{Layer, Node, NodeKind, Scope, Variable, to_text};

use super::{Context, Inventory, InventoryError, Vars};

/// Adds what the configuration describes.
pub fn parse(root: &Node, inventory: &mut Inventory, context: &Context<'_>) -> Result<(), InventoryError> {
    let missing = |key: &str| {
        InventoryError::Plugin(format!(
            "{}: the inventory plugin generator needs {key:?}",
            root.span
        ))
    };
    let hosts = root.get("hosts").ok_or_else(|| missing("hosts"))?;
    let name = hosts.get("name").ok_or_else(|| missing("hosts.name"))?;
    let layers = root.get("layers").ok_or_else(|| missing("layers"))?.entries();
    let mut combinations: Vec<Vars> = vec![Vars::new()];
    for (layer, values) in layers {
        let layer: Arc<str> = Arc::from(layer.as_str().unwrap_or_default());
        let values = values.as_list().unwrap_or_default();
        combinations = combinations
            .iter()
            .flat_map(|known| {
                values.iter().map(|value| {
                    let mut more = known.clone();
                    more.insert(Arc::clone(&layer), Variable::Template(value.clone()));
                    more
                })
            })
            .collect();
    }
    for combination in combinations {
        let layers = vec![Arc::new(combination) as Arc<dyn Layer>];
        let scope = Scope::new(layers, Arc::clone(&context.files));
        let host = text(name, &scope, context)?;
        inventory.host(&host);
        add_parents(&host, true, hosts, &scope, inventory, context)?;
    }
    Ok(())
}

fn add_parents(
    child: &str,
    is_host: bool,
    node: &Node,
    scope: &Scope,
    inventory: &mut Inventory,
    context: &Context<'_>,
) -> Result<(), InventoryError> {
    for parent in node.get("parents").and_then(Node::as_list).unwrap_or_default() {
        let name = parent.get("name").ok_or_else(|| {
            InventoryError::Plugin(format!(
                "{}: Element {child} has a parent with no name element",
                parent.span
            ))
        })?;
        let group = inventory.named_group(&text(name, scope, context)?);
        let mut vars: HashMap<String, String> = HashMap::new();
        for (key, value) in parent.get("vars").map(Node::entries).unwrap_or_default() {
            vars.insert(
                key.as_str().unwrap_or_default().to_owned(),
                text(value, scope, context)?,
            );
        }
        for (key, value) in vars {
            let node = Node::new(parent.span.clone(), NodeKind::Str(Arc::from(value)));
            inventory.set_group_variable(&group, &key, Variable::Template(node));
        }
        if is_host {
            inventory.add_to_group(child, &group);
        } else {
            inventory.add_child(&group, child)?;
        }
        add_parents(&group, false, parent, scope, inventory, context)?;
    }
    Ok(())
}

fn text(node: &Node, scope: &Scope, context: &Context<'_>) -> Result<String, InventoryError> {
    let value = context.templar.render(node, scope);
    value
        .map(|value| to_text(&value))
        .map_err(|error| InventoryError::Plugin(format!("{}: cannot be rendered: {error}", node.span)))
}
