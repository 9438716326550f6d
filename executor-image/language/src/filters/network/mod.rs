//! `ansible.utils`: filters about addresses and networks.

pub(crate) mod address;
mod hardware;
mod query;

use minijinja::value::ValueKind;
use minijinja::{Error, Value};

use super::call::{Call, items};
use super::text::whole;
use crate::template::undefined::defined;
use crate::value::convert::{map, sequence};
use crate::value::python;
use address::Network;
use query::Subject;

pub(super) const FILTERS: super::Table = &[
    ("cidr_merge", cidr_merge),
    ("hwaddr", hardware::hardware_address),
    ("ip4_hex", ip4_hex),
    ("ipaddr", |call| ip_address(call, None)),
    ("ipmath", ip_math),
    ("ipsubnet", ip_subnet),
    ("ipv4", |call| ip_address(call, Some(4))),
    ("ipv6", |call| ip_address(call, Some(6))),
    ("ipv6form", ipv6_form),
    ("ipwrap", ip_wrap),
    ("macaddr", hardware::hardware_address),
    ("network_in_network", network_in_network),
    ("network_in_usable", network_in_usable),
    ("next_nth_usable", |call| nth_usable(call, 1)),
    ("nthhost", nth_host),
    ("previous_nth_usable", |call| nth_usable(call, -1)),
    ("reduce_on_network", reduce_on_network),
    ("slaac", slaac),
    ("usable_range", usable_range),
];

/// Those that are known by their short name, too.
pub(super) const SHORT: &[&str] = &[
    "cidr_merge",
    "hwaddr",
    "ipaddr",
    "ipmath",
    "ipsubnet",
    "ipv4",
    "ipv6",
    "ipwrap",
    "network_in_network",
    "network_in_usable",
    "next_nth_usable",
    "nthhost",
    "previous_nth_usable",
    "reduce_on_network",
    "slaac",
];

/// A list of networks longer than this is refused: no playbook means it.
const MOST_NETWORKS: u128 = 1 << 20;

/// The text of an argument; none if it is not given.
fn given(argument: Option<Value>) -> Result<Option<String>, Error> {
    argument
        .map(|value| defined(&value).map(python::to_text))
        .transpose()
}

/// The input as a network.
fn network(call: &Call<'_, '_, '_>, value: &Value) -> Result<Network, Error> {
    let text = python::to_text(value);
    Network::parse(&text).ok_or_else(|| call.error(format!("'{text}' is no address and no network")))
}

fn ip_address(call: &mut Call<'_, '_, '_>, version: Option<u8>) -> Result<Value, Error> {
    let [query, given_version, _] = call.bind(["query", "version", "alias"])?;
    let query = given(query)?.unwrap_or_default();
    let version = match given_version.filter(Value::is_true) {
        Some(value) => u8::try_from(whole(call, Some(&value), 4)?).ok(),
        None => version,
    };
    let value = checked(call)?;
    ask(call, &value, &query, version)
}

/// The input, if it is of a kind that may be an address.
fn checked(call: &Call<'_, '_, '_>) -> Result<Value, Error> {
    let value = call.value()?;
    if value.is_tuple()
        || !matches!(
            value.kind(),
            ValueKind::String | ValueKind::Seq | ValueKind::Bool | ValueKind::Number
        )
        || (value.kind() == ValueKind::Number && !value.is_integer())
    {
        return Err(call.error(format!(
            "Unrecognized type <<class '{}'>> for {} filter <value>",
            python::type_name(&value),
            call.name
        )));
    }
    Ok(value)
}

