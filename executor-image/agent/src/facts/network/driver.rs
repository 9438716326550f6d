//! What the kernel says of an interface's driver, asked by its generic netlink family `ethtool`.
//!
//! It is not understood here: it tells whether the program `ethtool`, which knows the names of all that, would say the same as before.

use std::io;

use netlink_packet_core::NlasIterator;
use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_GENERIC};

/// The family that knows the numbers of families, its question for one, and what both call its name and number.
const CONTROL: u16 = 0x10;
const CONTROL_GET_FAMILY: u8 = 3;
const CONTROL_NAME: u16 = 2;
const CONTROL_NUMBER: u16 = 1;

/// Questions of the family `ethtool`.
const FEATURES_GET: u8 = 11;
const TIME_STAMPS_GET: u8 = 25;

/// What each question and answer begins with, and in it: the interface, and that sets of bits are to come without names.
const HEADER: u16 = 1;
const HEADER_INTERFACE: u16 = 1;
const HEADER_FLAGS: u16 = 3;
const COMPACT: u32 = 1;

/// Attributes in an attribute.
const NESTED: u16 = 1 << 15;
/// A message that asks for something.
const REQUEST: u16 = 1;
/// A message that says why there is no answer.
const ERROR: u16 = 2;
/// The two headers of a message: netlink's, and that of generic families.
const HEADERS: usize = 16 + 4;

/// A conversation with the kernel about drivers.
pub(super) struct Drivers {
    socket: Socket,
    /// The number of the family `ethtool`.
    family: u16,
}

impl Drivers {
    /// # Errors
    /// When the kernel is too old for it.
    pub fn connect() -> io::Result<Self> {
        let mut socket = Socket::new(NETLINK_GENERIC)?;
        socket.bind_auto()?;
        socket.connect(&SocketAddr::new(0, 0))?;
        let name = attribute(CONTROL_NAME, b"ethtool\0");
        let answer = ask(&socket, CONTROL, CONTROL_GET_FAMILY, &name)?;
        let number = NlasIterator::new(answer.as_slice())
            .flatten()
            .find(|attribute| attribute.kind() == CONTROL_NUMBER)
            .and_then(|attribute| Some(u16::from_ne_bytes(attribute.value().try_into().ok()?)));
        let family = number.ok_or_else(|| io::Error::other("the family ethtool has no number"))?;
        Ok(Self { socket, family })
    }

    /// What of the driver's features is there and on.
    pub fn features(&self, interface: u32) -> io::Result<Vec<u8>> {
        self.ask(FEATURES_GET, interface)
    }

    /// What the driver knows about the time of packets.
    pub fn time_stamps(&self, interface: u32) -> io::Result<Vec<u8>> {
        self.ask(TIME_STAMPS_GET, interface)
    }

    /// The answer without what only names the interface.
    fn ask(&self, question: u8, interface: u32) -> io::Result<Vec<u8>> {
        let header = [
            attribute(HEADER_INTERFACE, &interface.to_ne_bytes()),
            attribute(HEADER_FLAGS, &COMPACT.to_ne_bytes()),
        ];
        let header = attribute(HEADER | NESTED, &header.concat());
        let answer = ask(&self.socket, self.family, question, &header)?;
        let rest = NlasIterator::new(answer.as_slice())
            .flatten()
            .filter(|found| found.kind() != HEADER);
        Ok(rest
            .flat_map(|found| attribute(found.kind(), found.value()))
            .collect())
    }
}

/// An attribute: its length, kind and value, filled up to a multiple of four bytes.
fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
    let length = u16::try_from(value.len() + 4).unwrap_or(u16::MAX);
    let mut bytes = [length.to_ne_bytes(), kind.to_ne_bytes()].concat();
    bytes.extend_from_slice(value);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

/// Sends one question to a family; its answer's attributes.
fn ask(socket: &Socket, family: u16, question: u8, attributes: &[u8]) -> io::Result<Vec<u8>> {
    let length = u32::try_from(HEADERS + attributes.len()).unwrap_or(u32::MAX);
    let mut message = length.to_ne_bytes().to_vec();
    message.extend([family.to_ne_bytes(), REQUEST.to_ne_bytes()].concat());
    // No number of this message, no sender: there is one question at a time. Then the question, version 1.
    message.extend([0; 8]);
    message.extend([question, 1, 0, 0]);
    message.extend_from_slice(attributes);
    socket.send(&message, 0)?;
    let (answer, _) = socket.recv_from_full()?;
    let number = |at: usize| answer.get(at..at + 4)?.try_into().ok().map(u32::from_ne_bytes);
    let kind = answer
        .get(4..6)
        .map(|kind| u16::from_ne_bytes([kind[0], kind[1]]));
    let end = number(0).map_or(0, |length| length as usize);
    match (kind, answer.get(HEADERS..end)) {
        (Some(ERROR), _) => {
            let code = number(16).map_or(0, |code| code.cast_signed().saturating_neg());
            Err(io::Error::from_raw_os_error(code))
        }
        (Some(kind), Some(attributes)) if kind == family => Ok(attributes.to_vec()),
        _ => Err(io::Error::other("the kernel's answer is not one to the question")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loopback_interface_has_features_and_nobody_knows_an_interface_that_is_not_there() {
        let drivers = Drivers::connect().unwrap();
        let said = drivers.features(1).unwrap();
        assert!(said.len() > 20, "{said:?}");
        assert_eq!(said, drivers.features(1).unwrap());
        assert_ne!(said, drivers.time_stamps(1).unwrap());
        assert_eq!(
            drivers.features(u32::MAX / 2).unwrap_err().raw_os_error(),
            Some(rustix::io::Errno::NODEV.raw_os_error())
        );
    }
}
