//! The proxy of a request.

use super::NoAnswer;
use crate::context::Context;

/// The proxy that the environment of the task names for this address.
pub(super) fn of(context: &Context, url: &str) -> Result<Option<ureq::Proxy>, NoAnswer> {
    if !context.args.optional_flag("use_proxy").unwrap_or(true) {
        return Ok(None);
    }
    let (scheme, rest) = url.split_once("://").unwrap_or(("http", url));
    let host = rest.split(['/', ':', '?']).next().unwrap_or_default();
    let variable = |name: &str| {
        context
            .variable(name)
            .or_else(|| context.variable(&name.to_uppercase()))
            .filter(|value| !value.is_empty())
    };
    let excepted = variable("no_proxy").is_some_and(|list| is_excepted(host, &list));
    match variable(&format!("{}_proxy", scheme.to_lowercase())) {
        Some(proxy) if !excepted => ureq::Proxy::new(&proxy)
            .map(Some)
            .map_err(|error| NoAnswer(format!("the proxy {proxy} cannot be used: {error}"))),
        _ => Ok(None),
    }
}

/// Whether a host is in a `no_proxy` list: itself, a domain above it, or `*`.
fn is_excepted(host: &str, list: &str) -> bool {
    list.split(',')
        .map(str::trim)
        .filter(|entry| !entry.is_empty())
        .any(|entry| {
            let domain = entry.trim_start_matches('.');
            entry == "*" || host == domain || host.ends_with(&format!(".{domain}"))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_excepted_from_the_proxy_by_name_or_domain() {
        for (host, list, excepted) in [
            ("a.example", "b.example, .example", true),
            ("example", "example", true),
            ("notexample", "example", false),
            ("x", "*", true),
            ("x", "", false),
        ] {
            assert_eq!(is_excepted(host, list), excepted, "{host} {list}");
        }
    }
}
