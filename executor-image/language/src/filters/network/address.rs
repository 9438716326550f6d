//! Internet addresses with the length of their network's prefix.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// An address and its network: `192.168.1.5/24`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Network {
    /// 32 or 128 bits.
    width: u8,
    pub(crate) address: u128,
    pub(crate) prefix: u8,
}

impl Network {
    /// One address as a network of its own.
    pub(crate) fn single(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => Self {
                width: 32,
                address: u32::from(address).into(),
                prefix: 32,
            },
            IpAddr::V6(address) => Self {
                width: 128,
                address: address.into(),
                prefix: 128,
            },
        }
    }

    /// The number of an address; one that does not fit 32 bits is of version 6.
    pub(crate) fn number(number: u128) -> Self {
        let width = if number > u128::from(u32::MAX) { 128 } else { 32 };
        Self {
            width,
            address: number,
            prefix: width,
        }
    }

    /// `address`, `address/prefix` or `address/netmask`; a plain number is an address, too.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let mut network = if !address.is_empty() && address.bytes().all(|byte| byte.is_ascii_digit()) {
            Self::number(address.parse().ok()?)
        } else {
            Self::single(address.parse().ok()?)
        };
        if let Some(prefix) = prefix {
            network.prefix = network.read_prefix(prefix)?;
        }
        Some(network)
    }

    fn read_prefix(&self, text: &str) -> Option<u8> {
        if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
            return text.parse().ok().filter(|prefix| *prefix <= self.width);
        }
        let mask = Self::single(text.parse().ok()?);
        if mask.width != self.width {
            return None;
        }
        (0..=self.width).find(|prefix| {
            let netmask = Self {
                prefix: *prefix,
                ..*self
            };
            netmask.mask() == mask.address || netmask.host_mask() == mask.address
        })
    }

    pub(crate) fn with_prefix(self, prefix: u8) -> Self {
        Self { prefix, ..self }
    }

    pub(crate) fn with_address(self, address: u128) -> Self {
        Self { address, ..self }
    }

    pub(crate) fn width(&self) -> u8 {
        self.width
    }

    pub(crate) fn version(&self) -> u8 {
        if self.width == 32 { 4 } else { 6 }
    }

    pub(crate) fn is_v4(&self) -> bool {
        self.width == 32
    }

    fn all(&self) -> u128 {
        if self.width == 128 {
            u128::MAX
        } else {
            (1 << self.width) - 1
        }
    }

    pub(crate) fn host_mask(&self) -> u128 {
        self.all().checked_shr(self.prefix.into()).unwrap_or(0)
    }

    pub(crate) fn mask(&self) -> u128 {
        self.all() ^ self.host_mask()
    }

    /// The first address of the network.
    pub(crate) fn first(&self) -> u128 {
        self.address & self.mask()
    }

    /// The last address of the network.
    pub(crate) fn last(&self) -> u128 {
        self.address | self.host_mask()
    }

    /// How many addresses the network has; the whole of version 6 counts one less.
    pub(crate) fn size(&self) -> u128 {
        self.host_mask().saturating_add(1)
    }

    /// The network without the address's own bits.
    pub(crate) fn subnet(&self) -> Self {
        self.with_address(self.first())
    }

    pub(crate) fn is_subnet(&self) -> bool {
        self.address == self.first()
    }

    pub(crate) fn contains(&self, other: &Self) -> bool {
        self.width == other.width && self.first() <= other.first() && other.last() <= self.last()
    }

    /// The first and last address that a host may have.
    pub(crate) fn usable(&self) -> Option<(u128, u128)> {
        match self.size() {
            1 => None,
            2 => Some((self.first(), self.last())),
            _ => Some((self.first() + 1, self.last() - 1)),
        }
    }

    /// The text of another address of the same version.
    pub(crate) fn show(&self, address: u128) -> String {
        self.ip(address).to_string()
    }

    /// The address alone, as the standard library has it.
    pub(crate) fn ip(&self, address: u128) -> IpAddr {
        match u32::try_from(address) {
            Ok(small) if self.width == 32 => IpAddr::V4(Ipv4Addr::from(small)),
            _ => IpAddr::V6(Ipv6Addr::from(address)),
        }
    }

    fn within(&self, networks: &[&str]) -> bool {
        let address = self.with_prefix(self.width);
        networks
            .iter()
            .filter_map(|text| Self::parse(text))
            .any(|network| network.contains(&address))
    }

    pub(crate) fn is_loopback(&self) -> bool {
        self.within(&["127.0.0.0/8", "::1"])
    }

    pub(crate) fn is_link_local(&self) -> bool {
        self.within(&["169.254.0.0/16", "fe80::/10"])
    }

    pub(crate) fn is_multicast(&self) -> bool {
        self.within(&["224.0.0.0/4", "ff00::/8"])
    }

    /// Whether the registry of special addresses says that the whole Internet does not reach it.
    pub(crate) fn is_private(&self) -> bool {
        const SPECIAL: [&str; 25] = [
            "0.0.0.0/8",
            "10.0.0.0/8",
            "100.64.0.0/10",
            "127.0.0.0/8",
            "169.254.0.0/16",
            "172.16.0.0/12",
            "192.0.0.0/24",
            "192.0.2.0/24",
            "192.168.0.0/16",
            "198.18.0.0/15",
            "198.51.100.0/24",
            "203.0.113.0/24",
            "240.0.0.0/4",
            "::",
            "::1",
            "::ffff:0:0/96",
            "64:ff9b:1::/48",
            "100::/64",
            "2001::/23",
            "2001:db8::/32",
            "2002::/16",
            "3fff::/20",
            "5f00::/16",
            "fc00::/7",
            "fe80::/10",
        ];
        const EXCEPT: [&str; 6] = [
            "192.0.0.9",
            "192.0.0.10",
            "2001:1::/32",
            "2001:3::/32",
            "2001:4:112::/48",
            "2001:20::/27",
        ];
        self.within(&SPECIAL) && !self.within(&EXCEPT)
    }

    /// Whether the address looks like a netmask or the opposite of one.
    pub(crate) fn is_mask(&self) -> bool {
        (0..=self.width).any(|prefix| {
            let network = self.with_prefix(prefix);
            network.mask() == self.address || network.host_mask() == self.address
        })
    }
}

