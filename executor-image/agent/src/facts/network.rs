//! Interfaces, addresses and default routes.

mod ethtool;

use std::net::Ipv4Addr;
use std::path::Path;

use serde_json::{Map, Value, json};

use super::{Facts, read};
use crate::answer::answer;
use crate::context::Context;
use crate::process::{Process, find_program};

pub(super) fn collect(context: &Context) -> Facts {
    let links = json_of(context, &["-j", "address", "show"]);
    let has_ethtool = find_program("ethtool".as_ref(), &context.environment).is_some();
    let mut interfaces = Map::new();
    let mut all_v4 = Vec::new();
    let mut all_v6 = Vec::new();
    for link in links.as_array().into_iter().flatten() {
        let Some(name) = link["ifname"].as_str() else {
            continue;
        };
        let mut interface = describe(name, link);
        if has_ethtool {
            ethtool::add(context, name, &mut interface);
        }
        collect_addresses(&interface, &mut all_v4, &mut all_v6);
        interfaces.insert(name.to_owned(), Value::Object(interface));
    }
    let default_v4 = default_route(context, "-4", "8.8.8.8", &interfaces);
    let default_v6 = default_route(context, "-6", "2404:6800:400a:800::1012", &interfaces);
    let names: Vec<&String> = interfaces.keys().collect();
    let mut facts = answer!({
        "interfaces": names,
        "default_ipv4": default_v4,
        "default_ipv6": default_v6,
        "all_ipv4_addresses": all_v4,
        "all_ipv6_addresses": all_v6,
        "locally_reachable_ips": {
            "ipv4": local_routes(context, "-4"),
            "ipv6": local_routes(context, "-6"),
        },
    });
    for (name, interface) in interfaces {
        facts.insert(name.replace(['-', '.', ':'], "_"), interface);
    }
    facts
}

/// What `ip` says, as JSON.
fn json_of(context: &Context, arguments: &[&str]) -> Value {
    let output = Process::tool(context, "ip").args(arguments).run();
    output
        .ok()
        .filter(|output| output.code == 0)
        .and_then(|output| serde_json::from_str(&output.stdout).ok())
        .unwrap_or_default()
}

fn describe(name: &str, link: &Value) -> Map<String, Value> {
    let directory = Path::new("/sys/class/net").join(name);
    let file = |part: &str| read(directory.join(part));
    let mut interface = answer!({
        "device": name,
        "active": file("operstate").is_some_and(|state| state != "down"),
        "type": kind(&directory),
    });
    if let Some(mac) = file("address").filter(|mac| !mac.is_empty() && mac != "00:00:00:00:00:00") {
        interface.insert("macaddress".to_owned(), mac.into());
    }
    if let Some(mtu) = file("mtu").and_then(|text| text.parse::<u64>().ok()) {
        interface.insert("mtu".to_owned(), mtu.into());
    }
    if let Some(flags) =
        file("flags").and_then(|text| u32::from_str_radix(text.trim_start_matches("0x"), 16).ok())
    {
        interface.insert("promisc".to_owned(), (flags & 0x100 != 0).into());
    }
    if let Some(speed) = file("speed").and_then(|text| text.parse::<i64>().ok()) {
        interface.insert("speed".to_owned(), speed.into());
    }
    for (key, link) in [("module", "device/driver/module"), ("pciid", "device")] {
        if let Ok(target) = directory.join(link).canonicalize()
            && let Some(name) = target.file_name()
        {
            interface.insert(key.to_owned(), name.to_string_lossy().into());
        }
    }
    if let Ok(members) = directory.join("brif").read_dir() {
        let names: Vec<Value> = members
            .flatten()
            .map(|entry| entry.file_name().to_string_lossy().into())
            .collect();
        interface.insert("interfaces".to_owned(), Value::Array(names));
        interface.insert(
            "stp".to_owned(),
            (file("bridge/stp_state").as_deref() == Some("1")).into(),
        );
        if let Some(id) = file("bridge/bridge_id") {
            interface.insert("id".to_owned(), id.into());
        }
    }
    add_addresses(&mut interface, link);
    interface
}

fn kind(directory: &Path) -> &'static str {
    if directory.join("bridge").is_dir() {
        return "bridge";
    }
    if directory.join("bonding").is_dir() {
        return "bonding";
    }
    if directory.join("team").is_dir() {
        return "team";
    }
    match read(directory.join("type")).as_deref() {
        Some("1") => "ether",
        Some("32") => "infiniband",
        Some("512") => "ppp",
        Some("772") => "loopback",
        Some("65534") => "tunnel",
        _ => "unknown",
    }
}

