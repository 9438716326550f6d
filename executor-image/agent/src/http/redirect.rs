//! Where an answer sends a request.

use super::{Request, Response};

/// Which redirects are followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Redirects {
    /// Every one, as browsers do.
    All,
    /// Those that Python's library follows by itself: what is posted is sent nowhere else.
    Urllib,
    /// None.
    None,
}

impl Redirects {
    fn follow(self, method: &str, status: u16) -> bool {
        match (status, self) {
            (301 | 302 | 303 | 307 | 308, Self::All) => true,
            (301..=303, Self::Urllib) => matches!(method, "GET" | "HEAD" | "POST"),
            (307 | 308, Self::Urllib) => matches!(method, "GET" | "HEAD"),
            _ => false,
        }
    }
}

/// The request that a redirect asks for; nothing when the answer is none, or not to be followed.
pub(super) fn next(request: &Request, response: &Response) -> Option<Request> {
    if !request.redirects.follow(&request.method, response.status) {
        return None;
    }
    let url = joined(&request.url, response.header("location")?);
    let mut next = request.clone();
    let becomes_get = match response.status {
        301 => request.method == "POST",
        302 | 303 => request.method != "HEAD",
        _ => false,
    };
    if becomes_get {
        "GET".clone_into(&mut next.method);
        next.body.clear();
        next.headers
            .retain(|(name, _)| !name.to_ascii_lowercase().starts_with("content-"));
    }
    let is_elsewhere = origin(&url) != origin(&request.url);
    if is_elsewhere {
        next.credentials = None;
    }
    next.headers.retain(|(name, _)| {
        let is_kept_back = request
            .unredirected
            .iter()
            .any(|unredirected| unredirected.eq_ignore_ascii_case(name));
        // Who asks is told to nobody else.
        let is_secret = is_elsewhere
            && (name.eq_ignore_ascii_case("authorization") || name.eq_ignore_ascii_case("cookie"));
        !is_kept_back && !is_secret
    });
    next.url = url;
    Some(next)
}

/// Scheme, host and port of an address.
fn origin(url: &str) -> &str {
    let start = url.find("://").map_or(0, |end| end + 3);
    let end = url[start..]
        .find(['/', '?', '#'])
        .map_or(url.len(), |end| start + end);
    &url[..end]
}

/// The address that a place means when it is named at another address.
fn joined(base: &str, place: &str) -> String {
    let place = place.trim();
    if place.contains("://") {
        return place.to_owned();
    }
    let origin = origin(base);
    if let Some(rest) = place.strip_prefix("//") {
        let scheme = base.split("://").next().unwrap_or("http");
        return format!("{scheme}://{rest}");
    }
    if place.starts_with('/') {
        return format!("{origin}{place}");
    }
    let path = base[origin.len()..].split(['?', '#']).next().unwrap_or_default();
    if place.starts_with('?') {
        return format!("{origin}{path}{place}");
    }
    let directory = path.rsplit_once('/').map_or("", |(directory, _)| directory);
    let mut parts: Vec<&str> = directory.split('/').skip(1).collect();
    for part in place.split('/') {
        match part {
            ".." => drop(parts.pop()),
            "." => {}
            part => parts.push(part),
        }
    }
    format!("{origin}/{}", parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_joined_to_the_address_that_names_it() {
        for (place, url) in [
            ("http://other/x", "http://other/x"),
            ("//other/x", "https://other/x"),
            ("/x?y", "https://host:1/x?y"),
            ("x", "https://host:1/a/x"),
            ("../x/./y", "https://host:1/x/y"),
            ("?q", "https://host:1/a/b?q"),
        ] {
            assert_eq!(joined("https://host:1/a/b?c#d", place), url, "{place}");
        }
        assert_eq!(joined("http://host", "x"), "http://host/x");
    }
}
