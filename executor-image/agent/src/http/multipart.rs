//! Bodies of several parts, as forms with files have them (RFC 7578).

use std::fmt::Write as _;
use std::io::Read;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use crate::answer::Failure;
use crate::python_text::display;

/// A body and the type that says how it is cut.
#[derive(Debug)]
pub struct Form {
    /// The value of `Content-Type`.
    pub content_type: String,
    /// The body.
    pub body: Vec<u8>,
}

/// The form with these fields: texts, or mappings of `content`, `filename`, `mime_type` and `multipart_encoding`.
///
/// # Errors
/// When a field is neither, or a file cannot be read.
pub fn form(fields: &Map<String, Value>) -> Result<Form, Failure> {
    let mut random = [0_u8; 16];
    std::fs::File::open("/dev/urandom")
        .and_then(|mut file| file.read_exact(&mut random))
        .map_err(|error| Failure::io("reading random numbers", &error))?;
    let boundary = format!("==============={}==", hex::encode(random));
    let mut body = Vec::new();
    for (name, value) in fields {
        let part = part(name, value)?;
        body.extend_from_slice(format!("--{boundary}\r\n{}\r\n", part.headers).as_bytes());
        body.extend_from_slice(&part.content);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
    Ok(Form {
        content_type: format!("multipart/form-data; boundary=\"{boundary}\""),
        body,
    })
}

struct Part {
    headers: String,
    content: Vec<u8>,
}

fn part(name: &str, value: &Value) -> Result<Part, Failure> {
    let Value::Object(fields) = value else {
        if matches!(value, Value::Array(_)) {
            return Err(Failure::new(format!(
                "failed to parse body as form-multipart: value must be a string, or mapping, cannot be type list: {name}"
            )));
        }
        return Ok(Part {
            headers: format!(
                "Content-Type: text/plain\r\nContent-Disposition: form-data; name=\"{name}\"\r\n"
            ),
            content: display(value).into_bytes(),
        });
    };
    let text = |key: &str| fields.get(key).filter(|value| !value.is_null()).map(display);
    let file = text("filename");
    let content = match (text("content"), &file) {
        (Some(content), _) => content.into_bytes(),
        (None, Some(file)) => {
            std::fs::read(file).map_err(|error| Failure::io(format!("Unable to open {file}"), &error))?
        }
        (None, None) => {
            return Err(Failure::new(
                "failed to parse body as form-multipart: at least one of filename or content must be provided",
            ));
        }
    };
    let kind = text("mime_type").unwrap_or_else(|| kind_of(file.as_deref()).to_owned());
    let mut headers = format!("Content-Type: {kind}\r\n");
    let content = match text("multipart_encoding").as_deref() {
        Some("base64") => {
            headers.push_str("Content-Transfer-Encoding: base64\r\n");
            STANDARD.encode(content).into_bytes()
        }
        Some("7or8bit") | None => content,
        Some(other) => {
            return Err(Failure::new(format!(
                "multipart_encoding must be one of base64, 7or8bit, got: {other}"
            )));
        }
    };
    let _ = write!(headers, "Content-Disposition: form-data; name=\"{name}\"");
    if let Some(name) = file.as_deref().and_then(|file| Path::new(file).file_name()) {
        let _ = write!(headers, "; filename=\"{}\"", name.to_string_lossy());
    }
    headers.push_str("\r\n");
    Ok(Part { headers, content })
}

/// The type of a file by the end of its name.
fn kind_of(file: Option<&str>) -> &'static str {
    let extension = file.and_then(|file| Path::new(file).extension()?.to_str());
    match extension {
        None if file.is_none() => "text/plain",
        Some("txt" | "log" | "conf") => "text/plain",
        Some("html" | "htm") => "text/html",
        Some("json") => "application/json",
        Some("xml") => "text/xml",
        Some("pdf") => "application/pdf",
        Some("png") => "image/png",
        Some("jpg" | "jpeg") => "image/jpeg",
        Some("zip") => "application/zip",
        Some("tar" | "tgz") => "application/x-tar",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_form_has_a_part_for_every_field() {
        let fields = json!({"a": "x", "b": {"content": "y", "filename": "/d/y.json"}});
        let form = form(fields.as_object().unwrap()).unwrap();
        let boundary = form.content_type.split('"').nth(1).unwrap();
        let body = String::from_utf8(form.body).unwrap();
        assert_eq!(body.matches(boundary).count(), 3);
        assert!(body.contains("name=\"a\"\r\n\r\nx\r\n"));
        assert!(body.contains("Content-Type: application/json\r\n"));
        assert!(body.contains("name=\"b\"; filename=\"y.json\"\r\n\r\ny\r\n"));
        assert!(super::form(json!({"a": {}}).as_object().unwrap()).is_err());
    }
}
