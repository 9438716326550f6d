//! Starts the agent on a host with one command: a small POSIX shell script checks the cached file or reads it from its
//! input, then becomes the agent.
//!
//! What script and runner say to each other, before the agent's protocol begins: the script prints one line that begins with
//! [`MARK`]; `want ARCHITECTURE gzip|plain` asks for the file (a line with its length, then its bytes), `become` says that
//! another user is become from now on, which may ask for a password on standard error, `ready` says that the next byte is the
//! agent's, `error TEXT` says why not. Other lines (a login message) are passed over.
//!
//! The agent's greeting goes with the command: sshd takes no input before the command runs, so that it would cost a round trip.

use tokio::{
    io::{AsyncWrite, AsyncWriteExt},
    sync::mpsc,
};

use super::{AgentBinary, Become, Launch, Pipe, TransportError};

/// Begins each line of the script.
pub const MARK: &str = "slipway-agent: ";

/// The longest text before the script's first line, in bytes.
const NOISE_LIMIT: usize = 64 * 1024;

/// The file is written under a temporary name, checked by its hash, written to the disk and renamed, so that two runs at once do
/// not meet, and a file of that name is a whole one. Hashing it at each start would cost more than all else here: what it was when
/// its hash was right (inode, length, times to the nanosecond) is noted beside it, and it is hashed again whenever that has changed.
/// A process costs the host a millisecond, and most starts need only one of them here: the user's number is read by the shell itself.
/// The folder must be ours and writable by nobody else, or who owns it could have `sudo` run what they like.
const BEGINNING: &str = r#"
h=$1 g=$2
umask 022
say() { printf 'slipway-agent: %s\n' "$*"; }
fail() { say "error $(printf '%s' "$*" | tr -s '\n' ' ')"; exit 1; }
u=
[ -r /proc/self/status ] && while read -r k _ e _; do
  [ "$k" != Uid: ] || { u=$e; break; }
done </proc/self/status
d=/var/tmp/slipway-agent-${u:-$(id -u)}; f=$d/$h
[ -d "$d" ] || mkdir -m 0755 "$d" 2>/dev/null || [ -d "$d" ] || fail "cannot make the directory $d: $(mkdir "$d" 2>&1)"
[ -O "$d" ] && [ ! -L "$d" ] || fail "$d does not belong to $(id -un): remove it"
sum() { sha256sum "$1" 2>/dev/null | cut -d ' ' -f 1; }
note() { stat -c '%i %s %y %z' "$f" 2>/dev/null; }
same() {
  { read -r noted < "$f.note"; } 2>/dev/null && [ "$noted" = "$(stat -c '%i %s %y %z' "$f" 2>/dev/null)" ] && return
  [ -f "$f" ] && [ "$(sum "$f")" = "$h" ] || return
  { note > "$f.note"; } 2>/dev/null || :
}
keep() {
  [ "$(sum "$t")" = "$h" ] || fail "cannot store the agent in $d: ${problem:-it arrived damaged}$(df -P "$d" 2>/dev/null | awk 'NR==2 && $4==0 {print " (the file system "$6" is full)"}')"
  sync "$t" 2>/dev/null
  chmod 0755 "$t" && mv -f "$t" "$f" || fail "cannot store the agent as $f"
  trap - EXIT
  problem=$("$f" --version 2>&1) || fail "cannot run the agent $f (is $d mounted noexec?): $problem"
  { note > "$f.note"; } 2>/dev/null
}
"#;

/// Goes on where the host's input is the runner's to write to: the file comes through it.
const FROM_INPUT: &str = r#"
if ! same; then
  chmod 0755 "$d" || fail "cannot set the mode of $d"
  t=$d/.new.$$
  trap 'rm -f "$t"' EXIT
  if command -v gzip >/dev/null 2>&1; then
    say "want $(uname -m) gzip"; read -r n
    problem=$( { head -c "$n" | gzip -dc > "$t"; } 2>&1 )
  else
    say "want $(uname -m) plain"; read -r n
    problem=$( { head -c "$n" > "$t"; } 2>&1 )
  fi
  keep
fi
[ -x "$f" ] || fail "cannot run the agent $f (is $d mounted noexec?)"
"#;

/// Goes on where files are stored by other means: tells where the file is, or where it is to be put.
const FOR_FILE: &str = r#"
problem=
if [ -n "$g" ]; then
  t=$g
  trap 'rm -f "$t"' EXIT
  keep
elif ! same; then
  chmod 0755 "$d" || fail "cannot set the mode of $d"
  say "want $(uname -m) $d/.new.$$"
  exit
fi
[ -x "$f" ] || fail "cannot run the agent $f (is $d mounted noexec?)"
say "have $f"
"#;

/// The command that tells with a line (`have FILE`, `want ARCHITECTURE FILE`, `error TEXT`) where the agent is, or where it is to be
/// put; with the place where it was put, that takes it from there.
///
/// # Errors
/// When there is no agent any more.
pub fn file_command(agent: &AgentBinary, put: Option<&str>) -> Result<String, TransportError> {
    Ok(format!(
        "exec /bin/sh -c {} slipway {} {}",
        quote(&format!("{BEGINNING}{FOR_FILE}")),
        agent.sha256()?,
        quote(put.unwrap_or_default()),
    ))
}

