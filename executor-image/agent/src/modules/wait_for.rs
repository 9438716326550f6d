//! `ansible.builtin.wait_for`: waits for a port, a path, a text.

use std::net::{IpAddr, TcpStream};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use fancy_regex::Regex;
use serde_json::{Map, Value};

use crate::answer::{Failure, Outcome, answer};
use crate::context::Context;
use crate::host_names::{addresses, endpoints};
use crate::http::elapsed;
use crate::python_regex::{Flags, compile, search};

pub(super) fn run(context: &mut Context) -> Outcome {
    let wait = Wait::new(context)?;
    let start = Instant::now();
    if context.check {
        return Ok(answer!({
            "changed": false, "skipped": true,
            "msg": "remote module (wait_for) does not support check mode",
        }));
    }
    let delay = Duration::from_secs(context.args.count("delay").unwrap_or(0));
    context.control.sleep(delay);
    if wait.port.is_none() && wait.path.is_none() && wait.state != "drained" {
        context.control.sleep(wait.timeout);
        return Ok(wait.answer(start, None));
    }
    let deadline = Instant::now() + wait.timeout;
    loop {
        if let Some(found) = wait.is_reached()? {
            return Ok(wait.answer(start, found));
        }
        if context.control.stopped().is_some() || Instant::now() >= deadline {
            break;
        }
        context
            .control
            .sleep(wait.pause.min(deadline.saturating_duration_since(Instant::now())));
    }
    let message = context
        .args
        .text("msg")
        .map_or_else(|| wait.complaint(), str::to_owned);
    Err(Failure::new(message).with("elapsed", elapsed(start)))
}

/// What is waited for.
struct Wait {
    host: String,
    port: Option<u16>,
    path: Option<PathBuf>,
    pattern: Option<Regex>,
    pattern_text: Option<String>,
    state: String,
    timeout: Duration,
    connect_timeout: Duration,
    pause: Duration,
    excluded: Vec<IpAddr>,
    connection_states: Vec<String>,
}

/// Groups of a match, by number and by name.
type Groups = (Vec<Value>, Map<String, Value>);

impl Wait {
    fn new(context: &Context) -> Result<Self, Failure> {
        let args = &context.args;
        let port =
            match args.integer("port") {
                None => None,
                Some(port) => Some(u16::try_from(port).map_err(|_| {
                    Failure::new(format!("port should be a number from 0 to 65535, not {port}"))
                })?),
            };
        let path = args.text("path").map(PathBuf::from);
        let state = args.required("state").to_owned();
        if port.is_some() && path.is_some() {
            return Err(
                Failure::new("port and path parameter can not both be passed to wait_for").with("elapsed", 0),
            );
        }
        if path.is_some() && state == "stopped" {
            return Err(Failure::new(
                "state=stopped should only be used for checking a port in the wait_for module",
            )
            .with("elapsed", 0));
        }
        if path.is_some() && state == "drained" {
            return Err(Failure::new(
                "state=drained should only be used for checking a port in the wait_for module",
            )
            .with("elapsed", 0));
        }
        if state != "drained" && args.value("exclude_hosts").is_some() {
            return Err(Failure::new("exclude_hosts should only be with state=drained").with("elapsed", 0));
        }
        if let Some(unknown) = args
            .list("active_connection_states")
            .iter()
            .find(|name| state_number(name).is_none())
        {
            return Err(
                Failure::new(format!("unknown active_connection_state ({unknown}) defined"))
                    .with("elapsed", 0),
            );
        }
        let pattern_text = args.text("search_regex").map(str::to_owned);
        let flags = Flags {
            multiline: true,
            ..Flags::default()
        };
        let pattern = pattern_text
            .as_deref()
            .map(|pattern| compile(pattern, flags))
            .transpose()?;
        let excluded = args
            .list("exclude_hosts")
            .iter()
            .flat_map(|host| addresses(host))
            .collect();
        Ok(Self {
            host: args.required("host").to_owned(),
            port,
            path,
            pattern,
            pattern_text,
            state,
            timeout: Duration::from_secs(args.count("timeout").unwrap_or(300)),
            connect_timeout: Duration::from_secs(args.count("connect_timeout").unwrap_or(5)),
            pause: Duration::from_secs(args.count("sleep").unwrap_or(1)),
            excluded,
            connection_states: args.list("active_connection_states"),
        })
    }

    /// Whether what is waited for is so now, and the groups of the text found.
    #[allow(clippy::option_option)] // reached or not; with a text found or without
    fn is_reached(&self) -> Result<Option<Option<Groups>>, Failure> {
        let yes = |reached: bool| if reached { Some(None) } else { None };
        Ok(match (self.state.as_str(), &self.path) {
            ("absent" | "stopped", Some(path)) => yes(!path.exists()),
            ("absent" | "stopped", None) => yes(self.connect().is_none()),
            ("drained", _) => yes(self.active_connections()? == 0),
            (_, Some(path)) => match &self.pattern {
                None => yes(path.exists()),
                Some(pattern) => match std::fs::read(path) {
                    Ok(bytes) => groups(pattern, &String::from_utf8_lossy(&bytes))?.map(Some),
                    Err(_) => None,
                },
            },
            (_, None) => match (self.connect(), &self.pattern) {
                (None, _) => None,
                (Some(_), None) => Some(None),
                (Some(stream), Some(pattern)) => self.read_until(stream, pattern)?.map(Some),
            },
        })
    }

    fn connect(&self) -> Option<TcpStream> {
        endpoints(&self.host, self.port?)
            .into_iter()
            .find_map(|address| TcpStream::connect_timeout(&address, self.connect_timeout).ok())
    }

