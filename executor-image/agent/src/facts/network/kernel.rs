//! What the kernel says of addresses and routes, asked by rtnetlink(7).

use std::collections::BTreeMap;
use std::io;
use std::net::IpAddr;

use netlink_packet_core::{NLM_F_DUMP, NLM_F_REQUEST, NetlinkHeader, NetlinkMessage, NetlinkPayload};
use netlink_packet_route::address::{AddressAttribute, AddressMessage, AddressScope};
use netlink_packet_route::link::{LinkAttribute, LinkMessage};
use netlink_packet_route::route::{RouteAddress, RouteAttribute, RouteMessage, RouteType};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};
use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_ROUTE};

/// The routing table of what leads to this host itself (`RT_TABLE_LOCAL`).
const LOCAL_TABLE: u8 = 255;

/// An address of an interface.
#[derive(Debug)]
pub(super) struct Address {
    /// The interface's number.
    pub interface: u32,
    pub ip: IpAddr,
    pub prefix: u8,
    pub broadcast: Option<IpAddr>,
    /// As `ip address` names it: `global`, `link`, `host`, …
    pub scope: String,
}

/// How the world is reached.
#[derive(Debug)]
pub(super) struct Route {
    /// The number of the interface that leads there.
    pub interface: u32,
    /// The address that packets come from.
    pub source: IpAddr,
    pub gateway: Option<IpAddr>,
}

/// A conversation with the kernel.
pub(super) struct Kernel(Socket);

impl Kernel {
    pub fn connect() -> io::Result<Self> {
        let mut socket = Socket::new(NETLINK_ROUTE)?;
        socket.bind_auto()?;
        socket.connect(&SocketAddr::new(0, 0))?;
        Ok(Self(socket))
    }

    /// The name of every interface, by its number. `/sys` may belong to another network than this process.
    pub fn interfaces(&self) -> io::Result<BTreeMap<u32, String>> {
        let question = RouteNetlinkMessage::GetLink(LinkMessage::default());
        let named = self.ask(question, NLM_F_DUMP, |answer| match answer {
            RouteNetlinkMessage::NewLink(message) => {
                let name = message
                    .attributes
                    .into_iter()
                    .find_map(|attribute| match attribute {
                        LinkAttribute::IfName(name) => Some(name),
                        _ => None,
                    });
                Some((message.header.index, name?))
            }
            _ => None,
        })?;
        Ok(named.into_iter().collect())
    }

    /// Every address, in the kernel's order: IPv4 first, by interface.
    pub fn addresses(&self) -> io::Result<Vec<Address>> {
        let question = RouteNetlinkMessage::GetAddress(AddressMessage::default());
        self.ask(question, NLM_F_DUMP, |answer| match answer {
            RouteNetlinkMessage::NewAddress(message) => address(&message),
            _ => None,
        })
    }

    /// The route to an address; an error where there is none.
    pub fn route_to(&self, far: IpAddr) -> io::Result<Option<Route>> {
        let mut message = RouteMessage::default();
        message.header.address_family = family(far);
        message.header.destination_prefix_length = if far.is_ipv4() { 32 } else { 128 };
        message.attributes.push(RouteAttribute::Destination(far.into()));
        let routes = self.ask(RouteNetlinkMessage::GetRoute(message), 0, |answer| match answer {
            RouteNetlinkMessage::NewRoute(message) => route(&message),
            _ => None,
        })?;
        Ok(routes.into_iter().next())
    }

    /// Addresses and networks that lead to this host itself, IPv4 or IPv6, as `ip route` writes them.
    pub fn local_routes(&self, is_v4: bool) -> io::Result<Vec<String>> {
        let mut message = RouteMessage::default();
        message.header.address_family = if is_v4 {
            AddressFamily::Inet
        } else {
            AddressFamily::Inet6
        };
        message.header.table = LOCAL_TABLE;
        self.ask(
            RouteNetlinkMessage::GetRoute(message),
            NLM_F_DUMP,
            |answer| match answer {
                RouteNetlinkMessage::NewRoute(message) => local_destination(&message),
                _ => None,
            },
        )
    }

    /// Sends a question, and reads what is wanted of the answers to it.
    fn ask<T>(
        &self,
        question: RouteNetlinkMessage,
        flags: u16,
        wanted: impl Fn(RouteNetlinkMessage) -> Option<T>,
    ) -> io::Result<Vec<T>> {
        let mut message = NetlinkMessage::new(NetlinkHeader::default(), NetlinkPayload::from(question));
        message.header.flags = NLM_F_REQUEST | flags;
        message.finalize();
        let mut bytes = vec![0; message.buffer_len()];
        message.serialize(&mut bytes);
        self.0.send(&bytes, 0)?;
        let mut answers = Vec::new();
        loop {
            let (datagram, _) = self.0.recv_from_full()?;
            let mut rest = datagram.as_slice();
            while !rest.is_empty() {
                let message = rest;
                rest = after_first(rest);
                // A newer kernel may say what is not understood here, of one interface or route: the others count.
                let Ok(answer) = NetlinkMessage::<RouteNetlinkMessage>::deserialize(message) else {
                    continue;
                };
                match answer.payload {
                    NetlinkPayload::InnerMessage(answer) => answers.extend(wanted(answer)),
                    NetlinkPayload::Error(error) if error.code.is_some() => return Err(error.to_io()),
                    NetlinkPayload::Done(_) | NetlinkPayload::Error(_) => return Ok(answers),
                    _ => {}
                }
            }
            if flags & NLM_F_DUMP != NLM_F_DUMP {
                return Ok(answers);
            }
        }
    }
}