fn add_addresses(interface: &mut Map<String, Value>, link: &Value) {
    let mut secondaries = Vec::new();
    let mut six = Vec::new();
    for address in link["addr_info"].as_array().into_iter().flatten() {
        let (Some(local), Some(prefix)) = (address["local"].as_str(), address["prefixlen"].as_u64()) else {
            continue;
        };
        if address["family"] == "inet" {
            let entry = v4_entry(local, prefix, address["broadcast"].as_str().unwrap_or_default());
            // The first is the address; the others are secondary ones.
            if interface.contains_key("ipv4") {
                secondaries.push(entry);
            } else {
                interface.insert("ipv4".to_owned(), entry);
            }
        } else {
            six.push(json!({"address": local, "prefix": prefix.to_string(), "scope": address["scope"]}));
        }
    }
    if !secondaries.is_empty() {
        interface.insert("ipv4_secondaries".to_owned(), Value::Array(secondaries));
    }
    if !six.is_empty() {
        interface.insert("ipv6".to_owned(), Value::Array(six));
    }
}

fn v4_entry(address: &str, prefix: u64, broadcast: &str) -> Value {
    let mask = u32::MAX
        .checked_shl(32 - u32::try_from(prefix).unwrap_or(32).min(32))
        .unwrap_or(0);
    let network = address.parse::<Ipv4Addr>().map_or(0, u32::from) & mask;
    json!({
        "address": address,
        "netmask": Ipv4Addr::from(mask).to_string(),
        "network": Ipv4Addr::from(network).to_string(),
        "broadcast": broadcast,
        "prefix": prefix.to_string(),
    })
}

fn collect_addresses(interface: &Map<String, Value>, four: &mut Vec<Value>, six: &mut Vec<Value>) {
    let secondaries = interface
        .get("ipv4_secondaries")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    for entry in interface.get("ipv4").into_iter().chain(secondaries) {
        let address = entry["address"].as_str().unwrap_or_default();
        if !address.starts_with("127.") {
            four.push(address.into());
        }
    }
    for entry in interface
        .get("ipv6")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        if entry["address"] != "::1" {
            six.push(entry["address"].clone());
        }
    }
}

/// The address, interface and gateway by which the world is reached, with the address's details.
fn default_route(context: &Context, family: &str, far: &str, interfaces: &Map<String, Value>) -> Value {
    let routes = json_of(context, &[family, "-j", "route", "get", far]);
    let route = &routes[0];
    let (Some(device), Some(address)) = (route["dev"].as_str(), route["prefsrc"].as_str()) else {
        return json!({});
    };
    let mut facts = answer!({"interface": device, "address": address});
    if let Some(gateway) = route["gateway"].as_str() {
        facts.insert("gateway".to_owned(), gateway.into());
    }
    let Some(interface) = interfaces.get(device) else {
        return Value::Object(facts);
    };
    for key in ["macaddress", "mtu", "type"] {
        if let Some(value) = interface.get(key) {
            facts.insert(key.to_owned(), value.clone());
        }
    }
    let entries: Vec<&Value> = if family == "-4" {
        facts.insert("alias".to_owned(), device.into());
        let secondaries = interface["ipv4_secondaries"].as_array().into_iter().flatten();
        interface.get("ipv4").into_iter().chain(secondaries).collect()
    } else {
        interface["ipv6"].as_array().into_iter().flatten().collect()
    };
    if let Some(Value::Object(entry)) = entries.into_iter().find(|entry| entry["address"] == address) {
        for (key, value) in entry {
            facts.insert(key.clone(), value.clone());
        }
    }
    Value::Object(facts)
}

/// Addresses and networks that lead to this host itself.
fn local_routes(context: &Context, family: &str) -> Vec<Value> {
    let routes = json_of(context, &[family, "-j", "route", "show", "table", "local"]);
    routes
        .as_array()
        .into_iter()
        .flatten()
        .filter(|route| route["type"] == "local")
        .map(|route| route["dst"].clone())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_and_networks_are_computed_for_any_prefix() {
        for (address, prefix, mask, network) in [
            ("192.0.2.77", 24, "255.255.255.0", "192.0.2.0"),
            ("10.1.2.3", 0, "0.0.0.0", "0.0.0.0"),
            ("10.1.2.3", 32, "255.255.255.255", "10.1.2.3"),
            ("172.16.99.1", 20, "255.255.240.0", "172.16.96.0"),
        ] {
            let entry = v4_entry(address, prefix, "");
            assert_eq!(
                (entry["netmask"].as_str(), entry["network"].as_str()),
                (Some(mask), Some(network))
            );
        }
    }
}