/// The answer about a value, or the answers about the values of a list, those that are false left out.
fn ask(call: &Call<'_, '_, '_>, value: &Value, query: &str, version: Option<u8>) -> Result<Value, Error> {
    if value.kind() == ValueKind::Seq {
        let mut answers = Vec::new();
        for item in items(value)? {
            let answer = ask(call, &item, query, version)?;
            if answer.is_true() {
                answers.push(answer);
            }
        }
        return Ok(sequence(answers));
    }
    let text = python::to_text(value);
    let parsed = if !value.is_true() || value.kind() == ValueKind::Bool {
        None
    } else {
        Network::parse(&text)
    };
    let Some(network) = parsed.filter(|network| version.is_none_or(|version| version == network.version()))
    else {
        return Ok(Value::from(false));
    };
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    let shown = Value::from(if is_number {
        network.to_string()
    } else {
        text.clone()
    });
    let subject = Subject {
        network,
        is_network: text.contains('/'),
        value: &shown,
    };
    if let Ok(index) = query.parse::<i128>() {
        return Ok(indexed(&subject, index));
    }
    match query::answer(query, &subject) {
        Some(answer) => answer.map_err(|message| call.error(message)),
        // A query that is a network asks whether the address is in it.
        None => match Network::parse(query) {
            Some(container) if container.contains(&network) => Ok(shown),
            Some(_) => Ok(Value::from(())),
            None => Err(call.error(format!("unknown filter type: {query}"))),
        },
    }
}

/// The address at a place of the network.
fn indexed(subject: &Subject<'_>, index: i128) -> Value {
    let network = &subject.network;
    if network.size() == 1 {
        let shown = if subject.is_network {
            network.to_string()
        } else {
            network.show(network.address)
        };
        return Value::from(shown);
    }
    nth(network, index).map_or_else(
        || Value::from(false),
        |address| Value::from(network.with_address(address).to_string()),
    )
}

/// The address at a place of the network; negative places count from the end.
fn nth(network: &Network, index: i128) -> Option<u128> {
    let place = if index < 0 {
        network.last().checked_sub(index.unsigned_abs() - 1)?
    } else {
        network.first().checked_add(index.unsigned_abs())?
    };
    (network.first()..=network.last())
        .contains(&place)
        .then_some(place)
}

fn ip_wrap(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let [query] = call.bind(["query"])?;
    let query = given(query)?.unwrap_or_default();
    let value = checked(call)?;
    let wrap = |value: &Value| -> Result<Value, Error> {
        let answer = ask(call, value, &query, None)?;
        if answer.is_true() {
            ask(call, &answer, "wrap", None)
        } else {
            Ok(value.clone())
        }
    };
    if value.kind() == ValueKind::Seq {
        return Ok(sequence(
            items(&value)?.iter().map(wrap).collect::<Result<_, _>>()?,
        ));
    }
    wrap(&value)
}

fn ip_subnet(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let [query, index] = call.bind(["query", "index"])?;
    let (query, index) = (given(query)?.unwrap_or_default(), given(index)?);
    let Some(network) = perhaps(call)? else {
        return Ok(Value::from(false));
    };
    let is_address = network.size() == 1 || !network.is_subnet();
    let own = network.subnet();
    if query.is_empty() {
        return Ok(Value::from(
            if is_address { network.subnet() } else { own }.to_string(),
        ));
    }
    let Ok(prefix) = query.parse::<u8>() else {
        let container = Network::parse(&query).ok_or_else(|| {
            call.error(format!(
                "You must pass a valid subnet or IP address; {query} is invalid"
            ))
        })?;
        if !container.contains(&own) {
            return Err(call.error(format!("{own} is not in the subnet {}", container.subnet())));
        }
        let place = (own.first() - container.first()) / own.size() + 1;
        return Ok(Value::from(place.to_string()));
    };
    if prefix > own.width() {
        return Err(call.error(format!("Requested subnet size of {prefix} is invalid")));
    }
    let index = index.and_then(|index| index.parse::<i128>().ok());
    if is_address && network.size() == 1 {
        // From the network that is asked for down to the address.
        let supernets: Vec<Network> = (prefix..own.prefix)
            .map(|prefix| own.with_prefix(prefix).subnet())
            .collect();
        let place = place_of(index.unwrap_or(0), supernets.len() as u128);
        let found = place.and_then(|place| supernets.get(usize::try_from(place).ok()?));
        return Ok(found.map_or_else(|| Value::from(false), |found| Value::from(found.to_string())));
    }
    let count = prefix
        .checked_sub(own.prefix)
        .map(|bits| 1_u128.checked_shl(bits.into()).unwrap_or(u128::MAX));
    match (count, index) {
        (None, None) => Err(call.error(format!("Requested subnet size of {prefix} is invalid"))),
        (Some(count), None) => Ok(Value::from(count.to_string())),
        (count, Some(index)) => Ok(count.and_then(|count| place_of(index, count)).map_or_else(
            || Value::from(false),
            |place| {
                let size = own.with_prefix(prefix).size();
                Value::from(
                    own.with_prefix(prefix)
                        .with_address(own.first() + place * size)
                        .to_string(),
                )
            },
        )),
    }
}

