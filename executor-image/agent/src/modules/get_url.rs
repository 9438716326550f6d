//! `ansible.builtin.get_url`: a file from HTTP.

use std::path::{Path, PathBuf};
use std::time::{Instant, SystemTime};

use crate::answer::{Failure, Outcome, answer};
use crate::atomic_write::{Content, back_up, replace};
use crate::checksum::Algorithm;
use crate::context::Context;
use crate::file_attributes::FileAttributes;
use crate::http::{NotFetched, Request, Response, elapsed};

/// Seconds that a server may stand still unless the call says otherwise.
const TIMEOUT: u64 = 10;

/// The status of a file that has not changed since the time asked about.
const NOT_MODIFIED: u16 = 304;

pub(super) fn run(context: &mut Context) -> Outcome {
    let start = Instant::now();
    let url = context.args.required("url").to_owned();
    let mut destination = PathBuf::from(context.args.required("dest"));
    let checksum = match context
        .args
        .text("checksum")
        .filter(|checksum| !checksum.is_empty())
    {
        Some(checksum) => Some(expected_checksum(context, checksum, &url).map_err(|failure| {
            let dest = destination.to_string_lossy().into_owned();
            failure.with_all(answer!({"url": url, "dest": dest, "elapsed": elapsed(start)}))
        })?),
        None => None,
    };
    let attributes = FileAttributes::of(&context.args);
    let exists = !destination.is_dir() && destination.exists();
    if exists
        && !context.args.flag("force")
        && let Some((algorithm, expected)) = &checksum
        && digest(*algorithm, &destination)? == *expected
    {
        let changed = attributes.apply(context, &destination, None)?;
        return Ok(answer!({
            "changed": changed, "msg": "file already exists", "dest": destination.to_string_lossy(), "url": url,
            "elapsed": 0,
        }));
    }
    let newer_than = if exists && checksum.is_none() && !context.args.flag("force") {
        destination
            .metadata()
            .and_then(|metadata| metadata.modified())
            .ok()
    } else {
        None
    };
    let download = download(context, &url, &destination, newer_than, start)?;
    if destination.is_dir() {
        destination.push(file_name(&download.response));
    }
    let shown = destination.to_string_lossy().into_owned();
    let mut answer = answer!({"changed": false, "url": url, "dest": shown, "elapsed": elapsed(start)});
    if download.response.status == NOT_MODIFIED {
        // Ansible leaves the attributes of a file as they are that the server says has not changed.
        answer.insert("msg".to_owned(), "HTTP Error 304: Not Modified".into());
        answer.insert("status_code".to_owned(), NOT_MODIFIED.into());
        return Ok(answer);
    }
    let source_sum = digest(Algorithm::Sha1, download.file.path())?;
    answer.insert("src".to_owned(), download.file.path().to_string_lossy().into());
    answer.insert("checksum_src".to_owned(), source_sum.clone().into());
    let parent = destination.parent().unwrap_or(Path::new("/"));
    if !parent.is_dir() {
        let message = format!("Destination {} does not exist", parent.display());
        return Err(Failure::new(message).with_all(answer));
    }
    let before = if destination.exists() {
        Some(digest(Algorithm::Sha1, &destination)?)
    } else {
        None
    };
    let changes = before.as_ref() != Some(&source_sum);
    if let Some(before) = before {
        answer.insert("checksum_dest".to_owned(), before.into());
    }
    answer.insert("msg".to_owned(), download.message().into());
    if context.check {
        answer.insert("changed".to_owned(), changes.into());
        return Ok(answer);
    }
    // Checked before the file is put in place, so that a damaged download never replaces a good file.
    if let Some((algorithm, expected)) = &checksum {
        let actual = digest(*algorithm, download.file.path())?;
        if actual != *expected {
            let message = format!(
                "The checksum for {} did not match {expected}; it was {actual}.",
                download.file.path().display()
            );
            return Err(Failure::new(message).with_all(answer));
        }
    }
    if changes {
        if context.args.flag("backup") && destination.exists() {
            answer.insert("backup_file".to_owned(), back_up(&destination)?.into());
        }
        replace(
            Content::File(download.file.path()),
            &destination,
            context.unsafe_writes(),
        )?;
    }
    let attributes_changed = attributes.apply(context, &destination, None)?;
    answer.insert("changed".to_owned(), (changes || attributes_changed).into());
    answer.insert("md5sum".to_owned(), digest(Algorithm::Md5, &destination)?.into());
    answer.insert("status_code".to_owned(), download.response.status.into());
    Ok(answer)
}

/// A downloaded file.
struct Download {
    file: tempfile::NamedTempFile,
    size: u64,
    response: Response,
}

impl Download {
    fn message(&self) -> String {
        let announced = self.response.header("content-length").map(str::to_owned);
        format!(
            "OK ({} bytes)",
            announced.unwrap_or_else(|| self.size.to_string())
        )
    }
}

fn download(
    context: &Context,
    url: &str,
    destination: &Path,
    newer_than: Option<SystemTime>,
    start: Instant,
) -> Result<Download, Failure> {
    let mut request = Request::of(context, url, TIMEOUT);
    if context.check {
        "HEAD".clone_into(&mut request.method);
    }
    if let Some(time) = newer_than {
        let date = chrono::DateTime::<chrono::Utc>::from(time)
            .format("%a, %d %b %Y %H:%M:%S GMT")
            .to_string();
        request.headers.push(("If-Modified-Since".to_owned(), date));
    }
    let failed = |response: String, status: i64| {
        Failure::new("Request failed")
            .with("url", url)
            .with("dest", destination.to_string_lossy().into_owned())
            .with("response", response)
            .with("status_code", status)
            .with("elapsed", elapsed(start))
    };
    let mut response = request
        .send(context)
        .map_err(|error| failed(error.to_string(), -1))?;
    if !response.is_success() && response.status != NOT_MODIFIED {
        let status = response.status;
        return Err(failed(
            format!("HTTP Error {status}: {}", response.reason),
            i64::from(status),
        ));
    }
    let directory = context
        .args
        .text("tmp_dest")
        .map_or_else(|| context.temporary.clone(), PathBuf::from);
    let mut file = tempfile::Builder::new()
        .prefix("download-")
        .tempfile_in(&directory)
        .map_err(|error| {
            Failure::io(
                format!("making a temporary file in {}", directory.display()),
                &error,
            )
        })?;
    let size = response.copy_to(context, file.as_file_mut())?;
    Ok(Download { file, size, response })
}

