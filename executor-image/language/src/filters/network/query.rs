//! What `ipaddr` can be asked for.

use minijinja::Value;

use super::address::Network;

/// What is asked about.
pub(super) struct Subject<'value> {
    pub(super) network: Network,
    /// Whether a prefix was written.
    pub(super) is_network: bool,
    /// The value as it was given.
    pub(super) value: &'value Value,
}

fn none() -> Value {
    Value::from(())
}

fn text(text: impl Into<String>) -> Value {
    Value::from(text.into())
}

/// The answer to a query; nothing if there is no such query.
pub(super) fn answer(query: &str, subject: &Subject<'_>) -> Option<Result<Value, String>> {
    let network = &subject.network;
    let (size, address) = (network.size(), network.address);
    let itself = |holds: bool| if holds { subject.value.clone() } else { none() };
    let is_host = size == 1 || !network.is_subnet();
    Some(Ok(match query {
        "" => match (size, subject.is_network) {
            (_, true) => text(network.to_string()),
            _ => text(network.show(address)),
        },
        "6to4" => six_to_four(subject),
        "address" | "ip" => {
            if is_host || size == 2 || !network.is_v4() {
                text(network.show(address))
            } else {
                none()
            }
        }
        "host" => {
            if is_host || size == 2 {
                text(network.to_string())
            } else {
                none()
            }
        }
        "address/prefix" | "host/prefix" | "hostnet" | "router" | "gateway" | "gw" => {
            if is_host || size == 2 {
                text(network.to_string())
            } else {
                Value::from(false)
            }
        }
        "ip/prefix" => {
            if size == 2 || (size > 1 && is_host) {
                text(network.to_string())
            } else {
                none()
            }
        }
        "bool" => Value::from(true),
        "broadcast" => {
            if size > 2 {
                text(network.show(network.last()))
            } else {
                none()
            }
        }
        "cidr" => text(network.to_string()),
        "first_usable" | "last_usable" | "range_usable" | "next_usable" | "previous_usable" => {
            if !subject.is_network {
                return Some(Err("Not a network address".into()));
            }
            usable(query, network)
        }
        "peer" => return Some(peer(subject).map(text)),
        "hostmask" | "wildcard" => text(network.show(network.host_mask())),
        "int" => {
            if subject.is_network {
                text(format!("{address}/{}", network.prefix))
            } else {
                Value::from(address)
            }
        }
        "ip_netmask" => {
            if size == 2 || (size > 1 && is_host) {
                text(format!(
                    "{} {}",
                    network.show(address),
                    network.show(network.mask())
                ))
            } else {
                none()
            }
        }
        "ipv4" | "v4" => {
            if network.is_v4() {
                subject.value.clone()
            } else {
                match network.ip(address) {
                    std::net::IpAddr::V6(six) => {
                        let small = six
                            .to_ipv4_mapped()
                            .or_else(|| u32::try_from(address).ok().map(std::net::Ipv4Addr::from));
                        small.map_or_else(
                            || Value::from(false),
                            |four| text(format!("{four}/{}", network.prefix.saturating_sub(96))),
                        )
                    }
                    std::net::IpAddr::V4(_) => Value::from(false),
                }
            }
        }
        "ipv6" | "v6" => {
            if network.is_v4() {
                text(format!(
                    "::ffff:{}/{}",
                    network.show(address),
                    network.prefix + 96
                ))
            } else {
                subject.value.clone()
            }
        }
        "link-local" => itself(network.is_link_local()),
        "lo" | "loopback" => itself(network.is_loopback()),
        "multicast" => itself(network.is_multicast()),
        "net" => {
            if size > 1 && network.is_subnet() {
                text(network.to_string())
            } else {
                none()
            }
        }
        "netmask" => text(network.show(network.mask())),
        "network" | "network_id" => text(network.show(network.first())),
        "network/prefix" | "subnet" => text(network.subnet().to_string()),
        "network_netmask" => text(format!(
            "{} {}",
            network.show(network.first()),
            network.show(network.mask())
        )),
        "network_wildcard" => text(format!(
            "{} {}",
            network.show(network.first()),
            network.show(network.host_mask())
        )),
        "prefix" => Value::from(network.prefix),
        "private" => itself(network.is_private()),
        "public" => itself(
            !network.is_multicast() && !network.is_private() && !network.is_loopback() && !network.is_mask(),
        ),
        "revdns" => text(reverse_name(network)),
        "size" => Value::from(size),
        "size_usable" => Value::from(match size {
            1 => 0,
            2 => 2,
            size => size - 2,
        }),
        "type" => text(if is_host { "address" } else { "network" }),
        "unicast" => itself(!network.is_multicast()),
        "version" => Value::from(network.version()),
        "wrap" => {
            if network.is_v4() {
                subject.value.clone()
            } else if subject.is_network {
                text(format!("[{}]/{}", network.show(address), network.prefix))
            } else {
                text(format!("[{}]", network.show(address)))
            }
        }
        _ => return None,
    }))
}

fn usable(query: &str, network: &Network) -> Value {
    let Some((first, last)) = network.usable() else {
        return none();
    };
    let neighbour = match query {
        "first_usable" => Some(first),
        "last_usable" => Some(last),
        "next_usable" => network.address.checked_add(1),
        "previous_usable" => network.address.checked_sub(1),
        _ => return text(format!("{}-{}", network.show(first), network.show(last))),
    };
    neighbour
        .filter(|address| (first..=last).contains(address))
        .map_or_else(none, |address| text(network.show(address)))
}

/// The other end of a line between two.
fn peer(subject: &Subject<'_>) -> Result<String, String> {
    let network = &subject.network;
    if !subject.is_network {
        return Err("Not a network address".into());
    }
    match (network.size(), network.address % 4) {
        (2, _) => Ok(network.show(network.address ^ 1)),
        (4, 0) => Err("Network address of /30 has no peer".into()),
        (4, 3) => Err("Broadcast address of /30 has no peer".into()),
        (4, _) => Ok(network.show(network.address ^ 3)),
        _ => Err("Not a point-to-point network".into()),
    }
}

fn six_to_four(subject: &Subject<'_>) -> Value {
    let network = &subject.network;
    if network.is_v4() {
        if network.size() > 1 && network.is_subnet() {
            return Value::from(false);
        }
        let [a, b, c, d] = u32::try_from(network.address).unwrap_or(0).to_be_bytes();
        return text(format!("2002:{a:02x}{b:02x}:{c:02x}{d:02x}::1/48"));
    }
    if network.address >> 112 == 0x2002 {
        subject.value.clone()
    } else {
        Value::from(false)
    }
}

fn reverse_name(network: &Network) -> String {
    if network.is_v4() {
        let [a, b, c, d] = u32::try_from(network.address).unwrap_or(0).to_be_bytes();
        return format!("{d}.{c}.{b}.{a}.in-addr.arpa.");
    }
    let digits = format!("{:032x}", network.address);
    let reversed: Vec<String> = digits.chars().rev().map(String::from).collect();
    format!("{}.ip6.arpa.", reversed.join("."))
}
