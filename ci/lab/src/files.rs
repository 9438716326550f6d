//! A static file server: what a site puts in front of its mirror of upstream files.

use std::net::SocketAddr;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use tokio::io::AsyncReadExt;

use crate::error::{FileContext, Result};

const CHUNK: usize = 256 * 1024;

/// Serves the files below a folder at an address until the process ends. Folders are not listed.
pub async fn serve(folder: PathBuf, address: SocketAddr) -> Result<()> {
    let listener = tokio::net::TcpListener::bind(address)
        .await
        .file("listen for the file server of", &folder)?;
    axum::serve(listener, router(folder.clone()))
        .await
        .file("serve", &folder)
}

/// The file server as an axum router.
pub fn router(folder: PathBuf) -> Router {
    Router::new().fallback(answer).with_state(Arc::new(folder))
}

async fn answer(
    State(folder): State<Arc<PathBuf>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    if method != Method::GET && method != Method::HEAD {
        return (StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD are served\n").into_response();
    }
    match find(&folder, uri.path()).await {
        Some((file, metadata)) => send(file, &metadata, &method, &headers),
        None => (StatusCode::NOT_FOUND, format!("no file {}\n", uri.path())).into_response(),
    }
}

async fn find(folder: &Path, path: &str) -> Option<(tokio::fs::File, std::fs::Metadata)> {
    let relative = PathBuf::from(percent_decode(path.trim_start_matches('/'))?);
    if !relative
        .components()
        .all(|component| matches!(component, Component::Normal(_)))
    {
        return None;
    }
    let file = tokio::fs::File::open(folder.join(relative)).await.ok()?;
    let metadata = file.metadata().await.ok()?;
    metadata.is_file().then_some((file, metadata))
}

fn send(file: tokio::fs::File, metadata: &std::fs::Metadata, method: &Method, asked: &HeaderMap) -> Response {
    let modified = metadata.modified().ok().map(|time| {
        chrono::DateTime::<chrono::Utc>::from(time)
            .format("%a, %d %b %Y %H:%M:%S GMT")
            .to_string()
    });
    let modified = modified.and_then(|text| HeaderValue::from_str(&text).ok());
    let mut response = if modified.is_some() && asked.get(header::IF_MODIFIED_SINCE) == modified.as_ref() {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let body = if *method == Method::HEAD {
            Body::empty()
        } else {
            stream(file)
        };
        let mut response = Response::new(body);
        response
            .headers_mut()
            .insert(header::CONTENT_LENGTH, HeaderValue::from(metadata.len()));
        response.headers_mut().insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/octet-stream"),
        );
        response
    };
    if let Some(modified) = modified {
        response.headers_mut().insert(header::LAST_MODIFIED, modified);
    }
    response
}

fn stream(file: tokio::fs::File) -> Body {
    Body::from_stream(futures::stream::unfold(Some(file), |state| async {
        let mut file = state?;
        let mut chunk = vec![0; CHUNK];
        match file.read(&mut chunk).await {
            Ok(0) => None,
            Ok(length) => {
                chunk.truncate(length);
                Some((Ok(Bytes::from(chunk)), Some(file)))
            }
            Err(error) => Some((Err(error), None)),
        }
    }))
}

/// Undoes `%XX`. None if what comes out is not UTF-8 or the escapes are broken.
fn percent_decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        if first == b'%' {
            let digits = std::str::from_utf8(tail.get(..2)?).ok()?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            rest = &tail[2..];
        } else {
            bytes.push(first);
            rest = tail;
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;

    use super::*;

    /// Asks a real server over a real socket, without a client that would tidy up the path.
    async fn ask(request: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("tree")).unwrap();
        std::fs::write(folder.path().join("tree/a+b file"), "content").unwrap();
        std::fs::write(folder.path().join("secret"), "outside").unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = tokio::spawn(axum::serve(listener, router(folder.path().join("tree"))).into_future());
        let mut socket = tokio::net::TcpStream::connect(address).await.unwrap();
        socket
            .write_all(format!("{request} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").as_bytes())
            .await
            .unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).await.unwrap();
        server.abort();
        answer
    }

    #[tokio::test]
    async fn a_file_is_sent_with_its_length() {
        let answer = ask("GET /a+b%20file").await;
        assert!(
            answer.starts_with("HTTP/1.1 200") && answer.ends_with("\r\n\r\ncontent"),
            "{answer}"
        );
        assert!(answer.contains("content-length: 7"), "{answer}");
    }

    #[tokio::test]
    async fn head_tells_the_length_and_sends_nothing() {
        let answer = ask("HEAD /a+b%20file").await;
        assert!(
            answer.contains("content-length: 7") && answer.ends_with("\r\n\r\n"),
            "{answer}"
        );
    }

    #[tokio::test]
    async fn nothing_outside_the_folder_is_served_and_no_folder_is_listed() {
        for path in ["/../secret", "/%2e%2e/secret", "/", "//etc/passwd", "/%zz"] {
            let answer = ask(&format!("GET {path}")).await;
            assert!(answer.starts_with("HTTP/1.1 404"), "{path}: {answer}");
        }
    }

    #[tokio::test]
    async fn other_methods_are_refused() {
        assert!(ask("DELETE /a+b%20file").await.starts_with("HTTP/1.1 405"));
    }
}
