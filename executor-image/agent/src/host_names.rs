//! Addresses of hosts by name.
//!
//! The agent is linked statically, and glibc's resolver in a static program loads the host's name service modules, which
//! must be of the very same glibc. So names are asked of the program `getent`, which is the host's own.

use std::net::{IpAddr, SocketAddr};
use std::process::{Command, Stdio};

use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;

/// The addresses of a host; none when it is not known.
#[must_use]
pub fn addresses(host: &str) -> Vec<IpAddr> {
    let plain = host.trim_start_matches('[').trim_end_matches(']');
    if let Ok(address) = plain.parse() {
        return vec![address];
    }
    let output = Command::new("getent")
        .args(["ahosts", plain])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output();
    let text = output
        .map(|output| String::from_utf8_lossy(&output.stdout).into_owned())
        .unwrap_or_default();
    let mut addresses = Vec::new();
    for address in text
        .lines()
        .filter_map(|line| line.split_whitespace().next()?.parse().ok())
    {
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    addresses
}

/// The addresses of a port of a host.
#[must_use]
pub fn endpoints(host: &str, port: u16) -> Vec<SocketAddr> {
    addresses(host)
        .into_iter()
        .map(|address| SocketAddr::new(address, port))
        .collect()
}

/// The resolver of HTTP requests.
#[derive(Debug)]
pub struct HostNames;

impl Resolver for HostNames {
    fn resolve(&self, uri: &Uri, _: &Config, _: NextTimeout) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let host = uri.host().ok_or(ureq::Error::HostNotFound)?;
        let default_port = if uri.scheme_str() == Some("https") {
            443
        } else {
            80
        };
        let found = endpoints(host, uri.port_u16().unwrap_or(default_port));
        let mut resolved = self.empty();
        for endpoint in found.into_iter().take(16) {
            resolved.push(endpoint);
        }
        if resolved.is_empty() {
            Err(ureq::Error::HostNotFound)
        } else {
            Ok(resolved)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_names_are_resolved_and_unknown_names_are_not() {
        assert_eq!(addresses("192.0.2.7"), ["192.0.2.7".parse::<IpAddr>().unwrap()]);
        assert_eq!(addresses("[::1]"), ["::1".parse::<IpAddr>().unwrap()]);
        assert!(addresses("localhost").iter().any(IpAddr::is_loopback));
        assert!(addresses("no-such-host.invalid").is_empty());
    }
}
