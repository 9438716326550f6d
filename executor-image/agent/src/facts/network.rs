//! Interfaces, addresses and default routes.

mod driver;
mod ethtool;
mod kernel;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;

use serde_json::{Map, Value, json};

use super::{Facts, read};
use crate::answer::answer;
use crate::context::Context;
use ethtool::Ethtool;
use kernel::{Address, Kernel, Route};

/// Where the kernel describes interfaces.
const DIRECTORY: &str = "/sys/class/net";

/// Addresses far away, which Ansible asks for the way to.
const FAR_V4: Ipv4Addr = Ipv4Addr::new(8, 8, 8, 8);
const FAR_V6: Ipv6Addr = Ipv6Addr::new(0x2404, 0x6800, 0x400a, 0x800, 0, 0, 0, 0x1012);

pub(super) fn collect(context: &Context) -> Facts {
    let kernel = Kernel::connect().ok();
    let ask = kernel.as_ref();
    let names = ask
        .and_then(|kernel| kernel.interfaces().ok())
        .unwrap_or_default();
    let addresses = ask.and_then(|kernel| kernel.addresses().ok()).unwrap_or_default();
    let mut ethtool = Ethtool::find(context);
    let mut interfaces = Map::new();
    let mut all_v4 = Vec::new();
    let mut all_v6 = Vec::new();
    for (index, name) in &names {
        let own = addresses.iter().filter(|address| address.interface == *index);
        let mut interface = describe(name, own);
        if let Some(ethtool) = &mut ethtool {
            ethtool.add(*index, name, &mut interface);
        }
        collect_addresses(&interface, &mut all_v4, &mut all_v6);
        interfaces.insert(name.clone(), Value::Object(interface));
    }
    let route = |far: IpAddr| {
        let route = ask?.route_to(far).ok()??;
        let name = names.get(&route.interface)?;
        Some(default_route(name, &route, &interfaces))
    };
    let default_v4 = route(FAR_V4.into()).unwrap_or_else(|| json!({}));
    let default_v6 = route(FAR_V6.into()).unwrap_or_else(|| json!({}));
    let local = |is_v4: bool| {
        let routes = ask.and_then(|kernel| kernel.local_routes(is_v4).ok());
        routes.unwrap_or_default()
    };
    let mut facts = answer!({
        "interfaces": names.values().collect::<Vec<_>>(),
        "default_ipv4": default_v4,
        "default_ipv6": default_v6,
        "all_ipv4_addresses": all_v4,
        "all_ipv6_addresses": all_v6,
        "locally_reachable_ips": {"ipv4": local(true), "ipv6": local(false)},
    });
    for (name, interface) in interfaces {
        facts.insert(name.replace(['-', '.', ':'], "_"), interface);
    }
    facts
}

fn describe<'a>(name: &str, addresses: impl Iterator<Item = &'a Address>) -> Map<String, Value> {
    let directory = Path::new(DIRECTORY).join(name);
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
    add_addresses(&mut interface, addresses);
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

fn add_addresses<'a>(interface: &mut Map<String, Value>, addresses: impl Iterator<Item = &'a Address>) {
    let mut secondaries = Vec::new();
    let mut six = Vec::new();
    for found in addresses {
        match found.ip {
            IpAddr::V4(address) => {
                let broadcast = found.broadcast.map(|address| address.to_string());
                let entry = v4_entry(address, found.prefix, &broadcast.unwrap_or_default());
                // The first is the address; the others are secondary ones.
                if interface.contains_key("ipv4") {
                    secondaries.push(entry);
                } else {
                    interface.insert("ipv4".to_owned(), entry);
                }
            }
            IpAddr::V6(address) => six.push(json!({
                "address": address.to_string(), "prefix": found.prefix.to_string(), "scope": found.scope,
            })),
        }
    }
    if !secondaries.is_empty() {
        interface.insert("ipv4_secondaries".to_owned(), Value::Array(secondaries));
    }
    if !six.is_empty() {
        interface.insert("ipv6".to_owned(), Value::Array(six));
    }
}

fn v4_entry(address: Ipv4Addr, prefix: u8, broadcast: &str) -> Value {
    let mask = u32::MAX.checked_shl(32 - u32::from(prefix).min(32)).unwrap_or(0);
    let network = u32::from(address) & mask;
    json!({
        "address": address.to_string(),
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
fn default_route(device: &str, route: &Route, interfaces: &Map<String, Value>) -> Value {
    let address = route.source.to_string();
    let mut facts = answer!({"interface": device, "address": address});
    if let Some(gateway) = route.gateway {
        facts.insert("gateway".to_owned(), gateway.to_string().into());
    }
    let Some(interface) = interfaces.get(device) else {
        return Value::Object(facts);
    };
    for key in ["macaddress", "mtu", "type"] {
        if let Some(value) = interface.get(key) {
            facts.insert(key.to_owned(), value.clone());
        }
    }
    let entries: Vec<&Value> = if route.source.is_ipv4() {
        facts.insert("alias".to_owned(), device.into());
        let secondaries = interface["ipv4_secondaries"].as_array().into_iter().flatten();
        interface.get("ipv4").into_iter().chain(secondaries).collect()
    } else {
        interface["ipv6"].as_array().into_iter().flatten().collect()
    };
    if let Some(Value::Object(entry)) = entries
        .into_iter()
        .find(|entry| entry["address"] == address.as_str())
    {
        for (key, value) in entry {
            facts.insert(key.clone(), value.clone());
        }
    }
    Value::Object(facts)
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
            let entry = v4_entry(address.parse().unwrap(), prefix, "");
            assert_eq!(
                (entry["netmask"].as_str(), entry["network"].as_str()),
                (Some(mask), Some(network))
            );
        }
    }
}
