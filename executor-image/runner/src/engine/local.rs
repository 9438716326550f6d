//! What lookups do on the machine that runs the playbook: commands, files, addresses.

use std::{
    io::{self, Read, Write},
    os::unix::{
        fs::{DirBuilderExt, OpenOptionsExt},
        process::ExitStatusExt,
    },
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use base64::Engine as _;
use slipway_language::{CommandOutput, UrlRequest};
use ureq::tls::TlsConfig;

/// An answer longer than this is refused: a variable is no place for it.
const LARGEST_ANSWER: u64 = 64 * 1024 * 1024;

/// Runs a command of the shell in a directory.
pub(super) fn run(command: &str, directory: &Path) -> io::Result<CommandOutput> {
    let output = Command::new("/bin/sh")
        .args(["-c", command])
        .current_dir(directory)
        .stdin(Stdio::null())
        .output()?;
    let status = output
        .status
        .code()
        .or_else(|| output.status.signal().map(|signal| 128 + signal))
        .unwrap_or(-1);
    Ok(CommandOutput {
        status,
        standard_output: output.stdout,
        standard_error: output.stderr,
    })
}

/// Writes a file that only its owner may read. It appears at once with its whole content; a file that somebody else
/// wrote meanwhile is replaced.
pub(super) fn write_private(path: &Path, content: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let temporary = folder.join(format!(".{name}.{}", std::process::id()));
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&temporary)?;
    file.write_all(content)?;
    std::fs::rename(&temporary, path)
}

/// The content of an address.
pub(super) fn fetch(request: &UrlRequest) -> Result<Vec<u8>, String> {
    let timeout = Duration::try_from_secs_f64(request.timeout)
        .map_err(|_| format!("{} is no time to wait", request.timeout))?;
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .tls_config(
            TlsConfig::builder()
                .disable_verification(!request.validate_certs)
                .build(),
        )
        .timeout_global(Some(timeout))
        .build()
        .into();
    let mut call = agent.get(&request.url);
    for (name, value) in &request.headers {
        call = call.header(name, value);
    }
    if let Some(username) = &request.username {
        let credentials = format!("{username}:{}", request.password.as_deref().unwrap_or_default());
        let encoded = base64::engine::general_purpose::STANDARD.encode(credentials);
        call = call.header("authorization", format!("Basic {encoded}"));
    }
    let mut answer = call.call().map_err(|error| error.to_string())?;
    let mut content = Vec::new();
    answer
        .body_mut()
        .as_reader()
        .take(LARGEST_ANSWER)
        .read_to_end(&mut content)
        .map_err(|error| error.to_string())?;
    Ok(content)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_command_gives_its_output_and_its_code() {
        let output = run("echo out; echo err >&2; exit 3", Path::new("/")).unwrap();
        assert_eq!(
            (output.status, &*output.standard_output, &*output.standard_error),
            (3, &b"out\n"[..], &b"err\n"[..])
        );
    }

    #[test]
    fn a_password_file_is_for_its_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/secret");
        write_private(&path, b"one").unwrap();
        write_private(&path, b"two").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"two");
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        let others = std::fs::read_dir(path.parent().unwrap()).unwrap().count();
        assert_eq!(others, 1);
    }

    #[test]
    fn an_address_is_read_with_its_headers() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut buffer = [0; 4096];
            let count = stream.read(&mut buffer).unwrap();
            stream
                .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\nconnection: close\r\n\r\na\nb\n")
                .unwrap();
            String::from_utf8_lossy(&buffer[..count]).to_lowercase()
        });
        let request = UrlRequest {
            url: format!("http://{address}/x"),
            headers: vec![("x-test".into(), "yes".into())],
            username: Some("me".into()),
            password: Some("word".into()),
            timeout: 5.0,
            validate_certs: true,
        };
        assert_eq!(fetch(&request).unwrap(), b"a\nb\n");
        let seen = server.join().unwrap();
        assert!(
            seen.contains("x-test: yes") && seen.contains("authorization: basic bwu6d29yza=="),
            "{seen}"
        );
        assert!(
            fetch(&UrlRequest {
                url: "http://127.0.0.1:1/".into(),
                ..request
            })
            .is_err()
        );
    }
}