    /// Reads what the port says until the text is in it, it closes, or it says no more.
    fn read_until(&self, mut stream: TcpStream, pattern: &Regex) -> Result<Option<Groups>, Failure> {
        use std::io::Read as _;
        // A port that cannot be given a timeout is tried again, as one that says nothing.
        if stream
            .set_read_timeout(Some(self.connect_timeout.max(Duration::from_millis(100))))
            .is_err()
        {
            return Ok(None);
        }
        let mut said = Vec::new();
        let mut buffer = [0; 1024];
        loop {
            match stream.read(&mut buffer) {
                Ok(read) if read > 0 => said.extend_from_slice(&buffer[..read]),
                _ => return Ok(None),
            }
            if let Some(groups) = groups(pattern, &String::from_utf8_lossy(&said))? {
                return Ok(Some(groups));
            }
        }
    }

    /// Connections to the port in the states that count, from `/proc/net`.
    fn active_connections(&self) -> Result<usize, Failure> {
        let Some(port) = self.port else { return Ok(0) };
        let wanted: Vec<&str> = self
            .connection_states
            .iter()
            .filter_map(|state| state_number(state))
            .collect();
        let local = addresses(&self.host);
        let mut count = 0;
        for file in ["/proc/net/tcp", "/proc/net/tcp6"] {
            let Ok(text) = std::fs::read_to_string(file) else {
                continue;
            };
            for line in text.lines().skip(1) {
                let fields: Vec<&str> = line.split_whitespace().collect();
                let (Some(ours), Some(theirs), Some(state)) = (fields.get(1), fields.get(2), fields.get(3))
                else {
                    return Err(Failure::new(format!(
                        "{file} cannot be read as a table of connections"
                    )));
                };
                let (Some((our_address, our_port)), Some((their_address, _))) =
                    (endpoint(ours), endpoint(theirs))
                else {
                    continue;
                };
                let ours_counts = local
                    .iter()
                    .any(|address| address.is_unspecified() || *address == our_address);
                if our_port == port
                    && wanted.contains(state)
                    && ours_counts
                    && !self.excluded.contains(&their_address)
                {
                    count += 1;
                }
            }
        }
        Ok(count)
    }

    fn complaint(&self) -> String {
        let port = self.port.unwrap_or_default();
        let place = self.path.as_ref().map_or_else(
            || format!("{}:{port}", self.host),
            |path| path.display().to_string(),
        );
        match (self.state.as_str(), &self.path, &self.pattern_text) {
            ("absent", Some(_), _) => format!("Timeout when waiting for {place} to be absent."),
            ("absent" | "stopped", ..) => format!("Timeout when waiting for {place} to stop."),
            ("drained", ..) => format!("Timeout when waiting for {place} to drain"),
            (_, _, Some(pattern)) => format!("Timeout when waiting for search string {pattern} in {place}"),
            (_, Some(_), None) => format!("Timeout when waiting for file {place}"),
            (_, None, None) => format!("Timeout when waiting for {place}"),
        }
    }

    fn answer(&self, start: Instant, groups: Option<Groups>) -> Map<String, Value> {
        let (groups, names) = groups.unwrap_or_default();
        answer!({
            "changed": false,
            "state": self.state,
            "port": self.port,
            "path": self.path.as_ref().map(|path| path.to_string_lossy()),
            "search_regex": self.pattern_text,
            "match_groups": groups,
            "match_groupdict": names,
            "elapsed": elapsed(start),
        })
    }
}

fn groups(pattern: &Regex, text: &str) -> Result<Option<Groups>, Failure> {
    let Some(captures) = search(pattern, text)? else {
        return Ok(None);
    };
    let text_of = |group: Option<&str>| group.map_or(Value::Null, Value::from);
    let numbered = (1..captures.len())
        .map(|number| text_of(captures.get(number).map(|group| group.as_str())))
        .collect();
    let named = pattern
        .capture_names()
        .flatten()
        .map(|name| {
            (
                name.to_owned(),
                text_of(captures.name(name).map(|group| group.as_str())),
            )
        })
        .collect();
    Ok(Some((numbered, named)))
}

/// The kernel's number of a state of TCP.
fn state_number(name: &str) -> Option<&'static str> {
    Some(match name {
        "ESTABLISHED" => "01",
        "SYN_SENT" => "02",
        "SYN_RECV" => "03",
        "FIN_WAIT1" => "04",
        "FIN_WAIT2" => "05",
        "TIME_WAIT" => "06",
        _ => return None,
    })
}

/// `0100007F:1F90`, as the kernel prints addresses: words in the machine's byte order.
fn endpoint(text: &str) -> Option<(IpAddr, u16)> {
    let (address, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let words: Vec<u32> = (0..address.len() / 8)
        .map(|index| u32::from_str_radix(address.get(index * 8..index * 8 + 8).unwrap_or_default(), 16))
        .collect::<Result<_, _>>()
        .ok()?;
    let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_ne_bytes()).collect();
    let address = match bytes.len() {
        4 => IpAddr::from(<[u8; 4]>::try_from(bytes).ok()?),
        16 => {
            let address = std::net::Ipv6Addr::from(<[u8; 16]>::try_from(bytes).ok()?);
            address.to_ipv4_mapped().map_or(IpAddr::V6(address), IpAddr::V4)
        }
        _ => return None,
    };
    Some((address, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_of_the_kernel_are_read() {
        assert_eq!(
            endpoint("0100007F:1F90"),
            Some(("127.0.0.1".parse().unwrap(), 8080))
        );
        assert_eq!(
            endpoint("0000000000000000FFFF00000100007F:0016"),
            Some(("127.0.0.1".parse().unwrap(), 22))
        );
        assert_eq!(endpoint("nonsense"), None);
    }
}
