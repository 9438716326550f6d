//! `add_host` and `group_by`: hosts and groups that a play adds to its inventory.

use std::{net::Ipv6Addr, sync::Arc};

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
            return failure(
                "Invalid raw parameters passed, requires a dictionary/mapping got a  <class 'str'>",
            );
        }
    }
    let first = |names: &[&str]| names.iter().find_map(|name| args.get(*name)).cloned();
    let Some(name) = first(&["name", "hostname", "host"]).filter(|name| !name.is_null()) else {
        return failure("name, host or hostname needs to be provided");
    };
    let name = name.as_str().map_or_else(|| name.to_string(), str::to_owned);
    let groups = first(&["groupname", "groups", "group"]);
    // The other names of the two are variables as well.
    args.retain(|name, _| !matches!(name.as_str(), "name" | "hostname" | "groupname" | "groups"));
    let groups = match groups {
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

/// `name:port`, `[::1]:port`; an IPv6 address without brackets has no port, and what is no name of a host is taken as it is.
fn with_port(name: &str) -> (&str, Option<u64>) {
    let mut found = (name, None);
    if let Some((host, port)) = split_port(name)
        && let Some(host) = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'))
        && !host.is_empty()
    {
        found = (host, Some(port));
    }
    if let Some((host, port)) = split_port(found.0)
        && !host.contains([':', '[', ']'])
    {
        found = (host, Some(port));
    }
    match found {
        (host, Some(port)) if is_host(host) => (host, Some(port).filter(|port| *port != 0)),
        _ => (name, None),
    }
}

fn split_port(name: &str) -> Option<(&str, u64)> {
    let (host, port) = name.rsplit_once(':')?;
    let digits = port.bytes().all(|byte| byte.is_ascii_digit());
    Some((host, port.parse().ok().filter(|_| digits)?))
}

/// Whether a text is the name or the address of a host. Ansible looks at no more of an IPv6 address than its beginning.
fn is_host(text: &str) -> bool {
    let address = text.split('%').next().unwrap_or_default();
    let is_part = |part: &str| {
        let letter = |letter: char| letter.is_alphanumeric() || letter == '_';
        part.starts_with(letter)
            && part.chars().all(|one| letter(one) || one == '-')
            && !part.ends_with(['-', '_'])
    };
    address.parse::<Ipv6Addr>().is_ok() || text.split('.').all(is_part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_told_from_an_address() {
        let cases = [
            ("web:2222", ("web", Some(2222))),
            ("web", ("web", None)),
            ("::1", ("::1", None)),
            ("[::1]:22", ("::1", Some(22))),
            ("[web:23]:22", ("web", Some(23))),
            ("[::1]", ("[::1]", None)),
            ("a b:22", ("a b:22", None)),
        ];
        for (name, expected) in cases {
            assert_eq!(with_port(name), expected, "{name}");
        }
    }
}
