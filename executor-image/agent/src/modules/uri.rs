//! `ansible.builtin.uri`: an HTTP request.

use std::path::{Path, PathBuf};
use std::time::Instant;

use serde_json::{Map, Value};

use crate::answer::{Failure, Outcome, answer};
use crate::atomic_write::{Content, replace};
use crate::checksum::{Algorithm, sha1};
use crate::context::Context;
use crate::file_attributes::FileAttributes;
use crate::glob_paths::anything_matches;
use crate::http::{self, Redirects, Request, Response, elapsed};
use crate::python_text::{display, python_json, repr_text};

pub(super) fn run(context: &mut Context) -> Outcome {
    let method = context.args.required("method").to_uppercase();
    if !method.bytes().all(|byte| byte.is_ascii_uppercase()) || method.is_empty() {
        return Err(Failure::new(
            "Parameter 'method' needs to be a single word in uppercase, like GET or POST.",
        ));
    }
    let exists = |pattern: &str| anything_matches(pattern, None);
    if let Some(path) = context.args.text("creates").filter(|path| exists(path)) {
        return Ok(answer!({"stdout": format!("skipped, since '{path}' exists"), "changed": false}));
    }
    if let Some(path) = context.args.text("removes").filter(|path| !exists(path)) {
        return Ok(answer!({"stdout": format!("skipped, since '{path}' does not exist"), "changed": false}));
    }
    if context.check {
        return Ok(answer!({
            "skipped": true, "msg": "This action (uri) does not support check mode.",
        }));
    }
    let url = context.args.required("url").to_owned();
    if !url.contains(':') {
        return Err(Failure::new(format!("unknown url type: {}", repr_text(&url)))
            .with("status", -1)
            .with("url", url));
    }
    let request = request(context, &url)?;
    let expected: Vec<u64> = context
        .args
        .list("status_code")
        .iter()
        .filter_map(|code| code.parse().ok())
        .collect();
    let start = Instant::now();
    let mut response = match request.send(context) {
        Ok(response) => response,
        Err(error) => {
            return Err(
                Failure::new(format!("Status code was -1 and not {expected:?}: {error}"))
                    .with("status", -1)
                    .with("url", url)
                    .with("redirected", false)
                    .with("elapsed", elapsed(start)),
            );
        }
    };
    let mut body = Vec::new();
    response.copy_to(context, &mut body)?;

    let mut answer = answer!({
        "changed": false,
        "status": response.status,
        "url": response.url,
        "redirected": response.url.trim_end_matches('/') != request.url.trim_end_matches('/'),
        "elapsed": elapsed(start),
        "msg": message(&response),
    });
    add_headers(&mut answer, &response);
    if let Some(destination) = context.args.text("dest") {
        let path = path_of(Path::new(destination), &response);
        // What comes with an error is not what was asked for.
        if expected.contains(&u64::from(response.status)) && response.status != 304 {
            store(context, &path, &body)?;
            answer.insert("changed".to_owned(), true.into());
        }
        answer.insert("path".to_owned(), path.to_string_lossy().into());
    }
    let text = String::from_utf8_lossy(&body).into_owned();
    let kind = response.header("content-type").unwrap_or_default().to_lowercase();
    let may_be_json = kind.contains("json") || kind.contains("javascript");
    if may_be_json && let Ok(json) = serde_json::from_str::<Value>(&text) {
        answer.insert("json".to_owned(), json);
    }
    let is_expected = expected.contains(&u64::from(response.status));
    if context.args.flag("return_content") {
        answer.insert("content".to_owned(), text.clone().into());
    }
    if is_expected {
        if !response.is_success() && !may_be_json && !context.args.flag("return_content") {
            answer.insert("body".to_owned(), text.into());
        }
        return Ok(answer);
    }
    let message = format!(
        "Status code was {} and not {expected:?}: {}",
        response.status,
        message(&response)
    );
    Err(Failure::new(message).with_all(answer))
}

fn message(response: &Response) -> String {
    if response.is_success() {
        let size = response.header("content-length").unwrap_or("unknown");
        format!("OK ({size} bytes)")
    } else {
        format!("HTTP Error {}: {}", response.status, response.reason)
    }
}

