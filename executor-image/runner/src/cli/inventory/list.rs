//! `--list`: everything, in the form of an inventory program's answer or of a YAML inventory.

use std::{collections::HashSet, sync::Arc};

use serde_json::{Map, Value};

use super::variables::Shown;
use crate::inventory::InventoryError;

/// In the form of an inventory program's answer.
pub fn json(shown: &Shown<'_>) -> Result<Value, InventoryError> {
    let mut groups = Map::new();
    let mut seen = HashSet::new();
    json_group(shown, "all", &mut seen, &mut groups)?;
    let mut variables = Map::new();
    for host in shown
        .inventory
        .hosts
        .keys()
        .filter(|host| shown.available.contains(*host))
    {
        let of_host = shown.of_host(host)?;
        if !is_empty(&of_host) {
            variables.insert(host.to_string(), of_host);
        }
    }
    let meta = Map::from_iter([("hostvars".to_owned(), Value::Object(variables))]);
    groups.insert("_meta".to_owned(), Value::Object(meta));
    Ok(Value::Object(groups))
}

fn json_group(
    shown: &Shown<'_>,
    name: &str,
    seen: &mut HashSet<Arc<str>>,
    groups: &mut Map<String, Value>,
) -> Result<(), InventoryError> {
    let Some(group) = shown.inventory.groups.get(name) else {
        return Ok(());
    };
    let mut own = Map::new();
    if name != "all" {
        own.insert(
            "hosts".to_owned(),
            names(group.hosts.iter().filter(|host| shown.available.contains(*host))),
        );
    }
    for child in &group.children {
        if seen.insert(Arc::clone(child)) {
            json_group(shown, child, seen, groups)?;
        }
    }
    own.insert("children".to_owned(), names(group.children.iter()));
    if shown.export {
        own.insert("vars".to_owned(), shown.of_group(name)?);
    }
    own.retain(|_, value| !is_empty(value));
    if !own.is_empty() {
        groups.insert(name.to_owned(), Value::Object(own));
    }
    Ok(())
}

/// In the form of a YAML inventory.
pub fn yaml(shown: &Shown<'_>) -> Result<Value, InventoryError> {
    let mut seen = Seen::default();
    let group = yaml_group(shown, "all", &mut seen)?;
    let whole: Map<String, Value> = group.map(|group| ("all".to_owned(), group)).into_iter().collect();
    Ok(Value::Object(whole))
}

#[derive(Default)]
struct Seen {
    groups: HashSet<Arc<str>>,
    hosts: HashSet<Arc<str>>,
}

fn yaml_group(shown: &Shown<'_>, name: &str, seen: &mut Seen) -> Result<Option<Value>, InventoryError> {
    let Some(group) = shown.inventory.groups.get(name) else {
        return Ok(None);
    };
    let mut own = Map::new();
    let mut children = Map::new();
    for child in &group.children {
        if !seen.groups.insert(Arc::clone(child)) {
            children.insert(child.to_string(), Value::Object(Map::new()));
        } else if let Some(of_child) = yaml_group(shown, child, seen)? {
            children.insert(child.to_string(), of_child);
        }
    }
    own.insert("children".to_owned(), Value::Object(children));
    if name != "all" {
        let mut hosts = Map::new();
        for host in group.hosts.iter().filter(|host| shown.available.contains(*host)) {
            let variables = if seen.hosts.insert(Arc::clone(host)) {
                shown.of_host(host)?
            } else {
                Value::Object(Map::new())
            };
            hosts.insert(host.to_string(), variables);
        }
        own.insert("hosts".to_owned(), Value::Object(hosts));
    }
    if shown.export {
        own.insert("vars".to_owned(), shown.of_group(name)?);
    }
    own.retain(|_, value| !is_empty(value));
    Ok((!own.is_empty()).then_some(Value::Object(own)))
}

fn names<'a>(names: impl Iterator<Item = &'a Arc<str>>) -> Value {
    names.map(|name| Value::from(name.as_ref())).collect()
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.is_empty(),
        _ => false,
    }
}