/// Python's index in a list of `count` items.
fn place_of(index: i128, count: u128) -> Option<u128> {
    let place = if index < 0 {
        count.checked_sub(index.unsigned_abs())?
    } else {
        index.unsigned_abs()
    };
    (place < count).then_some(place)
}

fn nth_host(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let [query] = call.bind(["query"])?;
    let query = given(query)?.unwrap_or_default();
    let Some(network) = Network::parse(&call.text()?) else {
        return Ok(Value::from(false));
    };
    let found = query.parse().ok().and_then(|index| nth(&network, index));
    Ok(found.map_or_else(
        || Value::from(false),
        |address| Value::from(network.show(address)),
    ))
}

fn nth_usable(call: &Call<'_, '_, '_>, direction: i128) -> Result<Value, Error> {
    let [offset] = call.bind(["offset"])?;
    let offset = offset.filter(Value::is_integer);
    let Some(offset) = offset.and_then(|offset| offset.as_i64()) else {
        return Err(call.error("Must pass in an integer"));
    };
    let Some(network) = perhaps(call)? else {
        return Ok(Value::from(false));
    };
    let distance = i128::from(offset) * direction;
    let address = if distance < 0 {
        network.address.checked_sub(distance.unsigned_abs())
    } else {
        network.address.checked_add(distance.unsigned_abs())
    };
    let usable = network.usable().zip(address);
    Ok(usable
        .filter(|((first, last), address)| (first..=last).contains(&address))
        .map_or_else(
            || Value::from(()),
            |(_, address)| Value::from(network.show(address)),
        ))
}

fn ip_math(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let [amount] = call.bind(["amount"])?;
    let text = call.only_text()?;
    let network = Network::parse(&text)
        .ok_or_else(|| call.error(format!("You must pass a valid IP address; {text} is invalid")))?;
    let amount = given(amount)?.unwrap_or_default();
    let distance: i128 = amount.parse().map_err(|_| {
        call.error(format!(
            "You must pass an integer for arithmetic; {amount} is not a valid integer"
        ))
    })?;
    let address = if distance < 0 {
        network.address.checked_sub(distance.unsigned_abs())
    } else {
        network.address.checked_add(distance.unsigned_abs())
    };
    let limit = network.with_prefix(0).last();
    address
        .filter(|address| *address <= limit)
        .map(|address| Value::from(network.show(address)))
        .ok_or_else(|| call.error("the result is no address"))
}

/// The input as a network; nothing if it is none.
fn perhaps(call: &Call<'_, '_, '_>) -> Result<Option<Network>, Error> {
    let value = checked(call)?;
    Ok(Network::parse(&python::to_text(&value)))
}

fn two_networks(call: &Call<'_, '_, '_>) -> Result<Option<(Network, Network)>, Error> {
    let [test] = call.bind(["test"])?;
    let test = test.ok_or_else(|| call.error("a second network is needed"))?;
    Ok(perhaps(call)?.zip(Some(network(call, &test)?)))
}

fn network_in_network(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let networks = two_networks(call)?;
    Ok(Value::from(
        networks.is_some_and(|(container, inner)| container.contains(&inner)),
    ))
}

fn network_in_usable(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let Some((container, inner)) = two_networks(call)? else {
        return Ok(Value::from(false));
    };
    let range = |network: &Network| network.usable().unwrap_or((network.address, network.address));
    let ((first, last), (inner_first, inner_last)) = (range(&container), range(&inner));
    Ok(Value::from(
        container.width() == inner.width() && first <= inner_first && inner_last <= last,
    ))
}

fn reduce_on_network(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let [container] = call.bind(["network"])?;
    let container = container.ok_or_else(|| call.error("a network is needed"))?;
    let container = Network::parse(&python::to_text(defined(&container)?));
    let is_inside = |value: &Value| {
        let network = Network::parse(&python::to_text(value));
        container
            .zip(network)
            .is_some_and(|(container, network)| container.contains(&network))
    };
    Ok(sequence(call.items()?.into_iter().filter(is_inside).collect()))
}

