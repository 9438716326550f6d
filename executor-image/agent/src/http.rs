//! HTTP requests of `get_url`, `uri` and `unarchive`.
//!
//! Servers are trusted by the host's own bundle of certificate authorities, so that a site's authority works here as it
//! does for every other program of the host; a host without a bundle gets Mozilla's list.

use std::io::Read;
use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ureq::ResponseExt as _;
use ureq::tls::{PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::unversioned::transport::DefaultConnector;

use crate::answer::Failure;
use crate::context::Context;
use crate::host_names::HostNames;
use crate::python_text::{error_text, os_error};

/// Where systems keep their bundle of certificate authorities.
const BUNDLES: [&str; 5] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// A request.
#[derive(Debug, Clone)]
pub struct Request {
    /// `GET`, `POST`, …
    pub method: String,
    /// Address.
    pub url: String,
    /// Headers by name.
    pub headers: Vec<(String, String)>,
    /// Body.
    pub body: Vec<u8>,
    /// How long a connection or an answer may stand still.
    pub timeout: Duration,
    /// Whether redirects are followed.
    pub follow_redirects: bool,
}

/// An answer; its body is still to be read.
pub struct Response {
    /// Status code.
    pub status: u16,
    /// The status's words, `Not Found`.
    pub reason: String,
    /// Address that answered, after redirects.
    pub url: String,
    /// Headers; names in lower case.
    pub headers: Vec<(String, String)>,
    body: ureq::Body,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
#[error("Request failed: <urlopen error {0}>")]
pub struct NoAnswer(String);

impl Request {
    /// The request that the arguments of a call describe, which `get_url` and `uri` share.
    #[must_use]
    pub fn of(context: &Context, url: &str, default_timeout: u64) -> Self {
        let args = &context.args;
        let mut headers: Vec<(String, String)> = args
            .mapping("headers")
            .into_iter()
            .flatten()
            .map(|(name, value)| (name.clone(), crate::python_text::display(value)))
            .collect();
        if let Some(agent) = args.text("http_agent") {
            headers.push(("User-Agent".to_owned(), agent.to_owned()));
        }
        if args.flag("force") {
            headers.push(("Cache-Control".to_owned(), "no-cache".to_owned()));
        }
        let (url, credentials) = take_credentials(url);
        let user = args.text("url_username").map(|user| {
            (
                user.to_owned(),
                args.text("url_password").unwrap_or_default().to_owned(),
            )
        });
        if let Some((user, password)) = user.or(credentials) {
            let token = STANDARD.encode(format!("{user}:{password}"));
            headers.push(("Authorization".to_owned(), format!("Basic {token}")));
        }
        Self {
            method: "GET".to_owned(),
            url,
            headers,
            body: Vec::new(),
            timeout: Duration::from_secs(args.count("timeout").unwrap_or(default_timeout)),
            follow_redirects: true,
        }
    }

    /// Sends the request.
    ///
    /// # Errors
    /// When no answer comes; the words are like those of Python's `urllib`.
    pub fn send(&self, context: &Context) -> Result<Response, NoAnswer> {
        let agent = ureq::Agent::with_parts(
            self.configuration(context)?,
            DefaultConnector::default(),
            HostNames,
        );
        let mut builder = ureq::http::Request::builder()
            .method(self.method.as_str())
            .uri(&self.url);
        for (name, value) in &self.headers {
            builder = builder.header(name, value);
        }
        let request = builder
            .body(self.body.clone())
            .map_err(|error| NoAnswer(error.to_string()))?;
        let answer = if self.body.is_empty() && !matches!(self.method.as_str(), "POST" | "PUT" | "PATCH") {
            agent.run(request.map(|_| ()))
        } else {
            agent.run(request)
        };
        let answer = answer.map_err(|error| NoAnswer(explain(&error)))?;
        let url = answer.get_uri().to_string();
        let (parts, body) = answer.into_parts();
        let headers = parts
            .headers
            .iter()
            .map(|(name, value)| {
                (
                    name.as_str().to_owned(),
                    String::from_utf8_lossy(value.as_bytes()).into_owned(),
                )
            })
            .collect();
        Ok(Response {
            status: parts.status.as_u16(),
            reason: parts.status.canonical_reason().unwrap_or_default().to_owned(),
            url,
            headers,
            body,
        })
    }

    fn configuration(&self, context: &Context) -> Result<ureq::config::Config, NoAnswer> {
        let validate = context.args.optional_flag("validate_certs").unwrap_or(true);
        let tls = TlsConfig::builder()
            .disable_verification(!validate)
            .root_certs(authorities(context))
            .build();
        Ok(ureq::Agent::config_builder()
            .http_status_as_error(false)
            .allow_non_standard_methods(true)
            .tls_config(tls)
            .proxy(self.proxy(context)?)
            .max_redirects(if self.follow_redirects { 10 } else { 0 })
            .max_redirects_will_error(false)
            .timeout_connect(Some(self.timeout))
            .timeout_recv_response(Some(self.timeout))
            .timeout_per_read(Some(self.timeout))
            .build())
    }

    /// The proxy that the environment of the task names for this address.
    fn proxy(&self, context: &Context) -> Result<Option<ureq::Proxy>, NoAnswer> {
        if !context.args.optional_flag("use_proxy").unwrap_or(true) {
            return Ok(None);
        }
        let (scheme, rest) = self.url.split_once("://").unwrap_or(("http", &self.url));
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

/// The authorities that servers are trusted by: those of `ca_path`, of `SSL_CERT_FILE`, of the host, or Mozilla's.
fn authorities(context: &Context) -> RootCerts {
    let named = context
        .args
        .text("ca_path")
        .map(str::to_owned)
        .or_else(|| context.variable("SSL_CERT_FILE"));
    named
        .into_iter()
        .chain(BUNDLES.map(str::to_owned))
        .find_map(|path| {
            let pem = std::fs::read(path).ok()?;
            let certificates: Vec<_> = parse_pem(&pem)
                .filter_map(|item| match item {
                    Ok(PemItem::Certificate(certificate)) => Some(certificate),
                    _ => None,
                })
                .collect();
            (!certificates.is_empty()).then(|| RootCerts::Specific(Arc::new(certificates)))
        })
        .unwrap_or(RootCerts::WebPki)
}

/// What went wrong, in the words of Python's `urllib` where it has some.
fn explain(error: &ureq::Error) -> String {
    match error {
        ureq::Error::Io(error) if error.raw_os_error().is_some() => os_error(error),
        ureq::Error::Io(error) => error_text(error),
        ureq::Error::Timeout(_) => "timed out".to_owned(),
        ureq::Error::HostNotFound => "[Errno -2] Name or service not known".to_owned(),
        ureq::Error::ConnectionFailed => "[Errno 111] Connection refused".to_owned(),
        other => other.to_string(),
    }
}

impl Response {
    /// A header's value.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    /// Whether the status says that it worked.
    #[must_use]
    pub const fn is_success(&self) -> bool {
        self.status >= 200 && self.status < 300
    }

    /// Reads the body piece by piece into a writer; returns its size.
    ///
    /// # Errors
    /// When the connection or the writer fails, or the call is stopped.
    pub fn copy_to(&mut self, context: &Context, writer: &mut impl std::io::Write) -> Result<u64, Failure> {
        let mut reader = self.body.as_reader();
        let mut buffer = vec![0; 128 * 1024];
        let mut size = 0;
        loop {
            if let Some(reason) = context.control.stopped() {
                return Err(Failure::new(reason));
            }
            let read = reader.read(&mut buffer).map_err(|error| {
                Failure::new(format!("failed to read the answer of {}: {error}", self.url))
            })?;
            if read == 0 {
                return Ok(size);
            }
            writer.write_all(&buffer[..read]).map_err(|error| {
                Failure::io(format!("failed to store the answer of {}", self.url), &error)
            })?;
            size += read as u64;
        }
    }
}

/// Whole seconds since a moment, as results count them.
#[must_use]
pub fn elapsed(start: Instant) -> u64 {
    start.elapsed().as_secs()
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
