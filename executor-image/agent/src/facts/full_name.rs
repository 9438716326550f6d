//! The host's name with its domain.

use std::net::IpAddr;
use std::path::Path;

use super::read;
use crate::context::Context;
use crate::process::Process;

/// Sockets of a program that may answer in the place of the files.
const CACHES: [&str; 2] = ["/run/nscd/socket", "/var/run/nscd/socket"];

/// The host's name with its domain: what the resolver gives for it. Most hosts know themselves from `/etc/hosts`, which needs no
/// resolver to be read; the resolver of the host is a program's, `getent`.
pub(crate) fn fully_qualified_name(context: &Context, node_name: &str) -> String {
    in_files(node_name)
        .or_else(|| asked(context, node_name))
        .unwrap_or_else(|| node_name.to_owned())
}

fn asked(context: &Context, node_name: &str) -> Option<String> {
    let output = Process::tool(context, "getent")
        .args(["ahosts", node_name])
        .run()
        .ok()
        .filter(|output| output.code == 0)?;
    let line = output.stdout.lines().next()?;
    line.split_whitespace().nth(2).map(str::to_owned)
}

/// What the files say, where the resolver would look into them first.
fn in_files(node_name: &str) -> Option<String> {
    let order = read("/etc/nsswitch.conf")?;
    let may_be_read = files_come_first(&order) && !CACHES.iter().any(|socket| Path::new(socket).exists());
    may_be_read.then(|| full_name(&read("/etc/hosts")?, node_name))?
}

/// Whether names of hosts are looked up in files before all else, and what they say is taken.
fn files_come_first(order: &str) -> bool {
    let sources = order.lines().find_map(|line| line.trim().strip_prefix("hosts:"));
    let mut sources = sources.unwrap_or_default().split_whitespace();
    sources.next() == Some("files")
        && !sources
            .next()
            .is_some_and(|next| next.to_lowercase().contains("success"))
}

/// As Python's `socket.getfqdn` has it: the name's address, and of the names of that address the first one with a dot, or else the
/// first. Nothing where the name is not there or has several addresses, among which the resolver chooses.
fn full_name(hosts: &str, node_name: &str) -> Option<String> {
    // What may be a number is one to the resolver.
    if !node_name.starts_with(|first: char| first.is_ascii_alphabetic()) {
        return None;
    }
    let lines = || {
        hosts.lines().filter_map(|line| {
            let mut words = line.split('#').next()?.split_whitespace();
            let address: IpAddr = words.next()?.parse().ok()?;
            Some((address, words))
        })
    };
    let mut own = lines().filter(|(_, names)| names.clone().any(|name| name.eq_ignore_ascii_case(node_name)));
    let (address, _) = own.next()?;
    if own.any(|(other, _)| other != address) {
        return None;
    }
    let (_, mut names) = lines().find(|(known, _)| *known == address)?;
    let first = names.clone().next()?;
    Some(names.find(|name| name.contains('.')).unwrap_or(first).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_gets_the_domain_that_the_file_of_hosts_gives_it() {
        let hosts = "127.0.0.1 localhost\n::1 localhost ip6-localhost\n# 192.0.2.9 here\n127.0.1.1\there.example.com here # own\n\
                     192.0.2.1 short other.example.com\n192.0.2.2 twice.example.com twice\n2001:db8::2 twice\n\
                     192.0.2.3 first\n192.0.2.3 last.example.com\n";
        for (name, full) in [
            ("here", Some("here.example.com")),
            ("HERE", Some("here.example.com")),
            ("short", Some("other.example.com")),
            ("ip6-localhost", Some("localhost")),
            ("last.example.com", Some("first")),
            ("twice", None),
            ("own", None),
            ("nowhere", None),
        ] {
            assert_eq!(full_name(hosts, name).as_deref(), full, "{name}");
        }
    }

    #[test]
    fn files_are_read_only_where_the_resolver_would_read_them_first() {
        for (order, first) in [
            ("passwd: files\nhosts:  files dns\n", true),
            ("hosts: files [NOTFOUND=return] dns", true),
            ("hosts: files [SUCCESS=continue] dns", false),
            ("hosts: dns files", false),
            ("#hosts: files\n", false),
        ] {
            assert_eq!(files_come_first(order), first, "{order}");
        }
    }
}