impl fmt::Display for Network {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.show(self.address), self.prefix)
    }
}

/// The fewest networks that hold the same addresses, in order.
pub(crate) fn merge(networks: &[Network]) -> Vec<Network> {
    let mut sorted: Vec<Network> = networks.iter().map(Network::subnet).collect();
    sorted.sort_by_key(|network| (network.width(), network.first(), network.prefix));
    let mut merged: Vec<Network> = Vec::new();
    for network in sorted {
        if merged.last().is_some_and(|last| last.contains(&network)) {
            continue;
        }
        merged.push(network);
        // Two halves of the same network are that network.
        while let [.., left, right] = merged[..] {
            let whole = left.with_prefix(left.prefix.saturating_sub(1)).subnet();
            if left.prefix != right.prefix
                || left.prefix == 0
                || left == right
                || !whole.contains(&right)
                || !whole.contains(&left)
            {
                break;
            }
            merged.truncate(merged.len() - 2);
            merged.push(whole);
        }
    }
    merged
}

/// The smallest network that holds all others.
pub(crate) fn span(networks: &[Network]) -> Option<Network> {
    let mut whole = networks.first()?.subnet();
    for network in networks {
        if network.width() != whole.width() {
            return None;
        }
        while !whole.contains(network) {
            whole = whole.with_prefix(whole.prefix.checked_sub(1)?).subnet();
        }
    }
    Some(whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(text: &str) -> Network {
        Network::parse(text).unwrap()
    }

    #[test]
    fn every_form_is_read() {
        for (text, expected) in [
            ("10.0.0.1", "10.0.0.1/32"),
            ("10.0.0.1/255.255.255.0", "10.0.0.1/24"),
            ("10.0.0.1/0.0.0.255", "10.0.0.1/24"),
            ("FE80::0:1/64", "fe80::1/64"),
            ("3232235777", "192.168.1.1/32"),
        ] {
            assert_eq!(network(text).to_string(), expected);
        }
        for text in [
            "",
            "10.1",
            "10.0.0.1/33",
            "10.0.0.1/",
            "x",
            "10.0.0.1/255.0.255.0",
        ] {
            assert_eq!(Network::parse(text), None, "{text}");
        }
    }

    #[test]
    fn the_widest_networks_do_not_overflow() {
        assert_eq!(network("::/0").size(), u128::MAX);
        assert_eq!(network("0.0.0.0/0").size(), 1 << 32);
        assert_eq!(network("0.0.0.0/0").last(), u128::from(u32::MAX));
    }

    #[test]
    fn neighbours_merge_and_spans_grow() {
        let list = ["10.0.1.0/24", "10.0.0.0/25", "10.0.0.128/25", "10.0.0.7"].map(network);
        let merged: Vec<String> = merge(&list).iter().map(ToString::to_string).collect();
        assert_eq!(merged, ["10.0.0.0/23"]);
        assert_eq!(span(&list).unwrap().to_string(), "10.0.0.0/23");
    }
}
