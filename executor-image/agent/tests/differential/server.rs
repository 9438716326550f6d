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
    if reader.read_line(&mut request).unwrap_or(0) == 0 {
        return;
    }
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 || line == "\r\n" {
            break;
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
        "/file" | "/dated" => ("200 OK", "text/plain", FILE.to_owned()),
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
        "/redirect" => ("302 Found", "text/plain", String::new()),
        _ => ("404 Not Found", "text/plain", "nothing here".to_owned()),
    };
    let location = if path == "/redirect" {
        format!("Location: {own}/file\r\n")
    } else {
        String::new()
    };
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n{location}Connection: close\r\n\r\n",
        content.len()
    );
    let content = if method == "HEAD" { String::new() } else { content };
    let _ = stream.write_all(format!("{head}{content}").as_bytes());
}
