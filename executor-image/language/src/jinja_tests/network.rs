//! `ansible.utils`: tests of addresses and networks.

use std::net::IpAddr;

use minijinja::{Error, Value};

use crate::filters::call::{Call, items};
use crate::filters::network_address::Network;
use crate::template::undefined::defined;
use crate::value::python;

pub(super) const TESTS: super::Table = &[
    ("in_any_network", |call| {
        let networks = networks(call)?;
        let (Some(subject), Some(networks)) = (subject(call)?, networks) else {
            return Ok(false);
        };
        Ok(networks.iter().any(|network| network.contains(&subject)))
    }),
    ("in_network", |call| {
        related(call, |subject, other| other.contains(subject))
    }),
    ("in_one_network", |call| {
        let networks = networks(call)?;
        let (Some(subject), Some(networks)) = (subject(call)?, networks) else {
            return Ok(false);
        };
        Ok(networks
            .iter()
            .filter(|network| network.contains(&subject))
            .count()
            == 1)
    }),
    ("ip", |call| Ok(subject(call)?.is_some())),
    ("ip_address", |call| Ok(address(call)?.is_some())),
    ("ipv4", |call| {
        Ok(subject(call)?.is_some_and(|network| network.is_v4()))
    }),
    ("ipv4_address", |call| {
        Ok(address(call)?.is_some_and(|network| network.is_v4()))
    }),
    ("ipv4_hostmask", |call| mask(call, Network::host_mask)),
    ("ipv4_netmask", |call| mask(call, Network::mask)),
    ("ipv6", |call| {
        Ok(subject(call)?.is_some_and(|network| !network.is_v4()))
    }),
    ("ipv6_address", |call| {
        Ok(address(call)?.is_some_and(|network| !network.is_v4()))
    }),
    ("ipv6_ipv4_mapped", |call| {
        six(call, |address| address >> 32 == 0xffff)
    }),
    ("ipv6_sixtofour", |call| {
        six(call, |address| address >> 112 == 0x2002)
    }),
    ("ipv6_teredo", |call| {
        six(call, |address| address >> 96 == 0x2001_0000)
    }),
    ("loopback", |call| {
        Ok(address(call)?.is_some_and(|network| network.is_loopback()))
    }),
    ("mac", |call| {
        let [] = call.bind([])?;
        Ok(is_mac(&call.only_text()?))
    }),
    ("multicast", |call| {
        Ok(address(call)?.is_some_and(|network| network.is_multicast()))
    }),
    ("private", |call| {
        Ok(address(call)?.is_some_and(|network| is_private(&network) && !is_shared(&network)))
    }),
    ("public", |call| {
        Ok(address(call)?.is_some_and(|network| !is_private(&network)))
    }),
    ("reserved", |call| {
        Ok(address(call)?.is_some_and(|network| is_reserved(&network)))
    }),
    ("subnet_of", |call| {
        related(call, |subject, other| other.contains(subject))
    }),
    ("supernet_of", |call| related(call, Network::contains)),
    ("unspecified", |call| {
        Ok(address(call)?.is_some_and(|network| network.address == 0))
    }),
];

/// A network as Python's `ip_network` reads it: an address with bits beyond its prefix is none.
fn strict(text: &str) -> Option<Network> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    Network::parse(text).filter(|network| !is_number && network.is_subnet())
}

fn subject(call: &Call<'_, '_, '_>) -> Result<Option<Network>, Error> {
    Ok(strict(&given(call)?))
}

/// The input as text. The collection's tests refuse None, which is nobody's address but a mistake.
fn given(call: &Call<'_, '_, '_>) -> Result<String, Error> {
    if call.value()?.is_none() {
        return Err(call.error("None is neither an address nor a network"));
    }
    call.text()
}

/// The input as one address.
fn address(call: &Call<'_, '_, '_>) -> Result<Option<Network>, Error> {
    let [] = call.bind([])?;
    Ok(given(call)?.parse::<IpAddr>().ok().map(Network::single))
}

fn argument(call: &Call<'_, '_, '_>) -> Result<Value, Error> {
    let [argument] = call.take(["network"])?;
    let argument = argument.ok_or_else(|| call.error("a network to compare with is needed"))?;
    defined(&argument)?;
    Ok(argument)
}

fn related(call: &Call<'_, '_, '_>, holds: fn(&Network, &Network) -> bool) -> Result<bool, Error> {
    let other = strict(&python::to_text(&argument(call)?));
    Ok(subject(call)?
        .zip(other)
        .is_some_and(|(subject, other)| holds(&subject, &other)))
}

/// The networks of the argument; nothing if one of them is none.
fn networks(call: &Call<'_, '_, '_>) -> Result<Option<Vec<Network>>, Error> {
    let list = items(&argument(call)?)?;
    Ok(list.iter().map(|item| strict(&python::to_text(item))).collect())
}

fn mask(call: &Call<'_, '_, '_>, mask: fn(&Network) -> u128) -> Result<bool, Error> {
    let Some(network) = address(call)?.filter(Network::is_v4) else {
        return Ok(false);
    };
    Ok((1..=32).any(|prefix| mask(&network.with_prefix(prefix)) == network.address))
}

fn six(call: &Call<'_, '_, '_>, holds: fn(u128) -> bool) -> Result<bool, Error> {
    Ok(address(call)?.is_some_and(|network| !network.is_v4() && holds(network.address)))
}

/// Python's `ipaddress` looks through addresses of version 6 that hold one of version 4.
fn is_private(network: &Network) -> bool {
    let holds_four =
        !network.is_v4() && (network.address >> 32 == 0xffff || network.address >> 112 == 0x2002);
    network.is_private() && !holds_four
}

fn is_shared(network: &Network) -> bool {
    Network::parse("100.64.0.0/10").is_some_and(|shared| shared.contains(network))
}

fn is_reserved(network: &Network) -> bool {
    const RESERVED: [&str; 16] = [
        "240.0.0.0/4",
        "::/8",
        "100::/8",
        "200::/7",
        "400::/6",
        "800::/5",
        "1000::/4",
        "4000::/3",
        "6000::/3",
        "8000::/3",
        "a000::/3",
        "c000::/3",
        "e000::/4",
        "f000::/5",
        "f800::/6",
        "fe00::/9",
    ];
    RESERVED
        .iter()
        .filter_map(|text| Network::parse(text))
        .any(|reserved| reserved.contains(network))
}

/// Two digits six times, or four digits three times.
fn is_mac(text: &str) -> bool {
    let is_hexadecimal =
        |part: &str, width: usize| part.len() == width && part.bytes().all(|byte| byte.is_ascii_hexdigit());
    let groups = |separators: &[char], width: usize, count: usize| {
        let parts: Vec<&str> = text.split(separators).collect();
        parts.len() == count && parts.iter().all(|part| is_hexadecimal(part, width))
    };
    groups(&[':', '-'], 2, 6) || groups(&['.'], 4, 3) || is_hexadecimal(text, 12)
}