fn cidr_merge(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let [action] = call.bind(["action"])?;
    let action = given(action)?.unwrap_or_else(|| "merge".into());
    let value = call.value()?;
    // One network is given back as it is.
    if let Some(text) = value.as_str().filter(|text| !text.is_empty()) {
        let shown = Value::from(network(call, &Value::from(text))?.to_string());
        return Ok(if action == "merge" {
            sequence(vec![shown])
        } else {
            shown
        });
    }
    if value.kind() != ValueKind::Seq {
        return Err(call.error(format!("expected iterable, got {}", python::repr(&value))));
    }
    let networks = items(&value)?
        .iter()
        .map(|item| {
            let text = python::to_text(item);
            Network::parse(&text)
                .ok_or_else(|| call.error(format!("error in netaddr: invalid IPNetwork {text}")))
        })
        .collect::<Result<Vec<_>, _>>()?;
    match action.as_str() {
        "merge" => {
            let merged = address::merge(&networks);
            Ok(sequence(
                merged
                    .iter()
                    .map(|network| Value::from(network.to_string()))
                    .collect(),
            ))
        }
        "span" => match networks.as_slice() {
            [] => Ok(Value::from(())),
            [only] => Ok(Value::from(only.to_string())),
            networks => address::span(networks)
                .map(|whole| Value::from(whole.to_string()))
                .ok_or_else(|| call.error("networks of versions 4 and 6 have nothing in common")),
        },
        other => Err(call.error(format!("invalid action '{other}'"))),
    }
}

fn slaac(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let [hardware] = call.bind(["query"])?;
    let hardware = given(hardware)?.unwrap_or_default();
    let Some(network) = Network::parse(&call.text()?).filter(|network| !network.is_v4()) else {
        return Ok(Value::from(false));
    };
    let Some(number) = hardware::parse(&hardware) else {
        return Ok(Value::from(false));
    };
    let (vendor, device) = (u128::from(number >> 24), u128::from(number & 0xff_ffff));
    let identifier = ((vendor ^ 0x02_0000) << 40) | (0xfffe << 24) | device;
    Ok(Value::from(network.show(network.first() | identifier)))
}

fn ip4_hex(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let [delimiter] = call.bind(["delimiter"])?;
    let delimiter = given(delimiter)?.unwrap_or_default();
    let text = call.text()?;
    let parts: Vec<String> = text
        .split('.')
        .map(|part| part.trim().parse::<i64>().map(|number| format!("{number:02x}")))
        .collect::<Result<_, _>>()
        .map_err(|_| call.error(format!("'{text}' is no address of version 4")))?;
    match parts.as_slice() {
        [a, b, c, d, ..] => Ok(Value::from([a.as_str(), b, c, d].join(&delimiter))),
        _ => Err(call.error(format!("'{text}' is no address of version 4"))),
    }
}

fn ipv6_form(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let [format] = call.bind(["format"])?;
    let format = given(format)?.unwrap_or_default();
    let network = network(call, &call.value()?)?;
    let segments = std::net::Ipv6Addr::from(network.address).segments();
    let join = |show: fn(&u16) -> String| segments.iter().map(show).collect::<Vec<_>>().join(":");
    Ok(Value::from(match format.as_str() {
        "expand" => join(|segment| format!("{segment:04x}")),
        "x509" => join(|segment| format!("{segment:x}")),
        "compress" => network.show(network.address),
        other => return Err(call.error(format!("there is no form '{other}'"))),
    }))
}

fn usable_range(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let [] = call.bind([])?;
    let text = call.text()?;
    let network = Network::parse(&text)
        .ok_or_else(|| call.error(format!("'{text}' does not appear to be an IPv4 or IPv6 network")))?;
    if network.size() > MOST_NETWORKS {
        return Err(call.error(format!("more than {MOST_NETWORKS} addresses")));
    }
    let addresses: Vec<Value> = (network.first()..=network.last())
        .map(|address| Value::from(network.show(address)))
        .collect();
    Ok(map([
        ("usable_ips", sequence(addresses)),
        ("number_of_ips", Value::from(network.size())),
    ]))
}
