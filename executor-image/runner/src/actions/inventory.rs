//! `add_host` and `group_by`: hosts and groups that a play adds to its inventory.

use std::sync::Arc;

use serde_json::{Value, json};
use slipway_language::{Variable, from_json};

use super::{ActionContext, Arguments, ResultMap, failure, map, text};
use crate::inventory::Change;

pub(super) fn add_host(context: &ActionContext<'_>, mut args: Arguments) -> ResultMap {
    match args.shift_remove("_raw_params") {
        None => {}
        Some(Value::Object(raw)) => {
            for (key, value) in raw {
                args.entry(key).or_insert(value);
            }
        }
        Some(_) => {
            return failure("Invalid raw parameters passed, requires a dictonary/hash got a  <class 'str'>");
        }
    }
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
    let vars = args.iter().map(|(key, value)| {
        let variable = Variable::data(from_json(value.clone()), context.trusted);
        (Arc::from(key.as_str()), variable)
    });
    let change = Change::Host {
        name: Arc::from(name),
        vars: vars.collect(),
        groups: groups.clone(),
    };
    let changed = match roster.change(change) {
        Ok(changed) => changed,
        Err(message) => return failure(message),
    };
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
    let changed = roster.change(Change::Group {
        host: Arc::clone(&item.host.name),
        group: group.clone(),
        parents: parents.clone(),
    });
    match changed {
        Ok(changed) => map(json!({"changed": changed, "add_group": group, "parent_groups": parents})),
        Err(message) => failure(message),
    }
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
