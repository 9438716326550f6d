//! `add_host` and `group_by`: hosts and groups that a play adds to its inventory.

use std::sync::Arc;

use serde_json::{Value, json};
use slipway_language::{Variable, from_json};

use super::{ActionContext, Arguments, ResultMap, failure, map, text};
use crate::inventory::Inventory;

pub(super) fn add_host(context: &ActionContext<'_>, mut args: Arguments) -> ResultMap {
    let mut take = |names: &[&str]| -> Option<Value> {
        let taken: Vec<Value> = names.iter().filter_map(|name| args.shift_remove(*name)).collect();
        taken.into_iter().next()
    };
    let Some(name) = take(&["name", "hostname", "host"]).filter(|name| !name.is_null()) else {
        return failure("name, host or hostname needs to be provided");
    };
    let name = name.as_str().map_or_else(|| name.to_string(), str::to_owned);
    let groups = match take(&["groups", "groupname", "group"]) {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::String(list)) => words(&list),
        Some(Value::Array(list)) => list
            .iter()
            .filter_map(Value::as_str)
            .map(|group| group.trim().to_owned())
            .collect(),
        Some(_) => return failure("Groups must be specified as a list."),
    };
    let (name, port) = with_port(&name);
    if let Some(port) = port {
        args.insert("ansible_ssh_port".to_owned(), Value::from(port));
    }
    let roster = &context.item.play.run.roster;
    if !context.trusted {
        roster.names_are_answers();
    }
    let changed = roster.change(|inventory| {
        let mut changed = !inventory.hosts.contains_key(name);
        let host = inventory.host(name);
        for (key, value) in &args {
            let variable = Variable::data(from_json(value.clone()), context.trusted);
            changed |= host.vars.get(key.as_str()) != Some(&variable);
            host.vars.insert(Arc::from(key.as_str()), variable);
        }
        groups
            .iter()
            .fold(changed, |changed, group| changed | join(inventory, group, name))
    });
    if changed {
        context.item.play.host_added(name);
    }
    map(json!({
        "changed": changed,
        "add_host": {"host_name": name, "groups": groups, "host_vars": args},
    }))
}

pub(super) fn group_by(context: &ActionContext<'_>, args: &Arguments) -> ResultMap {
    let Some(key) = text(args, "key") else {
        return failure("the 'key' param is required when using group_by");
    };
    let parents = match args.get("parents") {
        Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).map(group_name).collect(),
        Some(Value::String(name)) => vec![group_name(name)],
        _ => vec!["all".to_owned()],
    };
    let group = group_name(&key);
    let item = context.item;
    let roster = &item.play.run.roster;
    if !context.trusted {
        roster.names_are_answers();
    }
    let changed = roster.change(|inventory| {
        let mut changed = !inventory.groups.contains_key(group.as_str());
        inventory.group(&group);
        for parent in &parents {
            if *parent == group || inventory.is_below(&group, parent) {
                return Err(format!("can't add group {group} to itself: {parent} is below it"));
            }
            changed |= !inventory.groups.contains_key(parent.as_str());
            changed |= inventory.group(parent).children.insert(Arc::from(group.as_str()));
        }
        // A host of a group below is a member already.
        let is_member = inventory.hosts_of(&group).contains(&item.host.name);
        let joined = !is_member && join(inventory, &group, &item.host.name);
        Ok(changed || joined)
    });
    match changed {
        Ok(changed) => map(json!({"changed": changed, "add_group": group, "parent_groups": parents})),
        Err(message) => failure(message),
    }
}

/// Makes a host a member of a group; whether something changed.
fn join(inventory: &mut Inventory, group: &str, host: &str) -> bool {
    let made = !inventory.groups.contains_key(group);
    inventory.group(group).hosts.insert(Arc::from(host)) | made
}

fn words(list: &str) -> Vec<String> {
    let words = list.split(',').map(str::trim).filter(|word| !word.is_empty());
    words.map(str::to_owned).collect()
}

fn group_name(key: &str) -> String {
    key.replace(' ', "-")
}

/// `name:port`; an IPv6 address without brackets has no port.
fn with_port(name: &str) -> (&str, Option<u16>) {
    match name.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') => match port.parse() {
            Ok(port) => (host, Some(port)),
            Err(_) => (name, None),
        },
        _ => (name, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_told_from_an_address() {
        assert_eq!(with_port("web:2222"), ("web", Some(2222)));
        assert_eq!(with_port("web"), ("web", None));
        assert_eq!(with_port("::1"), ("::1", None));
    }
}