/// The name of a downloaded file: the server's, or the last part of the address.
fn file_name(response: &Response) -> String {
    let named = response.header("content-disposition").and_then(|header| {
        let name = header
            .split(';')
            .find_map(|part| part.trim().strip_prefix("filename="))?;
        Some(name.trim_matches(['"', '\'']).to_owned())
    });
    let name = named.unwrap_or_else(|| last_part(&response.url));
    // The name decides where the file goes: no directories in it.
    let name = name.rsplit('/').next().unwrap_or_default().to_owned();
    if name.is_empty() {
        "index.html".to_owned()
    } else {
        name
    }
}

fn last_part(url: &str) -> String {
    let path = url.split(['?', '#']).next().unwrap_or_default();
    let path = path.split_once("://").map_or(path, |(_, rest)| rest);
    match path.rsplit_once('/') {
        Some((_, name)) if !name.is_empty() => name.to_owned(),
        _ => "index.html".to_owned(),
    }
}

fn digest(algorithm: Algorithm, path: &Path) -> Result<String, Failure> {
    algorithm
        .of_file(path)
        .map_err(|error| Failure::io(format!("reading {}", path.display()), &error))
}

/// `sha256:<digest>`, or `sha256:<address of a file of digests>`.
fn expected_checksum(context: &Context, checksum: &str, url: &str) -> Result<(Algorithm, String), Failure> {
    let malformed = || Failure::new("The checksum parameter has to be in format <algorithm>:<checksum>");
    let (algorithm, value) = checksum.split_once(':').ok_or_else(malformed)?;
    let value = value.trim();
    let known = Algorithm::from_name(algorithm)
        .ok_or_else(|| Failure::new(format!("Could not hash file with algorithm '{algorithm}'. Available algorithms: md5, sha1, sha224, sha256, sha384, sha512")))?;
    if !["http://", "https://", "ftp://", "file://"]
        .iter()
        .any(|scheme| value.starts_with(scheme))
    {
        let digits: String = value
            .chars()
            .filter(char::is_ascii_alphanumeric)
            .collect::<String>()
            .to_lowercase();
        if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(Failure::new("The checksum format is invalid"));
        }
        return Ok((known, digits));
    }
    let text = Request::of(context, value, TIMEOUT)
        .fetch(context)
        .map_err(|error| {
            let status = match error {
                NotFetched::NoAnswer(_) => -1,
                NotFetched::Status(status, _) => i64::from(status),
            };
            Failure::new("Request failed")
                .with_all(answer!({"url": value, "response": error.to_string(), "status_code": status}))
        })?
        .content(context)?;
    let name = last_part(url);
    find_checksum(&String::from_utf8_lossy(&text), &name)
        .map(|digest| (known, digest))
        .ok_or_else(|| {
            Failure::new(format!(
                "Unable to find a checksum for file '{name}' in '{value}'"
            ))
        })
}

/// The digest of a file in a list of digests: a bare digest, or lines of `digest  name`.
fn find_checksum(text: &str, name: &str) -> Option<String> {
    let is_digest = |word: &str| word.len() >= 32 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
    let lines: Vec<Vec<&str>> = text
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>())
        .filter(|words| !words.is_empty())
        .collect();
    if let [only] = lines.as_slice()
        && let [digest] = only.as_slice()
        && is_digest(digest)
    {
        return Some(digest.to_lowercase());
    }
    lines.iter().find_map(|words| {
        let (digest, file) = match words.as_slice() {
            [digest, file] if is_digest(digest) => (*digest, *file),
            // The style of BSD: `SHA256 (name) = digest`.
            [_, file, "=", digest] if is_digest(digest) => (*digest, file.trim_matches(['(', ')'])),
            _ => return None,
        };
        let file = file.trim_start_matches('*').trim_start_matches("./");
        (file == name || file.rsplit('/').next() == Some(name)).then(|| digest.to_lowercase())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checksum_is_found_in_every_form_that_upstreams_publish() {
        let digest = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        for text in [
            digest.to_owned(),
            format!("{digest}\n"),
            format!("{digest}  kubelet\n"),
            format!("{}  other\n{digest} *./kubelet\n", "0".repeat(64)),
            format!("{digest}  bin/kubelet\n"),
            format!("SHA256 (kubelet) = {digest}\n"),
        ] {
            assert_eq!(find_checksum(&text, "kubelet").as_deref(), Some(digest), "{text}");
        }
        assert_eq!(find_checksum(&format!("{digest}  kubeadm\n"), "kubelet"), None);
        assert_eq!(find_checksum("<html>not found</html>", "kubelet"), None);
    }

    #[test]
    fn the_last_part_of_an_address_names_the_file() {
        for (url, name) in [
            ("http://h/a/b.tgz?x=1/2#f", "b.tgz"),
            ("http://h/", "index.html"),
            ("http://h", "index.html"),
        ] {
            assert_eq!(last_part(url), name, "{url}");
        }
    }
}
