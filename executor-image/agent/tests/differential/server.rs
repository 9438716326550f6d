//! A web server on loopback for the modules that download.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};

use crate::keys;

const FILE: &str = "hello\n";

/// Starts the server; returns its address.
pub fn start() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let own = url.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let own = own.clone();
            std::thread::spawn(move || answer(stream, &own));
        }
    });
    url
}

fn answer(mut stream: TcpStream, own: &str) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut request = String::new();
    let mut length = 0;
    let mut asks_for_change = false;
    let mut headers = Vec::new();
    if reader.read_line(&mut request).unwrap_or(0) == 0 {
        return;
    }
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 || line == "\r\n" {
            break;
        }
        if let Some((name, value)) = line.split_once(':') {
            headers.push(format!("{}:{}", name.to_lowercase(), value.trim()));
        }
        asks_for_change |= line.to_lowercase().starts_with("if-modified-since:");
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or(0);
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let mut words = request.split_whitespace();
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let digest = "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03";
    let (status, kind, content) = match path {
        "/dated" if asks_for_change => ("304 Not Modified", "text/plain", String::new()),
        "/file" | "/dated" | "/named" => ("200 OK", "text/plain", FILE.to_owned()),
        "/other" => ("200 OK", "text/plain", "other\n".to_owned()),
        "/file.sha256" => ("200 OK", "text/plain", digest.to_owned()),
        "/SHA256SUMS" => (
            "200 OK",
            "text/plain",
            format!("{}  other\n{digest}  file\n", "0".repeat(64)),
        ),
        "/key" => ("200 OK", "application/pgp-keys", keys::ONE.to_owned()),
        "/other-key" => ("200 OK", "application/pgp-keys", keys::TWO.to_owned()),
        "/json" => ("200 OK", "application/json", r#"{"a": [1, 2]}"#.to_owned()),
        "/echo" => (
            "200 OK",
            "text/plain",
            String::from_utf8_lossy(&body).into_owned(),
        ),
        "/redirect" | "/moved" => ("302 Found", "text/plain", String::new()),
        "/kept" => ("307 Temporary Redirect", "text/plain", String::new()),
        "/method" => (
            "200 OK",
            "text/plain",
            format!("{method} {}", headers_of(&headers)),
        ),
        "/guarded" if headers.iter().any(|header| header.starts_with("authorization:")) => {
            ("200 OK", "text/plain", headers_of(&headers))
        }
        "/guarded" => ("401 Unauthorized", "text/plain", "who are you?".to_owned()),
        "/bad-json" => ("200 OK", "application/json", "{nonsense".to_owned()),
        "/list-json" => (
            "200 OK",
            "application/vnd.x+json; charset=utf-8",
            "[1, \"\u{fc}\"]".to_owned(),
        ),
        "/javascript" => ("200 OK", "text/javascript", r#"{"a": 1}"#.to_owned()),
        "/empty" => ("204 No Content", "text/plain", String::new()),
        "/broken" => (
            "500 Internal Server Error",
            "application/json",
            r#"{"error": "broken"}"#.to_owned(),
        ),
        _ => ("404 Not Found", "text/plain", "nothing here".to_owned()),
    };
    let more = match path {
        "/redirect" => format!("Location: {own}/file\r\n"),
        "/moved" | "/kept" => format!("Location: {own}/method\r\n"),
        "/guarded" => "WWW-Authenticate: Basic realm=\"x\"\r\n".to_owned(),
        "/named" => "Content-Disposition: attachment; filename=\"given-name\"\r\nSet-Cookie: a=b; Path=/\r\nSet-Cookie: c=d\r\n".to_owned(),
        _ => String::new(),
    };
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n{more}Connection: close\r\n\r\n",
        content.len()
    );
    let content = if method == "HEAD" { String::new() } else { content };
    let _ = stream.write_all(format!("{head}{content}").as_bytes());
}

/// The headers of a request that say what it asks for, with names in lower case: HTTP lets programs write them as they like.
fn headers_of(headers: &[String]) -> String {
    let told = [
        "accept:",
        "authorization:",
        "cache-control:",
        "content-type:",
        "user-agent:",
        "x-",
    ];
    let mut headers: Vec<&str> = headers
        .iter()
        .map(String::as_str)
        .filter(|header| told.iter().any(|start| header.starts_with(start)))
        .collect();
    headers.sort_unstable();
    headers.join("; ")
}
