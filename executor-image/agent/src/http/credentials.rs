//! Who a request is from: credentials in an address, in arguments, in `~/.netrc`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::arguments::expand_path;
use crate::context::Context;

/// The address without credentials, and the header that says who asks.
pub(super) fn of(context: &Context, url: &str) -> (String, Option<(String, String)>) {
    let args = &context.args;
    let (url, in_address) = take_credentials(url);
    let user = args.text("url_username").map(|user| {
        let password = args.text("url_password").unwrap_or_default();
        (user.to_owned(), password.to_owned())
    });
    let known = user.or(in_address).or_else(|| {
        let uses_netrc = args.optional_flag("use_netrc").unwrap_or(false);
        uses_netrc.then(|| of_netrc(context, &url)).flatten()
    });
    let header = known.map(|(user, password)| {
        let token = STANDARD.encode(format!("{user}:{password}"));
        ("Authorization".to_owned(), format!("Basic {token}"))
    });
    (url, header)
}

/// Takes `user:password@` out of an address.
fn take_credentials(url: &str) -> (String, Option<(String, String)>) {
    let Some((scheme, rest)) = url.split_once("://") else {
        return (url.to_owned(), None);
    };
    let authority_end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let Some(at) = rest[..authority_end].rfind('@') else {
        return (url.to_owned(), None);
    };
    let (user, password) = rest[..at].split_once(':').unwrap_or((&rest[..at], ""));
    (
        format!("{scheme}://{}", &rest[at + 1..]),
        Some((user.to_owned(), password.to_owned())),
    )
}

/// What the user's `.netrc` has for the host of an address.
fn of_netrc(context: &Context, url: &str) -> Option<(String, String)> {
    let path = context
        .variable("NETRC")
        .unwrap_or_else(|| expand_path("~/.netrc", &context.environment));
    let text = std::fs::read_to_string(path).ok()?;
    let (_, rest) = url.split_once("://")?;
    let host = rest.split(['/', ':', '?', '#']).next()?;
    find_in_netrc(&text, host)
}

fn find_in_netrc(text: &str, host: &str) -> Option<(String, String)> {
    let mut words = text
        .lines()
        .filter(|line| !line.trim_start().starts_with('#'))
        .flat_map(str::split_whitespace)
        .peekable();
    let mut default = None;
    while let Some(word) = words.next() {
        let machine = match word {
            "machine" => words.next()?,
            "default" => "",
            _ => continue,
        };
        let (mut login, mut password) = (String::new(), String::new());
        while let Some(field) = words.next_if(|word| !matches!(*word, "machine" | "default")) {
            match field {
                "login" | "user" => words.next().unwrap_or_default().clone_into(&mut login),
                "password" => words.next().unwrap_or_default().clone_into(&mut password),
                "account" => drop(words.next()),
                _ => {}
            }
        }
        if machine == host {
            return Some((login, password));
        }
        if machine.is_empty() {
            default = Some((login, password));
        }
    }
    default
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_taken_out_of_an_address() {
        assert_eq!(
            take_credentials("http://a:b@host/x@y"),
            (
                "http://host/x@y".to_owned(),
                Some(("a".to_owned(), "b".to_owned()))
            )
        );
        assert_eq!(
            take_credentials("http://host/x@y"),
            ("http://host/x@y".to_owned(), None)
        );
    }

    #[test]
    fn a_host_is_looked_up_in_netrc() {
        let text = "machine a login x password y\n# machine b login no password no\n\
                    machine b\n  login u\n  account z\n  password p\ndefault login anyone password none\n";
        let found = |host| find_in_netrc(text, host).map(|(user, password)| format!("{user}:{password}"));
        assert_eq!(found("a").as_deref(), Some("x:y"));
        assert_eq!(found("b").as_deref(), Some("u:p"));
        assert_eq!(found("c").as_deref(), Some("anyone:none"));
        assert!(find_in_netrc("", "a").is_none());
    }
}
