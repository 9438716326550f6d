//! Variables as an inventory shows them: not rendered, without those that Ansible sets itself.

use std::sync::Arc;

use indexmap::IndexSet;
use serde_json::{Map, Value, json};
use slipway_language::{Layer, Node, NodeKind, Variable, to_json};

use crate::{
    inventory::{HostVariables, Inventory, InventoryError, Vars},
    output::{python_json, python_yaml},
};

/// What is shown.
pub struct Shown<'a> {
    pub inventory: &'a Inventory,
    pub variables: &'a HostVariables,
    pub extra_vars: &'a Vars,
    /// Whether variables stay at their groups.
    pub export: bool,
    /// The hosts within the limit.
    pub available: IndexSet<Arc<str>>,
}

impl Shown<'_> {
    /// The variables of a host.
    pub fn of_host(&self, host: &str) -> Result<Value, InventoryError> {
        let mut shown = Map::new();
        if self.export {
            for layer in self.variables.of_host_alone(self.inventory, host)? {
                add(&mut shown, layer.as_ref());
            }
        } else {
            for layer in self.variables.of_host(self.inventory, host)? {
                add(&mut shown, layer.as_ref());
            }
            add(&mut shown, self.extra_vars);
        }
        Ok(Value::Object(shown))
    }

    /// The variables of a group.
    pub fn of_group(&self, group: &str) -> Result<Value, InventoryError> {
        let mut shown = Map::new();
        for layer in self.variables.of_group(self.inventory, group)? {
            add(&mut shown, layer.as_ref());
        }
        if let Some(group) = self
            .inventory
            .groups
            .get(group)
            .filter(|group| group.priority != 1)
        {
            shown.insert("ansible_group_priority".to_owned(), Value::from(group.priority));
        }
        Ok(Value::Object(shown))
    }
}

fn add(shown: &mut Map<String, Value>, layer: &dyn Layer) {
    for name in layer.names() {
        if let Some(variable) = layer.get(&name) {
            shown.insert(name.to_string(), raw(&variable));
        }
    }
}

fn raw(variable: &Variable) -> Value {
    match variable {
        Variable::Template(node) => raw_node(node),
        Variable::Data(value) => to_json(value),
    }
}

/// A value as it is written.
pub fn raw_node(node: &Node) -> Value {
    match &node.kind {
        NodeKind::Null => Value::Null,
        NodeKind::Bool(value) => Value::from(*value),
        NodeKind::Int(number) => Value::from(*number),
        NodeKind::Float(number) => Value::from(*number),
        NodeKind::Str(text) => Value::from(text.as_ref()),
        NodeKind::Vault(encrypted) => json!({"__ansible_vault": encrypted.text().as_ref()}),
        NodeKind::Unsafe(text) => json!({"__ansible_unsafe": text.as_ref()}),
        NodeKind::List(items) => items.iter().map(raw_node).collect(),
        NodeKind::Map(entries) => Value::Object(
            entries
                .iter()
                .map(|(key, value)| (key_text(key), raw_node(value)))
                .collect(),
        ),
    }
}

fn key_text(key: &Node) -> String {
    key.as_str()
        .map_or_else(|| raw_node(key).to_string(), str::to_owned)
}

/// JSON or YAML.
pub fn dump(value: &Value, yaml: bool) -> String {
    if yaml {
        python_yaml(value)
    } else {
        python_json(value, Some(4))
    }
}