fn request(context: &Context, url: &str) -> Result<Request, Failure> {
    let args = &context.args;
    let mut request = Request::of(context, url, 30);
    request.method = args.required("method").to_uppercase();
    let is_safe = matches!(request.method.as_str(), "GET" | "HEAD");
    request.redirects = match args.required("follow_redirects") {
        "all" | "yes" => Redirects::All,
        "urllib2" => Redirects::Urllib,
        "none" | "no" => Redirects::None,
        _ if is_safe => Redirects::All,
        _ => Redirects::None,
    };
    let mut content_type: Option<String> = None;
    if let Some(body) = args.value("body") {
        request.body = match args.required("body_format") {
            "json" => {
                content_type = Some("application/json".to_owned());
                match body {
                    // Text is taken for JSON that is written already.
                    Value::String(text) => text.clone().into_bytes(),
                    other => python_json(other).into_bytes(),
                }
            }
            "form-urlencoded" => {
                content_type = Some("application/x-www-form-urlencoded".to_owned());
                form(body).into_bytes()
            }
            "form-multipart" => {
                let fields = body.as_object().ok_or_else(|| {
                    Failure::new(
                        "failed to parse body as form-multipart: Mapping is required, cannot be type str",
                    )
                })?;
                let form = http::form(fields)?;
                content_type = Some(form.content_type);
                form.body
            }
            _ => display(body).into_bytes(),
        };
    }
    if let Some(source) = args.text("src") {
        if args.value("body").is_some() {
            return Err(Failure::new("parameters are mutually exclusive: body|src"));
        }
        request.body = match context.file("src") {
            Some(path) => std::fs::read(path),
            None => std::fs::read(source),
        }
        .map_err(|_| Failure::new(format!("Unable to open source file {source}")).with("elapsed", 0))?;
    }
    let has_type = request
        .headers
        .iter()
        .any(|(name, _)| name.eq_ignore_ascii_case("content-type"));
    let sends = args.value("body").is_some() || args.value("src").is_some();
    // What Python says of a body of which nothing is said.
    let content_type = content_type.or_else(|| sends.then(|| "application/x-www-form-urlencoded".to_owned()));
    if let (Some(content_type), false) = (content_type, has_type) {
        request.headers.push(("Content-Type".to_owned(), content_type));
    }
    Ok(request)
}

/// A form: `a=1&b=x+y`. A list is a key given several times.
fn form(body: &Value) -> String {
    let pairs: Vec<(String, &Value)> = match body {
        Value::Object(fields) => fields.iter().map(|(key, value)| (key.clone(), value)).collect(),
        Value::Array(items) => items
            .iter()
            .filter_map(|pair| Some((display(pair.get(0)?), pair.get(1)?)))
            .collect(),
        other => return display(other),
    };
    let mut parts = Vec::new();
    for (key, value) in pairs {
        let values: Vec<&Value> = value
            .as_array()
            .map_or_else(|| vec![value], |values| values.iter().collect());
        for value in values {
            parts.push(format!("{}={}", encode(&key), encode(&display(value))));
        }
    }
    parts.join("&")
}

fn encode(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            b' ' => out.push('+'),
            other => out.extend(["%".to_owned(), hex::encode_upper([other])]),
        }
    }
    out
}

/// Headers are keys of the result, `content_type`; cookies are taken apart.
fn add_headers(answer: &mut Map<String, Value>, response: &Response) {
    let mut cookies = Map::new();
    for (name, value) in &response.headers {
        let key = name.replace('-', "_");
        if name == "set-cookie"
            && let Some((cookie, rest)) = value.split_once('=')
        {
            cookies.insert(
                cookie.to_owned(),
                rest.split(';').next().unwrap_or_default().into(),
            );
        }
        let joined = match answer.get(&key).and_then(Value::as_str) {
            Some(before) if !["url", "msg"].contains(&key.as_str()) => format!("{before}, {value}"),
            _ => value.clone(),
        };
        if !["url", "status", "msg", "changed"].contains(&key.as_str()) {
            answer.insert(key, joined.into());
        }
    }
    if !response.is_success() {
        return;
    }
    let text: Vec<String> = cookies
        .iter()
        .map(|(name, value)| format!("{name}={}", display(value)))
        .collect();
    answer.insert("cookies_string".to_owned(), text.join("; ").into());
    answer.insert("cookies".to_owned(), Value::Object(cookies));
}

/// The file that the body is stored in: in a directory it has the name that the server gives it, or that of the address.
fn path_of(destination: &Path, response: &Response) -> PathBuf {
    if !destination.is_dir() {
        return destination.to_owned();
    }
    let given = response
        .header("content-disposition")
        .and_then(|disposition| {
            disposition
                .split(';')
                .find_map(|part| part.trim().strip_prefix("filename="))
        })
        .map(|name| name.trim_matches('"'));
    let address = response.url.split(['?', '#']).next().unwrap_or_default();
    let of_address = address.trim_end_matches('/').rsplit('/').next();
    // A name with directories in it stays in this one.
    let name = given
        .and_then(|name| Path::new(name).file_name()?.to_str())
        .or(of_address)
        .filter(|name| !name.is_empty())
        .unwrap_or("index.html");
    destination.join(name)
}

/// Stores the body in a file.
fn store(context: &Context, path: &Path, body: &[u8]) -> Result<(), Failure> {
    let same = path.is_file()
        && Algorithm::Sha1
            .of_file(path)
            .is_ok_and(|digest| digest == sha1(body));
    if !same {
        replace(Content::Bytes(body), path, context.unsafe_writes())?;
    }
    // Ansible counts a stored answer as a change, also when the file had that content.
    FileAttributes::of(&context.args).apply(context, path, None)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn forms_are_written_as_browsers_write_them() {
        assert_eq!(form(&json!({"a": "x y", "b": [1, "ä"]})), "a=x+y&b=1&b=%C3%A4");
        assert_eq!(form(&json!([["a", 1], ["a", 2]])), "a=1&a=2");
    }
}
