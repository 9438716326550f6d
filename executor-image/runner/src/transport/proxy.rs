//! A program that leads to an SSH server: `ProxyCommand`.

use std::{
    io,
    pin::Pin,
    process::Stdio,
    task::{Context, Poll},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, Join, ReadBuf, join},
    process::{Child, ChildStdin, ChildStdout, Command},
};

use super::quote;

/// What such a program reads and prints; it ends with the connection.
pub struct Proxy {
    streams: Join<ChildStdout, ChildStdin>,
    _program: Child,
}

/// Starts the program. `%h`, `%p` and `%r` in its command are address, port and user.
pub fn start(command: &str, user: &str, address: &str, port: u16) -> io::Result<Proxy> {
    let line = filled(command, user, address, port);
    let mut program = Command::new("/bin/sh")
        .args(["-c", &format!("exec {line}")])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        // Ctrl-C at the terminal is for the runner, which closes its connections in order.
        .process_group(0)
        .kill_on_drop(true)
        .spawn()?;
    let missing = || io::Error::other("a standard stream is missing");
    let input = program.stdin.take().ok_or_else(missing)?;
    let output = program.stdout.take().ok_or_else(missing)?;
    Ok(Proxy {
        streams: join(output, input),
        _program: program,
    })
}

fn filled(command: &str, user: &str, address: &str, port: u16) -> String {
    let mut line = String::new();
    let mut rest = command.chars();
    while let Some(character) = rest.next() {
        if character != '%' {
            line.push(character);
            continue;
        }
        match rest.next() {
            Some('h' | 'n') => line.push_str(&word(address)),
            Some('p') => line.push_str(&port.to_string()),
            Some('r') => line.push_str(&word(user)),
            Some('%') | None => line.push('%'),
            Some(other) => line.extend(['%', other]),
        }
    }
    line
}

/// A name as it is, if no shell could misread it.
fn word(text: &str) -> String {
    let is_plain = |character: char| character.is_ascii_alphanumeric() || "._-:@%+".contains(character);
    if text.chars().all(is_plain) {
        text.to_owned()
    } else {
        quote(text)
    }
}

impl AsyncRead for Proxy {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.streams).poll_read(context, buffer)
    }
}

impl AsyncWrite for Proxy {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.streams).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.streams).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.streams).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_names_the_host() {
        assert_eq!(
            filled("ssh -W %h:%p %r@gate 100%% %x", "bob", "10.0.0.1", 22),
            "ssh -W 10.0.0.1:22 bob@gate 100% %x"
        );
        assert_eq!(filled("nc %h", "bob", "a;b", 22), "nc 'a;b'");
    }
}
