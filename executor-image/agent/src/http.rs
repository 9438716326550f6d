//! HTTP requests of `get_url`, `uri` and `unarchive`.
//!
//! Servers are trusted by the host's own bundle of certificate authorities, so that a site's authority works here as it
//! does for every other program of the host; a host without a bundle gets Mozilla's list.

mod credentials;
mod multipart;
mod proxy;
mod redirect;
mod trust;
mod unix_socket;

use std::io::Read;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use ureq::unversioned::transport::DefaultConnector;

pub use self::multipart::{Form, form};
pub use self::redirect::Redirects;
use self::unix_socket::SocketConnector;
use crate::answer::Failure;
use crate::context::Context;
use crate::host_names::HostNames;
use crate::python_text::{error_text, os_error};

/// How often one address may lead to another one.
const REDIRECTS: usize = 10;

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
    /// Which redirects are followed.
    pub redirects: Redirects,
    /// Headers that are not sent to the address that a redirect leads to.
    pub unredirected: Vec<String>,
    /// The header that says who asks, for a server that wants to know.
    pub credentials: Option<(String, String)>,
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

/// Why something was not fetched.
#[derive(Debug, thiserror::Error)]
pub enum NotFetched {
    /// There was no answer.
    #[error(transparent)]
    NoAnswer(#[from] NoAnswer),
    /// The answer said that it did not work.
    #[error("HTTP Error {0}: {1}")]
    Status(u16, String),
}

impl NotFetched {
    /// What went wrong, as `urllib` says it.
    #[must_use]
    pub fn cause(&self) -> String {
        match self {
            Self::NoAnswer(NoAnswer(cause)) => format!("<urlopen error {cause}>"),
            Self::Status(..) => self.to_string(),
        }
    }
}

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
        let (url, credentials) = credentials::of(context, url);
        let (at_once, on_demand) = if args.flag("force_basic_auth") {
            (credentials, None)
        } else {
            (None, credentials)
        };
        headers.extend(at_once);
        Self {
            method: "GET".to_owned(),
            url,
            headers,
            body: Vec::new(),
            timeout: Duration::from_secs(args.count("timeout").unwrap_or(default_timeout)),
            redirects: Redirects::All,
            unredirected: args.list("unredirected_headers"),
            credentials: on_demand,
        }
    }

    /// Sends the request, and again where redirects lead.
    ///
    /// # Errors
    /// When no answer comes; the words are like those of Python's `urllib`.
    pub fn send(&self, context: &Context) -> Result<Response, NoAnswer> {
        if context.args.flag("use_gssapi") {
            return Err(NoAnswer(
                "use_gssapi needs Kerberos, which is not spoken here".to_owned(),
            ));
        }
        let mut request = self.clone();
        for _ in 0..REDIRECTS {
            let response = request.send_once(context)?;
            if response.status == 401
                && let Some(credentials) = request.credentials.take()
            {
                request.headers.push(credentials);
                continue;
            }
            match redirect::next(&request, &response) {
                Some(next) => request = next,
                None => return Ok(response),
            }
        }
        Err(NoAnswer(format!("more than {REDIRECTS} redirects")))
    }

    /// Sends the request; the answer is that it worked.
    ///
    /// # Errors
    /// When no answer comes, or another one.
    pub fn fetch(&self, context: &Context) -> Result<Response, NotFetched> {
        let response = self.send(context)?;
        if response.is_success() {
            Ok(response)
        } else {
            Err(NotFetched::Status(response.status, response.reason))
        }
    }

    fn send_once(&self, context: &Context) -> Result<Response, NoAnswer> {
        let configuration = self.configuration(context)?;
        let agent = match context.args.text("unix_socket") {
            Some(socket) => {
                let connector = SocketConnector(PathBuf::from(socket));
                ureq::Agent::with_parts(configuration, connector, HostNames)
            }
            None => ureq::Agent::with_parts(configuration, DefaultConnector::default(), HostNames),
        };
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
            url: self.url.clone(),
            headers,
            body,
        })
    }

    fn configuration(&self, context: &Context) -> Result<ureq::config::Config, NoAnswer> {
        let is_socket = context.args.value("unix_socket").is_some();
        let proxy = if is_socket {
            None
        } else {
            proxy::of(context, &self.url)?
        };
        Ok(ureq::Agent::config_builder()
            .http_status_as_error(false)
            // A task says itself what it accepts.
            .accept("")
            .allow_non_standard_methods(true)
            .tls_config(trust::configuration(context)?)
            .proxy(proxy)
            // Redirects are followed here, by urllib's rules.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_connect(Some(self.timeout))
            .timeout_recv_response(Some(self.timeout))
            .timeout_per_read(Some(self.timeout))
            .build())
    }
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

    /// The whole body.
    ///
    /// # Errors
    /// When the connection fails, or the call is stopped.
    pub fn content(mut self, context: &Context) -> Result<Vec<u8>, Failure> {
        let mut content = Vec::new();
        self.copy_to(context, &mut content)?;
        Ok(content)
    }

    /// The body in a temporary file with such an end of its name.
    ///
    /// # Errors
    /// When the connection or the file fails, or the call is stopped.
    pub fn file(mut self, context: &Context, suffix: &str) -> Result<tempfile::NamedTempFile, Failure> {
        let mut file = tempfile::Builder::new()
            .prefix("download-")
            .suffix(suffix)
            .tempfile_in(&context.temporary)
            .map_err(|error| Failure::io("making a temporary file", &error))?;
        self.copy_to(context, file.as_file_mut())?;
        Ok(file)
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
