//! Filters about paths and addresses. Only `realpath` and `fileglob` look at the disk, through the host.

use minijinja::value::{Tuple, ValueKind};
use minijinja::{Error, Value};

use super::call::{Call, items};
use crate::template::context::Context;
use crate::value::convert::{map, sequence};
use crate::value::python;

pub(super) const FILTERS: super::Table = &[
    ("basename", |call| {
        Ok(Value::from(text(call)?.rsplit('/').next().unwrap_or_default()))
    }),
    ("commonpath", common_path),
    ("dirname", |call| Ok(Value::from(directory(&text(call)?)))),
    ("expanduser", expand_user),
    ("expandvars", expand_variables),
    ("fileglob", file_glob),
    ("normpath", |call| Ok(Value::from(normal(&text(call)?)))),
    ("path_join", path_join),
    ("realpath", |call| {
        Context::of(call.state)?.scope().host().looks_outside();
        Ok(Value::from(absolute(&text(call)?)))
    }),
    ("relpath", relative),
    ("splitext", split_extension),
    ("urlsplit", url_split),
];

/// The input, which must be text.
fn text(call: &Call<'_, '_, '_>) -> Result<String, Error> {
    let value = call.value()?;
    match value.as_str() {
        Some(text) => Ok(text.to_owned()),
        None => Err(call.wrong_type(format!(
            "expected str, bytes or os.PathLike object, not {}",
            python::type_name(&value)
        ))),
    }
}

fn directory(path: &str) -> String {
    let head = path.rfind('/').map_or("", |end| &path[..=end]);
    let trimmed = head.trim_end_matches('/');
    // "/" and "//" stay what they are.
    (if trimmed.is_empty() { head } else { trimmed }).to_owned()
}

fn split_extension(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let path = text(call)?;
    let name_start = path.rfind('/').map_or(0, |slash| slash + 1);
    let name = &path[name_start..];
    // Leading dots belong to the name: `.bashrc` has no extension.
    let dots = name.len() - name.trim_start_matches('.').len();
    let split = name[dots..]
        .rfind('.')
        .map_or(path.len(), |dot| name_start + dots + dot);
    Ok(Value::from(Tuple::from([
        Value::from(&path[..split]),
        Value::from(&path[split..]),
    ])))
}

/// Python's `os.path.normpath`.
pub(crate) fn normal(path: &str) -> String {
    if path.is_empty() {
        return ".".into();
    }
    let root = match path.len() - path.trim_start_matches('/').len() {
        0 => "",
        2 => "//",
        _ => "/",
    };
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            ".." if !root.is_empty() => {}
            part => parts.push(part),
        }
    }
    let joined = format!("{root}{}", parts.join("/"));
    if joined.is_empty() { ".".into() } else { joined }
}

/// The path from the root, links followed as far as it exists.
fn absolute(path: &str) -> String {
    let current = std::env::current_dir()
        .map(|path| path.display().to_string())
        .unwrap_or_default();
    let whole = normal(&join(&current, path));
    let mut existing = std::path::Path::new(&whole);
    let mut rest = Vec::new();
    loop {
        if let Ok(real) = std::fs::canonicalize(existing) {
            let tail: std::path::PathBuf = rest.iter().rev().collect();
            return if rest.is_empty() {
                real.display().to_string()
            } else {
                real.join(tail).display().to_string()
            };
        }
        let (Some(parent), Some(name)) = (existing.parent(), existing.file_name()) else {
            return whole;
        };
        rest.push(name.to_owned());
        existing = parent;
    }
}

fn join(base: &str, path: &str) -> String {
    if path.starts_with('/') || base.is_empty() {
        path.to_owned()
    } else if base.ends_with('/') {
        format!("{base}{path}")
    } else {
        format!("{base}/{path}")
    }
}

fn path_join(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let [] = call.bind([])?;
    let value = call.value()?;
    match value.kind() {
        ValueKind::String => Ok(value),
        ValueKind::Seq | ValueKind::Iterable => {
            let mut parts = Vec::new();
            for item in items(&value)? {
                let Some(part) = item.as_str() else {
                    return Err(call.error(format!(
                        "join() argument must be str, not '{}'",
                        python::type_name(&item)
                    )));
                };
                parts.push(part.to_owned());
            }
            let mut parts = parts.into_iter();
            let Some(first) = parts.next() else {
                return Err(call.error("a path is missing"));
            };
            Ok(Value::from(parts.fold(first, |base, part| join(&base, &part))))
        }
        _ => Err(call.wrong_type(format!(
            "|path_join expects string or sequence, got <class '{}'> instead.",
            python::type_name(&value)
        ))),
    }
}

fn common_path(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let [] = call.bind([])?;
    let value = call.value()?;
    if value.kind() != ValueKind::Seq {
        return Err(call.wrong_type(format!(
            "|commonpath expects sequence, got <class '{}'> instead.",
            python::type_name(&value)
        )));
    }
    let mut paths = Vec::new();
    for item in call.items()? {
        let path = item
            .as_str()
            .ok_or_else(|| call.error("each path must be a text"))?;
        paths.push(path.to_owned());
    }
    let Some(first) = paths.first() else {
        return Err(call.error("is given an empty sequence"));
    };
    let rooted = first.starts_with('/');
    if paths.iter().any(|path| path.starts_with('/') != rooted) {
        return Err(call.error("can't mix absolute and relative paths"));
    }
    let split = |path: &str| -> Vec<String> {
        path.split('/')
            .filter(|part| !part.is_empty() && *part != ".")
            .map(str::to_owned)
            .collect()
    };
    let mut common = split(first);
    for path in &paths[1..] {
        let same = common
            .iter()
            .zip(split(path))
            .take_while(|(left, right)| **left == *right)
            .count();
        common.truncate(same);
    }
    Ok(Value::from(format!(
        "{}{}",
        if rooted { "/" } else { "" },
        common.join("/")
    )))
}