/// The command that starts the agent and greets it.
///
/// # Errors
/// When there is no agent any more.
pub fn command(agent: &AgentBinary, launch: &Launch, greeting: &[u8]) -> Result<String, TransportError> {
    let last = match &launch.r#become {
        None => "say ready\nexec \"$f\" --greeted $g\n".to_owned(),
        // Only the other user's shell says that all is well: before it, the input may be for a question of `sudo` or `su`.
        Some(other) => format!(
            "say become\nexec {}\n",
            other.script(&format!("\"echo '{MARK}ready'; exec $f --greeted $g\""))
        ),
    };
    Ok(format!(
        "exec /bin/sh -c {} slipway {} {}",
        quote(&format!("{BEGINNING}{FROM_INPUT}{last}")),
        agent.sha256()?,
        hex::encode(greeting),
    ))
}

/// The command that removes the agent.
///
/// # Errors
/// When there is no agent any more.
pub fn remove_command(agent: &AgentBinary) -> Result<String, TransportError> {
    Ok(format!(
        "d=/var/tmp/slipway-agent-$(id -u); rm -f \"$d/{0}\" \"$d/{0}.note\" \"$d/{0}.answers\"; rmdir \"$d\" 2>/dev/null; true",
        agent.sha256()?
    ))
}

/// Text as one word of a POSIX shell.
pub fn quote(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// Follows the script until the agent runs; returns the pipe with what the agent has said by then.
pub async fn follow(mut pipe: Pipe, agent: &AgentBinary, launch: &Launch) -> Result<Pipe, TransportError> {
    let mut buffer: Vec<u8> = Vec::new();
    let mut becoming = None;
    loop {
        while let Some(end) = buffer.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = buffer.drain(..=end).collect();
            let line = String::from_utf8_lossy(&line).trim_end().to_owned();
            let Some(said) = line.strip_prefix(MARK) else {
                continue;
            };
            if said == "ready" {
                // Questions that were answered explain nothing that comes later.
                pipe.errors.clear();
                return Ok(with_beginning(pipe, buffer));
            }
            if said == "become" {
                becoming = launch.r#become.as_ref().map(Become::listen);
                continue;
            }
            if let Some(reason) = said.strip_prefix("error ") {
                return Err(TransportError::Unreachable(reason.to_owned()));
            }
            if let Some(wanted) = said.strip_prefix("want ") {
                // A host that speaks before it has read everything says why it gave up: the rest is not sent.
                let sending = send(pipe.outgoing.as_mut(), agent, wanted);
                tokio::select! {
                    sent = sending => sent?,
                    answer = pipe.incoming.recv() => buffer.extend(answer.unwrap_or_default()),
                }
            }
        }
        if buffer.len() > NOISE_LIMIT {
            return Err(TransportError::Unreachable("the host prints without end instead of starting the agent: look at its shell's startup files".to_owned()));
        }
        if let Some(dialogue) = &mut becoming
            && let Some(answer) = dialogue.heard(&pipe.errors.raw())?
        {
            pipe.say(answer.as_bytes()).await;
        }
        let bytes = tokio::select! {
            bytes = pipe.incoming.recv() => bytes,
            () = pipe.errors.grown(), if becoming.is_some() => continue,
        };
        let Some(bytes) = bytes else {
            return Err(ended(&buffer, &pipe, launch, becoming.is_some()));
        };
        buffer.extend_from_slice(&bytes);
    }
}

/// Why the script ended before the agent ran.
fn ended(buffer: &[u8], pipe: &Pipe, launch: &Launch, becoming: bool) -> TransportError {
    let noise = String::from_utf8_lossy(buffer).trim().to_owned();
    let errors = pipe.errors.text();
    let said = if errors.is_empty() { noise } else { errors };
    if let Some(other) = launch.r#become.as_ref().filter(|_| becoming) {
        return other.failed(&said);
    }
    let said = if said.is_empty() {
        "the host closed the connection"
    } else {
        &said
    };
    TransportError::Unreachable(format!("the agent could not be started: {said}"))
}

async fn send(
    outgoing: &mut (dyn AsyncWrite + Send + Unpin),
    agent: &AgentBinary,
    wanted: &str,
) -> Result<(), TransportError> {
    let (architecture, form) = wanted.split_once(' ').unwrap_or((wanted, "plain"));
    agent.check_architecture(architecture)?;
    // Compressed only for a host that asks: most have the agent from the last run.
    let content = if form == "gzip" {
        agent.compressed()?
    } else {
        agent.content()?
    };
    let length = format!("{}\n", content.len());
    // A write that fails is a host that stopped reading: what the script says next is the better message.
    if outgoing.write_all(length.as_bytes()).await.is_ok() && outgoing.write_all(&content).await.is_ok() {
        let _ = outgoing.flush().await;
    }
    Ok(())
}

/// Puts back bytes that were read too far.
fn with_beginning(pipe: Pipe, beginning: Vec<u8>) -> Pipe {
    if beginning.is_empty() {
        return pipe;
    }
    let (sender, incoming) = mpsc::channel(16);
    let mut rest = pipe.incoming;
    tokio::spawn(async move {
        let mut next = Some(beginning);
        while let Some(bytes) = next {
            if sender.send(bytes).await.is_err() {
                return;
            }
            next = rest.recv().await;
        }
    });
    Pipe { incoming, ..pipe }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoting_survives_quotation_marks() {
        assert_eq!(quote("a'b"), r"'a'\''b'");
    }
}