/// What follows the first message: each begins with its length, at a multiple of four.
fn after_first(messages: &[u8]) -> &[u8] {
    messages
        .first_chunk()
        .map(|length| (u32::from_ne_bytes(*length) as usize).max(4).next_multiple_of(4))
        .and_then(|length| messages.get(length..))
        .unwrap_or_default()
}

fn family(address: IpAddr) -> AddressFamily {
    match address {
        IpAddr::V4(_) => AddressFamily::Inet,
        IpAddr::V6(_) => AddressFamily::Inet6,
    }
}

fn address(message: &AddressMessage) -> Option<Address> {
    let mut own = None;
    let mut other = None;
    let mut broadcast = None;
    for attribute in &message.attributes {
        match attribute {
            AddressAttribute::Local(address) => own = Some(*address),
            AddressAttribute::Address(address) => other = Some(*address),
            AddressAttribute::Broadcast(address) => broadcast = Some(IpAddr::V4(*address)),
            _ => {}
        }
    }
    Some(Address {
        interface: message.header.index,
        // Where the two differ, the other is the far end of a point-to-point link.
        ip: own.or(other)?,
        prefix: message.header.prefix_len,
        broadcast,
        scope: scope(message.header.scope),
    })
}

/// The name that `ip` gives it.
fn scope(scope: AddressScope) -> String {
    match scope {
        AddressScope::Universe => "global".to_owned(),
        AddressScope::Site => "site".to_owned(),
        AddressScope::Link => "link".to_owned(),
        AddressScope::Host => "host".to_owned(),
        AddressScope::Nowhere => "nowhere".to_owned(),
        other => u8::from(other).to_string(),
    }
}

fn ip(address: &RouteAddress) -> Option<IpAddr> {
    match address {
        RouteAddress::Inet(address) => Some(IpAddr::V4(*address)),
        RouteAddress::Inet6(address) => Some(IpAddr::V6(*address)),
        _ => None,
    }
}

fn route(message: &RouteMessage) -> Option<Route> {
    let mut interface = None;
    let mut source = None;
    let mut gateway = None;
    for attribute in &message.attributes {
        match attribute {
            RouteAttribute::Oif(index) => interface = Some(*index),
            RouteAttribute::PrefSource(address) => source = ip(address),
            RouteAttribute::Gateway(address) => gateway = ip(address),
            _ => {}
        }
    }
    Some(Route {
        interface: interface?,
        source: source?,
        gateway,
    })
}

/// The destination of a route of the local table, without the length of its prefix where that is the whole address.
fn local_destination(message: &RouteMessage) -> Option<String> {
    // The kernel may send all tables for a question for one.
    let header = &message.header;
    if header.table != LOCAL_TABLE || header.kind != RouteType::Local {
        return None;
    }
    let address = message.attributes.iter().find_map(|attribute| match attribute {
        RouteAttribute::Destination(address) => ip(address),
        _ => None,
    })?;
    let whole = if address.is_ipv4() { 32 } else { 128 };
    Some(match header.destination_prefix_length {
        length if length == whole => address.to_string(),
        length => format!("{address}/{length}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loopback_interface_has_its_address_and_leads_to_itself() {
        let kernel = Kernel::connect().unwrap();
        let loopback: IpAddr = "127.0.0.1".parse().unwrap();
        let interfaces = kernel.interfaces().unwrap();
        let addresses = kernel.addresses().unwrap();
        let found = addresses.iter().find(|found| found.ip == loopback).unwrap();
        assert_eq!((found.prefix, found.scope.as_str()), (8, "host"));
        assert_eq!(interfaces[&found.interface], "lo");
        let route = kernel.route_to(loopback).unwrap().unwrap();
        assert_eq!(
            (route.interface, route.source, route.gateway),
            (found.interface, loopback, None)
        );
        let local = kernel.local_routes(true).unwrap();
        assert!(
            local.contains(&"127.0.0.0/8".to_owned()) && local.contains(&"127.0.0.1".to_owned()),
            "{local:?}"
        );
        assert!(
            kernel
                .local_routes(false)
                .unwrap()
                .iter()
                .all(|destination| destination.contains(':'))
        );
    }
}