fn relative(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let [start] = call.bind(["start"])?;
    let current = std::env::current_dir()
        .map(|path| path.display().to_string())
        .unwrap_or_default();
    let whole = |path: &str| normal(&join(&current, path));
    let path = whole(&text(call)?);
    let start = whole(&start.map_or_else(|| ".".to_owned(), |start| python::to_text(&start)));
    let parts = |path: &str| -> Vec<String> {
        path.split('/')
            .filter(|part| !part.is_empty())
            .map(str::to_owned)
            .collect()
    };
    let (path, start) = (parts(&path), parts(&start));
    let same = path
        .iter()
        .zip(&start)
        .take_while(|(left, right)| left == right)
        .count();
    let up = std::iter::repeat_n("..".to_owned(), start.len() - same);
    let steps: Vec<String> = up.chain(path[same..].iter().cloned()).collect();
    Ok(Value::from(if steps.is_empty() {
        ".".to_owned()
    } else {
        steps.join("/")
    }))
}

fn expand_user(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let path = text(call)?;
    let home = Context::of(call.state)?.scope().host().environment("HOME");
    Ok(Value::from(match (path.strip_prefix('~'), home) {
        (Some(rest), Some(home)) if rest.is_empty() || rest.starts_with('/') => {
            let expanded = format!("{}{rest}", home.trim_end_matches('/'));
            if expanded.is_empty() {
                "/".to_owned()
            } else {
                expanded
            }
        }
        _ => path,
    }))
}

fn expand_variables(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let path = text(call)?;
    let context = Context::of(call.state)?;
    let mut expanded = String::new();
    let mut rest = path.as_str();
    while let Some(dollar) = rest.find('$') {
        expanded.push_str(&rest[..dollar]);
        let after = &rest[dollar + 1..];
        let is_name = |character: char| character.is_ascii_alphanumeric() || character == '_';
        let (name, length) = if let Some(found) = after
            .strip_prefix('{')
            .and_then(|inner| inner.find('}').map(|end| (&inner[..end], end + 2)))
        {
            found
        } else {
            let end = after.find(|character| !is_name(character)).unwrap_or(after.len());
            (&after[..end], end)
        };
        match context.scope().host().environment(name) {
            Some(value) => expanded.push_str(&value),
            None => expanded.push_str(&rest[dollar..=dollar + length]),
        }
        rest = &after[length..];
    }
    expanded.push_str(rest);
    Ok(Value::from(expanded))
}

fn file_glob(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let pattern = text(call)?;
    let found = Context::of(call.state)?.scope().host().glob(&pattern);
    Ok(sequence(
        found
            .into_iter()
            .map(|path| Value::from(path.display().to_string()))
            .collect(),
    ))
}

/// The parts of an address, as Python's `urllib.parse.urlsplit` names them.
fn url_split(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let [part] = call.bind(["query"])?;
    let address = text(call)?;
    let (before_fragment, fragment) = address.split_once('#').unwrap_or((&address, ""));
    let (before_query, query) = before_fragment.split_once('?').unwrap_or((before_fragment, ""));
    let is_scheme = |scheme: &str| {
        scheme.starts_with(|first: char| first.is_ascii_alphabetic())
            && scheme
                .chars()
                .all(|letter| letter.is_ascii_alphanumeric() || matches!(letter, '+' | '-' | '.'))
    };
    let (scheme, rest) = match before_query.split_once(':') {
        Some((scheme, rest)) if is_scheme(scheme) => (scheme.to_lowercase(), rest),
        _ => (String::new(), before_query),
    };
    let (netloc, path) = match rest.strip_prefix("//") {
        Some(rest) => rest.split_at(rest.find('/').unwrap_or(rest.len())),
        None => ("", rest),
    };
    let (user, host_authority) = match netloc.rsplit_once('@') {
        Some((user, authority)) => (Some(user), authority),
        None => (None, netloc),
    };
    let (username, password) = match user.map(|user| {
        user.split_once(':')
            .map_or((user, None), |(name, word)| (name, Some(word)))
    }) {
        Some((name, word)) => (Some(name), word),
        None => (None, None),
    };
    let (host, port_text) = match host_authority
        .strip_prefix('[')
        .and_then(|inner| inner.split_once(']'))
    {
        Some((host, rest)) => (host, rest.strip_prefix(':')),
        None => host_authority
            .split_once(':')
            .map_or((host_authority, None), |(name, number)| (name, Some(number))),
    };
    let port_number = match port_text {
        None | Some("") => Value::from(()),
        Some(text) => Value::from(
            text.parse::<u16>()
                .map_err(|_| call.error(format!("'{text}' is no port")))?,
        ),
    };
    let or_none = |text: Option<&str>| text.map_or_else(|| Value::from(()), Value::from);
    let hostname = if host.is_empty() {
        Value::from(())
    } else {
        Value::from(host.to_lowercase())
    };
    let parts = map([
        ("fragment", Value::from(fragment)),
        ("hostname", hostname),
        ("netloc", Value::from(netloc)),
        ("password", or_none(password)),
        ("path", Value::from(path)),
        ("port", port_number),
        ("query", Value::from(query)),
        ("scheme", Value::from(scheme)),
        ("username", or_none(username)),
    ]);
    match part.filter(Value::is_true) {
        Some(part) => {
            let found = parts.get_item(&part)?;
            if found.is_undefined() {
                Err(call.error(format!("unknown URL component: {part}")))
            } else {
                Ok(found)
            }
        }
        None => Ok(parts),
    }
}
