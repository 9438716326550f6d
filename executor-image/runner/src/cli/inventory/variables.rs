//! Variables as an inventory shows them: not rendered, without those that Ansible sets itself.

use std::sync::Arc;

use indexmap::IndexSet;
use serde_json::{Map, Value, json};
use slipway_language::{Layer, Node, NodeKind, Templar, Variable, to_json};

use crate::{
    inventory::{HostVariables, Inventory, InventoryError, Vars},
    output::{python_json, python_yaml},
};

/// The key of an encrypted value in JSON.
const ENCRYPTED: &str = "__ansible_vault";

/// The key of a text that is no template.
pub const UNSAFE: &str = "__ansible_unsafe";

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
        other => to_json(&other.value(&Templar::new()).unwrap_or_default()),
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
        NodeKind::Vault(encrypted) => json!({ENCRYPTED: encrypted.text().as_ref()}),
        NodeKind::Bytes(bytes) => Value::from(String::from_utf8_lossy(bytes)),
        NodeKind::Unsafe(text) => json!({UNSAFE: text.as_ref()}),
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
    if !yaml {
        return python_json(value, Some(4));
    }
    let mut encrypted = Vec::new();
    let value = set_aside(value, &mut encrypted);
    let text = python_yaml(&value);
    text.lines()
        .flat_map(|line| put_back(line, &encrypted))
        .map(|line| line + "\n")
        .collect()
}

/// What an encrypted value is among the others while they are written: no value of an inventory begins so.
const PLACE: &str = "\u{e000}encrypted-";

/// The same value with places for what is encrypted.
fn set_aside(value: &Value, encrypted: &mut Vec<String>) -> Value {
    match value {
        Value::Object(map) => {
            if let (1, Some(Value::String(text))) = (map.len(), map.get(ENCRYPTED)) {
                encrypted.push(text.clone());
                return Value::from(format!("{PLACE}{}", encrypted.len() - 1));
            }
            let entries = map.iter();
            let entries = entries.map(|(key, value)| (key.clone(), set_aside(value, encrypted)));
            Value::Object(entries.collect())
        }
        Value::Array(items) => items.iter().map(|item| set_aside(item, encrypted)).collect(),
        other => other.clone(),
    }
}

/// A line of YAML; an encrypted value that has its place there is written below it.
fn put_back(line: &str, encrypted: &[String]) -> Vec<String> {
    let found = encrypted.iter().enumerate().find_map(|(index, text)| {
        let quoted = format!("\"\\uE000encrypted-{index}\"");
        let plain = format!("{PLACE}{index}");
        let head = line.strip_suffix(&quoted).or_else(|| line.strip_suffix(&plain))?;
        Some((head, text))
    });
    let Some((head, text)) = found else {
        return vec![line.to_owned()];
    };
    let key = head.trim_start_matches([' ', '-']);
    // Behind a dash alone, what belongs to it stands as far right as it; behind a key, further.
    let further = if key.is_empty() { 0 } else { 2 };
    let indent = " ".repeat(head.len() - key.len() + further);
    let chomp = if text.ends_with('\n') { "" } else { "-" };
    let mut lines = vec![format!("{head}!vault |{chomp}")];
    lines.extend(text.lines().map(|line| format!("{indent}{line}")));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_encrypted_value_is_written_with_its_tag() {
        let value = json!({
            "key": {ENCRYPTED: "$A\n61\n"},
            "list": [{ENCRYPTED: "$A\n62\n"}, {"inner": {ENCRYPTED: "$A\n63"}}],
        });
        let expected =
            "key: !vault |\n  $A\n  61\nlist:\n- !vault |\n  $A\n  62\n- inner: !vault |-\n    $A\n    63\n";
        assert_eq!(dump(&value, true), expected);
        assert!(dump(&value, false).contains("\"__ansible_vault\": \"$A\\n61\\n\""));
    }
}
